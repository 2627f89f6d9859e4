"""The guards of the protocol, and a switch for each that takes it away.

A guard whose removal nothing notices is not tested, or not needed. Most are noticed by the simulator, in the weather
that is named here; what it does not hold (the outbox on a real database, the queue's ids) by a test of its own, which
is run with the switch on. The switches patch the code of the project, or of the systems in memory where the guard is a
condition that the system checks; nothing of them is in the project itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.aws import queues
from chalicelib.core import (
    departures,
    families,
    journal,
    losers,
    merge,
    planner,
    reading,
    refusals,
    registrations,
    second_look,
    settle,
    writing,
)
from chalicelib.core.errors import Rejected, Throttled
from chalicelib.core.ledger import Entry, EntryChange, Issue
from chalicelib.core.mapping import ObjectMapping, Unit
from chalicelib.core.model import Marker, Record, RowState, Side
from chalicelib.core.plan import Plan, Seen
from chalicelib.core.recover import Ground, recover
from chalicelib.core.work import Result, Work
from chalicelib.postgres import dispatch, outbox
from tests.fakes.ledger import MemoryLedger
from tests.fakes.records import MemoryRecords
from tests.fakes.rows import MemoryRows

SWITCH = "TWINLEDGER_MUTANT"  # names a guard to the tests that are run without it
Patch = tuple[Any, str, Any]  # object, attribute, what it is instead


@dataclass(frozen=True)
class Mutant:
    """A guard, and what is there without it.

    Attributes:
        guard: its name.
        patches: what is switched.
        weather: in which the simulator is to notice; empty: the test notices.
        test: that is to fail; empty: the simulator notices.
        ceiling: seeds after which it must have been noticed.
    """

    guard: str
    patches: tuple[Patch, ...]
    weather: str = ""
    test: str = ""
    ceiling: int = 1000

    @contextmanager
    def off(self) -> Iterator[None]:
        """The guard is off meanwhile."""
        before = [(owner, name, owner.__dict__[name]) for owner, name, _ in self.patches]
        for owner, name, instead in self.patches:
            setattr(owner, name, instead)
        try:
            yield
        finally:
            for owner, name, was in before:
                setattr(owner, name, was)


# --- the ledger and its lease

_write = MemoryLedger._write


def _unconditional_write(self: MemoryLedger, change: EntryChange) -> Any:
    current = self.entries.get(change.entry.key)
    entry = replace(change.entry, version=(current.version if current else 0) + 1)
    return _write(self, replace(change, seen=current, entry=entry))


def _disturb_nothing(self: MemoryLedger, entries: Sequence[Entry]) -> list[bool]:
    return [entry.key in self.entries for entry in entries]


_released = journal.released


def _released_not(work: Work, now: float) -> EntryChange:
    change = _released(work, now)
    intent = change.entry.intent
    if intent is None or work.entry is None or work.entry.intent is None:
        return change
    return replace(
        change, entry=replace(change.entry, intent=replace(intent, lease_until=work.entry.intent.lease_until))
    )


def _forgets_at_release(work: Work, now: float) -> EntryChange:
    change = _released(work, now)
    return replace(change, entry=replace(change.entry, intent=None))


def _no_recovery(mapping: ObjectMapping, entry: Entry, postgres: RowState, salesforce: Record | None) -> Ground:
    del mapping, postgres, salesforce
    return Ground(entry.bases, entry.alive)


def _believes(mapping: ObjectMapping, entry: Entry, postgres: RowState, salesforce: Record | None) -> Ground:
    """Recovery without markers: what was to be written counts as written."""
    if entry.intent is not None:
        operation = entry.intent.operation
        postgres = RowState(postgres.row, Marker(operation, postgres.row.values if postgres.row else {}))
        salesforce = None if salesforce is None else replace(salesforce, marker=operation)
    return recover(mapping, entry, postgres, salesforce)


def _forgotten_when_dead(self: MemoryLedger, change: EntryChange) -> Any:
    """No tombstones: the entry of a record that is gone goes too."""
    outcome = _write(self, change)
    if self.entries.get(change.entry.key) is change.entry and change.entry.alive is False:
        del self.entries[change.entry.key]
        self.links = {link: key for link, key in self.links.items() if key != change.entry.key}
        self.issues = {id_: issue for id_, issue in self.issues.items() if issue.key != change.entry.key}
    return outcome


# --- the conditions of both systems


def _any_row(self: MemoryRows, write: Any) -> bool:
    if write.expected.row is not None:
        return write.expected.row.pk in self.rows(write.mapping.table)
    return all(row.sfid != write.sfid for row in self.rows(write.mapping.table).values())


def _any_record(self: MemoryRecords, stored: Any, write: Any) -> bool:
    del self
    return bool(write.expected is not None and stored.deleted == (write.kind.value == "undelete"))


def _values_only(self: MemoryRecords, stored: Any, write: Any) -> bool:
    """Neither marker nor stamp: a late request meets values that were there before."""
    values = write.expected.values if write.expected is not None else {}
    return _any_record(self, stored, write) and all(stored.values.get(name) == value for name, value in values.items())


def _row_values_only(self: MemoryRows, write: Any) -> bool:
    """The row as seen, but not the marker."""
    expected = write.expected.row
    if expected is None:
        return _any_row(self, write)
    row = self.rows(write.mapping.table).get(expected.pk)
    return row == expected


# --- plan and merge

_fill_fields = refusals.fill_fields


def _whole_snapshot(mapping: ObjectMapping, seen: Seen, plan: Plan) -> None:
    """Whatever is written, everything is written, as the other side has it."""
    _fill_fields(mapping, seen, plan)
    for side, other in ((Side.POSTGRES, seen.salesforce), (Side.SALESFORCE, seen.postgres)):
        if plan.fields.get(side) and other is not None:
            plan.fields[side] = {**other.values, **plan.fields[side]}


def _held_in_target(work: Work, now: float, lease_seconds: float) -> EntryChange:
    """Held units stand in the intent's target, as if they were agreed."""
    for conflict in work.planned.conflicts:
        unit = work.mapping.by_unit.get(conflict.slot)
        values = unit.values(work.row.values) if unit is not None and work.row is not None else None
        if values is not None and not conflict.decision:
            work.planned.target.setdefault(conflict.slot, values)
    return _opened(work, now, lease_seconds)


