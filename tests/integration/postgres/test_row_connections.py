"""Rows over connections that break, are refused, or have other settings; and how often they are asked."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from chalicelib.core.errors import AccessDenied, ConfigurationError, Unavailable
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Fields
from chalicelib.core.ports import Failed, RowQuery, RowWritten
from chalicelib.postgres import rows as rows_module
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.identity import identity
from chalicelib.postgres.rows import PostgresRows
from infra.local.postgres import Cluster
from tests.integration.postgres.rows_kit import SFID, create, insert, kill, refused, seen, trigger, update
from tests.integration.postgres.sample import MAPPINGS, account, mapping, open_database

pytestmark = pytest.mark.usefixtures("_no_user_triggers")


def test_broken_connection_before_a_write(
    owner: Connection, connection: PostgresConnection, rows: PostgresRows
) -> None:
    """A connection that the server ended between two calls is made anew, once, without a word."""
    pk = insert(owner)
    row = seen(rows, pk)
    kill(owner)
    assert isinstance(rows.write([update(row, {"Phone": "1"})])[0], RowWritten)
    kill(owner)
    assert seen(rows, pk).values["Phone"] == "1"
    kill(owner)
    assert rows.edited_at(account, pk, ["Phone"]) is None
    kill(owner)
    assert connection.first(identity).count(".") == 4


def test_connection_lost_within_a_write(owner: Connection, rows: PostgresRows) -> None:
    """A write whose connection breaks has an unknown outcome; the writes after it go on with another connection."""
    first, second = insert(owner), insert(owner, values="'Other'")
    trigger(
        owner,
        "BEFORE UPDATE ON",
        "IF NEW.phone = 'die' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW;",
    )
    outcomes = rows.write([update(seen(rows, first), {"Phone": "die"}), update(seen(rows, second), {"Phone": "1"})])
    assert isinstance(outcomes[0], Failed)
    assert isinstance(outcomes[0].error, Unavailable)
    assert isinstance(outcomes[1], RowWritten)
    assert seen(rows, first).values["Phone"] is None


def test_threads_share_one_connection(dsn: str) -> None:
    """Those that need it at the same time do not open one each."""
    opened = threading.Barrier(4)
    connection = PostgresConnection(dsn)

    def use(_: int) -> int:
        opened.wait()
        return connection.first(lambda found: found.info.backend_pid)

    with ThreadPoolExecutor(4) as threads:
        pids = set(threads.map(use, range(4)))
    connection.drop()
    assert len(pids) == 1


def test_a_retired_connection_stays_closed(dsn: str) -> None:
    """A thread that is late does not open it again behind the back of whoever gave it up."""
    connection = PostgresConnection(dsn)
    held = connection.get()
    connection.retire()
    assert held.closed
    with pytest.raises(Unavailable, match="given up"):
        connection.first(identity)


def test_no_server() -> None:
    """Without a server the whole call fails, and nothing was written."""
    rows = PostgresRows(PostgresConnection("postgresql://nobody@127.0.0.1:1/none"), MAPPINGS)
    with pytest.raises(Unavailable):
        rows.write([create({})])
    with pytest.raises(Unavailable):
        rows.read([RowQuery(account, None, sfid=SFID)])


def test_wrong_password_and_database(cluster: Cluster, dsn: str) -> None:
    """What a person has to mend is told apart from what may pass."""
    wrong = dsn.replace(cluster.passwords["twinledger"], "wrong")
    with pytest.raises(AccessDenied):
        PostgresConnection(wrong).get()
    with pytest.raises(ConfigurationError):
        PostgresConnection(dsn + "_not").get()
    with pytest.raises(ConfigurationError):
        PostgresConnection("postgresql://127.0.0.1/x?nonsense=1").get()


def test_statement_timeout(dsn: str, owner: Connection) -> None:
    """A statement that takes too long may pass later."""
    pk = insert(owner)
    trigger(owner, "BEFORE UPDATE ON", "PERFORM pg_sleep(5); RETURN NEW;")
    hurried = PostgresRows(PostgresConnection(dsn, statement_timeout=50), MAPPINGS)
    [outcome] = hurried.write([update(seen(hurried, pk), {"Phone": "1"})])
    hurried.connection.drop()
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Unavailable)


def test_settings_of_the_database_change_nothing(cluster: Cluster, owner: Connection, dsn: str) -> None:
    """Date style, time zone and isolation of the database are the user's, and no value depends on them."""
    pk = insert(owner, "name, founded, called", "'Acme', '1999-12-31', '2026-11-24 05:06:07+00'")
    with open_database(dsn) as connection:
        for setting in (
            "DateStyle = 'German, DMY'",
            "TimeZone = 'Asia/Kolkata'",
            "default_transaction_isolation = 'serializable'",
        ):
            connection.execute(f"ALTER DATABASE test_row_connections SET {setting}".encode())
    odd = PostgresRows(PostgresConnection(dsn), MAPPINGS)
    row = seen(odd, pk)
    values: Fields = {"Founded": "2000-01-02", "Called": "2026-11-24T23:59:59Z"}
    [outcome] = odd.write([update(row, values)])
    odd.connection.drop()
    owner.execute("ALTER DATABASE test_row_connections RESET ALL")
    assert row.values["Called"] == "2026-11-24T05:06:07Z"
    assert isinstance(outcome, RowWritten)
    assert outcome.state.row is not None
    assert {**row.values, **values} == outcome.state.row.values


