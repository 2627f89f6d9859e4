"""Rows by their match fields on a real server: the mapping's filter, collations, types, indexes."""

from dataclasses import replace

import psycopg
import pytest
from psycopg.types.json import Json

from chalicelib.core.errors import AccessDenied
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.rows import PostgresRows
from chalicelib.postgres.rowsql import RowSql
from chalicelib.postgres.rowwrite import match_parameters
from chalicelib.postgres.statements import relation
from tests.integration.postgres.sample import LINE, MAPPINGS, account, contact, line, mapping

BY_NAME = replace(account, match=("Name",))
BY_NOTE = replace(line, match=("Note__c",))
CODE = "00000000-0000-0000-0000-00000000000a"


def person(sql_type: str) -> ObjectMapping:
    """A table with a code of some type."""
    key = [("id", "bigint")]
    return replace(
        mapping("person", "crm.person", key, [Field("Code__c", "code", Kind.TEXT, sql_type)]), match=("Code__c",)
    )


def test_only_rows_of_the_filter_are_found(owner: Connection, rows: PostgresRows) -> None:
    """A row that the mapping leaves out is no half of anything; the filter may name its table."""
    for name, phone in (("Acme", "1%"), ("Beta", "2")):
        owner.execute("INSERT INTO crm.account (name, phone) VALUES (%s, %s)", (name, phone))
    filtered = replace(BY_NAME, sql="account.phone LIKE '1%' OR phone = '3'")
    assert [len(found) for found in rows.match(filtered, [{"Name": "Acme"}, {"Name": "Beta"}])] == [1, 0]


def test_odd_identifiers_and_composite_key(owner: Connection, rows: PostgresRows) -> None:
    """Names are quoted, and keys have their text form."""
    into = psycopg.sql.SQL("INSERT INTO {} VALUES (1, '2026-11-24', 'a note')").format(relation(LINE))
    owner.execute(into)
    [[row]] = rows.match(BY_NOTE, [{"Note__c": "a note"}])
    assert row.pk == ("1", "2026-11-24")


@pytest.mark.parametrize(
    ("sql_type", "wanted", "counts"),
    [
        ("public.citext", ("ann", "Ann"), [2, 1]),
        ("character varying(5)", ("ann", "Ann", "longer than that"), [2, 1, 0]),
        ("character(5)", ("ann", "Ann"), [2, 1]),
    ],
)
def test_texts_are_compared_to_the_letter(
    owner: Connection, connection: PostgresConnection, sql_type: str, wanted: tuple[str, ...], counts: list[int]
) -> None:
    """Whatever type the column has; two of another case do not stand before the right ones."""
    owner.execute("CREATE EXTENSION IF NOT EXISTS citext SCHEMA public")
    owner.execute(f"CREATE TABLE crm.person (id bigint PRIMARY KEY, code {sql_type}, sfid text)".encode())
    try:
        owner.execute("INSERT INTO crm.person VALUES (1, 'ANN'), (2, 'aNN'), (3, 'ann'), (4, 'Ann'), (5, 'ann')")
        rows = PostgresRows(connection, Mappings((person(sql_type),)))
        found = rows.match(person(sql_type), [{"Code__c": code} for code in wanted])
        assert counts == [len(some) for some in found]
    finally:
        owner.execute("DROP TABLE crm.person")


def test_a_text_that_is_no_uuid(owner: Connection, connection: PostgresConnection) -> None:
    """Nobody has it, and it does not keep the others from being found."""
    owner.execute("CREATE TABLE crm.person (id bigint PRIMARY KEY, code uuid, sfid text)")
    try:
        owner.execute("INSERT INTO crm.person VALUES (1, %s)", (CODE,))
        rows = PostgresRows(connection, Mappings((person("uuid"),)))
        found = rows.match(person("uuid"), [{"Code__c": "none"}, {"Code__c": CODE}, {"Code__c": CODE.upper()}])
        assert [len(some) for some in found] == [0, 1, 0]
    finally:
        owner.execute("DROP TABLE crm.person")


def test_an_index_finds_the_rows(owner: Connection) -> None:
    """Each value is looked up by itself, whatever the size of the table."""
    owner.execute("SET enable_seqscan = off")
    composed = RowSql.of(BY_NAME, MAPPINGS)
    explained = psycopg.sql.SQL("EXPLAIN (FORMAT JSON) {}").format(composed.match)
    found = owner.execute(explained, match_parameters(BY_NAME, [(0, {"Name": "a"}), (1, {"Name": "b"})])).fetchone()
    owner.execute("RESET enable_seqscan")
    assert found is not None
    assert "name_once" in str(Json(found[0]).obj)


def test_hidden_rows_stop_everything(owner: Connection, rows: PostgresRows) -> None:
    """A row that row security hides would be made twice."""
    owner.execute("ALTER TABLE crm.contact ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    try:
        with pytest.raises(AccessDenied):
            rows.match(replace(contact, match=("Email",)), [{"Email": "a@x.example"}])
    finally:
        owner.execute("ALTER TABLE crm.contact DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
