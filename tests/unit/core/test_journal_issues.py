"""The issues that a settle step writes: what they show, and when two of them are one."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.issues import issue_id
from chalicelib.core.journal import opened, refused
from chalicelib.core.ledger import Base, BaseState, Entry, EntryChange, Issue, IssueKind, OpenIssue, Refusal
from chalicelib.core.mapping import Policy
from chalicelib.core.model import Side, condense
from chalicelib.core.recover import settled
from chalicelib.core.work import Work
from tests.unit.core.desk import NOW, WRITTEN, on_desk
from tests.unit.core.planning import BASES, HELD, LINKED, MODIFIED, record, row, shown
from tests.unit.core.scene import account

CHECKED = Rejected("no", code="C", fields=("Name",))


def conflict(**changes: object) -> Work:
    """Two names, and a phone on its way."""
    return on_desk(row(Name="Acme Ltd", Phone="2"), record(Name="Acme Inc"), entry=replace(LINKED, **changes))  # type: ignore[arg-type]


def issue_of(change: EntryChange) -> Issue:
    """The one issue of a change."""
    (issue,) = change.issues
    return issue


def id_of(work: Work) -> str:
    """The id of the issue that work opens."""
    return issue_of(opened(work, NOW, 25.0)).id


# --- conflicts


def test_a_conflict_is_shown_with_the_intent() -> None:
    """In the same conditional write: no crash can leave one without the other."""
    change = opened(conflict(), NOW, 25.0)
    issue = issue_of(change)

    assert change.entry.issues == {"Name": OpenIssue(issue.id, IssueKind.CONFLICT, ("Acme Ltd",), ("Acme Inc",), NOW)}
    assert (issue.key, issue.mapping, issue.slot, issue.kind, issue.fields) == (
        "key",
        "account",
        "Name",
        IssueKind.CONFLICT,
        ("Name",),
    )
    assert (issue.base, issue.postgres, issue.salesforce) == (
        {"Name": "Acme"},
        {"Name": "Acme Ltd"},
        {"Name": "Acme Inc"},
    )
    assert (issue.opened_at, issue.updated_at, issue.closed_at, issue.reason) == (NOW, NOW, None, "")
    assert (issue.actors, issue.sfid, issue.pk) == (
        {Side.POSTGRES: "app", Side.SALESFORCE: "005"},
        LINKED.sfid,
        LINKED.pk,
    )


def test_a_known_issue_that_shows_the_same_is_not_written() -> None:
    """Its entry stays as it is."""
    known = {"Name": shown(("Acme Ltd",), ("Acme Inc",))}
    change = opened(conflict(issues=known), NOW, 25.0)

    assert (change.issues, change.entry.issues) == ((), known)


@pytest.mark.parametrize(
    "known",
    [
        shown(("Acme AG",), ("Acme Inc",)),
        shown(("Acme Ltd",), ("Acme AG",)),
        shown(("Acme Ltd",), ("Acme Inc",), IssueKind.ECHO_STORM),
    ],
    ids=["ours moved", "theirs moved", "another kind"],
)
def test_a_known_issue_that_shows_something_else_is_updated(known: OpenIssue) -> None:
    """Under the id and the age that it has."""
    change = opened(conflict(issues={"Name": known}), NOW, 25.0)
    issue = issue_of(change)

    assert (issue.id, issue.opened_at, issue.updated_at) == ("issue", 1.0, NOW)
    assert change.entry.issues["Name"] == OpenIssue("issue", IssueKind.CONFLICT, ("Acme Ltd",), ("Acme Inc",), 1.0)


def test_the_same_conflict_met_again_is_the_same_issue() -> None:
    """The intent failed its condition, and everything was read again: one document, not two."""
    assert id_of(conflict()) == id_of(conflict())


def test_another_conflict_is_another_issue() -> None:
    """Of another record, another field, other values, another base, or at another time."""
    other_key, other_age = conflict(), conflict()
    other_key.key = "other"
    other_age.record = replace(record(Name="Acme Inc"), modified_at=MODIFIED + 1)
    works = [
        conflict(),
        other_key,
        other_age,
        on_desk(row(Name="Acme AG", Phone="2"), record(Name="Acme Inc")),
        on_desk(row(Name="Acme Ltd", Phone="2"), record(Name="Acme AG")),
        conflict(bases={**BASES, "Name": settled(("Acme Old",))}),
        on_desk(row(Phone="Acme Ltd", Zip="1"), record(Phone="Acme Inc"), entry=_phone_is_acme()),
    ]

    assert len({id_of(work) for work in works}) == len(works)


def _phone_is_acme() -> Entry:
    """Of the conflict above just the field is another."""
    return replace(LINKED, bases={**BASES, "Phone": settled(("Acme",))})


def test_values_of_a_group_are_told_apart_by_their_field() -> None:
    """City and zip exchanged are another conflict."""
    one = on_desk(row(City="a", Zip="b"), record(City="c", Zip="d", Name="x"))
    other = on_desk(row(City="ab", Zip=None), record(City="c", Zip="d", Name="x"))
    third = on_desk(row(City="b", Zip="a"), record(City="c", Zip="d", Name="x"))

    assert len({id_of(work) for work in (one, other, third)}) == 3


def test_long_values_are_told_apart_by_their_digest() -> None:
    """A text of its own length and another text of that length are two."""
    texts = ["x" * 2000, "y" * 2000, "x" * 2001]
    bases = {**BASES, "Note": settled((condense("z" * 2000),))}
    works = [
        on_desk(row(Note=text, Name="x"), record(Note="w" * 2000), entry=replace(LINKED, bases=bases)) for text in texts
    ]

    assert len({id_of(work) for work in works}) == 3


def test_a_contested_unit_shows_no_base() -> None:
    """There is none any more."""
    half = {**BASES, "Name": Base(None, None, None, BaseState.CONTESTED)}

    assert issue_of(opened(conflict(bases=half), NOW, 25.0)).base == {}


def test_a_decided_conflict_is_written_closed() -> None:
    """It never waited for anybody."""
    mapping = account(policy=Policy.POSTGRES_WINS)
    work = on_desk(row(Name="Acme Ltd"), record(Name="Acme Inc"), mapping=mapping)
    change = opened(work, NOW, 25.0)
    issue = issue_of(change)

    assert (issue.closed_at, issue.reason, change.entry.issues) == (NOW, "policy: Postgres wins", {})
    assert work.conflicts == 1


def test_a_conflict_counts_once_however_often_it_is_met() -> None:
    """A pass that goes round again finds it again."""
    work = conflict()
    opened(work, NOW, 25.0)
    opened(work, NOW, 25.0)

    assert work.conflicts == 1


@pytest.mark.parametrize(("key", "slot", "content"), [("k", "s", "x"), ("k", "t", "c"), ("l", "s", "c")])
def test_an_issues_id_is_of_record_slot_and_content(key: str, slot: str, content: str) -> None:
    """Each of them makes another."""
    assert issue_id(key, slot, content) != issue_id("k", "s", "c") == issue_id("k", "s", "c")


# --- refusals


def rejected(side: Side = Side.SALESFORCE, error: Rejected = CHECKED, **changes: object) -> EntryChange:
    """A write of Name and Phone that was refused."""
    entry = replace(WRITTEN, **changes)  # type: ignore[arg-type]
    there = on_desk(row(Name="Acme Ltd", Phone="2"), record(), entry=entry)
    here = on_desk(row(), record(Name="Acme Ltd", Phone="2"), entry=entry)
    return refused(there if side is Side.SALESFORCE else here, NOW, side, error)


@pytest.mark.parametrize("side", list(Side))
def test_a_refusal_is_shown_in_a_slot_of_its_side(side: Side) -> None:
    """The entry knows of it without values: the two sides' own are not in conflict."""
    change = rejected(side)
    issue = issue_of(change)

    assert change.entry.issues == {f"*{side}": OpenIssue(issue.id, IssueKind.REJECTED, None, None, NOW)}
    assert (issue.slot, issue.opened_at, issue.updated_at, issue.fields) == (f"*{side}", NOW, NOW, ("Name",))
    assert (issue.postgres, issue.salesforce) == (
        {"Name": "Acme Ltd" if side is Side.SALESFORCE else "Acme"},
        {"Name": "Acme" if side is Side.SALESFORCE else "Acme Ltd"},
    )


