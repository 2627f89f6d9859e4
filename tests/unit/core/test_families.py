"""Parents before children: who waits for whom."""

import pytest

from chalicelib.core.errors import ParentMissing, TwinledgerError
from chalicelib.core.ledger import IssueKind
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import RowId, SalesforceId, Side
from chalicelib.core.work import Result
from tests.fakes.statements import Refusal, Statement
from tests.unit.core.kin import CONTACTS, child_record, child_row, parent_record, unborn
from tests.unit.core.scene import Pair, Scene, contact

# --- a child in Postgres


def test_a_new_row_waits_for_its_parents_record() -> None:
    """It registers, looks once more, and its message is acknowledged; no record is made without its parent."""
    scene = Scene()
    _, parent = unborn(scene)
    scene.take()
    child = child_row(scene, parent)

    told = scene.results()

    assert (told, scene.records.all("Contact")) == ([Result.WAITING], [])
    assert [(w.parent, w.hint.identity) for w in scene.ledger.waiting.values()] == [(parent, scene.row_id(child))]
    assert scene.wire.count("rows.read") == 3
    assert scene.wire.calls.index("ledger.wait_for") < len(scene.wire.calls) - 1 - scene.wire.calls[::-1].index(
        "rows.read"
    )


def test_the_parents_arrival_wakes_its_child() -> None:
    """The child's own message is sent again, then its registration goes."""
    scene = Scene()
    parent, named = unborn(scene)
    held = scene.take()
    child = child_row(scene, named)
    scene.settle()

    scene.settle(*held)
    woken = list(scene.hints.sent)
    scene.drain()

    assert [hint.identity for hint in woken] == [scene.row_id(child)]
    assert scene.both(scene.find(child), "AccountId") == (scene.find(parent).sfid,) * 2
    assert scene.ledger.waiting == {}


def test_a_parent_that_arrives_while_its_child_registers_is_seen() -> None:
    """The child looks again after it has registered."""
    scene = Scene()
    _, named = unborn(scene)
    held = scene.take()
    child = child_row(scene, named)

    scene.wire.meanwhile("ledger.wait_for", lambda: scene.settle(*held))
    told = scene.results(*[hint for hint in scene.take() if hint.identity == scene.row_id(child)])

    assert (told, scene.ledger.waiting) == ([Result.SETTLED], {})
    assert len(scene.records.all("Contact")) == 1


