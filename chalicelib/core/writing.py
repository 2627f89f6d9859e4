"""Steps 5 to 8 of the settle step: intent, Postgres, Salesforce, result; each under its condition."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chalicelib.core import journal
from chalicelib.core.departures import Departures
from chalicelib.core.errors import (
    ChildrenLeft,
    Halted,
    MappingPaused,
    ParentMissing,
    Parked,
    QuotaExhausted,
    RecordLocked,
    Superseded,
    Throttled,
    TwinledgerError,
)
from chalicelib.core.families import Families
from chalicelib.core.issues import ReadIssues
from chalicelib.core.ledger import BaseState, EntryChange, Existence
from chalicelib.core.model import RecordKey, Side
from chalicelib.core.ports import (
    Clock,
    Failed,
    Kept,
    Ledger,
    Moved,
    RecordOutcome,
    Records,
    RecordWrite,
    RecordWritten,
    RowOutcome,
    Rows,
    RowWrite,
    RowWritten,
    WriteKind,
)
from chalicelib.core.second_look import SecondLook
from chalicelib.core.work import Result, Work

WriteOutcome: TypeAlias = RowOutcome | RecordOutcome
ANSWERED = (Throttled, QuotaExhausted, RecordLocked, MappingPaused, Halted)  # nothing can land later

ROW_WRITES = {Existence.INSERT_POSTGRES: WriteKind.CREATE, Existence.DELETE_POSTGRES: WriteKind.DELETE}
RECORD_WRITES = {
    Existence.CREATE_SALESFORCE: WriteKind.CREATE,
    Existence.DELETE_SALESFORCE: WriteKind.DELETE,
    Existence.UNDELETE_SALESFORCE: WriteKind.UNDELETE,
}


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


class Writing:
    """Writes what a pass planned. Records that fall out on the way have a result, or go round again."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        rows: Rows,
        records: Records,
        clock: Clock,
        families: Families,
        departures: Departures,
        limits: Limits,
    ) -> None:
        self._ledger = ledger
        self._rows = rows
        self._records = records
        self._clock = clock
        self._families = families
        self._departures = departures
        self._limits = limits
        self._second_look = SecondLook(rows, records)

    def carry_out(self, works: Sequence[Work]) -> None:
        """Write the planned changes of records.

        A record that Salesforce lacks is made there first, so that the row can be linked to it; everything else is
        written in Postgres first.
        """
        unstamped = self._second_look.unstamped(works)
        works = self._alone(self._still(self._open(works), unstamped))
        creating = self._write_records([work for work in works if work.creates_record])
        creating = [work for work in creating if self._in_time(work) and self._link(work)]
        works = self._write_rows([*creating, *(work for work in works if not work.creates_record)])
        written = self._write_records([work for work in works if not work.creates_record])
        self._finish([*written, *(work for work in works if work.creates_record)])

    def agree(self, works: Sequence[Work]) -> None:
        """Records of which nothing is to be written: remember what was learnt."""
        told = [(work, journal.agreed(work, self._clock.now(), self._issues_of(work))) for work in works]
        changes = [(work, change) for work, change in told if change is not None]
        unstamped = self._second_look.unstamped([work for work, _ in changes])
        outcomes = self._ledger.write([change for _, change in changes]) if changes else ()
        kept, moved = [], set[RecordKey]()
        for (work, change), outcome in zip(changes, outcomes, strict=True):
            if self._kept(work, outcome):
                work.entry = change.entry  # whoever waits for the record may be woken by what it says now
                kept.append(work)
            else:
                moved.add(work.key)
        moved |= self._second_look.moved(kept, unstamped)
        settled = [work for work in works if work.key not in moved]
        for work in settled:
            work.end(_over(work, Result.SETTLED if work.wrote else Result.UNCHANGED))
        self._families.tidy(settled)

    # --- 5. intent

    def _open(self, works: Sequence[Work]) -> list[Work]:
        """Write the intents.

        worker 1:  read entry v ..... write intent: version = v and dirty = d -> v+1
        worker 2:    read entry v ............. write intent: version = v fails -> round again, meets the lease
        message:          dirty d+1 .. fails either of them -> round again, with what the message told
        """
        changes = []
        before = [work.operation for work in works]  # a lease of ours that could not be given back is ours all the same
        for work in works:
            work.operation = self._clock.new_id()
            changes.append(journal.opened(work, self._clock.now(), self._limits.lease))
        outcomes = self._ledger.write(changes) if changes else ()
        opened = []
        for work, change, outcome, earlier in zip(works, changes, outcomes, before, strict=True):
            if self._kept(work, outcome):
                work.entry = change.entry
                opened.append(work)
            elif isinstance(outcome, Moved):
                work.operation = earlier
        return opened

    def _still(self, works: Sequence[Work], unstamped: Collection[RecordKey]) -> list[Work]:
        """Those that are as they were seen; of the others the lease is given back, and they go round again."""
        moved = self._second_look.moved(works, unstamped)
        for work in works:
            if work.key in moved:
                self._advance(work, journal.released(work, self._clock.now()))
        return [work for work in works if work.key not in moved]

    def _alone(self, works: Sequence[Work]) -> list[Work]:
        """Those that take nobody along when they are deleted in Salesforce; the others wait."""
        left = self._departures.left(works)
        for work in works:
            if work.key in left:
                self._failed(work, Side.SALESFORCE, ChildrenLeft(left[work.key]))
        return [work for work in works if work.key not in left]

    def _link(self, work: Work) -> bool:
        """Remember the id of a record that was just created, before anybody can meet it in the row."""
        return self._advance(work, journal.linked(work, self._clock.now()))

    # --- 6 and 7. both sides; the time lines of their conditions stand with the adapters' statements

    def _write_rows(self, works: Sequence[Work]) -> list[Work]:
        return self._write(works, Side.POSTGRES, lambda some: self._rows.write([_row_write(work) for work in some]))

    def _write_records(self, works: Sequence[Work]) -> list[Work]:
        return self._write(
            works, Side.SALESFORCE, lambda some: self._records.write([_record_write(work) for work in some])
        )

    def _write(
        self, works: Sequence[Work], side: Side, call: Callable[[Sequence[Work]], Sequence[WriteOutcome]]
    ) -> list[Work]:
        """Write one side of those that have something for it; give back all that can go on."""
        timely = [work for work in works if work.planned.writes_on(side) and self._in_time(work)]
        outcomes: Sequence[WriteOutcome] = ()
        if timely:
            try:
                outcomes = call(timely)
            except TwinledgerError as error:  # the call as a whole: that is the outcome of each
                outcomes = [Failed(error)] * len(timely)
        landed = {work.key for work, outcome in zip(timely, outcomes, strict=True) if self._landed(work, side, outcome)}
        return [work for work in works if not work.planned.writes_on(side) or work.key in landed]

    def _landed(self, work: Work, side: Side, outcome: WriteOutcome) -> bool:
        if isinstance(outcome, RowWritten):
            work.row_after = outcome.state
            work.untold |= work.planned.on_postgres
            if outcome.state.row is not None:
                work.pk = outcome.state.row.pk
        elif isinstance(outcome, RecordWritten):
            work.record_after = outcome.record
            work.sfid = outcome.record.id
        elif isinstance(outcome, Failed):
            self._failed(work, side, outcome.error)
            return False
        else:  # stale: somebody was faster
            self._advance(work, journal.released(work, self._clock.now()))
            return False
        work.wrote.add(side)
        return True

    def _in_time(self, work: Work) -> bool:
        """Whether the lease still runs long enough to write; else the record starts again."""
        intent = work.current.intent
        return intent is not None and self._clock.now() < intent.lease_until - self._limits.margin

    def _failed(self, work: Work, side: Side, error: TwinledgerError) -> None:
        now = self._clock.now()
        waits = self._await(work, side, error)
        if waits is not None:
            released = self._advance(work, journal.released(work, now))
            if waits and released and not work.again:  # what came in meanwhile may name another parent
                work.end(Result.WAITING)
        elif isinstance(error, Parked):
            self._advance(work, journal.refused(work, now, side, error))
            work.conflicts += 1
            work.error = error
        elif isinstance(error, ANSWERED):
            self._advance(work, journal.released(work, now))
            work.fail(error)
        else:
            # No answer: the write may still land. The lease runs on, so that nobody acts before it has had its time.
            lease = work.current.intent.lease_until if work.current.intent is not None else now
            work.fail(error, after=max(lease - now, 0.0) + 1.0)

    def _await(self, work: Work, side: Side, error: TwinledgerError) -> bool | None:
        """Whether nothing is left but to wait for others, which have to come or to leave first; None: for nobody."""
        if isinstance(error, ChildrenLeft):
            return self._departures.await_children(work, error.children)
        if isinstance(error, ParentMissing) and (parents := self._families.blamed(work, error)):
            return self._families.await_blamed(work, side, error, parents)
        return None

    # --- 8. result

    def _finish(self, works: Sequence[Work]) -> None:
        finished = []
        for work in works:
            if not self._close(work):
                continue
            if work.planned.on_postgres and work.planned.on_salesforce:
                work.merged += len(work.planned.on_postgres ^ work.planned.on_salesforce)
            if not _second_lap(work):
                work.end(_over(work, Result.SETTLED))
            finished.append(work)
        self._families.tidy(finished)

    def _close(self, work: Work) -> bool:
        """Write the result; where messages came in since the intent, only give the lease back and go round again.

        The intent stays then, in the entry: whoever goes round, be it another worker after a crash, reads both sides.
        """
        if not work.again:
            change = journal.finished(work, self._clock.now(), self._issues_of(work))
            (outcome,) = self._ledger.write([change])
            if isinstance(outcome, Kept):
                work.entry, work.operation = change.entry, ""
                return True
            now_seen = outcome.entry if isinstance(outcome, Moved) else None
            if now_seen is None or now_seen.version != work.current.version:
                self._kept(work, outcome)
                return False
        self._advance(work, journal.yielded(work, self._clock.now()))
        return False

    def _advance(self, work: Work, change: EntryChange) -> bool:
        """Write a change of an entry whose lease we hold.

        we:      intent v+1, dirty d .................. write: version = v+1 and dirty = d
        other:         lease runs: dirty d+1, acknowledged    fails -> write with d+1, and go round again
        other:         lease ran out: own intent v+2          fails -> it is theirs now, start again
        """
        for _ in range(self._limits.rounds):
            (outcome,) = self._ledger.write([change])
            if isinstance(outcome, Kept):
                work.entry = change.entry
                return True
            now_seen = outcome.entry if isinstance(outcome, Moved) else None
            if now_seen is None or now_seen.version != work.current.version or now_seen.dirty == work.current.dirty:
                self._kept(work, outcome)
                return False
            change = journal.carried_over(change, now_seen)
            work.entry = now_seen
            work.again = True
        return False

    @staticmethod
    def _kept(work: Work, outcome: Kept | Moved | Failed) -> bool:
        """Whether the ledger took a change; where somebody else has the entry, the record goes round again.

        Where there is no entry, a look-up stood in the way: another worker met the record first, and under another
        key. Only identifying it anew finds that key, so its message comes again.
        """
        if isinstance(outcome, Failed):
            work.fail(outcome.error)
        elif isinstance(outcome, Moved) and outcome.entry is None and work.entry is None and work.matched is None:
            work.end(Result.RETRY, error=Superseded(), after=1.0)
        return isinstance(outcome, Kept)

    def _issues_of(self, work: Work) -> ReadIssues:
        return lambda ids: self._ledger.read_issues(work.key, ids)


