"""One term of leadership of the relay: a reader, senders and a deleter, until the reader's connection ends it."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import psycopg

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ports import Hints
from chalicelib.postgres.capture import DRAIN_KEY
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.dispatch import Dispatch, Parcel
from chalicelib.postgres.outbox import OutboxReader, delete

logger = logging.getLogger(__name__)

BATCH = 10  # hints a call: SQS takes ten messages a call
BULK_BATCH = 200  # the same of the bulk lane, where SQS takes ten messages of 20 hints
BULK_SENDERS = 4
WINDOW = 10_000  # unsent rows of a lane in memory
BULK_PAUSE = 0.02  # seconds between two looks for live rows while no more of the bulk lane are taken up
BUSY_PAUSE = 0.005  # seconds between two looks while a silent transaction is open
BUSY_PAUSE_LONG = 0.02  # the same once it has been open for long
BUSY_LONG = 2.0  # seconds
SLICE = 0.2  # seconds after which a sleeping reader looks whether it has to stop
DELETE_PAUSE = 0.02  # seconds in which accepted rows gather for one DELETE
SINGLY_AFTER = 3  # failed sends of a batch, after which its hints go one by one
LONGEST_PAUSE = 10.0  # seconds between two tries of anything that fails
LAST_WORDS = 30.0  # seconds that the senders have for the calls they are in, and then the deleter for its own


@dataclass
class Counts:
    """What is counted from term to term.

    Attributes:
        sent: hints accepted.
        covered: outbox rows that they stand for.
        retries: failed sends.
    """

    sent: int = 0
    covered: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def accepted(self, parcels: Iterable[Parcel]) -> None:
        """Count what was accepted."""
        with self._lock:
            for parcel in parcels:
                self.sent += 1
                self.covered += len(parcel.ids)

    def failed(self) -> None:
        """Count a failed send."""
        with self._lock:
            self.retries += 1


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: from a tenth, doubling, half of it by chance."""
    longest = min(LONGEST_PAUSE, 0.1 * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


@dataclass
class Term:
    """The work of the one relay that leads.

    Attributes:
        reader: on the connection that holds the leadership.
        connect: opens a connection for the deleter.
        hints: where hints go.
        on_truncate: told of a truncated table.
        senders: calls of ``hints`` at once.
        poll: seconds after which a sleeping reader looks by itself.
        counts: what is counted.
        tell: called again and again by the reader.
    """

    reader: OutboxReader
    connect: Callable[[], Connection]
    hints: Hints
    on_truncate: Callable[[str], None]
    senders: int
    poll: float
    counts: Counts
    tell: Callable[[Dispatch], None]
    _dispatch: Dispatch = field(default_factory=Dispatch)
    _ending: threading.Event = field(default_factory=threading.Event)
    _senders_done: threading.Event = field(default_factory=threading.Event)
    _failure: BaseException | None = None

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set.

        Raises:
            psycopg.Error: the reader's connection is lost, and the leadership with it.
        """
        senders = [self._thread(self._send_all, f"sender-{at}") for at in range(self.senders)]
        senders += [self._thread(self._send_bulk, f"bulk-sender-{at}") for at in range(BULK_SENDERS)]
        deleter = self._thread(self._delete_all, "deleter")
        try:
            self.reader.listen()
            self._read_all(stop)
        finally:
            self._ending.set()
            self._dispatch.close()
            deadline = time.monotonic() + LAST_WORDS
            for sender in senders:
                sender.join(max(0.0, deadline - time.monotonic()))
            self._senders_done.set()
            deleter.join(LAST_WORDS)
        if self._failure is not None:
            raise self._failure

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(work,), name=f"relay-{name}", daemon=True)
        thread.start()
        return thread

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread that dies of a defect ends the term, which then raises its error."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            self._ending.set()

    # --- reader

    def _read_all(self, stop: threading.Event) -> None:
        silent_since: float | None = None
        while not (stop.is_set() or self._ending.is_set()):
            self.tell(self._dispatch)
            if not self._dispatch.room(WINDOW, SLICE) or self._look():
                continue
            if self.reader.try_lock(DRAIN_KEY):
                silent_since = None
                self._sleep(stop)
                continue
            silent_since = silent_since or time.monotonic()
            long = time.monotonic() - silent_since > BUSY_LONG
            self._ending.wait(BUSY_PAUSE_LONG if long else BUSY_PAUSE)

    def _look(self) -> bool:
        """Queue what has not been seen; whether there may be more at once.

        While many rows of the bulk lane are unsent it looks for live ones only, again and again.
        """
        room = self._dispatch.room(WINDOW, 0, bulk=True)
        rows = self.reader.next(self._dispatch.take_gone(), bulk=room)
        self._dispatch.put(rows)
        if not room and not rows:
            self._dispatch.room(WINDOW, BULK_PAUSE, bulk=True)
        return not self.reader.complete

    # A transaction that captures something, against the reader falling asleep:
    #
    #   reader       look: empty   try DRAIN: granted   look again   wait ............ wakes, unlocks
    #   transaction     shared DRAIN, INSERT, COMMIT                                              case 1
    #   transaction                  (shared DRAIN since before: not granted) COMMIT              case 2
    #   transaction                                        shared DRAIN refused: NOTIFY, COMMIT   case 3
    #
    # 1: the second look finds the row.  2: the reader does not fall asleep while a silent transaction is open, and
    # looks every few milliseconds.  3: the transaction sees that the reader sleeps, and wakes it.  The poll stands
    # behind all three.
    def _sleep(self, stop: threading.Event) -> None:
        try:
            rows = self.reader.next(self._dispatch.take_gone())
            self._dispatch.put(rows)
            if rows:
                return
            until = time.monotonic() + self.poll
            while not (stop.is_set() or self._ending.is_set() or time.monotonic() > until):
                wait = min(SLICE, max(0.0, until - time.monotonic()))
                self.tell(self._dispatch)
                if self.reader.told(wait):
                    return
        finally:
            if not self.reader.connection.closed:
                self.reader.unlock(DRAIN_KEY)

    # --- senders

    def _send_bulk(self) -> None:
        self._send_all(BULK_BATCH, bulk=True)

    def _send_all(self, batch: int = BATCH, *, bulk: bool = False) -> None:
        failures = 0
        while parcels := self._dispatch.take(batch, bulk=bulk):
            truncated = [parcel for parcel in parcels if parcel.hint is None]
            hints = [parcel for parcel in parcels if parcel.hint is not None]
            accepted = [self._deliver([parcel], self._truncated) for parcel in truncated]
            accepted += [self._deliver(hints, self._send)] if hints else []
            failures = 0 if any(accepted) else failures + 1
            if failures:
                self._ending.wait(pause(failures))

    def _send(self, parcels: Sequence[Parcel]) -> None:
        self.hints.send([parcel.hint for parcel in parcels if parcel.hint is not None])

    def _truncated(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            self.on_truncate(parcel.record.table)

    def _deliver(self, parcels: Sequence[Parcel], send: Callable[[Sequence[Parcel]], None]) -> bool:
        """Try a few times together, then one by one; what is refused is put aside for a while, each alone.

        So a hint that is never accepted holds up neither another nor a sender, and nothing is dropped: it stays in the
        outbox. Gives whether anything was accepted: a sender to which nothing is slows down.
        """
        for failures in range(1, 2 if parcels[0].failures else SINGLY_AFTER + 1):
            if self._accepted(parcels, send):
                return True
            if self._ending.wait(pause(failures)):
                return False
        rest = [parcel for parcel in parcels if len(parcels) == 1 or not self._accepted([parcel], send)]
        for parcel in rest:
            self._dispatch.defer(parcel, pause(SINGLY_AFTER + parcel.failures))
        return len(rest) < len(parcels)

    def _accepted(self, parcels: Sequence[Parcel], send: Callable[[Sequence[Parcel]], None]) -> bool:
        try:
            send(parcels)
        except TwinledgerError as error:
            self.counts.failed()
            logger.warning("relay: %d hints not accepted: %s: %s", len(parcels), type(error).__name__, error)
            return False
        self.counts.accepted(parcels)
        self._dispatch.accept(parcels)
        return True

    # --- deleter

    def _delete_all(self) -> None:
        connection: Connection | None = None
        failures = 0
        ids: list[int] = []
        while True:
            last = self._senders_done.is_set()
            ids += self._gather()
            if ids:
                try:
                    connection = connection or self.connect()
                    delete(connection, ids)
                except (psycopg.Error, TwinledgerError) as error:
                    # Left in the outbox they are sent again, by the next term at the latest
                    failures += 1
                    logger.warning("relay: %d rows not deleted: %s", len(ids), type(error).__name__)
                    connection = self._closed(connection)
                    self._ending.wait(pause(failures))
                else:
                    self._dispatch.deleted(ids)
                    ids, failures = [], 0
            if last:
                self._closed(connection)
                return

    def _gather(self) -> list[int]:
        ids = list(self._dispatch.take_accepted(SLICE))
        if not self._ending.is_set():
            self._ending.wait(DELETE_PAUSE)
        else:
            self._senders_done.wait(SLICE)
        return ids + list(self._dispatch.take_accepted(0))

    @staticmethod
    def _closed(connection: Connection | None) -> None:
        if connection is not None:
            connection.close()
