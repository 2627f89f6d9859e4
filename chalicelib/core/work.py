"""One record on its way through a settle step, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ledger import Entry
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import (
    Change,
    Hint,
    Identity,
    PrimaryKey,
    Record,
    RecordKey,
    RowId,
    RowState,
    SalesforceId,
    Side,
)
from chalicelib.core.plan import Plan


class Result(StrEnum):
    """What became of a hint."""

    SETTLED = "settled"  # something was written, and both sides agree but for what an issue holds
    UNCHANGED = "unchanged"  # there was nothing to do
    HANDED_OVER = "handed_over"  # another worker holds the record and will go round again
    WAITING = "waiting"  # its parent is not there yet; the parent's arrival wakes it
    PARKED = "parked"  # a system refused a write; an issue says why
    RETRY = "retry"  # the message is to come again
    HALTED = "halted"  # the message is to come again, and a person has to act


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
    """

    hint: Hint
    result: Result
    after: float | None = None
    error: TwinledgerError | None = None
    wrote: frozenset[Side] = frozenset()
    conflicts: int = 0
    merged: int = 0

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
        plan: what this pass does.
        operation: id of this pass's operation.
        without: units to leave alone: their parent is missing.
        parents: the parents that it waits for.
        result: what came of it; None: it is still on its way.
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
    plan: Plan | None = None
    operation: str = ""
    without: set[str] = field(default_factory=set)
    parents: list[Identity] = field(default_factory=list)
    registered: bool = False
    recovered: bool = False
    again: bool = False
    result: Result | None = None
    after: float | None = None
    error: TwinledgerError | None = None
    wrote: set[Side] = field(default_factory=set)
    conflicts: int = 0
    merged: int = 0

    @property
    def current(self) -> Entry:
        """The ledger's entry; a fresh one where there is none."""
        return self.entry or Entry(self.key, self.mapping.name)

    @property
    def identities(self) -> tuple[Identity, ...]:
        """How both sides name the record, as far as known."""
        known: list[Identity] = []
        if self.sfid is not None:
            known.append(SalesforceId(self.mapping.object, self.sfid))
        if self.pk is not None:
            known.append(RowId(self.mapping.table, self.pk))
        return tuple(known)

    def end(self, result: Result, *, error: TwinledgerError | None = None, after: float | None = None) -> None:
        """The work is over."""
        self.result, self.error, self.after = result, error, after

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
        return Hint(self.identities[0], Change.UPDATED, hint_id)