_opened = journal.opened
_conflicts_of = journal.conflicts


def _null_for_missing(self: Unit, fields: Mapping[str, Any]) -> tuple[Any, ...] | None:
    return tuple(fields.get(name) for name in self.fields)


def _echo_by_author(work: Work) -> bool:
    """An echo by who wrote, not by what is there."""
    return any(hint.record is not None and hint.record.ours for hint in work.hints) or (
        bool(work.hints) and all(hint.side is Side.POSTGRES and hint.actor is None for hint in work.hints)
    )


_failed = writing.Writing._failed


def _never_parked(self: writing.Writing, work: Work, side: Side, error: Any) -> None:
    _failed(self, work, side, Throttled(after=1.0) if isinstance(error, Rejected) else error)


def _issue_outside(work: Work, planned: Any, entry: Entry, now: float) -> tuple[Any, tuple[Issue, ...]]:
    """Issues are not written with the intent, but before it and without a condition."""
    issues, documents = _conflicts_of(work, planned, entry, now)
    return issues, documents[:0]


# --- families

_register = registrations.Registrations.register
_tidy = families.Families._tidy


def _never_looks_again(self: registrations.Registrations, work: Work, awaited: Any, prefix: str) -> None:
    _register(self, work, awaited, prefix)
    work.end(Result.WAITING)


def _wakes_only_when_written(self: families.Families, works: Sequence[Work]) -> None:
    _tidy(self, [work for work in works if work.wrote])


def _forgets_before_it_sends(self: families.Families, works: Sequence[Work]) -> None:
    parents = [identity for work in works if work.linked for identity in work.identities]
    waiting = self._ledger.waiters(parents) if parents else ()
    self._ledger.forget(waiting)
    self._hints.send([waiter.hint for waiter in waiting])


# --- messages

