# ruff: noqa: S608  (the statements are the test's own)
"""What only a real server shows of the port ``Rows``: waiting, broken connections, triggers, constraints, rights."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from chalicelib.core.errors import AccessDenied, ConfigurationError, Parked, RecordLocked, Rejected, Unavailable
from chalicelib.core.mapping import Field, Kind, Mappings
from chalicelib.core.model import Fields, PrimaryKey, Row, RowState
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, RowWrite, RowWritten, Stale, WriteKind
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.install import install
from chalicelib.postgres.rows import PostgresRows
from infra.local.postgres import Cluster
from tests.integration.postgres.sample import MAPPINGS, account, contact, mapping, open_database

SFID = "001000000000001AAA"


@pytest.fixture
def connection(dsn: str, owner: Connection) -> Iterator[PostgresConnection]:
    """The adapter's connection."""
    made = PostgresConnection(dsn, lock_timeout=3_000)
    yield made
    made.drop()


@pytest.fixture
def rows(connection: PostgresConnection) -> PostgresRows:
    """The adapter."""
    return PostgresRows(connection, MAPPINGS)


def insert(owner: Connection, columns: str = "name", values: str = "'Acme'") -> PrimaryKey:
    """A user's account."""
    made = owner.execute(f"INSERT INTO crm.account ({columns}) VALUES ({values}) RETURNING id::text".encode())
    [(pk,)] = made.fetchall()
    return (str(pk),)


def seen(rows: PostgresRows, pk: PrimaryKey) -> Row:
    """An account as the port reads it."""
    found = rows.read([RowQuery(account, None, pk=pk)])[0].row
    assert found is not None
    return found


def update(row: Row, values: Fields) -> RowWrite:
    """An update of what was seen."""
    return RowWrite(account, WriteKind.UPDATE, str(uuid4()), str(uuid4()), RowState(row, None), values)


def create(values: Fields, sfid: str | None = SFID) -> RowWrite:
    """A create."""
    complete = {"Name": f"Acme {uuid4()}", "Active": False, **values}
    return RowWrite(account, WriteKind.CREATE, str(uuid4()), str(uuid4()), RowState(None, None), complete, sfid)


def delete(row: Row) -> RowWrite:
    """A delete of what was seen."""
    return RowWrite(account, WriteKind.DELETE, str(uuid4()), str(uuid4()), RowState(row, None), {})


def refused(outcome: RowOutcome) -> Parked:
    """The error of a write that was refused."""
    assert isinstance(outcome, Failed), outcome
    assert isinstance(outcome.error, Parked), outcome
    return outcome.error


def trigger(owner: Connection, when: str, body: str, table: str = "crm.account") -> None:
    """A trigger of the user's, by itself in the table."""
    function = f"FUNCTION public.user_trigger() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body} END$$"
    owner.execute(f"CREATE OR REPLACE {function}".encode())
    kind = "CONSTRAINT TRIGGER" if "DEFERRED" in when else "TRIGGER"
    owner.execute(
        f"CREATE {kind} user_trigger {when.replace(' ON', ' ON ' + table)}"
        " FOR EACH ROW EXECUTE FUNCTION public.user_trigger()".encode()
    )


@pytest.fixture(autouse=True)
def _no_user_triggers(owner: Connection) -> Iterator[None]:
    """Take a test's trigger away."""
    yield
    owner.execute("DROP FUNCTION IF EXISTS public.user_trigger CASCADE")


def waits_for_lock(owner: Connection) -> bool:
    """Whether a session waits for a lock."""
    found = owner.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ).fetchone()
    return found != (0,)


def while_held(owner: Connection, user: Connection, statement: str, rows: PostgresRows, one: RowWrite) -> RowOutcome:
    """The outcome of a write that has to wait for a user's statement, which commits then."""
    outcomes: list[RowOutcome] = []
    with user.transaction():
        user.execute(statement.encode())
        writer = threading.Thread(target=lambda: outcomes.extend(rows.write([one])))
        writer.start()
        while not waits_for_lock(owner):
            assert writer.is_alive(), outcomes
    writer.join()
    return outcomes[0]


