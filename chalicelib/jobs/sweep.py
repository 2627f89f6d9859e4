"""The sweep: what no message told of, what was put off, and children that their parents may have forgotten.

A message that was dropped converges within the sweep's period. It writes nothing itself: all it does is send hints.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint
from chalicelib.core.ports import Clock, Hints
from chalicelib.jobs.telling import Telemetry

AT_ONCE = 100  # hints of a send


class Changes(Protocol):
    """What one object's sweep found; see :class:`chalicelib.salesforce.changes.Changes`."""

    @property
    def hints(self) -> tuple[Hint, ...]:
        """Records that were changed or deleted."""
        ...

    @property
    def covered(self) -> int:
        """Where the next sweep begins."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the span reached back far enough."""
        ...


class Finder(Protocol):
    """Asks Salesforce for the changes of one object."""

    def __call__(self, object_name: str, since: int, now: float, /) -> Changes:
        """See :func:`chalicelib.salesforce.changes.changes_since`."""
        ...


class Due(Protocol):
    """A hint whose time has come."""

    @property
    def hint(self) -> Hint:
        """To be sent."""
        ...


D = TypeVar("D", bound=Due)


class Agenda(Protocol[D]):
    """Hints for later."""

    def due(self, now: float) -> Iterator[D]:
        """Hints whose time has come."""
        ...

    def done(self, due: D, now: float) -> None:
        """A due hint was sent."""
        ...


class Checkpoints(Protocol):
    """How far jobs have come."""

    def checkpoint(self, name: str) -> float | None:
        """Seconds since the epoch; None: it never ran."""
        ...

    def save_checkpoint(self, name: str, at: float) -> None:
        """Remember."""
        ...


class Sweep:
    """Sends hints for what nobody told of.

    Args:
        mappings: what is kept the same.
        installed_at: where the first sweep of an object begins, seconds since the epoch.
        find: asks Salesforce.
        checkpoints: how far each object's sweep has come.
        hints: where to.
        clock: the time.
        telemetry: for counts and failures.
    """

    def __init__(
        self,
        *,
        mappings: Mappings,
        installed_at: float,
        find: Finder,
        checkpoints: Checkpoints,
        hints: Hints,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._mappings = mappings
        self._installed_at = installed_at
        self._find = find
        self._checkpoints = checkpoints
        self._hints = hints
        self._clock = clock
        self._telemetry = telemetry

    def salesforce(self, objects: Iterable[str] | None = None) -> None:
        """Send a hint for every record that Salesforce says was changed since the last sweep.

        Args:
            objects: API names; None: every mapped one. Those that no mapping names are left out.

        Raises:
            TwinledgerError: of the last object that failed; the others are done.
        """
        failed: TwinledgerError | None = None
        wanted = self._mappings.by_object if objects is None else objects
        for name in wanted:
            if name not in self._mappings.by_object:
                continue
            try:
                self._object(name)
            except TwinledgerError as error:
                self._telemetry.failure("an object could not be swept", error, object=name)
                failed = error
        if failed is not None:
            raise failed

    def _object(self, name: str) -> None:
        """One object.

        sweep             Salesforce          checkpoint
          |-- since 5? ------->|                   |
          |<-- R, covered 9 ---|                   |
          |-- hint of R, and only then             |   a crash before: the next sweep asks since 5 again
          |== 9, never back ======================>|
        """
        checkpoint = f"sweep#{name}"
        since = self._checkpoints.checkpoint(checkpoint)
        changes = self._find(name, int(self._installed_at if since is None else since), self._clock.now())
        self._send(changes.hints)
        self._checkpoints.save_checkpoint(checkpoint, float(changes.covered))
        self._telemetry.count("Swept", len(changes.hints))
        if not changes.complete:
            self._telemetry.count("SweepIncomplete")
            self._telemetry.info(
                "the sweep did not reach back to its last run: compare the object in full", object=name
            )

    def _send(self, hints: Sequence[Hint]) -> None:
        for start in range(0, len(hints), AT_ONCE):
            self._hints.send(hints[start : start + AT_ONCE])


def wake(agenda: Agenda[D], hints: Hints, clock: Clock, telemetry: Telemetry) -> None:
    """Send the hints whose time has come.

    sweep               queue           agenda
      |-- due? ----------------------------->|
      |-- hint ------------>|                |   a crash here: it is sent twice, which is harmless
      |== gone, if still due at that time ==>|
    """
    now = clock.now()
    for due in agenda.due(now):
        hints.send([due.hint])
        agenda.done(due, now)
        telemetry.count("Woken")
