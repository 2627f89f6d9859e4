"""One record on its way: what it knows, and what its messages are told."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.errors import (
    AccessDenied,
    NotMapped,
    ProtocolError,
    Rejected,
    Throttled,
    TwinledgerError,
    Unavailable,
)
from chalicelib.core.model import Change, Hint, Marker, Record, Row, RowId, RowState, SalesforceId, Side
from chalicelib.core.work import Outcome, Result, Work
from tests.unit.core.planning import LINKED, SFID, record, row
from tests.unit.core.scene import account, contact

ROW = RowId("public.account", ("1",))
RECORD = SalesforceId("Account", SFID)


def hint(identity: RowId | SalesforceId = ROW, actor: str | None = None, content: Record | None = None) -> Hint:
    """A message."""
    return Hint(identity, Change.UPDATED, "1", actor=actor, record=content)


@pytest.mark.parametrize(
    ("error", "result", "after", "acknowledged"),
    [
        (Throttled("slower", after=2.0), Result.RETRY, 2.0, False),
        (Unavailable("down"), Result.RETRY, None, False),
        (Rejected("no"), Result.PARKED, None, True),
        (NotMapped(), Result.UNCHANGED, None, True),
        (AccessDenied(), Result.HALTED, None, False),
    ],
)
def test_an_error_decides_what_becomes_of_its_messages(
    error: TwinledgerError, result: Result, after: float | None, acknowledged: bool
) -> None:
    """The same for a message by itself and for a record under way."""
    work = Work(account(), "key", [hint()])
    work.fail(error)
    (told,) = work.outcomes()
    outcome = Outcome.of(hint(), error)

    assert (told.result, told.after, told.error, told.acknowledged) == (result, after, error, acknowledged)
    assert (outcome.result, outcome.after, outcome.error, outcome.hint) == (result, after, error, hint())


def test_a_failure_may_come_later_than_its_error_says() -> None:
    """The caller knows of a lease."""
    work = Work(account(), "key", [hint()])
    work.fail(Throttled("slower", after=2.0), after=26.0)

    assert [outcome.after for outcome in work.outcomes()] == [26.0]


def test_every_message_of_a_record_is_told_the_same() -> None:
    """What was written, found in conflict, and merged."""
    first, second = hint(), hint(RECORD)
    work = Work(account(), "key", [first, second], wrote={Side.POSTGRES}, conflicts=1, merged=2)
    work.end(Result.SETTLED)

    assert work.outcomes() == [
        Outcome(each, Result.SETTLED, None, None, frozenset({Side.POSTGRES}), 1, 2) for each in (first, second)
    ]


def test_a_record_that_came_to_no_end_comes_again() -> None:
    """No message is acknowledged by accident."""
    assert [outcome.result for outcome in Work(account(), "key", [hint()]).outcomes()] == [Result.RETRY]


def test_nothing_is_written_before_it_is_planned() -> None:
    """That would be a defect of ours."""
    with pytest.raises(ProtocolError, match="record key-1: written before it was planned"):
        _ = Work(account(), "key-1").planned


def test_a_record_is_named_by_what_is_known_of_it() -> None:
    """Salesforce's name first, for its messages are grouped by it."""
    mapping = account()

    assert Work(mapping, "key").identities == ()
    assert Work(mapping, "key", pk=("1",)).identities == (ROW,)
    assert Work(mapping, "key", pk=("1",), sfid=SFID).identities == (RECORD, ROW)
    assert Work(contact(), "key", sfid="003").identities == (SalesforceId("Contact", "003"),)


def test_a_wake_up_names_the_record() -> None:
    """As its messages do."""
    assert Work(account(), "key", pk=("1",)).wake_up("wait:1") == Hint(ROW, Change.UPDATED, "wait:1")


@pytest.mark.parametrize(("lanes", "expected"), [((True, True), True), ((True, False), False)])
def test_what_somebody_waits_for_is_not_bulk(lanes: tuple[bool, ...], expected: bool) -> None:
    """One live message is enough; what wakes the record goes by its lane."""
    work = Work(account(), "key", [Hint(ROW, Change.UPDATED, "1", bulk=bulk) for bulk in lanes], pk=("1",))
    assert (work.bulk, work.wake_up("wait:1").bulk) == (expected, expected)


