"""The relay: carries captured changes from the outbox to the queue, in order for each record.

    outbox ──SELECT──> reader ──> a queue for each record ──> senders ──Hints.send──> queue of the settle step
       ^                                                         │
       └────────────────DELETE──── deleter <──── accepted ───────┘

A row is deleted only after its hint was accepted; a relay that is killed leaves its unsent rows in the outbox, and
what it sent without deleting is sent again, with the same deduplication id. One relay works at a time; the others try
for its advisory lock when it says that it is done, and twice a second. Correctness does not rest on that, only the
order of hints does.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from chalicelib.core.errors import AccessDenied, RetryLater
from chalicelib.core.ports import Hints
from chalicelib.postgres.capture import LEADER_KEY
from chalicelib.postgres.connection import Connection, connect
from chalicelib.postgres.dispatch import Dispatch
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.outbox import HANDOVER_CHANNEL, OutboxReader
from chalicelib.postgres.term import Counts, Term, pause

logger = logging.getLogger(__name__)

APPLICATION_NAME = "twinledger-relay"
# The server notices a relay that is gone, and frees its lock, after 3 + 3 x 1 seconds; by default that takes hours.
OPTIONS = (
    "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
    " -c client_connection_check_interval=500"
)
LEADER_PAUSE = 0.5  # seconds between two tries for a leadership that nobody hands over: its holder may have died


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """How the relay does.

    Attributes:
        leader: whether this relay is the one that works.
        depth: rows in the outbox, counted up to 10,000.
        unsent: rows that were read and not yet accepted.
        lag: seconds since the oldest of these was read.
        sent: hints accepted since the start.
        covered: outbox rows that these hints stand for.
        retries: failed sends since the start.
    """

    leader: bool
    depth: int
    unsent: int
    lag: float
    sent: int
    covered: int
    retries: int


class Relay:
    """One relay process.

    Args:
        dsn: a direct connection: a transaction pooler passes on neither NOTIFY nor a session's locks. A function is
            asked for each connection, and once more, with True, where the server did not let us in with what it gave:
            the password may have been changed.
        hints: where hints go.
        on_truncate: told the table that was truncated; sends hints for its records that the ledger knows, and raises
            a TwinledgerError to be called again later.
        senders: calls of ``hints`` at once.
        poll: seconds after which a sleeping relay looks by itself.
        met: called with the reader's connection before anything is read, and again every ``status_every``: where the
            database turns out to be another one, it raises a ConfigurationError, and what was captured stays there.
        on_status: called from the thread of :meth:`run`: at each change of leadership, else every ``status_every``.
        status_every: seconds.
    """

    def __init__(
        self,
        dsn: str | Callable[[bool], str],
        hints: Hints,
        *,
        on_truncate: Callable[[str], None],
        senders: int = 16,
        poll: float = 2.0,
        met: Callable[[Connection], None] = lambda _connection: None,
        on_status: Callable[[RelayStatus], None] | None = None,
        status_every: float = 5.0,
    ) -> None:
        self._dsn = (lambda _refused: dsn) if isinstance(dsn, str) else dsn
        self._hints = hints
        self._on_truncate = on_truncate
        self._senders = senders
        self._poll = poll
        self._met = met
        self._on_status = on_status
        self._status_every = status_every
        self._counts = Counts()
        self._told: tuple[bool, float] | None = None  # leader or not, when

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set; then finish the sends that are under way, and leave the rest in the outbox.

        A database that is away is tried again for as long as it takes.

        Raises:
            Halted: the database does not let us in, Twinledger is not installed in it, or it is another one.
        """
        failures = 0
        while not stop.is_set():
            try:
                self._stand_by(stop)
                failures = 0
            except RetryLater as error:
                failures += 1
                logger.warning("relay: %s: %s", type(error).__name__, error)
                self._tell(None, None)
                stop.wait(pause(failures))

    def _connect(self) -> Connection:
        try:
            return connect(self._dsn(False), APPLICATION_NAME, OPTIONS)
        except AccessDenied:
            return connect(self._dsn(True), APPLICATION_NAME, OPTIONS)

    def _stand_by(self, stop: threading.Event) -> None:
        """Connect, and try for the leadership until it is ours or it is time to stop."""
        try:
            with self._connect() as connection:
                self._met(connection)
                reader = OutboxReader(connection)
                reader.listen(HANDOVER_CHANNEL)
                while not stop.is_set():
                    if reader.try_lock(LEADER_KEY):
                        self._lead(reader, stop)
                        return
                    self._tell(None, None)
                    reader.told(LEADER_PAUSE)
        except psycopg.Error as error:
            raise translate_read(error) from error

    # The leadership passes on while edits arrive:
    #
    #   leader     time is over   last sends accepted   rows deleted   unlock, NOTIFY
    #   next one   LISTEN   try: refused   wait .....................................   try: granted   look
    #
    # It listens before it tries, so that it is told of whatever its try has missed; and the rows are gone before it
    # looks, so that it sends nothing twice.  A leader that dies tells nothing: its lock is free with its connection.
    def _lead(self, reader: OutboxReader, stop: threading.Event) -> None:
        Term(
            reader=reader,
            connect=self._connect,
            hints=self._hints,
            on_truncate=self._on_truncate,
            senders=self._senders,
            poll=self._poll,
            counts=self._counts,
            tell=lambda dispatch: self._tell(reader, dispatch),
        ).run(stop)
        reader.hand_over(LEADER_KEY)

    def _tell(self, reader: OutboxReader | None, dispatch: Dispatch | None) -> None:
        """Give the status, and look whether it still is the same database, where it is time to."""
        leader, now = dispatch is not None, time.monotonic()
        if self._told is not None and self._told[0] is leader and now - self._told[1] < self._status_every:
            return
        self._told = (leader, now)
        if reader is not None:
            self._met(reader.connection)
        if self._on_status is None:
            return
        self._on_status(
            RelayStatus(
                leader=leader,
                depth=reader.depth() if reader else 0,
                unsent=dispatch.unsent if dispatch else 0,
                lag=dispatch.lag if dispatch else 0.0,
                sent=self._counts.sent,
                covered=self._counts.covered,
                retries=self._counts.retries,
            )
        )


def stop_on_signals(*signals: signal.Signals) -> threading.Event:
    """An event that is set when the process is asked to end: by default by SIGTERM or SIGINT.

    To be called in the main thread.
    """
    stop = threading.Event()
    for one in signals or (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda _number, _frame: stop.set())
    return stop