def test_a_further_refusal_updates_the_issue() -> None:
    """It keeps its id and its age."""
    known = {"*salesforce": shown((), (), IssueKind.REJECTED)}
    issue = issue_of(rejected(issues=known))

    assert (issue.id, issue.opened_at, issue.updated_at) == ("issue", 1.0, NOW)


def test_a_refusal_of_another_operation_is_another_issue() -> None:
    """As is one of another record, or of the other side."""
    again = on_desk(row(Name="Acme Ltd"), record(), entry=WRITTEN, operation="op-2")
    other = on_desk(row(Name="Acme Ltd"), record(), entry=WRITTEN, key="key-2")
    changes = [
        rejected(),
        rejected(Side.POSTGRES),
        refused(again, NOW, Side.SALESFORCE, CHECKED),
        refused(other, NOW, Side.SALESFORCE, CHECKED),
    ]

    assert len({issue_of(change).id for change in changes}) == 4


def test_a_refused_deletion_has_no_values() -> None:
    """There is nothing in it to blame; what the side holds is remembered."""
    work = on_desk(row(), record(deleted=True), entry=WRITTEN)
    change = refused(work, NOW, Side.POSTGRES, Rejected("referred to", code="23503"))

    assert change.entry.refusals == {Side.POSTGRES: Refusal(False, {}, dict(HELD))}


