# ruff: noqa: S608  (the statements are the test's own)
"""Conditional writes against the user's own triggers and constraints, and values that only Postgres has."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind, Mappings
from chalicelib.core.model import Row, RowState
from chalicelib.core.ports import RowQuery, RowWrite, RowWritten, Stale, WriteKind
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.install import install
from chalicelib.postgres.rows import PostgresRows
from tests.integration.postgres.rows_kit import SFID, create, delete, insert, refused, seen, trigger, update
from tests.integration.postgres.sample import MAPPINGS, account, contact, mapping

pytestmark = pytest.mark.usefixtures("_no_user_triggers")


def test_values_that_python_or_salesforce_has_not(owner: Connection, rows: PostgresRows) -> None:
    """Infinity, NaN and years beyond 9999 are no values: the row names the field, the others are read and written."""
    pk = insert(
        owner, "name, revenue, score, founded, called", "'Acme', 'NaN', 'Infinity', 'infinity', '20000-01-01 00:00+00'"
    )
    row = seen(rows, pk)
    assert row.values == {"Name": "Acme", "Phone": None, "Active": False, "Opens": None, "Tags": None, "ParentId": None}
    assert row.unreadable == {"Revenue", "Score", "Founded", "Called"}
    [outcome] = rows.write([update(row, {"Phone": "1"})])
    assert isinstance(outcome, RowWritten)
    assert owner.execute("SELECT revenue::text, founded::text FROM crm.account").fetchone() == ("NaN", "infinity")


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


@pytest.mark.parametrize("bulk", [True, False])
def test_an_echo_goes_by_the_lane_of_what_it_carries_out(owner: Connection, rows: PostgresRows, bulk: bool) -> None:
    """So that a load on the other side does not come back between people's edits."""
    pk = insert(owner)
    owner.execute("TRUNCATE twinledger.outbox")
    rows.write([replace(update(seen(rows, pk), {"Phone": "1"}), bulk=bulk)])
    assert owner.execute("SELECT bulk FROM twinledger.outbox").fetchall() == [(bulk,)]


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


def test_key_that_is_mapped(owner: Connection, connection: PostgresConnection) -> None:
    """Where a key column is a mapped field, its change is written, and the row is found under its new key."""
    owner.execute("CREATE TABLE IF NOT EXISTS crm.country (code text PRIMARY KEY, name text)")
    country = mapping(
        "country",
        "crm.country",
        [("code", "text")],
        [
            Field("Code__c", "code", Kind.TEXT, "text", nullable=False),
            Field("Name", "name", Kind.TEXT, "text"),
        ],
    )
    mappings = Mappings((*MAPPINGS.mappings, country))
    install(owner, mappings)
    rows = PostgresRows(connection, mappings)
    one = RowWrite(
        country, WriteKind.CREATE, "k", "op", RowState(None, None), {"Code__c": "DE", "Name": "Germany"}, SFID
    )
    [created] = rows.write([one])
    assert isinstance(created, RowWritten)
    moved = replace(one, kind=WriteKind.UPDATE, expected=created.state, values={"Code__c": "AT"}, operation="op 2")
    [updated] = rows.write([moved])
    assert isinstance(updated, RowWritten)
    assert updated.state.row == Row(("AT",), SFID, {"Code__c": "AT", "Name": "Germany"})


def test_row_of_defaults(owner: Connection, rows: PostgresRows) -> None:
    """A create may leave everything to the table."""
    one = RowWrite(contact, WriteKind.CREATE, "k", "op", RowState(None, None), {})
    [created] = rows.write([one])
    assert isinstance(created, RowWritten)
    assert created.state.row is not None
    assert created.state.row.values == {"LastName": None, "Email": None, "AccountId": None}
