"""The relay at work: hints, wake-ups, order, and what it keeps in memory."""

import signal
import time

import pytest

from chalicelib.core.model import Change, Hint, RowId
from chalicelib.postgres import outbox as outbox_module
from chalicelib.postgres import term
from chalicelib.postgres.capture import LIVE_ROWS
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.relay import RelayStatus, stop_on_signals
from infra.local.postgres import Cluster
from tests.integration.postgres.relay_kit import Recorder, drained, edit, in_order, insert, outbox_id, relay, until
from tests.integration.postgres.sample import open_database


def asleep(owner: Connection) -> bool:
    """Whether a relay sleeps, and so is woken by NOTIFY."""
    found = owner.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'")
    return found.fetchone() == (2,)  # leader and drain


def test_hint(owner: Connection, app: Connection, dsn: str) -> None:
    """A hint names row, change, outbox row, time, actor and link."""
    app.execute("SET twinledger.actor = 'ada'")
    before = time.time()
    [pk] = insert(app)
    owner.execute("UPDATE crm.account SET sfid = '001000000000001AAA'")
    app.execute("DELETE FROM crm.account")
    identity = RowId("crm.account", (str(pk),))
    told = "SELECT id || '-' || (extract(epoch FROM edited_at) * 1000000)::bigint FROM twinledger.outbox ORDER BY id"
    ids = [str(id_) for (id_,) in owner.execute(told)]
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
    ids = [outbox_id(hint) for hint in recorder.sent]
    assert ids[-1] == min(ids)


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


def test_rows_of_one_record_go_out_as_one(owner: Connection, app: Connection, dsn: str) -> None:
    """A burst on one record is one hint, the newest, once it waits; another record is not kept waiting."""
    [pk, other] = insert(app, 2)
    with app.transaction():
        for at in range(50):
            app.execute("UPDATE crm.account SET phone = %s WHERE id = %s", (str(at), pk))
    newest = owner.execute("SELECT max(id) FROM twinledger.outbox").fetchone()
    recorder = Recorder()
    with relay(dsn, recorder):
        until(lambda: drained(owner))
    assert {hint.identity.key for hint in recorder.sent if isinstance(hint.identity, RowId)} == {
        (str(pk),),
        (str(other),),
    }
    assert len(recorder.sent) == 2
    assert newest == (max(map(outbox_id, recorder.sent)),)


def test_window(owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: the reader waits while too much is unsent, and everything arrives."""
    monkeypatch.setattr(term, "WINDOW", 100)
    monkeypatch.setattr(outbox_module, "LIMIT", 50)
    insert(app, 1_000)
    status: list[RelayStatus] = []
    with relay(dsn, Recorder(delay=0.001), on_status=status.append, status_every=0.0):
        until(lambda: drained(owner))
    assert max(one.unsent for one in status) <= 300


def test_live_rows_pass_many(owner: Connection, app: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk statement's rows go in large batches by their own senders; an edit after it is sent before most."""
    monkeypatch.setattr(term, "WINDOW", 400)
    monkeypatch.setattr(outbox_module, "LIMIT", 200)
    insert(app, 2_000)
    recorder = Recorder(delay=0.05)
    with relay(dsn, recorder):
        until(lambda: len(recorder.sent) > LIVE_ROWS)
        [pk] = insert(app)
        until(lambda: drained(owner))
    [place] = [at for at, hint in enumerate(recorder.sent) if hint.identity == RowId("crm.account", (str(pk),))]
    assert sum(hint.bulk for hint in recorder.sent) == 2_000 - LIVE_ROWS
    assert not recorder.sent[place].bulk
    assert sum(hint.bulk for hint in recorder.sent[place:]) > 500
    assert max(recorder.batches) > term.BATCH
    assert recorder.overlaps == 0


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


def test_stop_on_signals() -> None:
    """A signal sets the event."""
    before = signal.getsignal(signal.SIGUSR1)
    stop = stop_on_signals(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)
    assert stop.is_set()