def test_a_refused_creation_has_seen_nothing() -> None:
    """There is no record yet whose change would have it tried again."""
    work = on_desk(row(), None, entry=replace(WRITTEN, alive=None, bases={}, sfid=None))
    change = refused(work, NOW, Side.SALESFORCE, CHECKED)

    assert change.entry.refusals == {Side.SALESFORCE: Refusal(True, {"Name": "Acme"}, {})}


def test_a_refusal_of_one_side_leaves_the_others() -> None:
    """Each side refuses for itself."""
    other = Refusal(True, {"Zip": "x"}, {})

    assert set(rejected(refusals={Side.POSTGRES: other}).entry.refusals) == set(Side)
    assert rejected(refusals={Side.POSTGRES: other}).entry.refusals[Side.POSTGRES] is other


ALL = {"Name": "Acme Ltd", "Phone": "2"}
EARLIER_NAMED = Refusal(True, {"Zip": "x"}, HELD)
EARLIER_WHOLE = Refusal(False, {"Zip": "x"}, HELD)
BOTH = Refusal(True, {"Zip": "x"}, HELD, {"City": "y"})


@pytest.mark.parametrize(
    ("earlier", "error", "expected"),
    [
        (EARLIER_NAMED, CHECKED, Refusal(True, {"Zip": "x", "Name": "Acme Ltd"}, HELD)),
        (EARLIER_NAMED, Rejected("no"), Refusal(True, {"Zip": "x"}, HELD, ALL)),
        (EARLIER_WHOLE, CHECKED, Refusal(True, {"Name": "Acme Ltd"}, HELD, {"Zip": "x"})),
        (EARLIER_WHOLE, Rejected("no"), Refusal(False, ALL, HELD)),
        (BOTH, CHECKED, Refusal(True, {"Zip": "x", "Name": "Acme Ltd"}, HELD, {"City": "y"})),
        (BOTH, Rejected("no"), Refusal(True, {"Zip": "x"}, HELD, ALL)),
        (Refusal(True, {"Zip": "x"}, {"Name": "other"}), CHECKED, Refusal(True, {"Name": "Acme Ltd"}, HELD)),
    ],
    ids=[
        "a field after a field",
        "a whole after a field",
        "a field after a whole",
        "a whole after a whole",
        "a field after both",
        "a whole after both",
        "the side has moved",
    ],
)
def test_what_a_side_refuses_in_stages_is_remembered_together(
    earlier: Refusal, error: Rejected, expected: Refusal
) -> None:
    """Each alone would forget the other, and both be met for ever."""
    change = rejected(error=error, refusals={Side.SALESFORCE: earlier})

    assert change.entry.refusals[Side.SALESFORCE] == expected
    assert issue_of(change).fields == tuple(sorted({*expected.items, *(expected.rest or {})}))
