"""The relay as a job: for a while in a function, or for good in a process; and what a TRUNCATE means."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.aws.state import Installation
from chalicelib.core.errors import RetryLater
from chalicelib.core.ledger import Entry
from chalicelib.core.model import Change, Hint, RowId
from chalicelib.core.ports import Clock, Hints
from chalicelib.jobs.telling import Telemetry

AT_ONCE = 100  # hints of a send
FLUSH_SECONDS = 60.0  # between two lines of the log with the relay's numbers


class Runs(Protocol):
    """The relay; see :class:`chalicelib.postgres.relay.Relay`."""

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set."""
        ...


class Status(Protocol):
    """How the relay does; see :class:`chalicelib.postgres.relay.RelayStatus`."""

    @property
    def leader(self) -> bool:
        """Whether this relay is the one that works."""
        ...

    @property
    def depth(self) -> int:
        """Rows in the outbox."""
        ...

    @property
    def lag(self) -> float:
        """Seconds since the oldest unsent row was read."""
        ...


class Knows(Protocol):
    """The ledger, as far as it knows all records of a mapping."""

    def entries_of(self, mapping: str) -> Iterator[Entry]:
        """All entries of a mapping."""
        ...


def run_for(relay: Runs, seconds: float) -> None:
    """Relay for a while."""
    stop = threading.Event()
    timer = threading.Timer(max(0.0, seconds), stop.set)
    timer.start()
    try:
        relay.run(stop)
    finally:
        timer.cancel()


def tell_status(telemetry: Telemetry, clock: Clock) -> Callable[[Status], None]:
    """What the relay calls now and then: only the leader's numbers are of the outbox.

    A process of the user's has no invocation at whose end they go out: they go out once a minute.
    """
    flushed_at = clock.now()

    def tell(status: Status) -> None:
        nonlocal flushed_at
        if status.leader:
            telemetry.gauge(Metric.OUTBOX_DEPTH, status.depth)
            telemetry.measure(Metric.RELAY_LAG, status.lag)
        if clock.now() - flushed_at >= FLUSH_SECONDS:
            flushed_at = clock.now()
            telemetry.flush()

    return tell


def beating(tell: Callable[[Status], None], file: Path) -> Callable[[Status], None]:
    """The same; a file that changes with it says to a health check that the relay goes on."""

    def beat(status: Status) -> None:
        file.touch()
        tell(status)

    return beat


class Truncations:
    """Sends a hint for every record of a table that was truncated.

    Args:
        installed: the installation as it is now.
        ledger: knows the records.
        hints: the queues.
        clock: for the hints' ids.
    """

    def __init__(self, installed: Callable[[], Installation], ledger: Knows, hints: Hints, clock: Clock) -> None:
        self._installed = installed
        self._ledger = ledger
        self._hints = hints
        self._clock = clock

    def __call__(self, table: str) -> None:
        """A table was truncated.

        Raises:
            TwinledgerError: not every hint was accepted, or the table is about to be mapped; the whole call is to be
                made again.
        """
        installation = self._installed()
        mapping = installation.mappings.by_table.get(table)
        if mapping is None and installation.changing:
            raise RetryLater(f"{table} was truncated while an installation is under way")
        if mapping is None:
            return
        name = f"truncate-{self._clock.new_id()}"
        waiting: list[Hint] = []
        for entry in self._ledger.entries_of(mapping.name):
            if entry.pk is not None:
                told, row, now = f"{name}-{entry.key}", RowId(table, entry.pk), self._clock.now()
                waiting.append(Hint(row, Change.DELETED, told, now, sfid=entry.sfid, bulk=True))
            if len(waiting) == AT_ONCE:
                self._hints.send(waiting)
                waiting = []
        self._hints.send(waiting)
