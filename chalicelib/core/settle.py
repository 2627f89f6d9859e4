"""The settle step: the one path by which a value is written, whatever the message was.

    1  read the ledger entry; another worker's lease runs: leave the record to its holder
    2  read the Postgres row and the Salesforce record
    3  recover what an interrupted operation left behind
    4  plan, purely
    5  write the intent, provided that the entry is still what was read
    6  write Postgres, provided that the row is still what was read
    7  write Salesforce, provided that the record is still what was read
    8  write the new bases, provided that the entry is still the intent's

A failed condition anywhere means that somebody was faster: the record goes round again from 1. Every step takes all
records of a batch at once; only the plan is made for one.

Correctness rests on the conditions and on the marker that each write leaves, never on a time-out: a request that was
given up may still land, and is then found by its marker, or fails by its condition.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.core import journal
from chalicelib.core.errors import (
    Decision,
    Halted,
    ParentMissing,
    Parked,
    QuotaExhausted,
    RecordLocked,
    RetryLater,
    Superseded,
    Throttled,
    TwinledgerError,
)
from chalicelib.core.identify import Identifier
from chalicelib.core.ledger import BaseState, EntryChange, Existence, alike
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint, Identity, Record, RowState, SalesforceId, Side
from chalicelib.core.plan import Seen
from chalicelib.core.planner import plan
from chalicelib.core.ports import (
    Clock,
    Failed,
    Hints,
    Kept,
    Ledger,
    Moved,
    RecordOutcome,
    RecordQuery,
    Records,
    RecordWrite,
    RecordWritten,
    RowOutcome,
    RowQuery,
    Rows,
    RowWrite,
    RowWritten,
    Stale,
    WriteKind,
)
from chalicelib.core.recover import Ground, recover, remember, unit_values
from chalicelib.core.work import Outcome, Result, Work

ANSWERED = (Throttled, QuotaExhausted, RecordLocked, Halted, Parked)  # the system answered: nothing can land later


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often.

    Attributes:
        lease: seconds that a worker holds a record; shorter than the messages' visibility.
        margin: seconds before the lease's end from which the holder writes no more; covers clock skew.
        rounds: times that a record goes round in one step before its message has to come again.
    """

    lease: float = 25.0
    margin: float = 5.0
    rounds: int = 6


class Settler:
    """Settles records.

    Args:
        mappings: what is kept the same.
        ledger: the memory.
        rows: the Postgres side.
        records: the Salesforce side.
        hints: the way to wake waiters.
        clock: time and ids.
        organization_id: 18-character id of the org; part of the keys of records that Salesforce made.
        limits: lease and rounds.
    """

    def __init__(
        self,
        *,
        mappings: Mappings,
        ledger: Ledger,
        rows: Rows,
        records: Records,
        hints: Hints,
        clock: Clock,
        organization_id: str,
        limits: Limits = Limits(),
    ) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._rows = rows
        self._records = records
        self._hints = hints
        self._clock = clock
        self._limits = limits
        self._identifier = Identifier(mappings, ledger, rows, records, organization_id)

    def settle(self, hints: Sequence[Hint]) -> Sequence[Outcome]:
        """Settle the records that the hints name; one outcome for each hint, in no particular order.

        Never raises a TwinledgerError: what failed as a whole is the outcome of each hint that is not done yet.
        """
        try:
            works, outcomes = self._identifier.identify(hints)
        except TwinledgerError as error:
            return [Outcome(hint, _result_of(error), _after(error), error) for hint in hints]
        for _ in range(self._limits.rounds):
            active = [work for work in works if work.result is None]
            if not active:
                break
            try:
                _Pass(self, active).run()
            except TwinledgerError as error:
                _fail([work for work in active if work.result is None], error)
        for work in works:
            if work.result is None:
                work.end(Result.RETRY, error=Superseded(), after=1.0)
        return [*outcomes, *(outcome for work in works for outcome in work.outcomes())]