def test_missing_right(owner: Connection, cluster: Cluster, database: str) -> None:
    """A role that may not read a table is told so; one that may not write parks what it cannot write."""
    pk = insert(owner)
    owner.execute("GRANT USAGE ON SCHEMA twinledger TO app")
    other = PostgresRows(PostgresConnection(cluster.address("app", database)), MAPPINGS)
    with pytest.raises(AccessDenied):
        other.read([RowQuery(account, None, pk=pk)])
    other.connection.drop()


def test_row_security_hides_nothing(owner: Connection, cluster: Cluster, database: str) -> None:
    """Where a policy would hide rows from the sync's role, a read says so: hidden rows would look deleted."""
    pk = insert(owner)
    owner.execute("GRANT USAGE ON SCHEMA twinledger TO app")
    owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA twinledger TO app")
    owner.execute("ALTER TABLE crm.account ENABLE ROW LEVEL SECURITY")
    other = PostgresRows(PostgresConnection(cluster.address("app", database)), MAPPINGS)
    try:
        with pytest.raises(AccessDenied, match="row-level security"):
            other.read([RowQuery(account, None, pk=pk)])
    finally:
        other.connection.drop()
        owner.execute("ALTER TABLE crm.account DISABLE ROW LEVEL SECURITY")
        owner.execute("REVOKE ALL ON ALL TABLES IN SCHEMA twinledger FROM app")
        owner.execute("REVOKE ALL ON SCHEMA twinledger FROM app")


def test_table_that_is_gone(owner: Connection, rows: PostgresRows) -> None:
    """A mapping that no longer fits the database is a matter for a person."""
    gone = mapping("gone", "crm.gone", [("id", "bigint")], [Field("Name", "name", Kind.TEXT, "text")])
    with pytest.raises(ConfigurationError, match=r"manage\.py check"):
        rows.read([RowQuery(gone, None, pk=("1",))])


def test_only_two_round_trips_for_an_update(
    owner: Connection, rows: PostgresRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update costs two exchanges with the server, whatever it holds."""
    row = seen(rows, insert(owner))
    exchanges = []
    synchronise = psycopg.Pipeline._exit_gen

    def counted(pipeline: psycopg.Pipeline, *rest: object) -> object:
        exchanges.append(pipeline)
        return synchronise(pipeline, *rest)

    monkeypatch.setattr(psycopg.Pipeline, "_exit_gen", counted)
    rows.write([update(row, {"Phone": "1"})])
    assert len(exchanges) == 2


def test_server_that_goes_away_between_writes(owner: Connection, connection: PostgresConnection) -> None:
    """Writes after the last connection was lost have that as their outcome; those before keep theirs."""
    rows = PostgresRows(connection, MAPPINGS)
    pk = insert(owner)
    trigger(owner, "BEFORE UPDATE ON", "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW;")
    cut = update(seen(rows, pk), {"Phone": "1"})
    connection.dsn = "postgresql://127.0.0.1:1/none"
    created, lost, after, last = rows.write([create({}), cut, create({}, None), create({}, None)])
    assert isinstance(created, RowWritten)
    assert [type(one.error) for one in (lost, after, last) if isinstance(one, Failed)] == [Unavailable] * 3


def test_edit_times_that_cannot_be_read(cluster: Cluster) -> None:
    """Without the table of edit times a person has to act."""
    bare = PostgresConnection(cluster.create_database("no_edit_times"))
    with pytest.raises(ConfigurationError):
        PostgresRows(bare, MAPPINGS).edited_at(account, ("1",), ["Phone"])
    bare.drop()


def test_names_of_the_blamed_fields_are_a_help_only(
    owner: Connection, rows: PostgresRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server does not say which columns a constraint is about, the refusal stands without them."""
    real = rows_module.statement
    wrong = sql.SQL("SELECT nonsense").format()
    monkeypatch.setattr(
        rows_module, "statement", lambda file, name: wrong if name == "constraint_columns" else real(file, name)
    )
    insert(owner)
    error = refused(rows.write([create({"Name": "Acme"})])[0])
    assert (error.code, error.fields) == ("23505", ())


def test_rollback_that_fails(owner: Connection, connection: PostgresConnection) -> None:
    """A connection that cannot roll back is given up, and one that is not open has nothing to roll back."""
    connection.roll_back()
    first = connection.get()
    first.execute("BEGIN")
    kill(owner)
    connection.roll_back()
    assert first.closed
    assert connection.get() is not first
