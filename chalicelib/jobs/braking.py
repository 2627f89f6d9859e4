"""The brake: a mass change pauses its mapping until a person has looked at it.

A WHERE that was forgotten, a TRUNCATE, a data loader with the wrong file: each is carried out to the other side within
minutes. So writes are counted, by mapping and side, just before they take place:

    worker:    intent .... count: 501 of 500 deletions within ten minutes -> pause, the write fails, lease given back
    others:                                                                  their messages are put aside
    person:                   `resume`: the brake counts on, from the next window;  `resume --let-pass`: for an hour not

What was written before the count was full stays written, and stands in the history. Batches that run at that moment
write no more: each counts before it writes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from chalicelib.aws.metrics import Metric
from chalicelib.aws.pauses import Pause
from chalicelib.core.errors import MappingPaused
from chalicelib.core.model import Side
from chalicelib.core.ports import Clock, Failed, RecordWrite, RowWrite, WriteKind
from chalicelib.jobs.telling import Telemetry

WINDOW_SECONDS = 600.0  # for which writes are counted together

Write: TypeAlias = RowWrite | RecordWrite
W = TypeVar("W", RowWrite, RecordWrite)
Outcome = TypeVar("Outcome")


class Counts(Protocol):
    """Counts of writes, and what is paused."""

    def count(self, mapping: str, side: Side, kind: str, window: tuple[float, float], number: int) -> int:
        """Count more writes; how many there are in this window."""
        ...

    def lifted(self, mapping: str, now: float) -> bool:
        """Whether a person has let the changes of a mapping pass."""
        ...

    def pause(self, pause: Pause) -> None:
        """Pause a mapping."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """The most writes of a mapping on one side within ten minutes; 0: any number.

    Attributes:
        deletions: of records or rows.
        changes: creations and updates.
    """

    deletions: int = 500
    changes: int = 0

    def of(self, kind: WriteKind) -> int:
        """The limit of one kind of write."""
        return self.deletions if kind is WriteKind.DELETE else self.changes


class Brake:
    """Counts writes, and pauses a mapping of which there are too many.

    Args:
        counts: in the ledger.
        limits: how many are too many.
        clock: for the windows.
        telemetry: for telling of it.
    """

    def __init__(self, counts: Counts, limits: Limits, clock: Clock, telemetry: Telemetry) -> None:
        self._counts = counts
        self._limits = limits
        self._clock = clock
        self._telemetry = telemetry

    def write(
        self, writes: Sequence[W], side: Side, call: Callable[[Sequence[W]], Sequence[Outcome]]
    ) -> Sequence[Outcome | Failed]:
        """Write what the brake lets pass; of what it holds nothing is written.

        Args:
            writes: about to take place.
            side: where.
            call: writes them.

        Raises:
            TwinledgerError: the ledger or the side did not answer.
        """
        held = self._held(writes, side)
        if not held:
            return call(writes)
        passed = [write for write in writes if _group(write) not in held]
        written = iter(call(passed) if passed else ())
        return [Failed(MappingPaused()) if _group(write) in held else next(written) for write in writes]

    def _held(self, writes: Sequence[Write], side: Side) -> set[tuple[str, bool]]:
        """Mappings, and whether their deletions or their other writes are to be held."""
        numbers: dict[tuple[str, bool], int] = {}
        for write in writes:
            if self._limits.of(write.kind):
                group = _group(write)
                numbers[group] = numbers.get(group, 0) + 1
        return {group for group, number in numbers.items() if self._too_many(group, side, number)}

    def _too_many(self, group: tuple[str, bool], side: Side, number: int) -> bool:
        (mapping, deletions), now = group, self._clock.now()
        kind, most = ("deletions", self._limits.deletions) if deletions else ("changes", self._limits.changes)
        begun = now - now % WINDOW_SECONDS
        counted = self._counts.count(mapping, side, kind, (begun, begun + WINDOW_SECONDS), number)
        if counted <= most or self._counts.lifted(mapping, now):
            return False
        reason = (
            f"{counted} {kind} in {side.title()} within ten minutes, and {most} are the limit: look at what was done "
            f"in {side.other.title()}; if it is right, `resume {mapping} --let-pass`, else undo it there first"
        )
        self._counts.pause(Pause(mapping, reason, "", now))
        self._telemetry.count(Metric.BRAKED, number)
        self._telemetry.info("the brake has paused a mapping", mapping=mapping, side=side, counted=counted)
        return True


def _group(write: Write) -> tuple[str, bool]:
    """What is counted together."""
    return write.mapping.name, write.kind is WriteKind.DELETE
