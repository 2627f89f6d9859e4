"""Records that wait for each other: one is made without its reference, and gets it when the others are there."""

from dataclasses import replace
from itertools import permutations

import pytest

from chalicelib.core import circles
from chalicelib.core.ledger import IssueKind
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Fields, RowId, Side
from chalicelib.core.registrations import GRACE
from chalicelib.core.work import WAKE, Result
from tests.unit.core.kin import CONTACTS
from tests.unit.core.scene import Pair, Scene, account, contact

ACCOUNTS = "public.account"
MAIN = Field("Main__c", "main_id", Kind.REFERENCE, "uuid", parent="contact")
ABOVE = Field("ParentId", "parent_id", Kind.REFERENCE, "bigint", parent="account")


def scene_of(*, main: Field = MAIN, above: Field = ABOVE, **of_account_id: bool) -> Scene:
    """Accounts with a main contact and an account above, contacts with an account."""
    last_name, account_id = contact().fields
    scene = Scene(
        fields=(*account().fields, main, above),
        contacts={"fields": (last_name, replace(account_id, **of_account_id))},
    )
    scene.records.parents["Account"] = {"Main__c": "Contact", "ParentId": "Account"}
    return scene


def circle_of_rows(scene: Scene) -> list[Pair]:
    """An account's row and a contact's that name each other."""
    pk = scene.rows.insert(ACCOUNTS, {"Name": "Acme"})
    child = scene.rows.insert(CONTACTS, {"LastName": "Lee", "AccountId": RowId(ACCOUNTS, pk)})
    scene.rows.edit(ACCOUNTS, pk, {"Main__c": RowId(CONTACTS, child)})
    return [Pair("Account", ACCOUNTS, pk=pk), Pair("Contact", CONTACTS, pk=child)]


def circle_of_records(scene: Scene) -> list[Pair]:
    """The same in Salesforce."""
    sfid = scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme"})
    child = scene.records.add("Contact", {"LastName": "Lee", "AccountId": sfid})
    scene.records.edit("Account", sfid, {"Main__c": child})
    return [Pair("Account", ACCOUNTS, sfid), Pair("Contact", CONTACTS, child)]


def with_reference(values: Fields) -> bool:
    """Whether a write names the other one of the two."""
    return any(values.get(name) is not None for name in ("Main__c", "AccountId"))


