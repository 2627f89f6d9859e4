"""Parked writes: what is remembered and shown of them, and that everything else goes on."""

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import IssueKind, Refusal
from chalicelib.core.model import Side, condense
from chalicelib.core.work import Result
from tests.unit.core.parking import no_bad_name, parked, parked_whole
from tests.unit.core.planning import HELD, planned, record, row, shown
from tests.unit.core.scene import Scene

# --- what a refusal leaves


def test_a_refused_write_is_parked_with_the_systems_own_words() -> None:
    """The message is done with; the issue has code, text, fields and both values."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.records.refusals.append(no_bad_name)
    scene.edit_postgres(pair, Name="bad")

    outcomes = scene.settle()
    (issue,) = scene.issues()

    assert [(o.result, o.acknowledged, str(o.error), o.conflicts) for o in outcomes] == [
        (Result.PARKED, True, "no bad names", 1)
    ]
    assert (issue.kind, issue.slot, issue.code, issue.text) == (
        IssueKind.REJECTED,
        "*salesforce",
        "RULE",
        "no bad names",
    )
    assert (issue.fields, issue.postgres, issue.salesforce) == (("Name",), {"Name": "bad"}, {"Name": "Acme"})
    assert (issue.closed_at, issue.sfid, issue.pk) == (None, pair.sfid, pair.pk)
    assert issue.actors == {"postgres": "app", "salesforce": "user"}
    assert (issue.key, issue.mapping) == (scene.key(pair), "account")


def test_a_refused_write_gives_the_lease_back() -> None:
    """Nobody has to wait for it to run out."""
    scene, pair = parked()

    assert scene.entry(pair).leased(scene.clock.now()) is False


def test_a_refusal_is_remembered_with_what_the_side_held() -> None:
    """Long values by digest."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Note="x" * 2000)
    scene.records.refusals.append(no_bad_name)
    scene.edit_postgres(pair, Name="bad")
    scene.drain()

    held = {"Name": "Acme", "Phone": None, "Note": condense("x" * 2000), "City": None, "Zip": None}
    assert scene.entry(pair).refusals == {Side.SALESFORCE: Refusal(True, {"Name": "bad"}, held)}


def test_a_refusal_that_blames_nothing_remembers_the_whole_write() -> None:
    """Any of its fields may be the reason."""
    scene, pair = parked_whole(Side.SALESFORCE)

    refusal = scene.entry(pair).refusals[Side.SALESFORCE]

    assert (refusal.named, refusal.items) == (False, {"Name": "bad", "Phone": "2"})


def test_blame_for_a_field_that_was_not_written_is_blame_for_all() -> None:
    """A rule may name another field than the one that was sent."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.records.refusals.append(
        lambda save: Rejected("no", fields=("City",)) if save.after["Name"] == "bad" else None
    )
    scene.edit_postgres(pair, Name="bad")
    scene.drain()

    refusal = scene.entry(pair).refusals[Side.SALESFORCE]

    assert (refusal.named, refusal.items) == (False, {"Name": "bad"})


def test_fields_that_are_refused_one_after_another_are_remembered_together() -> None:
    """Each is known to be refused while the side holds what it held."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.records.refusals += [
        no_bad_name,
        lambda save: Rejected("no", fields=("Phone",)) if save.after["Phone"] == "bad" else None,
    ]
    scene.edit_postgres(pair, Name="bad", Phone="bad")
    scene.drain()

    assert scene.entry(pair).refusals[Side.SALESFORCE].items == {"Name": "bad", "Phone": "bad"}
    assert len(scene.open_issues()) == 1


def test_what_was_refused_before_the_side_moved_is_forgotten() -> None:
    """Another refusal on other grounds stands for itself."""
    scene, pair = parked()
    scene.edit_salesforce(pair, Zip="3000")
    scene.edit_postgres(pair, Name="Acme")
    scene.records.refusals.append(
        lambda save: Rejected("no", fields=("Phone",)) if save.after["Phone"] == "bad" else None
    )
    scene.edit_postgres(pair, Phone="bad")
    scene.drain()

    assert scene.entry(pair).refusals[Side.SALESFORCE].items == {"Phone": "bad"}


def test_an_issue_of_a_refusal_is_updated_by_the_next() -> None:
    """One issue for a side, whatever it refuses; it keeps its id and its age."""
    scene, pair = parked()
    (before,) = scene.issues()
    scene.records.refusals.append(lambda save: Rejected("worse", code="W") if save.after["Name"] == "worse" else None)

    scene.edit_postgres(pair, Name="worse")
    scene.drain()
    (after,) = scene.issues()

    assert (after.id, after.opened_at, after.code, after.text) == (before.id, before.opened_at, "W", "worse")
    assert after.updated_at > before.updated_at


