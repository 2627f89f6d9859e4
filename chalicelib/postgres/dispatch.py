"""What the relay holds in memory: a queue for each record, and the ids that may be deleted."""

import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.core.model import Hint, RowId
from chalicelib.postgres.outbox import Captured

_LONG = 60.0  # seconds that a sender waits at a time where nothing is deferred


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes out at once for one record.

    Several outbox rows of a record that wait together go out as one hint, the newest: a hint says only that the
    record may differ, and whoever receives it reads the record as it is after all of them.

    Attributes:
        record: the record, or the table that was truncated.
        hint: what is sent; None: the table was truncated.
        ids: the outbox rows that it stands for.
        failures: how often it was put aside.
    """

    record: RowId
    hint: Hint | None
    ids: tuple[int, ...]
    failures: int = 0


@dataclass
class Dispatch:
    """Queues between one reader, many senders and one deleter. A record is never with two senders at once."""

    _lock: threading.RLock = field(default_factory=threading.RLock)
    _waiting: dict[RowId, list[Captured]] = field(default_factory=dict)  # by record, in order of outbox id
    _since: dict[RowId, float] = field(default_factory=dict)  # when the oldest waiting row of a record was read
    _ready: deque[RowId] = field(default_factory=deque)  # records with waiting rows that no sender has
    _sending: dict[RowId, float] = field(default_factory=dict)  # the same of what senders have
    _deferred: list[tuple[float, Parcel]] = field(default_factory=list)  # when to try again
    _due_next: bool = False
    _accepted: list[int] = field(default_factory=list)
    _gone: list[int] = field(default_factory=list)
    _unsent: int = 0
    _closed: bool = False

    def __post_init__(self) -> None:
        # Three conditions of one lock, so that a row wakes one sender and not every thread there is
        self._for_senders = threading.Condition(self._lock)
        self._for_deleter = threading.Condition(self._lock)
        self._for_reader = threading.Condition(self._lock)

    def put(self, rows: Iterable[Captured]) -> None:
        """Queue rows, in order of outbox id."""
        now = time.monotonic()
        with self._lock:
            before = len(self._ready)
            for row in rows:
                record = row.record
                if record not in self._waiting:
                    self._waiting[record] = []
                    self._since[record] = now
                    if record not in self._sending:
                        self._ready.append(record)
                self._waiting[record].append(row)
                self._unsent += 1
            self._for_senders.notify(len(self._ready) - before)

    def take(self, limit: int) -> list[Parcel]:
        """Wait for records that are ready, and take some, one parcel of each; none: the dispatch is closed.

        A parcel that was deferred comes alone when its time has come, in turn with those that were not.
        """
        with self._lock:
            while not self._closed:
                now = time.monotonic()
                due = next((entry for entry in self._deferred if entry[0] <= now), None)
                self._due_next = not self._due_next
                if due is not None and (self._due_next or not self._ready):
                    self._deferred.remove(due)
                    return [due[1]]
                if self._ready:
                    records = [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]
                    self._sending.update((record, self._since.pop(record)) for record in records)
                    return [_parcel(record, self._waiting.pop(record)) for record in records]
                self._for_senders.wait(min((at for at, _ in self._deferred), default=now + _LONG) - now)
            return []

    def defer(self, parcel: Parcel, seconds: float) -> None:
        """Try a parcel again later, alone; its record waits, and no other does."""
        with self._lock:
            later = replace(parcel, failures=parcel.failures + 1)
            self._deferred.append((time.monotonic() + seconds, later))
            self._for_senders.notify_all()  # each has to know how long it may wait

    def accept(self, parcels: Collection[Parcel]) -> None:
        """The parcels were accepted: their rows may go, and their records may be sent again."""
        with self._lock:
            for parcel in parcels:
                self._accepted.extend(parcel.ids)
                self._unsent -= len(parcel.ids)
                del self._sending[parcel.record]
                if parcel.record in self._waiting:
                    self._ready.append(parcel.record)
                    self._for_senders.notify()
            self._for_deleter.notify()
            self._for_reader.notify()

    def take_accepted(self, timeout: float) -> Sequence[int]:
        """Ids to delete, after waiting for some for at most ``timeout`` seconds."""
        with self._lock:
            self._for_deleter.wait_for(lambda: self._accepted or self._closed, timeout)
            taken, self._accepted = self._accepted, []
            return taken

    def deleted(self, ids: Collection[int]) -> None:
        """The deletion of these ids was committed."""
        with self._lock:
            self._gone.extend(ids)

    def take_gone(self) -> Sequence[int]:
        """Ids whose deletion was committed before this call."""
        with self._lock:
            taken, self._gone = self._gone, []
            return taken

    def room(self, window: int, timeout: float) -> bool:
        """Whether fewer than ``window`` rows are unsent, after waiting for that for at most ``timeout`` seconds."""
        with self._lock:
            return self._for_reader.wait_for(lambda: self._unsent < window or self._closed, timeout)

    def close(self) -> None:
        """Let the senders go home when they have finished what they hold."""
        with self._lock:
            self._closed = True
            for condition in (self._for_senders, self._for_deleter, self._for_reader):
                condition.notify_all()

    @property
    def unsent(self) -> int:
        """Rows that were read and not yet accepted."""
        with self._lock:
            return self._unsent

    @property
    def lag(self) -> float:
        """Seconds since the oldest unsent row was read; 0: there is none."""
        with self._lock:
            oldest = min((*self._since.values(), *self._sending.values()), default=None)
            return 0.0 if oldest is None else time.monotonic() - oldest


def _parcel(record: RowId, rows: Sequence[Captured]) -> Parcel:
    """One parcel of all rows of a record; the actor is the last one who is not the sync itself."""
    ids = tuple(row.id for row in rows)
    newest = rows[-1].hint
    if newest is None:
        return Parcel(record, None, ids)
    actors = [row.hint.actor for row in rows if row.hint is not None and row.hint.actor is not None]
    return Parcel(record, replace(newest, actor=actors[-1] if actors else None), ids)