def referred(scene: Scene, pairs: list[Pair]) -> list[tuple[str | None, str | None]]:
    """What the two refer to, on both sides, as against each other's ids."""
    first, second = (scene.find(pair) for pair in pairs)
    assert scene.both(first, "Main__c") == (second.sfid, second.sfid) != (None, None)
    assert scene.both(second, "AccountId") == (first.sfid, first.sfid) != (None, None)
    return [(first.sfid, second.sfid)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_rows_that_wait_for_each_other_are_made(order: tuple[int, ...]) -> None:
    """Whichever message comes first, the same one is made without its reference, and no other."""
    scene = scene_of()
    pairs = circle_of_rows(scene)
    hints = scene.take()
    for at in order:
        scene.settle(hints[at])
    scene.drain()

    assert referred(scene, pairs)
    created = [(write.mapping.name, with_reference(write.values)) for write in scene.records.writes[:2]]
    assert created == [("account", False), ("contact", True)]
    assert (scene.ledger.waiting, scene.issues()) == ({}, [])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_records_that_wait_for_each_other_become_rows(order: tuple[int, ...]) -> None:
    """In the other direction, too."""
    scene = scene_of()
    pairs = circle_of_records(scene)
    hints = scene.take()
    for at in order:
        scene.settle(replace(hints[at], record=None))
    scene.drain()

    assert referred(scene, pairs)
    created = [(write.mapping.name, with_reference(write.values)) for write in scene.rows.writes[:2]]
    assert created == [("account", False), ("contact", True)]
    assert (scene.ledger.waiting, scene.issues()) == ({}, [])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("required", ["account", "contact"])
def test_the_one_goes_first_that_may_lack_its_reference(required: str, order: tuple[int, ...]) -> None:
    """Salesforce makes no contact without its account here, or no account without its main contact."""
    needs = required == "contact"
    scene = scene_of(main=replace(MAIN, required=not needs), required=needs)
    pairs = circle_of_rows(scene)
    hints = scene.take()
    for at in order:
        scene.settle(hints[at])
    scene.drain()

    assert referred(scene, pairs)
    assert next(write.mapping.name for write in scene.records.writes) != required


@pytest.mark.parametrize("needs", [True, False])
def test_a_column_without_null_is_filled_at_once(needs: bool) -> None:
    """The row of the other one is made first."""
    scene = scene_of(main=replace(MAIN, nullable=needs), nullable=not needs)
    pairs = circle_of_records(scene)
    scene.drain()

    assert referred(scene, pairs)
    assert next(write.mapping.name for write in scene.rows.writes) == ("account" if needs else "contact")


def test_a_circle_that_none_can_begin_is_told_of() -> None:
    """All of it waits, and an issue of each says for whom; no message goes round."""
    scene = scene_of(main=replace(MAIN, required=True), required=True)
    pairs = circle_of_rows(scene)
    scene.drain()
    scene.clock.advance(GRACE)
    scene.settle(*(scene.message(pair, Side.POSTGRES) for pair in pairs))

    assert scene.records.writes == []
    assert [issue.kind for issue in scene.open_issues()] == [IssueKind.PARENT_MISSING] * 2
    assert scene.take() == []


def test_a_circle_waits_for_a_parent_that_is_not_in_it() -> None:
    """The one that goes first lacks what it refers to in the circle, and nothing else."""
    scene = scene_of()
    above = scene.rows.insert(ACCOUNTS, {"Name": "Above"})
    held = scene.take()
    pairs = circle_of_rows(scene)
    scene.rows.edit(ACCOUNTS, pairs[0].pk or (), {"ParentId": RowId(ACCOUNTS, above)})
    scene.drain()
    meanwhile = list(scene.records.writes)
    scene.settle(*held)
    scene.drain()

    assert (meanwhile, scene.ledger.waiting) == ([], {})
    assert referred(scene, pairs)
    created = {write.values["Name"]: write.values for write in scene.records.writes if "Name" in write.values}
    assert (with_reference(created["Acme"]), created["Acme"]["ParentId"]) == (
        False,
        scene.rows.rows(ACCOUNTS)[above].sfid,
    )


def test_a_row_that_refers_to_itself_is_made() -> None:
    """The smallest circle."""
    scene = scene_of()
    pk = scene.rows.insert(ACCOUNTS, {"Name": "Acme"})
    scene.rows.edit(ACCOUNTS, pk, {"ParentId": RowId(ACCOUNTS, pk)})
    pair = Pair("Account", ACCOUNTS, pk=pk)
    scene.drain()

    assert scene.both(scene.find(pair), "ParentId") == (pair.sfid, pair.sfid)
    assert (scene.ledger.waiting, scene.issues()) == ({}, [])


def test_a_chain_is_no_circle() -> None:
    """Who waits and is waited for, waits all the same: nothing is made before its parent."""
    scene = scene_of()
    top = scene.rows.insert(ACCOUNTS, {"Name": "Top"})
    held = scene.take()
    middle = scene.rows.insert(ACCOUNTS, {"Name": "Middle", "ParentId": RowId(ACCOUNTS, top)})
    of_middle = scene.take()
    scene.rows.insert(ACCOUNTS, {"Name": "Low", "ParentId": RowId(ACCOUNTS, middle)})
    scene.settle()
    scene.settle(*of_middle)
    meanwhile = list(scene.records.writes)
    scene.settle(*held)
    scene.drain()

    assert meanwhile == []
    created = [(write.values["Name"], write.values["ParentId"] is not None) for write in scene.records.writes]
    assert created == [("Top", False), ("Middle", True), ("Low", True)]


def test_a_family_that_is_too_large_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its members wait, and are told of."""
    monkeypatch.setattr(circles, "MOST", 1)
    scene = scene_of()
    circle_of_rows(scene)
    scene.drain()

    assert (scene.records.writes, len(scene.ledger.waiting)) == ([], 2)


@pytest.mark.parametrize("purged", [True, False])
def test_a_parent_that_goes_meanwhile_ends_the_circle(purged: bool) -> None:
    """It is deleted, or even purged, between the try to write and the look for a circle."""
    scene = scene_of()
    first, second = circle_of_records(scene)
    scene.settle(replace(scene.take()[0], record=None))

    def go() -> None:
        scene.delete_salesforce(first)
        if purged:
            scene.records.purge(first.sfid or "")

    scene.wire.then("ledger.waiters", go)
    told = scene.results(scene.message(second, Side.SALESFORCE, content=False))

    assert (told, scene.rows.rows(CONTACTS)) == ([Result.WAITING], {})


def test_a_row_that_goes_meanwhile_ends_the_circle() -> None:
    """Its reference is taken away, and it is deleted."""
    scene = scene_of()
    first, second = circle_of_rows(scene)
    scene.settle(scene.message(first, Side.POSTGRES))
    scene.take()

    def go() -> None:
        scene.rows.edit(ACCOUNTS, first.pk or (), {"Main__c": None})
        scene.delete_postgres(second)

    scene.wire.then("ledger.waiters", go)
    told = scene.results(scene.message(second, Side.POSTGRES))

    assert (told, scene.records.writes) == ([Result.WAITING], [])


def test_who_looks_wakes_the_one_that_goes_first() -> None:
    """With a message of its own, which has it look again."""
    scene = scene_of()
    pairs = circle_of_rows(scene)
    scene.take()
    scene.settle(scene.message(pairs[0], Side.POSTGRES))
    scene.settle(scene.message(pairs[1], Side.POSTGRES))

    assert [(hint.identity, hint.hint_id.startswith(WAKE)) for hint in scene.hints.sent] == [
        (scene.row_id(pairs[0]), True)
    ]
