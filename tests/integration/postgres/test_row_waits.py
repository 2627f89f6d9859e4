# ruff: noqa: S608  (the statements are the test's own)
"""Conditional writes that wait: for users' edits, deletions and inserts, for parents, in deadlocks."""

import threading
from dataclasses import replace

import psycopg
import pytest

from chalicelib.core.errors import RecordLocked
from chalicelib.core.mapping import Field, Kind, Mappings
from chalicelib.core.model import RowState
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, RowWrite, RowWritten, Stale, WriteKind
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.install import install
from chalicelib.postgres.rows import PostgresRows
from infra.local.postgres import Cluster
from tests.integration.postgres.rows_kit import (
    SFID,
    create,
    insert,
    refused,
    seen,
    trigger,
    update,
    waiting,
    while_held,
)
from tests.integration.postgres.sample import MAPPINGS, contact, mapping, open_database

pytestmark = pytest.mark.usefixtures("_no_user_triggers")


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


def test_deadlock(owner: Connection, cluster: Cluster, database: str, rows: PostgresRows) -> None:
    """The victim of a deadlock is tried later."""
    [first], [second] = insert(owner), insert(owner, values="'Other'")
    trigger(
        owner,
        "AFTER UPDATE ON",
        "IF NEW.phone = '1' THEN PERFORM pg_advisory_xact_lock(4711);"
        f" UPDATE crm.account SET internal = 'x' WHERE id = {second}; END IF; RETURN NULL;",
    )
    one = update(seen(rows, (first,)), {"Phone": "1"})
    outcomes: list[RowOutcome] = []
    owner.execute("SELECT pg_advisory_lock(4711)")
    with open_database(cluster.address("postgres", database)) as user, user.transaction():
        user.execute("SET LOCAL deadlock_timeout = '1h'")  # so that it is not the user who is given up
        user.execute(f"UPDATE crm.account SET internal = 'y' WHERE id = {second}".encode())
        writer = threading.Thread(target=lambda: outcomes.extend(rows.write([one])))
        writer.start()
        wait_for(owner, 1, writer)  # ours has the first row, and waits for leave to take the second
        edit = f"UPDATE crm.account SET internal = 'y' WHERE id = {first}".encode()
        editor = threading.Thread(target=user.execute, args=(edit,))
        editor.start()
        wait_for(owner, 2, writer)
        owner.execute("SELECT pg_advisory_unlock(4711)")
        writer.join()
        editor.join()
    [outcome] = outcomes
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, RecordLocked)
    assert "deadlock" in str(outcome.error)


def wait_for(owner: Connection, sessions: int, writer: threading.Thread) -> None:
    """Wait until so many sessions wait for a lock."""
    while waiting(owner) < sessions:
        assert writer.is_alive()


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


def test_parent_without_a_foreign_key_cannot_go_meanwhile(
    owner: Connection, dsn: str, connection: PostgresConnection
) -> None:
    """So it is where no foreign key guards the reference: the parent that is named is held until we commit."""
    owner.execute("CREATE TABLE IF NOT EXISTS crm.note (id bigint PRIMARY KEY, account_id bigint)")
    note = mapping(
        "note",
        "crm.note",
        [("id", "bigint")],
        [Field("AccountId", "account_id", Kind.REFERENCE, "bigint", parent="account")],
    )
    mappings = Mappings((*MAPPINGS.mappings, note))
    install(owner, mappings)
    owner.execute("INSERT INTO crm.note (id) VALUES (1) ON CONFLICT DO NOTHING")
    parent = insert(owner, "name, sfid", f"'Parent', '{SFID}'")
    rows = PostgresRows(connection, mappings)
    row = rows.read([RowQuery(note, None, pk=("1",))])[0].row
    assert row is not None
    one = replace(update(row, {"AccountId": SFID}), mapping=note)
    with open_database(dsn) as user:
        outcome = while_held(owner, user, f"DELETE FROM crm.account WHERE id = {parent[0]}", rows, one)
    assert refused(outcome).fields == ("AccountId",)


def test_two_creates_in_a_partitioned_table(owner: Connection, dsn: str, connection: PostgresConnection) -> None:
    """Where no unique index guards the link, our own creates of one Salesforce id wait for each other."""
    event = mapping(
        "event", "crm.event", [("id", "bigint"), ("region", "text")], [Field("Title", "title", Kind.TEXT, "text")]
    )
    mappings = Mappings((*MAPPINGS.mappings, event))
    install(owner, mappings)
    expected = RowState(None, None)
    one = RowWrite(event, WriteKind.CREATE, "k", "op", expected, {"Title": "a"}, SFID, ("1", "north"))
    other = (
        f"SELECT pg_advisory_xact_lock(hashtextextended('twinledger crm.event {SFID}', 0));"
        f"INSERT INTO crm.event (id, region, sfid) VALUES (2, 'south', '{SFID}')"
    )
    with open_database(dsn) as user:
        assert while_held(owner, user, other, PostgresRows(connection, mappings), one) == Stale()