def _row_write(work: Work) -> RowWrite:
    existence = work.planned.existence
    kind = ROW_WRITES.get(existence, WriteKind.UPDATE) if existence is not None else WriteKind.UPDATE
    return RowWrite(
        mapping=work.mapping,
        kind=kind,
        key=work.key,
        operation=work.operation,
        expected=work.seen_state,
        values={} if kind is WriteKind.DELETE else work.planned.fields[Side.POSTGRES],
        sfid=work.sfid if kind is WriteKind.CREATE or work.planned.link else None,
        pk=work.pk if kind is WriteKind.CREATE else None,
        bulk=work.bulk,
    )


def _record_write(work: Work) -> RecordWrite:
    existence = work.planned.existence
    kind = RECORD_WRITES.get(existence, WriteKind.UPDATE) if existence is not None else WriteKind.UPDATE
    return RecordWrite(
        mapping=work.mapping,
        kind=kind,
        key=work.key,
        operation=work.operation,
        expected=None if kind is WriteKind.CREATE else work.record,
        values=work.planned.fields[Side.SALESFORCE] if kind in {WriteKind.CREATE, WriteKind.UPDATE} else {},
    )


def _over(work: Work, result: Result) -> Result:
    """The result of a pass that has nothing left to do."""
    if work.planned.held_back:
        return Result.PARKED
    return Result.WAITING if work.awaited and (work.without or (work.row and work.row.unlinked)) else result


def _second_lap(work: Work) -> bool:
    """Whether a side made something else of our write: the other is to follow, in a lap of its own."""
    if work.planned.existence is Existence.UNDELETE_SALESFORCE or work.current.echoes:
        return True
    return any(base.state is BaseState.FORM for base in work.current.bases.values())
