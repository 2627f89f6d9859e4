"""What is paused is not settled: its messages are put aside, and sent again once a person resumes it.

Nothing is lost meanwhile: changes are captured and accepted as ever, and of each record one hint is kept. The sweep
sends the hints again when no pause covers them any more, whatever had been put aside at the last moment:

    worker:     reads "not paused" ..... settles, as before the pause
    worker:     reads "paused" .................................. hint put aside
    person:                     resumes; hints are sent again          the next sweep finds it
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from chalicelib.aws.pauses import EVERYTHING, Pause, named
from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint
from chalicelib.core.ports import Clock, Hints
from chalicelib.core.problems import choose
from chalicelib.jobs.sweep import in_blocks

LIFTED_SECONDS = 3600.0  # for which a person lets a mass change pass


class Pauses(Protocol):
    """What is paused."""

    def all(self) -> Mapping[str, Pause]:
        """By scope."""
        ...

    def pause(self, pause: Pause) -> None:
        """Pause something."""
        ...

    def resume(self, scope: str) -> None:
        """End a pause."""
        ...

    def lift(self, mapping: str, until: float) -> None:
        """Let changes pass the brake."""
        ...


class Aside(Protocol):
    """A hint that was put aside."""

    @property
    def hint(self) -> Hint:
        """To be sent again."""
        ...


A = TypeVar("A", bound=Aside)


class Agenda(Protocol[A]):
    """Hints that were put aside."""

    def aside(self) -> Iterator[A]:
        """All of them."""
        ...

    def back(self, aside: A) -> None:
        """One was sent again."""
        ...


def covers(pauses: Mapping[str, Pause], mappings: Mappings, hint: Hint) -> Pause | None:
    """The pause that covers a hint; None: none does. Of what no mapping covers only the pause of everything."""
    if EVERYTHING in pauses:
        return pauses[EVERYTHING]
    mapping = mappings.of(hint.identity)
    return None if mapping is None else pauses.get(mapping.name)


class Pausing:
    """A person's actions.

    Args:
        mappings: what is kept the same.
        pauses: what is paused.
        clock: for times.
    """

    def __init__(self, mappings: Mappings, pauses: Pauses, clock: Clock) -> None:
        self._mappings = mappings
        self._pauses = pauses
        self._clock = clock

    def pause(self, scope: str, reason: str, actor: str) -> None:
        """Pause a mapping, or everything.

        Raises:
            Rejected: there is no such mapping.
            TwinledgerError: the ledger refused.
        """
        self._pauses.pause(Pause(self._known(scope), reason, actor, self._clock.now()))

    def resume(self, scope: str, *, let_pass: bool) -> Pause:
        """End a pause; what it was.

        Args:
            scope: a mapping's name, or EVERYTHING.
            let_pass: whether whatever is changed in the next hour passes the brake.

        Raises:
            Rejected: it is not paused, or there is no such mapping.
            TwinledgerError: the ledger refused.
        """
        paused = self._pauses.all()
        if scope not in paused:
            self._known(scope)
            others = ", ".join(sorted(paused)) or "nothing is"
            raise Rejected(f"{named(scope)} is not paused: {others}")
        if let_pass:
            self.let_pass(scope)
        self._pauses.resume(scope)
        return paused[scope]

    def let_pass(self, scope: str = EVERYTHING) -> None:
        """Let whatever is changed in the next hour pass the brake.

        Raises:
            TwinledgerError: the ledger refused.
        """
        names = [mapping.name for mapping in self._mappings.mappings] if scope == EVERYTHING else [scope]
        for name in names:
            self._pauses.lift(name, self._clock.now() + LIFTED_SECONDS)

    def _known(self, scope: str) -> str:
        if scope != EVERYTHING and scope not in self._mappings.by_name:
            raise Rejected(f"no mapping {scope}: {choose(scope, self._mappings.by_name)}")
        return scope


def send_back(agenda: Agenda[A], hints: Hints, clock: Clock, until: float, *, paused: Callable[[Hint], bool]) -> int:
    """Send the hints again that no pause covers any more; how many. What is left when the time is over comes next time.

    They go by the bulk lane: whoever edits now does not wait for what was put aside.

    sweep               queue           agenda
      |-- aside? --------------------------->|
      |-- hints ----------->|                |   a crash here: they are sent twice, which is harmless
      |== gone ============================>|
    """

    def send(block: Sequence[A]) -> None:
        hints.send([replace(one.hint, bulk=True) for one in block])
        for one in block:
            agenda.back(one)

    return in_blocks((one for one in agenda.aside() if not paused(one.hint)), send, clock, until)