class _Pass:
    """One round of all records of a batch that are still on their way."""

    def __init__(self, settler: Settler, works: Sequence[Work]) -> None:
        self.ledger = settler._ledger
        self.rows = settler._rows
        self.records = settler._records
        self.hints = settler._hints
        self.clock = settler._clock
        self.limits = settler._limits
        self.mappings = settler._mappings
        self.works = list(works)
        self.grounds: dict[str, Ground] = {}
        self.states: dict[str, RowState] = {}  # what Postgres held after our write
        self.after: dict[str, Record] = {}  # what Salesforce held after our write

    def run(self) -> None:
        works = self._claim(self.works)
        self._read_rows(works)
        works = self._skip_echoes(works)
        works = self._plan(self._read_records(works))
        works = self._await_parents(works)
        works = self._close_second(works)
        works = self._agree(works)
        works = self._open(works)
        works = self._write_salesforce([w for w in works if _creates(w)]) + [w for w in works if not _creates(w)]
        works = self._link(works)
        works = self._write_postgres(works)
        works = self._write_salesforce([w for w in works if not _creates(w)]) + [w for w in works if _creates(w)]
        self._finish(works)

    # --- 1. the ledger

    def _claim(self, works: Sequence[Work]) -> list[Work]:
        entries = self.ledger.read([work.key for work in works])
        free: list[Work] = []
        held: list[Work] = []
        now = self.clock.now()
        for work in works:
            work.entry = entries.get(work.key)
            work.plan, work.record, work.trusted, work.again = None, None, False, False
            if work.entry is not None:
                work.sfid = work.entry.sfid or work.sfid
                work.pk = work.entry.pk or work.pk
                work.recovered |= work.entry.intent is not None
            (held if work.current.leased(now) else free).append(work)
        # holder:  intent written ............................ finish: dirty = seen?  no -> round again
        # we:            our message: lease runs -> dirty + 1, provided that the intent is still there
        # The holder reads both sides after our message was acknowledged, so nothing is missed.
        if held:
            told = self.ledger.disturb([work.current for work in held])
            for work, disturbed in zip(held, told, strict=True):
                if disturbed:
                    work.end(Result.HANDED_OVER)
        return free

    # --- 2. both sides

    def _read_rows(self, works: Sequence[Work]) -> None:
        states = self._rows_of(works, [RowQuery(work.mapping, work.key, work.pk, work.sfid) for work in works])
        again: list[tuple[Work, RowQuery]] = []
        for work, state in zip(works, states, strict=True):
            work.state = state
            if state.row is None and work.pk is not None and work.sfid is not None:
                again.append((work, RowQuery(work.mapping, work.key, None, work.sfid)))
        for (work, _), state in zip(
            again, self._rows_of([w for w, _ in again], [query for _, query in again]), strict=True
        ):
            work.state = state
        for work in works:
            if work.state is not None and work.state.row is not None:
                work.pk = work.state.row.pk
                work.sfid = work.sfid or work.state.row.sfid

    def _rows_of(self, works: Sequence[Work], queries: Sequence[RowQuery]) -> Sequence[RowState]:
        """Read rows; a record of which nothing is known that Postgres could know has none."""
        asked = [query for query in queries if query.pk is not None or query.sfid is not None]
        found = iter(self.rows.read(asked) if asked else ())
        return [
            next(found) if query.pk is not None or query.sfid is not None else RowState(None, None)
            for _, query in zip(works, queries, strict=True)
        ]

    def _skip_echoes(self, works: Sequence[Work]) -> list[Work]:
        """Leave out records whose message is answered by the side that sent it: that side holds just the base."""
        left = []
        for work in works:
            if not self._quiet(work) or not self._echo(work):
                left.append(work)
                continue
            newest = max((hint.record.modified_at for hint in work.hints if hint.record is not None), default=0)
            if newest > work.current.salesforce_second:
                left.append(work)  # the newer second is worth remembering
            else:
                work.end(Result.UNCHANGED)
                self._tidy([work])
        return left

    @staticmethod
    def _quiet(work: Work) -> bool:
        """Whether nothing is under way with a linked record, and nothing waits."""
        entry, row = work.current, work.state.row if work.state is not None else None
        return (
            entry.alive is True
            and entry.intent is None
            and not (entry.issues or entry.answers or entry.refusals)
            and row is not None
            and row.sfid == entry.sfid
            and not row.unlinked
        )

    @staticmethod
    def _echo(work: Work) -> bool:
        for hint in work.hints:
            if hint.side is Side.POSTGRES:
                fields = work.state.row.values if work.state is not None and work.state.row is not None else {}
            elif hint.record is not None and not hint.record.deleted:
                fields = hint.record.values
            else:
                return False
            held = unit_values(work.mapping, fields)
            for unit in work.mapping.units:
                base = work.current.bases.get(unit.name)
                if base is None or base.state is not BaseState.AGREED or unit.name not in held:
                    return False
                if not alike(remember(held[unit.name]), base.of(hint.side)):
                    return False
        return True

    def _read_records(self, works: Sequence[Work]) -> list[Work]:
        for work in works:
            work.record = self._trustworthy(work)
            work.trusted = work.record is not None
        self._fetch([work for work in works if not work.trusted])
        return list(works)

    def _trustworthy(self, work: Work) -> Record | None:
        """A message's content that may stand for a read: complete, and newer than all that was settled.

        Good only where the plan then writes nothing to Salesforce; where it does, the record is read after all.
        """
        if not self._quiet(work):
            return None
        told = [hint.record for hint in work.hints if hint.side is Side.SALESFORCE]
        newest = max((record for record in told if record is not None), key=lambda r: r.modified_at, default=None)
        if newest is None or None in told or newest.deleted or newest.modified_at <= work.current.salesforce_second:
            return None
        return newest if work.mapping.complete(newest.values) else None

    def _fetch(self, works: Sequence[Work]) -> None:
        """Read records: by id where it is known, and by key before the record is called absent."""
        if not works:
            return
        queries = [RecordQuery(work.mapping, work.sfid, work.key) for work in works]
        found = dict(zip((work.key for work in works), self.records.read(queries), strict=True))
        absent = [work for work in works if found[work.key] is None and work.sfid is not None]
        if absent:
            by_key = [RecordQuery(work.mapping, None, work.key) for work in absent]
            found |= zip((work.key for work in absent), self.records.read(by_key), strict=True)
        for work in works:
            work.record, work.trusted = found[work.key], False
            if work.record is not None:
                work.sfid = work.record.id
        self._find_rows(works)

    def _find_rows(self, works: Sequence[Work]) -> None:
        """Look for rows by Salesforce id, before they are called absent."""
        unseen = [
            work for work in works if work.record is not None and work.state is not None and work.state.row is None
        ]
        queries = [RowQuery(work.mapping, work.key, None, work.sfid) for work in unseen]
        for work, state in zip(unseen, self.rows.read(queries) if queries else (), strict=True):
            work.state = state
            if state.row is not None:
                work.pk = state.row.pk

    # --- 3 and 4. recover and plan

    def _plan(self, works: Sequence[Work]) -> list[Work]:
        for work in works:
            self._plan_one(work)
        doubtful = [work for work in works if work.trusted and work.plan is not None and self._doubtful(work)]
        self._fetch(doubtful)
        for work in doubtful:
            self._plan_one(work)
        return list(works)

    @staticmethod
    def _doubtful(work: Work) -> bool:
        """Whether a plan that rests on a message's content goes further than such content may carry."""
        assert work.plan is not None  # noqa: S101
        return work.plan.writes_on(Side.SALESFORCE) or work.plan.existence is not None or bool(work.plan.conflicts)

    def _plan_one(self, work: Work) -> None:
        state = work.state or RowState(None, None)
        ground = recover(work.mapping, work.current, state, work.record)
        self.grounds[work.key] = ground
        seen = Seen(state.row, work.record)
        without = frozenset(work.without)
        work.plan = plan(work.mapping, work.current, ground, seen, without=without)
        if work.plan.undated and state.row is not None:
            edited = {
                name: self.rows.edited_at(work.mapping, state.row.pk, work.mapping.by_unit[name].fields)
                for name in work.plan.undated
            }
            seen = Seen(state.row, work.record, edited)
            work.plan = plan(work.mapping, work.current, ground, seen, without=without)

    def _await_parents(self, works: Sequence[Work]) -> list[Work]:
        """Register children whose row names a parent that Salesforce does not have yet.

        child:   no link seen | register as a waiter | look again: still none -> acknowledge
        parent:        link written | ask for waiters, send to each, then delete it

        Whichever comes last sees the other: the child looks again after it registered, the parent asks after it
        linked.
        """
        ready = []
        for work in works:
            row = work.state.row if work.state is not None else None
            unlinked = dict(row.unlinked) if row is not None else {}
            if not unlinked or work.plan is None or not work.plan.alive:
                ready.append(work)
                continue
            if not work.registered:
                self._register(work, list(unlinked.values()))
                continue  # look again, from the start
            if work.plan.existence is Existence.CREATE_SALESFORCE:
                work.end(Result.WAITING)
            else:
                ready.append(work)  # its other fields go on
        return ready

    def _register(self, work: Work, parents: Sequence[Identity]) -> None:
        self.ledger.wait_for(work.wake_up(f"wait:{self.clock.new_id()}"), work.key, parents)
        work.parents.extend(parents)
        work.registered = True

    def _close_second(self, works: Sequence[Work]) -> list[Work]:
        """Wait until the second of the stamp is over, where the writer cannot tell two edits in one second apart.

        user:     edit, stamp :07 ............... edit, stamp :07
        we:              read: second :07 is open            precondition ":07 or older" would let our write through
        The wait is outside of any lease, and both sides are read again after it.
        """
        if not self.records.needs_closed_second:
            return list(works)
        early = [
            work
            for work in works
            if work.plan is not None
            and work.plan.writes_on(Side.SALESFORCE)
            and work.record is not None
            and work.record.second_open
        ]
        if early:
            now = self.clock.now()
            self.clock.sleep(1.0 - now % 1.0 + 0.05)
        return [work for work in works if work not in early]

    # --- 5. intent

    def _agree(self, works: Sequence[Work]) -> list[Work]:
        """Records of which nothing is to be written: remember what was learnt."""
        idle = [work for work in works if work.plan is not None and not work.plan.writes]
        changes = [(work, journal.agreed(work, self.clock.now(), self._issues_of(work))) for work in idle]
        told = [(work, change) for work, change in changes if change is not None]
        outcomes = self.ledger.write([change for _, change in told]) if told else ()
        failed = set()
        for (work, _), outcome in zip(told, outcomes, strict=True):
            if not isinstance(outcome, Kept):
                failed.add(work.key)
                self._lost(work, outcome)
        settled = [work for work in idle if work.key not in failed]
        for work in settled:
            work.end(self._idle_result(work))
        self._tidy(settled)
        return [work for work in works if work.plan is not None and work.plan.writes]

    @staticmethod
    def _idle_result(work: Work) -> Result:
        if work.parents:
            return Result.WAITING
        if work.plan is not None and work.plan.held_back:
            return Result.PARKED
        return Result.SETTLED if work.wrote else Result.UNCHANGED

    def _open(self, works: Sequence[Work]) -> list[Work]:
        # worker 1:  read entry v ... write intent: version = v and dirty = d -> v+1
        # worker 2:  read entry v ......... write intent: version = v fails -> round again, meets the lease
        # a message or an answer in between moves dirty, and fails it just as well
        changes = []
        for work in works:
            work.operation = self.clock.new_id()
            changes.append(journal.opened(work, self.grounds[work.key], self.clock.now(), self.limits.lease))
        opened = []
        outcomes = self.ledger.write(changes) if changes else ()
        for work, change, outcome in zip(works, changes, outcomes, strict=True):
            if isinstance(outcome, Kept):
                work.entry = change.entry
                opened.append(work)
            else:
                self._lost(work, outcome)
        return opened

    def _link(self, works: Sequence[Work]) -> list[Work]:
        """Remember the id of a record that was just created, before anybody can meet it in the row."""
        fresh = [work for work in works if _creates(work) and self._in_time(work)]
        done = {work.key for work in fresh if self._advance(work, journal.linked(work, self.clock.now()))}
        return [work for work in works if not _creates(work) or work.key in done]

    # --- 6. Postgres

    def _write_postgres(self, works: Sequence[Work]) -> list[Work]:
        writers = [work for work in works if work.plan is not None and work.plan.writes_on(Side.POSTGRES)]
        timely = [work for work in writers if self._in_time(work)]
        outcomes = self._attempt(timely, lambda: self.rows.write([self._row_write(work) for work in timely]))
        written = set()
        for work, outcome in zip(timely, outcomes, strict=True):
            if isinstance(outcome, RowWritten):
                self.states[work.key] = outcome.state
                if outcome.state.row is not None:
                    work.pk = outcome.state.row.pk
                work.wrote.add(Side.POSTGRES)
                written.add(work.key)
            else:
                self._not_written(work, Side.POSTGRES, outcome)
        return [work for work in works if work not in writers or work.key in written]

    def _row_write(self, work: Work) -> RowWrite:
        assert work.plan is not None and work.state is not None  # noqa: S101, PT018
        created = work.plan.existence is Existence.INSERT_POSTGRES
        deleted = work.plan.existence is Existence.DELETE_POSTGRES
        return RowWrite(
            mapping=work.mapping,
            kind=WriteKind.CREATE if created else WriteKind.DELETE if deleted else WriteKind.UPDATE,
            key=work.key,
            operation=work.operation,
            expected=work.state,
            values={} if deleted else work.plan.fields[Side.POSTGRES],
            sfid=work.sfid if created or work.plan.link else None,
            pk=work.pk if created else None,
        )

    # --- 7. Salesforce

    def _write_salesforce(self, works: Sequence[Work]) -> list[Work]:
        writers = [work for work in works if work.plan is not None and work.plan.writes_on(Side.SALESFORCE)]
        timely = [work for work in writers if self._in_time(work)]
        outcomes = self._attempt(timely, lambda: self.records.write([self._record_write(work) for work in timely]))
        written = set()
        for work, outcome in zip(timely, outcomes, strict=True):
            if isinstance(outcome, RecordWritten):
                self.after[work.key] = outcome.record
                work.sfid = outcome.record.id
                work.wrote.add(Side.SALESFORCE)
                written.add(work.key)
            else:
                self._not_written(work, Side.SALESFORCE, outcome)
        return [work for work in works if work not in writers or work.key in written]

    @staticmethod
    def _record_write(work: Work) -> RecordWrite:
        assert work.plan is not None  # noqa: S101
        kinds = {
            Existence.CREATE_SALESFORCE: WriteKind.CREATE,
            Existence.DELETE_SALESFORCE: WriteKind.DELETE,
            Existence.UNDELETE_SALESFORCE: WriteKind.UNDELETE,
        }
        kind = kinds.get(work.plan.existence, WriteKind.UPDATE) if work.plan.existence else WriteKind.UPDATE
        return RecordWrite(
            mapping=work.mapping,
            kind=kind,
            key=work.key,
            operation=work.operation,
            expected=None if kind is WriteKind.CREATE else work.record,
            values=work.plan.fields.get(Side.SALESFORCE, {}) if kind in {WriteKind.CREATE, WriteKind.UPDATE} else {},
        )

    # --- 8. result

    def _finish(self, works: Sequence[Work]) -> None:
        done = []
        for work in works:
            row, record = self.states.get(work.key), self.after.get(work.key)
            change = journal.finished(work, self.clock.now(), self._issues_of(work), row, record)
            if not self._advance(work, change):
                continue
            work.merged += self._merged(work)
            if work.again or self._second_lap(work):
                continue  # round again
            parked = work.plan is not None and bool(work.plan.held_back)
            work.end(Result.WAITING if work.parents else Result.PARKED if parked else Result.SETTLED)
            done.append(work)
        self._tidy(works)

    @staticmethod
    def _merged(work: Work) -> int:
        assert work.plan is not None  # noqa: S101
        both = work.plan.on_postgres and work.plan.on_salesforce
        return len(work.plan.on_postgres ^ work.plan.on_salesforce) if both else 0

    @staticmethod
    def _second_lap(work: Work) -> bool:
        """Whether a side made something else of our write: the other is to follow, in a lap of its own."""
        assert work.plan is not None  # noqa: S101
        if work.plan.existence is Existence.UNDELETE_SALESFORCE or work.current.echoes:
            return True
        return any(base.state is BaseState.FORM for base in work.current.bases.values())

    def _advance(self, work: Work, change: EntryChange) -> bool:
        """Write a change of an entry whose lease we hold.

        we:      intent v+1, dirty d .................... write: version = v+1 and dirty = d
        other:         lease runs: dirty d+1, acknowledged      fails -> write with d+1, and go round again
        other:         lease ran out: own intent v+2            fails -> it is theirs now, start again
        """
        for _ in range(self.limits.rounds):
            (outcome,) = self.ledger.write([change])
            if isinstance(outcome, Kept):
                work.entry = change.entry
                return True
            now_seen = outcome.entry if isinstance(outcome, Moved) else None
            if now_seen is None or now_seen.version != work.current.version or now_seen.dirty == work.current.dirty:
                self._lost(work, outcome)
                return False
            change = journal.carried_over(change, now_seen)
            work.entry = now_seen
            work.again = True
        return False

    # --- when it does not go through

    def _in_time(self, work: Work) -> bool:
        """Whether the lease still runs long enough to write; else the record starts again."""
        intent = work.current.intent
        return intent is not None and self.clock.now() < intent.lease_until - self.limits.margin

    def _attempt(
        self, works: Sequence[Work], write: Callable[[], Sequence[RowOutcome] | Sequence[RecordOutcome]]
    ) -> Sequence[RowOutcome | RecordOutcome]:
        """Write a batch. Where the call as a whole failed, that is the outcome of each of its records."""
        if not works:
            return ()
        try:
            return write()
        except TwinledgerError as error:
            return [Failed(error)] * len(works)

    def _not_written(self, work: Work, side: Side, outcome: RowOutcome | RecordOutcome) -> None:
        if isinstance(outcome, Stale):
            self._advance(work, journal.released(work, self.clock.now()))
            return
        assert isinstance(outcome, Failed)  # noqa: S101
        error = outcome.error
        if isinstance(error, ParentMissing) and self._wait_for_blamed(work, error):
            self._advance(work, journal.released(work, self.clock.now()))
        elif isinstance(error, Parked):
            self._advance(work, journal.refused(work, self.clock.now(), side, error))
            work.conflicts += 1
        elif isinstance(error, ANSWERED):
            self._advance(work, journal.released(work, self.clock.now()))
            work.end(_result_of(error), error=error, after=_after(error))
        else:
            # No answer: the write may still land. The lease runs on, so that nobody acts before it has had its time.
            lease = work.current.intent.lease_until if work.current.intent is not None else 0.0
            work.end(_result_of(error), error=error, after=max(lease - self.clock.now(), 0.0) + 1.0)

    def _wait_for_blamed(self, work: Work, error: ParentMissing) -> bool:
        """Register a child for the parents that a side does not have; False where it waited for them already."""
        assert work.plan is not None  # noqa: S101
        values = {**work.plan.fields.get(Side.SALESFORCE, {}), **work.plan.fields.get(Side.POSTGRES, {})}
        parents: list[Identity] = []
        for name in error.fields:
            field, value = work.mapping.by_name.get(name), values.get(name)
            parent = self.mappings.by_name.get(field.parent) if field is not None and field.parent else None
            if parent is not None and isinstance(value, str):
                parents.append(SalesforceId(parent.object, value))
        if not parents:
            return False
        if not work.registered:
            self._register(work, parents)
            return True
        if work.plan.existence is not None:
            work.end(Result.WAITING)
        work.without |= {unit.name for unit in work.mapping.units if set(unit.fields) & set(error.fields)}
        return True

    def _lost(self, work: Work, outcome: Kept | Moved | Failed) -> None:
        """Somebody else has the entry: go round again; or the ledger did not answer."""
        if isinstance(outcome, Failed):
            work.end(_result_of(outcome.error), error=outcome.error, after=_after(outcome.error))

    # --- families

    def _tidy(self, works: Sequence[Work]) -> None:
        """Wake the children that wait for a record, and remove the registrations of a child that need not wait.

        Every pass of a parent does so, even one that had nothing to do: the one that linked it may have died.
        """
        parents = [
            identity
            for work in works
            if work.mapping.name in self.mappings.parents and _is_linked(work)
            for identity in work.identities
        ]
        waiting = self.ledger.waiters(parents) if parents else ()
        if waiting:
            self.hints.send([waiter.hint for waiter in waiting])
            self.ledger.forget(waiting)
        for work in works:
            if work.result in {Result.SETTLED, Result.UNCHANGED} and (work.registered or work.recovered):
                own = self.ledger.waits(work.key)
                if own:
                    self.ledger.forget(own)

    def _issues_of(self, work: Work) -> journal.ReadIssues:
        return lambda ids: self.ledger.read_issues(work.key, ids)


def _creates(work: Work) -> bool:
    return work.plan is not None and work.plan.existence is Existence.CREATE_SALESFORCE


def _is_linked(work: Work) -> bool:
    entry = work.current
    return entry.alive is True and entry.sfid is not None and entry.pk is not None


def _result_of(error: TwinledgerError) -> Result:
    match error.decision:
        case Decision.RETRY:
            return Result.RETRY
        case Decision.PARK:
            return Result.PARKED
        case Decision.DROP:
            return Result.UNCHANGED
        case Decision.HALT:
            return Result.HALTED


def _after(error: TwinledgerError) -> float | None:
    return error.after if isinstance(error, RetryLater) else None


def _fail(works: Iterable[Work], error: TwinledgerError) -> None:
    """End works that a whole call failed on. No write of theirs was under way: their leases need no release."""
    for work in works:
        work.end(_result_of(error), error=error, after=_after(error))
