"""The relay: nothing is lost, each record's hints are in order, whoever is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from chalicelib.core.errors import AccessDenied, ConfigurationError, RetryLater, TwinledgerError
from chalicelib.core.model import Change, Hint, RowId
from chalicelib.postgres import outbox as outbox_module
from chalicelib.postgres import term
from chalicelib.postgres.capture import LEADER_KEY
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.outbox import OutboxReader, delete
from chalicelib.postgres.relay import Relay, RelayStatus, stop_on_signals
from infra.local.postgres import Cluster
from tests.integration.postgres.sample import open_database

WAIT = 20.0  # seconds after which a test that waits has failed


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
def relay(dsn: str, hints: Recorder, **more: object) -> Iterator[threading.Event]:
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


def asleep(owner: Connection) -> bool:
    """Whether a relay sleeps, and so is woken by NOTIFY."""
    found = owner.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'")
    return found.fetchone() == (2,)  # leader and drain


def test_hint(owner: Connection, app: Connection, dsn: str) -> None:
    """A hint names row, change, outbox id, time, actor and link."""
    app.execute("SET twinledger.actor = 'ada'")
    before = time.time()
    [pk] = insert(app)
    owner.execute("UPDATE crm.account SET sfid = '001000000000001AAA'")
    app.execute("DELETE FROM crm.account")
    identity = RowId("crm.account", (str(pk),))
    ids = [str(id_) for (id_,) in owner.execute("SELECT id FROM twinledger.outbox ORDER BY id")]
    recorder = Recorder()
    with relay(dsn, recorder):
        until(lambda: drained(owner))
    [hint] = recorder.sent
    assert hint.occurred_at is not None
    assert before - 1 < hint.occurred_at < time.time() + 1
    assert hint == Hint(identity, Change.DELETED, ids[2], hint.occurred_at, "ada", sfid="001000000000001AAA")


def test_actor_and_echo(owner: Connection, app: Connection, dsn: str) -> None:
    """An echo is sent too; its actor is nobody, or the user who edited before it."""
    app.execute("SELECT set_config('twinledger.origin', 'op', false)")
    insert(app)
    app.execute("SELECT set_config('twinledger.origin', '', false)")
    [edited] = insert(app)
    with app.transaction():
        app.execute("SELECT set_config('twinledger.origin', 'op', true)")
        app.execute("UPDATE crm.account SET phone = '1' WHERE id = %s", (edited,))
    recorder = Recorder()
    with relay(dsn, recorder):
        until(lambda: drained(owner))
    assert [(hint.change, hint.actor) for hint in recorder.sent] == [(Change.CREATED, None), (Change.UPDATED, "app")]


@pytest.mark.parametrize("silent", [True, False])
def test_no_wake_up_is_lost(owner: Connection, app: Connection, dsn: str, silent: bool) -> None:
    """A relay that polls twice a minute hears of every edit at once, whether it slept or was falling asleep."""
    recorder = Recorder()
    with relay(dsn, recorder):
        for at in range(100):
            if not silent:
                until(lambda: asleep(owner))
            insert(app)
            until(lambda expected=at + 1: len(recorder.sent) == expected)


def test_edit_of_a_transaction_that_was_open_before(owner: Connection, app: Connection, dsn: str) -> None:
    """A transaction that began silently, and commits long after, is heard of too; so is one behind it."""
    recorder = Recorder()
    with open_database(dsn) as late, late.transaction():
        insert(late)
        with relay(dsn, recorder):
            insert(app)
            until(lambda: len(recorder.sent) == 1)
            time.sleep(0.05)
            late.execute("COMMIT; BEGIN")
            until(lambda: len(recorder.sent) == 2)
            until(lambda: drained(owner))


def test_lower_id_that_commits_later(owner: Connection, app: Connection, dsn: str) -> None:
    """A row whose id is lower than others that were sent and deleted is sent, whatever the floor."""
    recorder = Recorder()
    with open_database(dsn) as late, relay(dsn, recorder, poll=0.02):
        with late.transaction():
            insert(late)
            for at in range(5):
                insert(app)
                until(lambda expected=at + 1: len(recorder.sent) == expected)
                until(lambda: drained(owner))
        until(lambda: len(recorder.sent) == 6)
    ids = [int(hint.hint_id) for hint in recorder.sent]
    assert ids[-1] == min(ids)


def test_floor(owner: Connection, app: Connection, dsn: str) -> None:
    """The floor rises once nothing below it can appear, and not while a transaction may still commit a lower id."""
    with open_database(dsn) as connection, open_database(dsn) as late:
        reader = OutboxReader(connection)
        with late.transaction():
            insert(late)
            insert(app)
            [row] = reader.next([])
            for _ in range(3):
                assert reader.next([]) == []
            assert reader._floor == 0
        delete(connection, [row.id])
        [lower] = reader.next([row.id])
        assert lower.id < row.id
        assert reader.next([]) == []
        assert reader._floor == row.id
        delete(connection, [lower.id])
        assert reader.next([lower.id]) == []
        assert reader.known == set()


def test_rows_that_were_seen_are_not_seen_again(owner: Connection, app: Connection, dsn: str) -> None:
    """A look gives the rows that no look before it gave, in order, up to its limit."""
    insert(app, outbox_module.LIMIT + 3)
    with open_database(dsn) as connection:
        reader = OutboxReader(connection)
        first, second, third = reader.next([]), reader.next([]), reader.next([])
        assert (len(first), len(second), len(third)) == (outbox_module.LIMIT, 3, 0)
        ids = [row.id for row in [*first, *second]]
        assert ids == sorted(ids)
        assert (reader.depth(), reader.depth(limit=7)) == (outbox_module.LIMIT + 3, 7)


def test_order_and_one_send_at_a_time(owner: Connection, dsn: str, cluster: Cluster, database: str) -> None:
    """With many writers and slow sends, no record is in two sends at once, and its ids grow."""
    recorder = Recorder(delay=0.002)
    with open_database(dsn) as setup:
        pks = insert(setup, 20)
    with relay(dsn, recorder, senders=8):
        edit(cluster.address("app", database), pks, writers=4, edits=100)
        until(lambda: drained(owner))
    assert recorder.overlaps == 0
    assert in_order(recorder.sent)
    assert max(recorder.batches) <= term.BATCH


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
        if int(hint.hint_id) <= last[hint.identity]:
            return False
        last[hint.identity] = int(hint.hint_id)
    return True


def test_rows_of_one_record_go_out_as_one(owner: Connection, app: Connection, dsn: str) -> None:
    """A burst on one record is one hint, the newest, once it waits; another record is not kept waiting."""
    [pk, other] = insert(app, 2)
    with app.transaction():
        for at in range(50):
            app.execute("UPDATE crm.account SET phone = %s WHERE id = %s", (str(at), pk))
    newest = owner.execute("SELECT max(id)::text FROM twinledger.outbox").fetchone()
    recorder = Recorder()
    with relay(dsn, recorder):
        until(lambda: drained(owner))
    assert {hint.identity.key for hint in recorder.sent if isinstance(hint.identity, RowId)} == {
        (str(pk),),
        (str(other),),
    }
    assert len(recorder.sent) == 2
    assert newest == (max(hint.hint_id for hint in recorder.sent),)


def test_failed_sends_are_tried_again(
    owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the queue's error, nothing is dropped, and nothing is deleted before it was accepted."""
    monkeypatch.setattr(term, "LONGEST_PAUSE", 0.01)
    insert(app, 30)
    recorder = Recorder(failures=[RetryLater(), AccessDenied(), ConfigurationError()] * 3)
    status: list[RelayStatus] = []
    with relay(dsn, recorder, on_status=status.append, status_every=0.01):
        until(lambda: drained(owner))
        until(lambda: status[-1].depth == 0 and status[-1].covered == 30)
    assert len({hint.identity for hint in recorder.sent}) == 30
    assert (status[-1].retries, status[-1].sent, status[-1].unsent, status[-1].lag) == (9, 30, 0, 0.0)


