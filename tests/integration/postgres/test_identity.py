"""A database that was restored, copied or recovered is another one, and is neither relayed nor settled."""

import threading
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from chalicelib.core.errors import ConfigurationError
from chalicelib.core.ports import RowQuery
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.identity import copied, identity
from chalicelib.postgres.install import install
from chalicelib.postgres.relay import Relay
from chalicelib.postgres.rows import PostgresRows
from infra.local.postgres import Cluster
from tests.integration.postgres.backups import dump, restore
from tests.integration.postgres.relay_kit import Recorder, insert, relay, until
from tests.integration.postgres.rows_kit import kill
from tests.integration.postgres.sample import MAPPINGS, account, create_database, open_database


def identity_of(dsn: str) -> str:
    """As a connection of its own sees it."""
    with open_database(dsn) as connection:
        return identity(connection)


def test_a_restored_dump_is_another_database(cluster: Cluster, dsn: str, owner: Connection, tmp_path: Path) -> None:
    """In a database of its own; and in the same one, where the rows are another transaction's."""
    first = identity(owner)
    dump(dsn, tmp_path / "dump")

    elsewhere = cluster.create_database("restored_elsewhere")
    restore(tmp_path / "dump", elsewhere)
    owner.execute('DROP SCHEMA twinledger, crm, "Sales ""Data""" CASCADE')
    restore(tmp_path / "dump", dsn)

    found = [first, identity_of(elsewhere), identity_of(dsn)]
    assert len(set(found)) == 3
    assert [copied(first, other) for other in found] == [False, True, True]


def test_a_copy_of_a_database_is_another_one(cluster: Cluster) -> None:
    """Although each of its files is the same."""
    create_database(cluster, "template_of_a_copy")
    dsn = cluster.address("twinledger", "template_of_a_copy")
    with psycopg.connect(cluster.address("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute("CREATE DATABASE copy_of_a_template TEMPLATE template_of_a_copy OWNER twinledger")

    assert copied(identity_of(dsn), identity_of(cluster.address("twinledger", "copy_of_a_template")))


def test_a_person_can_tell_of_a_restore_that_left_no_trace(owner: Connection) -> None:
    """By writing the row of the identity anew."""
    first = identity(owner)
    owner.execute("UPDATE twinledger.installation SET only_one = true")
    assert copied(first, identity(owner))


def test_another_installation_is_no_copy(cluster: Cluster, owner: Connection) -> None:
    """It has an identity of its own."""
    create_database(cluster, "another_installation")
    assert not copied(identity(owner), identity_of(cluster.address("twinledger", "another_installation")))


def test_a_recovered_cluster_is_another_one(tmp_path: Path) -> None:
    """A restart changes nothing; recovery begins a timeline of its own, as a promotion does."""
    with Cluster(settings={"restore_command": "false"}) as own:
        create_database(own, "recovered")
        dsn = own.address("twinledger", "recovered")
        first = identity_of(dsn)
        own.stop()
        own.start(guarded=True)
        again = identity_of(dsn)
        own.stop()
        (own._data / "recovery.signal").touch()
        own.start(guarded=True)

        assert again == first
        assert copied(first, identity_of(dsn))


def test_a_service_that_does_not_tell_its_cluster(owner: Connection, cluster: Cluster, database: str) -> None:
    """The rest is told."""
    function = sql.SQL("FUNCTION pg_control_system()")
    with open_database(cluster.address("postgres", database)) as superuser:
        superuser.execute(sql.SQL("REVOKE EXECUTE ON {} FROM PUBLIC").format(function))
        try:
            assert identity(owner).count(".") == 2
        finally:
            superuser.execute(sql.SQL("GRANT EXECUTE ON {} TO PUBLIC").format(function))


class Door:
    """Counts the connections that come, and lets none in once it is closed."""

    def __init__(self) -> None:
        self.came = 0
        self.closed = threading.Event()

    def __call__(self, _connection: Connection) -> None:
        """A connection comes."""
        self.came += 1
        if self.closed.is_set():
            raise ConfigurationError("another database")


def test_rows_meet_each_connection_once(owner: Connection, connection: PostgresConnection) -> None:
    """And the one that takes the place of a dead one, before anything is read on it."""
    door = Door()
    rows = PostgresRows(connection, MAPPINGS, door)
    rows.read([RowQuery(account, None, ("1",))])
    rows.edited_at(account, ("1",), ["Phone"])
    assert door.came == 1

    door.closed.set()
    kill(owner)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="another database"):
            rows.read([RowQuery(account, None, ("1",))])
    assert door.came == 3


def test_another_database_is_not_relayed(dsn: str, owner: Connection, app: Connection) -> None:
    """What it has captured stays in its outbox."""
    door, hints = Door(), Recorder()
    door.closed.set()
    insert(app)
    with pytest.raises(ConfigurationError, match="another database"):
        Relay(dsn, hints, on_truncate=lambda _table: None, met=door).run(threading.Event())
    assert (hints.sent, owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone()) == ([], (1,))


def test_a_relay_ends_once_its_database_is_another_one(dsn: str, owner: Connection, app: Connection) -> None:
    """It was restored under its connection."""
    door, hints = Door(), Recorder()
    with pytest.raises(ConfigurationError, match="another database"):  # noqa: PT012, SIM117
        with relay(dsn, hints, met=door, status_every=0.05):
            insert(app)
            until(lambda: len(hints.sent) == 1)
            door.closed.set()
            came = door.came
            until(lambda: door.came > came)
    insert(app)
    assert (len(hints.sent), owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone()) == (1, (1,))


def test_installing_again_keeps_the_identity(owner: Connection) -> None:
    """It finds everything there."""
    first = identity(owner)
    install(owner, MAPPINGS)
    assert identity(owner) == first