_trustworthy = reading.Reading._trustworthy


def _any_message(work: Work) -> Record | None:
    """A message is the truth, whatever the ledger knows."""
    return next((hint.record for hint in work.hints if hint.record is not None), None)


def _older_message(work: Work) -> Record | None:
    if work.entry is None:
        return _trustworthy(work)
    entry, work.entry = work.entry, replace(work.entry, salesforce_second=0)
    try:
        return _trustworthy(work)
    finally:
        work.entry = entry


def _unfiltered_message(work: Work) -> Record | None:
    mapping, work.mapping = work.mapping, replace(work.mapping, soql=None)
    try:
        return _trustworthy(work)
    finally:
        work.mapping = mapping


def _never_mind(work: Work) -> bool:
    """Nobody asks whether something is under way, held, or not linked yet."""
    return work.row is not None


def _incomplete_message(work: Work) -> Record | None:
    """What a message leaves out counts as null."""
    told = [hint.record for hint in work.hints if hint.record is not None and not hint.record.deleted]
    if len(told) != 1 or told[0].modified_at <= work.current.salesforce_second or work.current.intent is not None:
        return None
    return replace(told[0], values={**dict.fromkeys(work.mapping.names), **told[0].values})


def _nothing_moved(self: second_look.SecondLook, works: Sequence[Work]) -> list[Work]:
    return []


def _raise_floor_at_once(self: outbox.OutboxReader, oldest_running: int, rows: Sequence[Any]) -> None:
    """A cursor: what is below the highest id seen is never looked at again."""
    del oldest_running
    self._floor = max(self._floor, rows[-1].id if rows else 0)


def _by_content(hint: Any) -> str:
    return f"{hint.side}-{hint.identity}-{hint.change}"[:128]


_put = dispatch.Dispatch.put


def _many_in_flight(self: dispatch.Dispatch, rows: Any) -> None:
    """A record is ready although it is being sent."""
    sending = dict(self._sending)
    self._sending.clear()
    _put(self, rows)
    self._sending.update(sending)


