"""Tables with everything that a mapping may meet, their mappings, and a database that has them."""

from collections.abc import Sequence
from pathlib import Path

import psycopg

from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, Policy, Unit
from chalicelib.postgres.connection import Connection, connect
from chalicelib.postgres.install import install
from infra.local.postgres import Cluster

TABLES = Path(__file__).with_name("sample.sql")

ACCOUNT = "crm.account"
CONTACT = "crm.contact"
LINE = 'Sales "Data".line item; DROP'

DATETIME = "timestamp with time zone"


def mapping(
    name: str,
    table: str,
    key: Sequence[tuple[str, str]],
    fields: Sequence[Field],
    *,
    newest: str = "",
    sql: str | None = None,
) -> ObjectMapping:
    """A mapping whose fields merge one by one."""
    return ObjectMapping(
        name=name,
        object=name.capitalize(),
        table=table,
        key=tuple(column for column, _ in key),
        key_types=tuple(type_name for _, type_name in key),
        fields=tuple(fields),
        units=tuple(
            Unit(field.name, (field.name,), Policy.NEWEST_WINS if field.name == newest else Policy.HOLD)
            for field in fields
        ),
        sql=sql,
    )


account = mapping(
    "account",
    ACCOUNT,
    [("id", "bigint")],
    [
        Field("Name", "name", Kind.TEXT, "text", nullable=False),
        Field("Phone", "phone", Kind.TEXT, "character varying(20)"),
        Field("Revenue", "revenue", Kind.NUMBER, "numeric(18,2)"),
        Field("Score", "score", Kind.NUMBER, "double precision"),
        Field("Active", "active", Kind.BOOLEAN, "boolean", nullable=False),
        Field("Founded", "founded", Kind.DATE, "date"),
        Field("Called", "called", Kind.DATETIME, DATETIME),
        Field("Opens", "opens", Kind.TIME, "time without time zone"),
        Field("Tags", "tags", Kind.MULTI, "text[]"),
        Field("ParentId", "parent_id", Kind.REFERENCE, "bigint", parent="account"),
    ],
    newest="Phone",
)
contact = mapping(
    "contact",
    CONTACT,
    [("id", "uuid")],
    [
        Field("LastName", 'last "Name"', Kind.TEXT, "text"),
        Field("Email", "email", Kind.TEXT, "text"),
        Field("AccountId", "account_id", Kind.REFERENCE, "bigint", parent="account"),
    ],
    newest="Email",
)
line = mapping(
    "line",
    LINE,
    [("order no", "integer"), ("position", "date")],
    [Field("Note__c", "SELECT", Kind.TEXT, "text")],
)
MAPPINGS = Mappings((account, contact, line))


def create_database(cluster: Cluster, name: str, mappings: Mappings = MAPPINGS) -> str:
    """A database with the tables and Twinledger in it; its address as the owner."""
    dsn = cluster.create_database(name)
    with open_database(dsn) as connection:
        connection.execute(TABLES.read_text(encoding="utf-8").encode())
        install(connection, mappings)
    return dsn


def open_database(dsn: str) -> Connection:
    """A connection in autocommit mode, as the application opens its own."""
    return connect(dsn, "tests")


def empty(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Take away every row, and what the capture of that left."""
    connection.execute(b'TRUNCATE crm.account, crm.contact, "Sales ""Data"""."line item; DROP", crm.event')
    connection.execute("TRUNCATE twinledger.outbox, twinledger.marker, twinledger.edit")
