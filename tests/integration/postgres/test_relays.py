"""More than one relay: a leader and those that wait, and relays that are killed."""

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.core.errors import AccessDenied
from chalicelib.postgres.capture import LEADER_KEY
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.relay import Relay, RelayStatus
from infra.local.postgres import Cluster
from tests.integration.postgres.relay_kit import WAIT, Recorder, drained, edit, in_order, insert, relay, until
from tests.integration.postgres.sample import open_database


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


def test_a_leader_that_ends_tells_the_next_one(owner: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes over at once: here it would not try by itself before the test has failed."""
    monkeypatch.setattr("chalicelib.postgres.relay.LEADER_PAUSE", 10 * WAIT)
    first: list[RelayStatus] = []
    second: list[RelayStatus] = []
    with relay(dsn, Recorder(), on_status=first.append) as stop:
        until(lambda: any(one.leader for one in first))
        with relay(dsn, Recorder(), on_status=second.append) as stop_second:
            until(lambda: second)
            assert not second[0].leader
            stop.set()
            until(lambda: second[-1].leader)
            stop_second.set()


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


def test_a_changed_password_is_read_again(owner: Connection, dsn: str) -> None:
    """Once for a connection; a relay to which the new one does not open the door either says so."""
    asked: list[bool] = []

    def address(refused: bool) -> str:
        asked.append(refused)
        return dsn if refused else f"{dsn}?password=old"

    told: list[RelayStatus] = []
    with relay(address, Recorder(), on_status=told.append):
        until(lambda: any(one.leader for one in told))
    assert asked[:2] == [False, True]
    wrong = Relay(f"{dsn}?password=old", Recorder(), on_truncate=lambda _table: None)
    with pytest.raises(AccessDenied, match="password authentication failed"):
        wrong.run(threading.Event())


SLOW_RELAY = """
import sys, time
from chalicelib.postgres.relay import Relay, stop_on_signals

class Slow:
    def send(self, hints):
        print("begun", flush=True)
        time.sleep(1.0)
        print(len(hints), flush=True)

Relay(sys.argv[1], Slow(), on_truncate=print, senders=1).run(stop_on_signals())
"""


def test_a_relay_that_is_told_to_end_finishes_its_batch(owner: Connection, dsn: str) -> None:
    """What is under way is sent, and deleted; the rest is left; the lock is free, and the exit status 0."""
    with open_database(dsn) as setup:
        insert(setup, 25)
    with subprocess.Popen([sys.executable, "-c", SLOW_RELAY, dsn], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "10\n"
    assert process.returncode == 0
    assert owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone() == (15,)
    assert owner.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_KEY,)).fetchone() == (True,)
    owner.execute("SELECT pg_advisory_unlock(%s)", (LEADER_KEY,))
    owner.execute("TRUNCATE twinledger.outbox")


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
        newest[pk] = max(newest[pk], int(hint_id.partition("-")[0]))
    captured = owner.execute("SELECT pk, max(id) FROM crm.all_captured GROUP BY pk").fetchall()
    assert dict(captured) == dict(newest)
    assert len(captured) == 50
