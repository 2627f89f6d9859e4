"""Writes that lock the same parent in Salesforce go out together, or one after another.

A write of a child locks its parent too (Salesforce, "Record-Level Locking"): two calls with children of one account, at
work at the same time, wait for each other for up to ten seconds, and then fail with UNABLE_TO_LOCK_ROW. A mapping's
``lock_group`` names the reference. Within a call there is one transaction, which locks a parent once. Between the calls
of the bulk lane a short lease on each parent decides:

    worker 1:  lease on A and B ── call: children of A and B ── leases given back
    worker 2:        A is held: its children come again later; those of C are written now

People's edits take no lease, and wait for none: they are few, and Salesforce has them wait for each other.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.core.errors import RecordLocked
from chalicelib.core.mapping import ObjectMapping, Reference
from chalicelib.core.model import Fields, Record, SalesforceId
from chalicelib.core.ports import Clock, Failed, RecordOutcome, RecordQuery, Records, RecordWrite
from chalicelib.jobs.telling import Telemetry

HELD_SECONDS = 30.0  # as long as a call may take, so that a worker that died holds nobody up for long


class Holds(Protocol):
    """Leases on names; see :class:`chalicelib.aws.holds.Holds`."""

    def take(self, names: Collection[str], holder: str, now: float, until: float, /) -> set[str]:
        """Hold names until a time; those that could be had."""
        ...

    def give_back(self, names: Collection[str], holder: str, /) -> None:
        """Hold names no longer."""
        ...


@dataclass
class GroupedRecords(Records):
    """The Salesforce side, with parents that are locked by one call at a time.

    Attributes:
        port: the side.
        holds: the leases.
        applies: whether they are asked for now.
        clock: for times and names.
        telemetry: counts what waits.
    """

    port: Records
    holds: Holds
    applies: Callable[[], bool]
    clock: Clock
    telemetry: Telemetry

    @property
    def needs_closed_second(self) -> bool:
        """See the port."""
        return self.port.needs_closed_second

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See the port."""
        return self.port.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See the port."""
        return self.port.match(mapping, wanted)

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """See the port."""
        return self.port.children(references, ids)

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port. What locks a parent that another call holds fails as locked, and is not sent."""
        parents = [_parents(write) for write in writes]
        wanted = set[str]().union(*parents)
        if not wanted or not self.applies():
            return self.port.write(writes)
        holder, now = self.clock.new_id(), self.clock.now()
        held = self.holds.take(wanted, holder, now, now + HELD_SECONDS)
        try:
            free = [write for write, some in zip(writes, parents, strict=True) if some <= held]
            outcomes = iter(self.port.write(free) if free else ())
        finally:
            self.holds.give_back(held, holder)
        self.telemetry.count(Metric.GROUP_WAITS, len(writes) - len(free))
        return [next(outcomes) if some <= held else Failed(RecordLocked(_TEXT)) for some in parents]


_TEXT = "another call writes children of the same parent"


def _parents(write: RecordWrite) -> frozenset[str]:
    """The parents that a write locks: the one that the record has, and the one that it gets."""
    name = write.mapping.lock_group
    if name is None:
        return frozenset()
    before = write.expected.values.get(name) if write.expected is not None else None
    return frozenset(value for value in (before, write.values.get(name)) if isinstance(value, str))