def test_the_other_fields_of_a_linked_child_go_on() -> None:
    """Only the reference waits."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    child = scene.linked_contact(parent, LastName="Lee")
    _, new_parent = unborn(scene)
    held = scene.take()
    scene.edit_postgres(child, LastName="Li", AccountId=new_parent)

    told = scene.results()
    meanwhile = scene.in_salesforce(child)
    scene.settle(*held)
    scene.drain()

    assert (told, meanwhile) == ([Result.WAITING], {"LastName": "Li", "AccountId": parent.sfid})
    assert scene.both(child, "AccountId")[0] == scene.both(child, "AccountId")[1] != parent.sfid


def test_a_child_that_is_deleted_does_not_wait() -> None:
    """What goes needs no parent."""
    scene = Scene()
    child = scene.linked_contact(scene.linked(Name="Acme"), LastName="Lee")
    _, new_parent = unborn(scene)
    scene.take()
    scene.edit_postgres(child, AccountId=new_parent)
    scene.take()
    scene.delete_salesforce(child)
    scene.rows.edit(CONTACTS, child.pk or (), {"AccountId": None})
    scene.drain()

    assert scene.ledger.waiting == {}


def test_a_child_without_a_parent_waits_for_nobody() -> None:
    """A null reference is a value."""
    scene = Scene()
    child = child_row(scene, None)
    scene.drain()

    assert (scene.both(scene.find(child), "AccountId"), scene.wire.count("ledger.wait_for")) == ((None, None), 0)


# --- a child in Salesforce


def test_a_new_record_waits_for_its_parents_row() -> None:
    """The database says which reference has no row; the message is acknowledged."""
    scene = Scene()
    parent = parent_record(scene)
    child_record(scene, parent)

    told = scene.results()

    assert (told, scene.rows.rows(CONTACTS), scene.issues()) == ([Result.WAITING], {}, [])
    assert [waiter.parent for waiter in scene.ledger.waiting.values()] == [SalesforceId("Account", parent)]


def test_the_parents_row_wakes_its_child() -> None:
    """Whichever side the child is on."""
    scene = Scene()
    parent = Pair("Account", "public.account", parent_record(scene))
    child = child_record(scene, parent.sfid)
    scene.settle()

    scene.settle(scene.message(parent, Side.SALESFORCE))
    scene.drain()

    assert scene.both(scene.find(child), "AccountId") == (parent.sfid, parent.sfid)
    assert scene.ledger.waiting == {}


def test_the_other_fields_of_a_linked_child_go_on_in_postgres_too() -> None:
    """Only the reference waits."""
    scene = Scene()
    first = scene.linked(Name="Acme")
    child = scene.linked_contact(first, LastName="Lee")
    parent = Pair("Account", "public.account", parent_record(scene))
    scene.edit_salesforce(child, LastName="Li", AccountId=parent.sfid)

    told = scene.results()
    meanwhile = scene.row(child)
    scene.settle(scene.message(parent, Side.SALESFORCE))
    scene.drain()

    assert (told, meanwhile) == ([Result.WAITING], {"LastName": "Li", "AccountId": first.sfid})
    assert scene.both(child, "AccountId") == (parent.sfid, parent.sfid)


def test_a_parent_that_is_linked_while_its_child_registers_is_seen() -> None:
    """The second write of the child finds it."""
    scene = Scene()
    parent = Pair("Account", "public.account", parent_record(scene))
    child = child_record(scene, parent.sfid)
    late = scene.message(parent, Side.SALESFORCE)

    scene.wire.meanwhile("ledger.wait_for", lambda: scene.settle(late))
    told = scene.results()

    assert (told, len(scene.rows.rows(CONTACTS))) == ([Result.SETTLED], 1)
    assert scene.both(scene.find(child), "AccountId") == (parent.sfid, parent.sfid)
    assert scene.ledger.waiting == {}


def test_a_missing_parent_that_names_no_field_is_parked() -> None:
    """There is nobody to wait for: a person has to look."""
    scene = Scene()
    scene.rows.refusals[CONTACTS] = [lambda statement: ParentMissing("who?") if statement.by_sync else None]
    child_record(scene, None)

    told = scene.results()

    assert (told, [issue.kind for issue in scene.issues()]) == ([Result.PARKED], [IssueKind.REJECTED])


@pytest.mark.parametrize("name", ["LastName", "Unmapped"])
def test_a_missing_parent_in_what_is_no_reference_is_parked(name: str) -> None:
    """A field of another kind names no parent that could come."""
    scene = Scene()
    scene.rows.refusals[CONTACTS] = [
        lambda statement: ParentMissing("who?", fields=(name,)) if statement.by_sync else None
    ]
    child_record(scene, None)

    assert (scene.results(), scene.ledger.waiting) == ([Result.PARKED], {})


def test_a_child_waits_for_the_parent_that_is_blamed() -> None:
    """And not for what other fields name, nor for an empty reference."""
    scene = Scene()
    scene.rows.refusals[CONTACTS] = [
        lambda statement: ParentMissing("who?", fields=("LastName", "AccountId")) if statement.by_sync else None
    ]
    child = scene.linked(Name="Acme")
    child_record(scene, child.sfid)

    told = scene.results()

    assert (told, [waiter.parent for waiter in scene.ledger.waiting.values()]) == (
        [Result.WAITING],
        [SalesforceId("Account", child.sfid or "")],
    )


def _missed(name: str, parent: RowId) -> Refusal:
    """A statement that complains of one parent."""

    def run(statement: Statement) -> TwinledgerError | None:
        named = statement.by_sync and (statement.after or {}).get(name) == parent
        return ParentMissing("no row", fields=(name,)) if named else None

    return run


def test_parents_that_are_missed_one_after_another_are_left_out_together() -> None:
    """The system names one at a time: what is left of the write still goes."""
    second = Field("Owner__c", "owner_id", Kind.REFERENCE, "bigint", parent="account")
    scene = Scene(contacts={"fields": (*contact().fields, second)})
    first, one, other = [scene.linked(Name=name) for name in ("Acme", "Bcme", "Ccme")]
    child = scene.linked_contact(first, LastName="Lee")
    scene.rows.refusals[CONTACTS] = [_missed("AccountId", scene.row_id(one)), _missed("Owner__c", scene.row_id(other))]
    scene.edit_salesforce(child, LastName="Li", AccountId=one.sfid, Owner__c=other.sfid)

    told = scene.results()

    assert (told, scene.row(child)) == (
        [Result.WAITING],
        {"LastName": "Li", "AccountId": first.sfid, "Owner__c": None},
    )