def test_before_it_was_read_there_is_no_row() -> None:
    """Nor a marker."""
    assert (Work(account(), "key").seen_state, Work(account(), "key").row) == (RowState(None, None), None)


def test_a_record_is_linked_when_the_ledger_knows_both_of_its_names() -> None:
    """And only while it is alive."""
    work = Work(account(), "key")
    unknown = work.linked
    work.start(LINKED)

    assert (unknown, work.linked) == (False, True)


@pytest.mark.parametrize("change", [{"alive": None}, {"alive": False}, {"sfid": None}, {"pk": None}])
def test_a_record_is_not_linked_while_one_of_its_names_is_missing(change: dict[str, Any]) -> None:
    """A parent that is half there wakes nobody."""
    work = Work(account(), "key")
    work.start(replace(LINKED, **change))

    assert work.linked is False


# --- who changed it


def test_who_changed_a_side_is_what_its_last_message_says() -> None:
    """A later one without a name does not take an earlier one's away."""
    hints = [hint(actor="app"), hint(actor="batch"), hint(), hint(RECORD, actor="005A")]
    work = Work(account(), "key", hints)

    assert [work.actor(side) for side in (Side.POSTGRES, Side.SALESFORCE)] == ["batch", "005A"]


def test_without_a_message_salesforce_says_who_wrote_last() -> None:
    """Unless that was the sync itself; Postgres says nothing."""
    theirs, ours = record(), Record(SFID, "key", False, {}, None, 1, "005S", True, False)
    seen = Work(account(), "key", [hint()], record=theirs, state=RowState(row(), None))
    own = Work(account(), "key", [hint()], record=ours)

    assert [seen.actor(side) for side in (Side.POSTGRES, Side.SALESFORCE)] == [None, "005"]
    assert own.actor(Side.SALESFORCE) is None


# --- a pass begins


def test_a_pass_forgets_what_the_last_one_saw() -> None:
    """Everything is read and planned anew; what the ledger knows of the names goes before what messages said."""
    work = Work(account(), "key", sfid="old", pk=("9",), record=record(), trusted=True, again=True)
    work.row_after, work.record_after = RowState(row(), None), record()
    work.start(LINKED)

    assert [work.plan, work.record, work.row_after, work.record_after] == [None] * 4
    assert [work.trusted, work.again] == [False, False]
    assert (work.sfid, work.pk, work.recovered) == (SFID, ("1",), False)


def test_a_record_without_an_entry_keeps_its_names() -> None:
    """Messages said them."""
    work = Work(account(), "key", sfid="001", pk=("9",))
    work.start(None)

    assert (work.sfid, work.pk, work.current.version, work.current.key) == ("001", ("9",), 0, "key")


def test_a_row_without_values_is_a_row() -> None:
    """The row is what was read, whatever it holds."""
    empty = Row(("1",), None, {})

    assert Work(account(), "key", state=RowState(empty, None)).row is empty


# --- the other half


def test_a_record_takes_its_other_half() -> None:
    """A row or a record that was found by its values, the marker as it was read."""
    marker = Marker("op", {})
    by_row = Work(account(), "key", state=RowState(None, marker), record=record())
    by_record = Work(account(), "key", state=RowState(row(), None))
    by_row.take(row())
    by_record.take(record())

    assert (by_row.state, by_row.pk, by_row.matched) == (RowState(row(), marker), ("1",), Side.POSTGRES)
    assert (by_record.record, by_record.sfid, by_record.matched) == (record(), SFID, Side.SALESFORCE)


def test_the_messages_of_the_other_half_are_answered_once() -> None:
    """By the one that goes on."""
    one, other = Work(account(), "key", [hint()]), Work(account(), "key-2", [hint(RECORD)])
    one.absorb(other)

    assert (one.hints, other.hints, other.result) == ([hint(), hint(RECORD)], [], Result.UNCHANGED)