@pytest.mark.parametrize("column", ["phone = 'x'", "internal = 'x'"])
def test_waits_for_a_users_edit(owner: Connection, dsn: str, rows: PostgresRows, column: str) -> None:
    """An edit that commits while we wait for the row makes the write stale, where it is of a mapped column."""
    pk = insert(owner)
    one = update(seen(rows, pk), {"Name": "ours"})
    with open_database(dsn) as user:
        outcome = while_held(owner, user, f"UPDATE crm.account SET {column} WHERE id = {pk[0]}", rows, one)
    assert isinstance(outcome, Stale if column.startswith("phone") else RowWritten)


def test_waits_for_a_users_delete(owner: Connection, dsn: str, rows: PostgresRows) -> None:
    """So does a deletion."""
    pk = insert(owner)
    one = update(seen(rows, pk), {"Name": "ours"})
    with open_database(dsn) as user:
        outcome = while_held(owner, user, f"DELETE FROM crm.account WHERE id = {pk[0]}", rows, one)
    assert outcome == Stale()


def test_marker_is_read_after_the_wait(owner: Connection, dsn: str, rows: PostgresRows) -> None:
    """Another worker's marker that commits while we wait for the row is seen, though the values are as before."""
    pk = insert(owner)
    one = update(seen(rows, pk), {"Name": "ours"})
    statement = (
        f"UPDATE crm.account SET internal = 'x' WHERE id = {pk[0]};"
        f"INSERT INTO twinledger.marker VALUES ('{one.key}', 'other', '{{}}')"
    )
    with open_database(dsn) as user:
        assert while_held(owner, user, statement, rows, one) == Stale()


def test_waits_for_a_users_insert(owner: Connection, dsn: str, rows: PostgresRows) -> None:
    """A user's row with our Salesforce id that commits while we insert makes the create stale."""
    with open_database(dsn) as user:
        outcome = while_held(
            owner, user, f"INSERT INTO crm.account (name, sfid) VALUES ('user', '{SFID}')", rows, create({})
        )
    assert outcome == Stale()


def test_deadlock(owner: Connection, dsn: str, rows: PostgresRows) -> None:
    """The victim of a deadlock is tried later."""
    [first], [second] = insert(owner), insert(owner, values="'Other'")
    trigger(
        owner,
        "AFTER UPDATE ON",
        f"IF NEW.phone = '1' THEN UPDATE crm.account SET internal = 'x' WHERE id = {second}; END IF; RETURN NULL;",
    )
    one = update(seen(rows, (first,)), {"Phone": "1"})
    outcomes: list[RowOutcome] = []
    with open_database(dsn) as user, user.transaction():
        user.execute(f"UPDATE crm.account SET internal = 'y' WHERE id = {second}".encode())
        writer = threading.Thread(target=lambda: outcomes.extend(rows.write([one])))
        writer.start()
        while not waits_for_lock(owner):
            assert writer.is_alive(), outcomes
        user.execute(f"UPDATE crm.account SET internal = 'y' WHERE id = {first}".encode())  # waits until we give up
        writer.join()
    [outcome] = outcomes
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, RecordLocked)
    assert "deadlock" in str(outcome.error)


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


def kill(owner: Connection) -> None:
    """End every connection of the adapter, and wait until they are gone."""
    others = "application_name = 'twinledger' AND datname = current_database()"
    owner.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}".encode())


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


def test_values_that_python_or_salesforce_has_not(owner: Connection, rows: PostgresRows) -> None:
    """Infinity, NaN and years beyond 9999 are no values: the field is missing, and the others are read and written."""
    pk = insert(
        owner, "name, revenue, score, founded, called", "'Acme', 'NaN', 'Infinity', 'infinity', '20000-01-01 00:00+00'"
    )
    row = seen(rows, pk)
    assert row.values == {"Name": "Acme", "Phone": None, "Active": False, "Opens": None, "Tags": None, "ParentId": None}
    [outcome] = rows.write([update(row, {"Phone": "1"})])
    assert isinstance(outcome, RowWritten)
    assert owner.execute("SELECT revenue::text, founded::text FROM crm.account").fetchone() == ("NaN", "infinity")


