"""What the relay holds in memory: a queue for each record, and the ids that may be deleted."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.core.model import Hint, RowId
from chalicelib.postgres.outbox import Captured

_LONG = 60.0  # seconds that a sender waits at a time where nothing is deferred


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes out at once for one record.

    Several outbox rows of a record that wait together go out as one hint, the newest: a hint says only that the
    record may differ, and whoever receives it reads the record as it is after all of them. It goes by the bulk lane
    where all of them would.

    Attributes:
        record: the record, or the table that was truncated.
        hint: what is sent; None: the table was truncated.
        ids: the outbox rows that it stands for.
        many: how many of these are rows of the bulk lane.
        failures: how often it was put aside.
    """

    record: RowId
    hint: Hint | None
    ids: tuple[int, ...]
    many: int = 0
    failures: int = 0

    @property
    def bulk(self) -> bool:
        """Whether it goes by the bulk lane."""
        return self.hint is not None and self.hint.bulk


@dataclass
class _Lane:
    """What waits for the senders of one lane.

    Attributes:
        for_senders: wakes them.
        ready: records with waiting rows that no sender has, in their order.
        deferred: parcels to try again, and when.
        due_next: whose turn it is.
    """

    for_senders: threading.Condition
    ready: OrderedDict[RowId, None] = field(default_factory=OrderedDict)
    deferred: list[tuple[float, Parcel]] = field(default_factory=list)
    due_next: bool = False


@dataclass
class Dispatch:
    """Queues between one reader, many senders and one deleter. A record is never with two senders at once.

    There are two lanes, each with senders of its own, so that no user's edit waits for a bulk statement's. A record is
    ready in one of them: in the bulk lane while all its waiting rows are bulk.
    """

    _lock: threading.RLock = field(default_factory=threading.RLock)
    _waiting: dict[RowId, list[Captured]] = field(default_factory=dict)  # by record, in order of reading
    _since: dict[RowId, float] = field(default_factory=dict)  # when the oldest waiting row of a record was read
    _sending: dict[RowId, float] = field(default_factory=dict)  # the same of what senders have
    _accepted: list[int] = field(default_factory=list)
    _gone: list[int] = field(default_factory=list)
    _unsent: int = 0
    _many: int = 0  # those of them that are rows of the bulk lane
    _closed: bool = False

    def __post_init__(self) -> None:
        # Conditions of one lock, so that a row wakes one sender and not every thread there is
        self._live = _Lane(threading.Condition(self._lock))
        self._bulk = _Lane(threading.Condition(self._lock))
        self._for_deleter = threading.Condition(self._lock)
        self._for_reader = threading.Condition(self._lock)

    def put(self, rows: Iterable[Captured]) -> None:
        """Queue rows, in order of outbox id."""
        now = time.monotonic()
        with self._lock:
            before = len(self._live.ready), len(self._bulk.ready)
            for row in rows:
                record = row.record
                known = record in self._waiting
                if not known:
                    self._waiting[record] = []
                    self._since[record] = now
                self._waiting[record].append(row)
                self._unsent += 1
                self._many += row.bulk
                if record not in self._sending and not (known and row.bulk):
                    self._bulk.ready.pop(record, None)
                    self._lane(row.bulk).ready.setdefault(record)
            self._live.for_senders.notify(max(0, len(self._live.ready) - before[0]))
            self._bulk.for_senders.notify(max(0, len(self._bulk.ready) - before[1]))

    def take(self, limit: int, *, bulk: bool = False) -> list[Parcel]:
        """Wait for records that are ready in a lane, and take some, one parcel of each; none: the dispatch is closed.

        A parcel that was deferred comes alone when its time has come, in turn with those that were not.
        """
        lane = self._lane(bulk)
        with self._lock:
            while not self._closed:
                now = time.monotonic()
                due = next((entry for entry in lane.deferred if entry[0] <= now), None)
                lane.due_next = not lane.due_next
                if due is not None and (lane.due_next or not lane.ready):
                    lane.deferred.remove(due)
                    return [due[1]]
                if lane.ready:
                    records = [lane.ready.popitem(last=False)[0] for _ in range(min(limit, len(lane.ready)))]
                    self._sending.update((record, self._since.pop(record)) for record in records)
                    return [_parcel(record, self._waiting.pop(record)) for record in records]
                lane.for_senders.wait(min((at for at, _ in lane.deferred), default=now + _LONG) - now)
            return []

    def defer(self, parcel: Parcel, seconds: float) -> None:
        """Try a parcel again later, alone; its record waits, and no other does."""
        lane = self._lane(parcel.bulk)
        with self._lock:
            later = replace(parcel, failures=parcel.failures + 1)
            lane.deferred.append((time.monotonic() + seconds, later))
            lane.for_senders.notify_all()  # each has to know how long it may wait

    def accept(self, parcels: Collection[Parcel]) -> None:
        """The parcels were accepted: their rows may go, and their records may be sent again."""
        with self._lock:
            for parcel in parcels:
                self._accepted.extend(parcel.ids)
                self._unsent -= len(parcel.ids)
                self._many -= parcel.many
                del self._sending[parcel.record]
                if parcel.record in self._waiting:
                    lane = self._lane(all(row.bulk for row in self._waiting[parcel.record]))
                    lane.ready[parcel.record] = None
                    lane.for_senders.notify()
            self._for_deleter.notify()
            self._for_reader.notify()

    def _lane(self, bulk: bool) -> _Lane:
        return self._bulk if bulk else self._live

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

    def room(self, window: int, timeout: float, *, bulk: bool = False) -> bool:
        """Whether fewer than ``window`` rows of a lane are unsent, after waiting for that for ``timeout`` seconds."""
        with self._lock:
            return self._for_reader.wait_for(lambda: self._unsent_of(bulk) < window or self._closed, timeout)

    def _unsent_of(self, bulk: bool) -> int:
        return self._many if bulk else self._unsent - self._many

    def close(self) -> None:
        """Let the senders go home when they have finished what they hold."""
        with self._lock:
            self._closed = True
            for condition in (self._live.for_senders, self._bulk.for_senders, self._for_deleter, self._for_reader):
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
    """One parcel of all rows of a record: the newest one's hint; the actor is the last one who is not the sync itself.

    A live row may have been read before an older row of the bulk lane.
    """
    ids = tuple(sorted(row.id for row in rows))
    many = sum(row.bulk for row in rows)
    told = {row.id: row.hint for row in rows if row.hint is not None}
    if len(told) < len(rows):
        return Parcel(record, None, ids)
    hints = [told[id_] for id_ in ids]
    actors = [hint.actor for hint in hints if hint.actor is not None]
    newest = replace(hints[-1], actor=actors[-1] if actors else None, bulk=many == len(ids))
    return Parcel(record, newest, ids, many)
