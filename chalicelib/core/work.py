"""One record on its way through a settle step, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.errors import Decision, ProtocolError, RetryLater, TwinledgerError
from chalicelib.core.fitting import fitted
from chalicelib.core.ledger import Entry, Existence
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import (
    Change,
    Hint,
    Identity,
    PrimaryKey,
    Record,
    RecordKey,
    Row,
    RowId,
    RowState,
    SalesforceId,
    Side,
)
from chalicelib.core.plan import Plan
from chalicelib.core.ports import Waiter
from chalicelib.core.recover import Ground

WAKE = "wait:"  # how the id of a waiter's message begins
LEFT = f"{WAKE}left:"  # the same of one that waits for another to leave


class Result(StrEnum):
    """What became of a hint."""

    SETTLED = "settled"  # something was written, and both sides agree but for what an issue holds
    UNCHANGED = "unchanged"  # there was nothing to do
    HANDED_OVER = "handed_over"  # another worker holds the record and will go round again
    WAITING = "waiting"  # its parent is not there yet; the parent's arrival wakes it
    PARKED = "parked"  # a system refused a write; an issue says why
    RETRY = "retry"  # the message is to come again
    HALTED = "halted"  # the message is to come again, and a person has to act


RESULTS = {
    Decision.RETRY: Result.RETRY,
    Decision.PARK: Result.PARKED,
    Decision.DROP: Result.UNCHANGED,
    Decision.HALT: Result.HALTED,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hint.

    Attributes:
        hint: the hint.
        result: what became of it.
        after: seconds until the message should come again; None: whenever it does.
        error: why, for RETRY, PARKED and HALTED.
        wrote: the sides that were written.
        conflicts: issues opened, and conflicts decided by a policy.
        merged: units carried while the other side had an edit of its own.
        echo: whether it was known for an echo of our own write.
    """

    hint: Hint
    result: Result
    after: float | None = None
    error: TwinledgerError | None = None
    wrote: frozenset[Side] = frozenset()
    conflicts: int = 0
    merged: int = 0
    echo: bool = False

    @classmethod
    def of(cls, hint: Hint, error: TwinledgerError) -> "Outcome":
        """The outcome of a hint that an error ended."""
        return cls(hint, RESULTS[error.decision], error.after if isinstance(error, RetryLater) else None, error)

    @property
    def acknowledged(self) -> bool:
        """Whether the message is done with."""
        return self.result not in {Result.RETRY, Result.HALTED}


