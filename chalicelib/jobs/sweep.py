"""The sweep: what no message told of, what was put off, and children that their parents may have forgotten.

A message that was dropped converges within the sweep's period. It writes nothing itself: all it does is send hints.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from chalicelib.aws.metrics import Metric
from chalicelib.aws.sweeps import Position
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint
from chalicelib.core.ports import Clock, Hints
from chalicelib.jobs.rounds import AT_ONCE, Means, Round, TakenOver
from chalicelib.jobs.telling import Telemetry

STRETCHED_SECONDS = 900.0  # between two rounds of an object while API requests are running out


class Due(Protocol):
    """A hint whose time has come."""

    @property
    def hint(self) -> Hint:
        """To be sent."""
        ...


D = TypeVar("D", bound=Due)
F = TypeVar("F")


class Agenda(Protocol[D]):
    """Hints for later."""

    def due(self, now: float) -> Iterator[D]:
        """Hints whose time has come."""
        ...

    def done(self, due: D, now: float) -> None:
        """A due hint was sent."""
        ...


class Sweep:
    """Sends hints for what nobody told of.

    Args:
        mappings: what is kept the same.
        installed_at: where the first sweep of an object begins, seconds since the epoch.
        means: what the rounds work with.
        scarce: whether API requests are running out, as far as the org has said; asked before every turn.
    """

    def __init__(
        self, mappings: Mappings, installed_at: float, means: Means, scarce: Callable[[], bool] = lambda: False
    ) -> None:
        self._mappings = mappings
        self._installed_at = int(installed_at)
        self._means = means
        self._scarce = scarce

    def salesforce(self, until: float, objects: Iterable[str] | None = None) -> None:
        """Send a hint for every record that Salesforce says was changed since the last sweep.

        The objects take turns of a hundred hints; the one that was worked on longest ago is the first. What is not done
        in time is gone on with by the next run. While API requests are running out an object waits for a quarter of an
        hour after its last turn, unless it is named: then its messages are known to be lost.

        Args:
            until: when to stop, seconds since the epoch; a turn that was begun is ended.
            objects: API names; None: every mapped one. Those that no mapping names are left out.

        Raises:
            TwinledgerError: of the last object that failed; the others had their turns.
        """
        clock, telemetry = self._means.clock, self._means.telemetry
        failed: TwinledgerError | None = None
        positions = self._positions(self._mappings.by_object if objects is None else objects)
        recent = {name for name, at in positions.items() if clock.now() - at.turn < STRETCHED_SECONDS}
        turns = self._turns(positions)
        while turns and clock.now() < until:
            name, steps = turns.popleft()
            if objects is None and name in recent and self._scarce():
                telemetry.count(Metric.SWEEP_STRETCHED)
                telemetry.info("API requests are running out: the object is swept later", object=name)
                continue
            recent.discard(name)  # what was begun is gone on with
            try:
                if next(steps, False):
                    turns.append((name, steps))
            except TakenOver:
                telemetry.info("another run sweeps the object", object=name)
            except TwinledgerError as error:
                telemetry.failure("an object could not be swept", error, object=name)
                failed = error
        for name, _ in turns:
            telemetry.count(Metric.SWEEP_UNFINISHED)
            telemetry.info("the sweep goes on with its next run", object=name)
        if failed is not None:
            raise failed

    def _positions(self, objects: Iterable[str]) -> dict[str, Position]:
        names = [name for name in dict.fromkeys(objects) if name in self._mappings.by_object]
        positions = self._means.memory.positions(names)
        first = Position(self._installed_at, self._installed_at)
        return {name: positions.get(name, first) for name in names}

    def _turns(self, positions: Mapping[str, Position]) -> deque[tuple[str, Iterator[bool]]]:
        return deque(
            (name, Round(name, positions[name], self._means).steps())
            for name in sorted(positions, key=lambda name: positions[name].turn)
        )


def wake(agenda: Agenda[D], hints: Hints, clock: Clock, telemetry: Telemetry, until: float) -> None:
    """Send the hints whose time has come, a block at a time; those that are left when the time is over are due still.

    After an outage there are many: those after the first block go by the bulk lane.

    sweep               queue           agenda
      |-- due? ----------------------------->|
      |-- hints ----------->|                |   a crash here: they are sent twice, which is harmless
      |== gone, if still due at that time ==>|
    """
    now = clock.now()
    many = False

    def send(block: Sequence[D]) -> None:
        nonlocal many
        hints.send([replace(due.hint, bulk=many or due.hint.bulk) for due in block])
        many = True
        for due in block:
            agenda.done(due, now)
        telemetry.count(Metric.WOKEN, len(block))

    in_blocks(agenda.due(now), send, clock, until)


def in_blocks(found: Iterable[F], send: Callable[[Sequence[F]], None], clock: Clock, until: float) -> int:
    """Send what is found, a block at a time, until the time is over; how many."""
    sent, block = 0, list[F]()
    for one in found:
        block.append(one)
        if len(block) == AT_ONCE:
            send(block)
            sent, block = sent + len(block), []
            if clock.now() >= until:
                return sent
    if block:
        send(block)
    return sent + len(block)