# --- nothing is blocked by it


def test_the_other_fields_go_on() -> None:
    """In the pass that was refused, and in later ones, in both directions."""
    scene, pair = parked()

    scene.edit_postgres(pair, Phone="2")
    scene.edit_salesforce(pair, Zip="3000")
    scene.drain()

    assert (scene.both(pair, "Phone"), scene.both(pair, "Zip")) == (("2", "2"), ("3000", "3000"))
    assert scene.both(pair, "Name") == ("bad", "Acme")


def test_a_field_beside_the_refused_one_is_sent_without_it() -> None:
    """Both were edited at once; one of them is blamed."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.records.refusals.append(no_bad_name)
    scene.edit_postgres(pair, Name="bad", Phone="2")
    scene.drain()
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert (scene.both(pair, "Phone"), scene.both(pair, "Name")) == (("2", "2"), ("bad", "Acme"))


@pytest.mark.parametrize("side", list(Side))
def test_a_refused_write_is_not_sent_again(side: Side) -> None:
    """Messages that tell nothing new end as parked, without a call to the side that refused."""
    scene, pair = parked_whole(side)

    told = scene.results(scene.message(pair, side.other))

    assert told == [Result.PARKED]
    assert scene.wire.count("records.write" if side is Side.SALESFORCE else "rows.write") == 0


def test_a_refused_field_is_not_sent_again() -> None:
    """The same of a field that was blamed by name."""
    scene, pair = parked()

    told = scene.results(scene.message(pair, Side.POSTGRES))

    assert (told, scene.wire.count("records.write"), len(scene.open_issues())) == ([Result.PARKED], 0, 1)


# --- refusals and links


@pytest.mark.parametrize(
    ("refusal", "linked"),
    [
        (Refusal(True, {"Name": "bad"}, HELD), True),
        (Refusal(True, {"Name": "bad"}, HELD, {"Zip": "x"}), True),
        (Refusal(True, {"Name": "bad"}, HELD, {}), False),
        (Refusal(False, {"Name": "bad"}, HELD), False),
        (Refusal(False, {"Name": "worse"}, HELD), True),
        (Refusal(True, {"Name": "bad"}, {**HELD, "Zip": "x"}), True),
    ],
    ids=["a field", "another whole", "the link alone", "the whole", "other values", "another row"],
)
def test_a_link_goes_without_the_fields_that_were_refused(refusal: Refusal, linked: bool) -> None:
    """Unless just that was refused as well."""
    plan = planned(row(sfid=None), record(Name="bad"), refusals={Side.POSTGRES: refusal})

    assert plan.link is linked


def test_a_refused_field_takes_its_whole_group_along() -> None:
    """A group goes as one or not at all; the reason why its issue would close goes with it."""
    refusals = {Side.SALESFORCE: Refusal(True, {"City": "bad"}, HELD)}
    plan = planned(row(City="bad", Zip="3001", Name="x"), record(), refusals=refusals, issues={"place": shown((), ())})

    assert (plan.fields[Side.SALESFORCE], plan.held_back) == ({"Name": "x"}, {Side.SALESFORCE})
    assert ("place" in plan.target, plan.closed, plan.moved_by_user) == (False, {}, {"Name"})


def test_a_refusal_of_another_value_holds_nothing_back() -> None:
    """Nor does one of a field that is not written, nor one of the other side."""
    refusals = [
        {Side.SALESFORCE: Refusal(True, {"Name": "bad"}, HELD)},
        {Side.SALESFORCE: Refusal(True, {"Phone": "1"}, HELD)},
        {Side.POSTGRES: Refusal(True, {"Name": "x"}, HELD)},
    ]
    plans = [planned(row(Name="x"), record(), refusals=refusal) for refusal in refusals]

    assert [(plan.fields[Side.SALESFORCE], plan.held_back) for plan in plans] == [({"Name": "x"}, set())] * 3


@pytest.mark.parametrize("seen", [{**HELD, "Name": "other"}, {**HELD, "Hidden": "x"}])
def test_a_side_that_moved_is_tried_again(seen: dict[str, str]) -> None:
    """Another value, or a field that cannot be read any more: nobody knows whether it would refuse again."""
    plan = planned(row(Name="bad"), record(), refusals={Side.SALESFORCE: Refusal(True, {"Name": "bad"}, seen)})

    assert plan.held_back == set()