def test_settings_of_the_database_change_nothing(cluster: Cluster, owner: Connection, dsn: str) -> None:
    """Date style, time zone and isolation of the database are the user's, and no value depends on them."""
    pk = insert(owner, "name, founded, called", "'Acme', '1999-12-31', '2026-11-24 05:06:07+00'")
    with open_database(dsn) as connection:
        for setting in (
            "DateStyle = 'German, DMY'",
            "TimeZone = 'Asia/Kolkata'",
            "default_transaction_isolation = 'serializable'",
        ):
            connection.execute(f"ALTER DATABASE test_live_rows SET {setting}".encode())
    odd = PostgresRows(PostgresConnection(dsn), MAPPINGS)
    row = seen(odd, pk)
    values: Fields = {"Founded": "2000-01-02", "Called": "2026-11-24T23:59:59Z"}
    [outcome] = odd.write([update(row, values)])
    odd.connection.drop()
    owner.execute("ALTER DATABASE test_live_rows RESET ALL")
    assert row.values["Called"] == "2026-11-24T05:06:07Z"
    assert isinstance(outcome, RowWritten)
    assert outcome.state.row is not None
    assert {**row.values, **values} == outcome.state.row.values


def test_deferred_trigger_is_read_back(owner: Connection, rows: PostgresRows) -> None:
    """What a deferred trigger of the user changes stands in the state, and in the marker as the database has it."""
    pk = insert(owner)
    trigger(
        owner,
        "AFTER UPDATE ON DEFERRABLE INITIALLY DEFERRED",
        "UPDATE crm.account SET revenue = 7 WHERE id = NEW.id AND revenue IS DISTINCT FROM 7; RETURN NULL;",
    )
    one = update(seen(rows, pk), {"Phone": "1"})
    [outcome] = rows.write([one])
    assert isinstance(outcome, RowWritten)
    assert outcome.state.row is not None
    assert outcome.state.row.values["Revenue"] == "7"
    assert outcome.state == rows.read([RowQuery(account, one.key, pk=pk)])[0]


def test_what_the_users_trigger_changes_elsewhere_is_captured(owner: Connection, rows: PostgresRows) -> None:
    """Our own transaction's changes of other rows are captured, with our operation."""
    pk, other = insert(owner), insert(owner, values="'Other'")
    trigger(
        owner,
        "AFTER UPDATE ON",
        f"UPDATE crm.account SET phone = '9' WHERE id = {other[0]} AND phone IS NULL; RETURN NULL;",
    )
    owner.execute("TRUNCATE twinledger.outbox")
    one = update(seen(rows, pk), {"Phone": "1"})
    rows.write([one])
    found = owner.execute("SELECT pk, origin FROM twinledger.outbox").fetchall()
    assert sorted(found) == [([pk[0]], one.operation), ([other[0]], one.operation)]


def test_trigger_that_suppresses(owner: Connection, rows: PostgresRows) -> None:
    """A trigger that suppresses an insert or a delete refuses it; a suppressed update is what is stored."""
    pk = insert(owner)
    trigger(owner, "BEFORE INSERT OR UPDATE OR DELETE ON", "RETURN NULL;")
    row = seen(rows, pk)
    created, deleted, updated = rows.write([create({}), delete(row), update(row, {"Phone": "1"})])
    assert isinstance(refused(created), Rejected)
    assert isinstance(refused(deleted), Rejected)
    assert isinstance(updated, RowWritten)
    assert updated.state.row == row
    assert owner.execute("SELECT operation FROM twinledger.marker").fetchall() == [
        (updated.state.marker and updated.state.marker.operation,)
    ]


def test_trigger_that_deletes_what_we_wrote(owner: Connection, rows: PostgresRows) -> None:
    """A row that is gone at the end of our transaction is gone, and the marker is there."""
    pk = insert(owner)
    trigger(owner, "AFTER UPDATE ON", "DELETE FROM crm.account WHERE id = NEW.id; RETURN NULL;")
    [outcome] = rows.write([update(seen(rows, pk), {"Phone": "1"})])
    assert isinstance(outcome, RowWritten)
    assert outcome.state.row is None
    assert outcome.state.marker is not None
    assert outcome.state.marker.stored == {}


