"""Handles for tests of the relay."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from chalicelib.core.errors import RetryLater, TwinledgerError
from chalicelib.core.model import Hint, RowId
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.relay import Relay
from tests.integration.postgres.sample import open_database

WAIT = 20.0  # seconds after which a test that waits has failed


def outbox_id(hint: Hint) -> int:
    """The outbox row that a hint came from: the first part of its deduplication id."""
    return int(hint.hint_id.partition("-")[0])


@dataclass
class Recorder:
    """A queue that remembers, and may fail or be slow; it notices a record that is in two sends at once."""

    delay: float = 0.0
    failures: list[TwinledgerError] = field(default_factory=list)
    poison: frozenset[RowId] = frozenset()
    sent: list[Hint] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    overlaps: int = 0
    _busy: set[RowId] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, hints: Sequence[Hint]) -> None:
        """Accept hints, or fail."""
        records = {hint.identity for hint in hints if isinstance(hint.identity, RowId)}
        with self._lock:
            self.batches.append(len(hints))
            if self.failures:
                raise self.failures.pop(0)
            if records & self.poison:
                raise RetryLater
            self.overlaps += len(records & self._busy) + len(hints) - len(records)
            self._busy |= records
        time.sleep(self.delay)
        with self._lock:
            self.sent.extend(hints)
            self._busy -= records


@contextmanager
def relay(dsn: str | Callable[[bool], str], hints: Recorder, **more: object) -> Iterator[threading.Event]:
    """A relay that works until the end of the block; its own error is raised then."""
    stop, errors = threading.Event(), []
    settings: dict[str, object] = {"on_truncate": lambda _table: None, "poll": 30.0, **more}
    made = Relay(dsn, hints, **settings)  # type: ignore[arg-type]

    def run() -> None:
        try:
            made.run(stop)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()
    for error in errors:
        raise error


def until(condition: Callable[[], object]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def drained(owner: Connection) -> bool:
    """Whether the outbox is empty."""
    return owner.execute("SELECT FROM twinledger.outbox LIMIT 1").fetchone() is None


def insert(app: Connection, count: int = 1) -> list[int]:
    """Users' accounts."""
    made = app.execute(
        "INSERT INTO crm.account (name) SELECT gen_random_uuid() FROM generate_series(1, %s) RETURNING id", (count,)
    )
    return [int(str(pk)) for (pk,) in made]


def edit(dsn: str, pks: Sequence[int], writers: int, edits: int, enough: threading.Event | None = None) -> None:
    """Users' edits from several connections, each in its own transaction, some rolled back."""

    def write(seed: int) -> None:
        with open_database(dsn) as user:
            for at in range(edits):
                if enough is not None and enough.is_set():
                    return
                pk = pks[(seed * 7 + at * (seed + 1)) % len(pks)]
                with user.transaction() as transaction:
                    user.execute("UPDATE crm.account SET phone = %s WHERE id = %s", (f"{seed}-{at}", pk))
                    if at % 10 == 3:
                        raise psycopg.Rollback(transaction)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_order(hints: Sequence[Hint]) -> bool:
    """Whether the ids of each record's hints grow."""
    last: dict[object, int] = defaultdict(int)
    for hint in hints:
        if outbox_id(hint) <= last[hint.identity]:
            return False
        last[hint.identity] = outbox_id(hint)
    return True