def test_hint_that_is_never_accepted(
    owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad hint keeps only itself; it stays in the outbox, and the status tells of it."""
    monkeypatch.setattr(term, "LONGEST_PAUSE", 0.01)
    pks = insert(app, 15)
    recorder = Recorder(poison=frozenset({RowId("crm.account", (str(pks[4]),))}))
    status: list[RelayStatus] = []
    with relay(dsn, recorder, senders=1, on_status=status.append, status_every=0.01):
        until(lambda: owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone() == (1,))
        until(lambda: status[-1].unsent == 1 and status[-1].lag > 0)
        app.execute("UPDATE crm.account SET phone = '1'")
        until(lambda: owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone() == (2,))
        recorder.poison = frozenset()
        until(lambda: drained(owner))
    assert in_order(recorder.sent)
    assert len(recorder.sent) == 30


def test_truncate(owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated table is told, again and again until that is accepted."""
    monkeypatch.setattr(term, "LONGEST_PAUSE", 0.01)
    owner.execute("GRANT TRUNCATE ON crm.contact TO app")
    app.execute("TRUNCATE crm.contact")
    told: list[str] = []

    def on_truncate(table: str) -> None:
        told.append(table)
        if len(told) < 3:
            raise RetryLater

    recorder = Recorder()
    with relay(dsn, recorder, on_truncate=on_truncate):
        until(lambda: drained(owner))
    assert (told, recorder.sent) == (["crm.contact"] * 3, [])


def test_window(owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the reader waits while too much is unsent, and everything arrives."""
    monkeypatch.setattr(term, "WINDOW", 100)
    monkeypatch.setattr(term, "LIMIT", 50)
    monkeypatch.setattr(outbox_module, "LIMIT", 50)
    insert(app, 1_000)
    status: list[RelayStatus] = []
    with relay(dsn, Recorder(delay=0.001), on_status=status.append, status_every=0.0):
        until(lambda: drained(owner))
    assert max(one.unsent for one in status) <= 150


def test_stop_leaves_the_rest(owner: Connection, app: Connection, dsn: str) -> None:
    """On stopping, what is under way is finished and deleted; the rest stays for the next relay."""
    insert(app, 200)
    recorder = Recorder(delay=0.05)
    with relay(dsn, recorder, senders=2):
        until(lambda: recorder.sent)
    left = owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone()
    assert left == (200 - len(recorder.sent),)
    with relay(dsn, recorder):
        until(lambda: drained(owner))
    assert len({hint.hint_id for hint in recorder.sent}) == len(recorder.sent) == 200


def test_defect_of_a_sender_ends_the_relay(owner: Connection, app: Connection, dsn: str) -> None:
    """An error that is none of ours is not swallowed: the relay ends with it, and the rows stay."""
    insert(app)

    class Broken(Recorder):
        def send(self, hints: Sequence[Hint]) -> None:
            raise ZeroDivisionError

    ended = threading.Event()
    with pytest.raises(ZeroDivisionError):
        Relay(dsn, Broken(), on_truncate=lambda _table: None).run(ended)
    assert not drained(owner)


def test_two_relays(owner: Connection, dsn: str, cluster: Cluster, database: str) -> None:
    """One works and the other waits; when the first one stops, the second goes on, and each record stays in order."""
    recorder = Recorder(delay=0.001)
    first: list[RelayStatus] = []
    second: list[RelayStatus] = []
    with open_database(dsn) as setup:
        pks = insert(setup, 20)
    with relay(dsn, recorder, on_status=first.append) as stop:
        until(lambda: any(one.leader for one in first))
        with relay(dsn, recorder, on_status=second.append):
            arguments = (cluster.address("app", database), pks, 3, 150)
            users = threading.Thread(target=edit, args=arguments)
            users.start()
            until(lambda: len(recorder.sent) > 50)
            assert not any(one.leader for one in second)
            stop.set()
            users.join()
            until(lambda: drained(owner))
            assert any(one.leader for one in second)
    assert recorder.overlaps == 0
    assert in_order(recorder.sent)


def test_lost_connection(owner: Connection, app: Connection, dsn: str) -> None:
    """When the leader's connections are cut, it comes back by itself, and nothing is lost."""
    recorder = Recorder()
    with relay(dsn, recorder):
        for count in range(1, 4):
            insert(app)
            until(lambda expected=count: len({hint.identity for hint in recorder.sent}) == expected)
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'twinledger-relay'"
            )
        until(lambda: drained(owner))


def test_deletion_that_fails(owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed deletion is made again; the rows are not sent twice."""
    real, failures = term.delete, [psycopg.OperationalError("cut"), psycopg.OperationalError("cut")]

    def failing(connection: Connection, ids: Sequence[int]) -> None:
        if failures:
            raise failures.pop()
        real(connection, ids)

    monkeypatch.setattr(term, "delete", failing)
    recorder = Recorder()
    insert(app)
    with relay(dsn, recorder, poll=0.01):
        until(lambda: drained(owner))
    assert len(recorder.sent) == 1


def test_halts_where_a_person_is_needed(cluster: Cluster) -> None:
    """A database without Twinledger, or that does not let the relay in, is a matter for a person."""
    dsn = cluster.create_database("relay_nothing")
    with pytest.raises(ConfigurationError):
        Relay(dsn, Recorder(), on_truncate=lambda _table: None).run(threading.Event())
    with pytest.raises(AccessDenied):
        Relay(dsn.replace("twinledger:", "twinledger:x"), Recorder(), on_truncate=lambda _table: None).run(
            threading.Event()
        )


def test_database_that_is_away() -> None:
    """A database that is away is tried again until it is time to stop."""
    stop = threading.Event()
    told: list[RelayStatus] = []

    def on_status(status: RelayStatus) -> None:
        told.append(status)
        stop.set()

    Relay("postgresql://127.0.0.1:1/none", Recorder(), on_truncate=lambda _table: None, on_status=on_status).run(stop)
    assert [one.leader for one in told] == [False]


def test_leadership_is_not_waited_for(owner: Connection, dsn: str) -> None:
    """A relay that is not the leader holds no snapshot: waiting inside the lock would stall vacuum."""
    with open_database(dsn) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LEADER_KEY,))
        told: list[RelayStatus] = []
        with relay(dsn, Recorder(), on_status=told.append):
            until(lambda: told)
            assert owner.execute(
                "SELECT state, backend_xmin FROM pg_stat_activity WHERE application_name = 'twinledger-relay'"
            ).fetchall() == [("idle", None)]


RELAY_PROCESS = """
import os, sys, time
from chalicelib.postgres.relay import Relay, stop_on_signals

class Log:
    def send(self, hints):
        time.sleep(0.001)
        text = "".join(f"{hint.identity.key[0]} {hint.hint_id}\\n" for hint in hints)
        os.write(3, text.encode())

Relay(sys.argv[1], Log(), on_truncate=print, senders=4).run(stop_on_signals())
"""


@contextmanager
def relay_process(dsn: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A relay in a process of its own that appends what it sends to a file."""
    with log.open("ab", buffering=0) as file:
        saved = os.dup(3) if file.fileno() != 3 else None
        os.dup2(file.fileno(), 3)
        process = subprocess.Popen([sys.executable, "-c", RELAY_PROCESS, dsn], pass_fds=(3,))  # noqa: S603
        if saved is not None:
            os.dup2(saved, 3)
            os.close(saved)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_killed_relays(owner: Connection, dsn: str, cluster: Cluster, database: str, tmp_path: Path) -> None:
    """Relays that are killed with SIGKILL lose nothing: every edit is covered by a hint that was sent after it."""
    log, enough = tmp_path / "sent", threading.Event()
    with open_database(dsn) as setup:
        pks = insert(setup, 50)
        setup.execute("CREATE TABLE IF NOT EXISTS crm.all_captured AS SELECT id, pk ->> 0 AS pk FROM twinledger.outbox")
        setup.execute(
            "CREATE FUNCTION crm.keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            " 'BEGIN INSERT INTO crm.all_captured VALUES (NEW.id, NEW.pk ->> 0); RETURN NULL; END'"
        )
        setup.execute("CREATE TRIGGER keep AFTER INSERT ON twinledger.outbox FOR EACH ROW EXECUTE FUNCTION crm.keep()")
    users = threading.Thread(target=edit, args=(cluster.address("app", database), pks, 3, 100_000, enough))
    users.start()
    for _ in range(3):
        with relay_process(dsn, log):
            size = log.stat().st_size
            until(lambda before=size: log.stat().st_size > before + 500)
    enough.set()
    users.join()
    with relay_process(dsn, log) as last:
        until(lambda: drained(owner))
        last.send_signal(signal.SIGTERM)
        assert last.wait(WAIT) == 0
    owner.execute("DROP FUNCTION crm.keep CASCADE")
    newest: dict[str, int] = defaultdict(int)
    for line in log.read_text(encoding="ascii").splitlines():
        pk, hint_id = line.split()
        newest[pk] = max(newest[pk], int(hint_id))
    captured = owner.execute("SELECT pk, max(id) FROM crm.all_captured GROUP BY pk").fetchall()
    assert dict(captured) == dict(newest)
    assert len(captured) == 50


def test_stop_on_signals() -> None:
    """A signal sets the event."""
    before = signal.getsignal(signal.SIGUSR1)
    stop = stop_on_signals(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)
    assert stop.is_set()