def test_error_of_a_trigger(owner: Connection, rows: PostgresRows) -> None:
    """A trigger's own error parks the record, in its own words."""
    pk = insert(owner)
    trigger(
        owner,
        "BEFORE UPDATE ON",
        "RAISE EXCEPTION 'not on Sundays' USING ERRCODE = 'P0001', COLUMN = 'phone'; RETURN NEW;",
    )
    [outcome] = rows.write([update(seen(rows, pk), {"Phone": "1"})])
    error = refused(outcome)
    assert (str(error), error.code, error.fields) == ("not on Sundays", "P0001", ("Phone",))


def test_unique_value_of_another_row(owner: Connection, rows: PostgresRows) -> None:
    """A user's own unique constraint names its field, and is no reason to look again."""
    insert(owner)
    pk = insert(owner, values="'Other'")
    for one in (update(seen(rows, pk), {"Name": "Acme"}), create({"Name": "Acme"})):
        error = refused(rows.write([one])[0])
        assert (error.code, error.fields) == ("23505", ("Name",))


def test_column_that_takes_no_null(owner: Connection, rows: PostgresRows) -> None:
    """A column without a default that nobody mapped is named by the server, and blames no field of ours."""
    owner.execute("ALTER TABLE crm.account ADD COLUMN must text NOT NULL DEFAULT 'x'")
    owner.execute("ALTER TABLE crm.account ALTER must DROP DEFAULT")
    error = refused(rows.write([create({})])[0])
    owner.execute("ALTER TABLE crm.account DROP COLUMN must")
    assert (error.code, error.fields) == ("23502", ())


def test_parent_cannot_go_meanwhile(owner: Connection, dsn: str, rows: PostgresRows) -> None:
    """A parent that is deleted while we write its child is missing, whoever comes first."""
    parent = insert(owner, "name, sfid", f"'Parent', '{SFID}'")
    child = owner.execute("INSERT INTO crm.contact DEFAULT VALUES RETURNING id::text").fetchone()
    assert child is not None
    row = rows.read([RowQuery(contact, None, pk=(str(child[0]),))])[0].row
    assert row is not None
    one = replace(update(row, {"AccountId": SFID}), mapping=contact)
    with open_database(dsn) as user:
        outcome = while_held(owner, user, f"DELETE FROM crm.account WHERE id = {parent[0]}", rows, one)
    assert refused(outcome).fields == ("AccountId",)


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


def test_partitioned_table(owner: Connection, connection: PostgresConnection) -> None:
    """Rows of a partitioned table are read and written; a second create of one Salesforce id is stale."""
    event = mapping(
        "event", "crm.event", [("id", "bigint"), ("region", "text")], [Field("Title", "title", Kind.TEXT, "text")]
    )
    install(owner, Mappings((*MAPPINGS.mappings, event)))
    rows = PostgresRows(connection, Mappings((*MAPPINGS.mappings, event)))
    one = RowWrite(event, WriteKind.CREATE, "k", "op", RowState(None, None), {"Title": "a"}, SFID, ("1", "north"))
    [created] = rows.write([one])
    assert isinstance(created, RowWritten)
    assert created.state.row == Row(("1", "north"), SFID, {"Title": "a"})
    assert rows.write([replace(one, key="other", pk=("2", "south"))]) == [Stale()]


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


def test_lock_timeout_leaves_no_transaction_behind(owner: Connection, dsn: str) -> None:
    """A write that gave up waiting holds nothing."""
    pk = insert(owner)
    hurried = PostgresRows(PostgresConnection(dsn, lock_timeout=20), MAPPINGS)
    one = update(seen(hurried, pk), {"Phone": "1"})
    with open_database(dsn) as user, user.transaction():
        user.execute("SELECT FROM crm.account FOR UPDATE")
        [outcome] = hurried.write([one])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, RecordLocked)
    assert hurried.connection.get().info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    hurried.connection.drop()