@dataclass(slots=True)
class Work:
    """One record in a settle step.

    Attributes:
        mapping: its mapping.
        key: its record key.
        hints: the messages that named it.
        pk: its primary key, as far as known.
        sfid: its Salesforce id, as far as known.
        entry: the ledger's entry as last seen; None: there is none.
        state: Postgres as last read.
        record: Salesforce as last read.
        trusted: whether ``record`` is a message's content that stands for a read.
        ground: the bases after recovery.
        plan: what this pass does.
        operation: id of the operation under way; empty: none, so no lease of ours can run.
        row_after: what Postgres held after our write; None: nothing was written there in this pass.
        record_after: what Salesforce held after our write; None: nothing was written there in this pass.
        without: units to leave alone: their parent is missing.
        awaited: the parents that it was registered for in this step, with the registrations.
        blamed: those of them that a side named as missing, when it refused a reference.
        needed: whether one that refers to it, and outlives its deletion, waits for it to be there.
        winners: of parents that it refers to and that were merged into others, by id: into which.
        waits: registrations from before this step; None: nobody asked.
        recovered: whether an interrupted operation was found.
        untold: units that an interrupted operation, or a refused one of this step, may have written.
        again: whether a message came in while the lease was ours.
        stranger: whether its row has a primary key that the ledger still has for another record.
        matched: the side whose half was found by the match fields in this pass; no ledger entry says so yet.
        result: what came of it; None: it is still on its way.
        after: see :class:`Outcome`.
        error: see :class:`Outcome`.
        wrote: the sides that were written.
        conflicts: see :class:`Outcome`.
        merged: see :class:`Outcome`.
        echo: see :class:`Outcome`.
    """

    mapping: ObjectMapping
    key: RecordKey
    hints: list[Hint] = field(default_factory=list)
    pk: PrimaryKey | None = None
    sfid: str | None = None
    entry: Entry | None = None
    state: RowState | None = None
    record: Record | None = None
    trusted: bool = False
    ground: Ground = field(default_factory=lambda: Ground({}, None))
    plan: Plan | None = None
    operation: str = ""
    row_after: RowState | None = None
    record_after: Record | None = None
    without: set[str] = field(default_factory=set)
    awaited: dict[Identity, Waiter] = field(default_factory=dict)
    blamed: set[Identity] = field(default_factory=set)
    needed: bool = False
    winners: dict[str, str] = field(default_factory=dict)
    waits: list[Waiter] | None = None
    recovered: bool = False
    untold: set[str] = field(default_factory=set)
    again: bool = False
    stranger: bool = False
    matched: Side | None = None
    result: Result | None = None
    after: float | None = None
    error: TwinledgerError | None = None
    wrote: set[Side] = field(default_factory=set)
    conflicts: int = 0
    merged: int = 0
    echo: bool = False

    @property
    def current(self) -> Entry:
        """The ledger's entry; a fresh one where there is none."""
        return self.entry or fitted(Entry(self.key, self.mapping.name), self.mapping)

    @property
    def identities(self) -> tuple[Identity, ...]:
        """How both sides name the record, as far as known."""
        known: list[Identity] = []
        if self.sfid is not None:
            known.append(SalesforceId(self.mapping.object, self.sfid))
        if self.pk is not None:
            known.append(RowId(self.mapping.table, self.pk))
        return tuple(known)

    @property
    def planned(self) -> Plan:
        """The plan of this pass, which every step after planning may rely on."""
        if self.plan is None:
            raise ProtocolError(f"record {self.key}: written before it was planned")
        return self.plan

    @property
    def seen_state(self) -> RowState:
        """Postgres as last read; empty before it was."""
        return self.state or RowState(None, None)

    @property
    def row(self) -> Row | None:
        """The row as last read."""
        return self.seen_state.row

    @property
    def linked(self) -> bool:
        """Whether the ledger knows the record on both sides."""
        entry = self.current
        return entry.alive is True and entry.sfid is not None and entry.pk is not None

    @property
    def woken(self) -> bool:
        """Whether one of its messages comes from those that it waits for, or that wait for it to leave."""
        return any(hint.hint_id.startswith((WAKE, LEFT)) for hint in self.hints)

    @property
    def bulk(self) -> bool:
        """Whether it was told of among many others only: nobody waits for it."""
        return bool(self.hints) and all(hint.bulk for hint in self.hints)

    @property
    def may_hold(self) -> bool:
        """Whether a lease of this pass may still run."""
        intent = self.current.intent
        released = intent is not None and intent.operation == self.operation and not intent.lease_until
        return bool(self.operation) and not released

    @property
    def creates_record(self) -> bool:
        """Whether this pass makes the record in Salesforce."""
        return self.planned.existence is Existence.CREATE_SALESFORCE

    def start(self, entry: Entry | None) -> None:
        """Begin a pass with the ledger's entry as it is now."""
        entry = None if entry is None else fitted(entry, self.mapping)
        self.entry, self.plan, self.record, self.trusted, self.again = entry, None, None, False, False
        self.row_after, self.record_after = None, None
        if entry is None and self.matched is not None:  # somebody else may have it by now
            self.pk, self.sfid = (None, self.sfid) if self.matched is Side.POSTGRES else (self.pk, None)
        self.matched = None
        if entry is not None:
            self.sfid = entry.sfid or self.sfid
            self.pk = entry.pk or self.pk
            if entry.intent is not None:
                self.recovered = True
                self.untold |= set() if entry.intent.failed else entry.intent.target.keys()

    def take(self, half: Row | Record) -> None:
        """The other side has the record already: go on with both."""
        if isinstance(half, Row):
            self.state, self.pk, self.matched = RowState(half, self.seen_state.marker), half.pk, Side.POSTGRES
        else:
            self.record, self.sfid, self.matched = half, half.id, Side.SALESFORCE

    def absorb(self, other: "Work") -> None:
        """Another piece of work turned out to be about this record: its messages are answered here."""
        self.hints += other.hints
        other.hints = []
        other.end(Result.UNCHANGED)

    def fail(self, error: TwinledgerError, *, after: float | None = None) -> None:
        """An error ended the work."""
        told = error.after if isinstance(error, RetryLater) else None
        self.end(RESULTS[error.decision], error=error, after=after if after is not None else told)

    def end(self, result: Result, *, error: TwinledgerError | None = None, after: float | None = None) -> None:
        """The work is over."""
        self.result, self.error, self.after = result, error or self.error, after

    def outcomes(self) -> Sequence[Outcome]:
        """One outcome for each hint."""
        return [
            Outcome(
                hint,
                self.result or Result.RETRY,
                self.after,
                self.error,
                frozenset(self.wrote),
                self.conflicts,
                self.merged,
                self.echo,
            )
            for hint in self.hints
        ]

    def actor(self, side: Side) -> str | None:
        """Who changed a side, as far as its messages or its record say."""
        named = next((hint.actor for hint in reversed(self.hints) if hint.side is side and hint.actor), None)
        if named is None and side is Side.SALESFORCE and self.record is not None and not self.record.ours:
            return self.record.modified_by
        return named

    def wake_up(self, hint_id: str) -> Hint:
        """A hint that has this record settled again."""
        return Hint(self.identities[0], Change.UPDATED, hint_id, bulk=self.bulk)
