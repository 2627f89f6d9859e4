"""The relay when something fails: sends, deletions, connections, the database, itself."""

import threading
from collections.abc import Sequence

import psycopg
import pytest

from chalicelib.core.errors import AccessDenied, ConfigurationError, RetryLater
from chalicelib.core.model import Hint, RowId
from chalicelib.postgres import term
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.relay import Relay, RelayStatus
from infra.local.postgres import Cluster
from tests.integration.postgres.relay_kit import Recorder, drained, in_order, insert, relay, until


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


def test_stop_while_the_queue_is_away(owner: Connection, app: Connection, dsn: str) -> None:
    """A relay that is told to stop does not wait for the queue to come back."""
    insert(app)
    recorder = Recorder(failures=[RetryLater()] * 1_000)
    with relay(dsn, recorder):
        until(lambda: len(recorder.batches) > 1)
    assert not drained(owner)