MUTANTS = (
    Mutant("lease", ((Entry, "leased", lambda _self, _now: False),), "eager", ceiling=2000),
    Mutant(
        "lease released on a handled failure",
        ((journal, "released", _released_not), (Work, "may_hold", False)),
        "nursery",
    ),
    Mutant("dirty counter", ((MemoryLedger, "disturb", _disturb_nothing),), "eager", ceiling=3000),
    Mutant("ledger condition", ((MemoryLedger, "_write", _unconditional_write),), "no_sweep"),
    Mutant("intent", ((settle, "recover", _no_recovery),), "hold"),
    Mutant("intent kept at a release", ((journal, "released", _forgets_at_release),), "everything"),
    Mutant("marker", ((settle, "recover", _believes),), "hold"),
    Mutant("tombstone", ((MemoryLedger, "_write", _forgotten_when_dead),), "kept"),
    Mutant("issue in the conditional write", ((journal, "conflicts", _issue_outside),), "no_sweep"),
    Mutant("Postgres check", ((MemoryRows, "_as_seen", _any_row),), "crowd"),
    Mutant("Salesforce precondition", ((MemoryRecords, "_as_seen", _any_record),), "crowd"),
    Mutant(
        "marker and stamp in Salesforce's comparison",
        ((MemoryRecords, "_as_seen", _values_only),),
        test="tests/contract/records/test_updates.py::test_values_as_seen_do_not_help_where_another_operation_has_landed",
    ),
    Mutant(
        "marker in Postgres' comparison",
        ((MemoryRows, "_as_seen", _row_values_only),),
        test="tests/contract/rows/test_updates.py::test_another_operations_marker_is_stale",
    ),
    Mutant("open second", ((MemoryRecords, "needs_closed_second", False),), "conditional_crowd", ceiling=2000),
    Mutant(
        "changed fields only",
        ((refusals, "fill_fields", _whole_snapshot), (planner, "fill_fields", _whole_snapshot)),
        "hold",
    ),
    Mutant("held fields out of the target", ((journal, "opened", _held_in_target),), "hold"),
    Mutant("echo by value", ((settle, "is_echo", _echo_by_author),), "ripples", ceiling=1000),
    Mutant("echo storm limit", ((merge, "MAX_HOPS", 10**9),), "automation"),
    Mutant("missing is not null", ((Unit, "values", _null_for_missing),), "hidden"),
    Mutant("park on a permanent error", ((writing.Writing, "_failed", _never_parked),), "refusals"),
    Mutant(
        "waiter looks again",
        ((registrations.Registrations, "register", _never_looks_again),),
        test="tests/unit/core/test_families.py::test_a_parent_that_arrives_while_its_child_registers_is_seen",
    ),
    Mutant(
        "parent wakes on every pass",
        ((families.Families, "_tidy", _wakes_only_when_written),),
        test="tests/unit/core/test_families_woken.py::test_a_parent_wakes_on_every_pass",
    ),
    Mutant(
        "wake before forget",
        ((families.Families, "_tidy", _forgets_before_it_sends),),
        test="tests/unit/core/test_families_woken.py::test_a_waiter_is_removed_after_its_message_was_sent",
    ),
    Mutant("trusted message: quiet record", ((reading, "_quiet", _never_mind),), "no_sweep_refusals"),
    Mutant(
        "trusted message: newer second",
        ((reading.Reading, "_trustworthy", staticmethod(_older_message)),),
        test="tests/unit/core/test_reading.py",
    ),
    Mutant(
        "trusted message: complete",
        ((reading.Reading, "_trustworthy", staticmethod(_incomplete_message)),),
        "unconfigured",
    ),
    Mutant(
        "children first",
        ((departures.Departures, "left", lambda *_: {}),),
        test="tests/unit/core/test_departures.py::test_the_records_below_go_before_the_record_of_their_parent",
    ),
    Mutant(
        "who leaves wakes the deletion",
        ((departures.Departures, "waiting", lambda *_: ()),),
        test="tests/unit/core/test_departures.py::test_a_child_that_was_moved_on_both_sides_has_left",
    ),
    Mutant(
        "a loser means its winner",
        ((losers.Losers, "replaced", lambda *_: False),),
        test="tests/unit/core/test_losers.py::test_a_row_that_was_moved_below_the_loser_goes_to_the_winner",
    ),
    Mutant("a circle is opened", ((families.Families, "_goes_first", lambda *_: False),), "circles", ceiling=50),
    Mutant(
        "outside of the filter",
        ((Seen, "outside", property(lambda _: False)),),
        "fenced",
    ),
    Mutant(
        "a message does not say whether it matches",
        ((reading.Reading, "_trustworthy", staticmethod(_unfiltered_message)),),
        "fenced",
    ),
    Mutant(
        "second look at the row",
        ((second_look.SecondLook, "_rows_moved", _nothing_moved),),
        "fickle",
    ),
    Mutant(
        "second look at the record",
        ((second_look.SecondLook, "_records_moved", _nothing_moved),),
        test="tests/unit/core/test_second_look.py",
    ),
    Mutant(
        "a message is a hint",
        ((reading.Reading, "_trustworthy", staticmethod(_any_message)),),
        test="tests/unit/core/test_reading.py",
    ),
    Mutant("visibility longer than lease", (), "short_visibility", ceiling=2000),
    Mutant(
        "outbox drained by state",
        ((outbox.OutboxReader, "_raise_floor", _raise_floor_at_once),),
        test="tests/integration/postgres/test_relay.py::test_lower_id_that_commits_later",
    ),
    Mutant(
        "deduplication id",
        ((queues, "deduplication_of", _by_content),),
        test="tests/unit/aws/test_queues.py::test_a_change_back_has_an_id_of_its_own",
    ),
    Mutant(
        "one message in flight per record",
        ((dispatch.Dispatch, "put", _many_in_flight),),
        test="tests/unit/postgres/test_dispatch.py::test_a_record_goes_out_once_at_a_time",
    ),
)
BY_GUARD: Mapping[str, Mutant] = {mutant.guard: mutant for mutant in MUTANTS}
