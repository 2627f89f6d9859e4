"""What the database says of itself: tables for the mapping's check, and how far Twinledger is installed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chalicelib.core.catalog import Column, Table
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.statements import statement

FILE = "catalog"


@dataclass(frozen=True, slots=True)
class Relation:
    """One mapped table, as far as installing needs it.

    Attributes:
        table: its columns and keys.
        partitioned: whether its rows stand in partitions; a unique index on ``sfid`` alone is not possible then.
        partitions: every partition at any depth.
        link_indexed: whether ``sfid`` has its index: a valid unique one, or any where the table is partitioned.
        capture: digests of the capture functions that its triggers call.
    """

    table: Table
    partitioned: bool
    partitions: tuple[str, ...]
    link_indexed: bool
    capture: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """The mapped tables, and what of Twinledger is there.

    Attributes:
        relations: by schema-qualified name; a table that is not there is left out.
        schema: whether the schema ``twinledger`` has all its tables.
        lanes: whether the outbox, where it is there, tells bulk from live.
        triggers: names of our triggers by table, tables included that no mapping names any more.
    """

    relations: Mapping[str, Relation]
    schema: bool
    lanes: bool
    triggers: Mapping[str, tuple[str, ...]]


def read_tables(connection: Connection, tables: Collection[str]) -> dict[str, Table]:
    """Tables by schema-qualified name, without those that are not there.

    Raises:
        psycopg.Error: the catalog could not be read.
    """
    names = {"tables": list(tables)}
    columns: dict[str, dict[str, Column]] = {}
    for table, name, type_name, nullable, generated, has_default in connection.execute(
        statement(FILE, "columns"), names
    ).fetchall():
        column = Column(str(name), str(type_name), nullable is True, generated is True, has_default is True)
        columns.setdefault(str(table), {})[column.name] = column
    keys = {str(table): _texts(key) for table, key in connection.execute(statement(FILE, "primary_keys"), names)}
    foreign: dict[str, dict[str, tuple[str, str]]] = {}
    for table, column_name, parent, parent_column in connection.execute(statement(FILE, "foreign_keys"), names):
        foreign.setdefault(str(table), {})[str(column_name)] = (str(parent), str(parent_column))
    indexed: dict[str, set[str]] = {}
    for table, column_name in connection.execute(statement(FILE, "indexed"), names):
        indexed.setdefault(str(table), set()).add(str(column_name))
    return {
        table: Table(
            table, found, keys.get(table, ()), foreign.get(table, {}), frozenset(indexed.get(table, frozenset()))
        )
        for table, found in columns.items()
    }


def table_names(connection: Connection) -> tuple[str, ...]:
    """The schema-qualified names of all tables that the role may read.

    Raises:
        psycopg.Error: the catalog could not be read.
    """
    return tuple(str(name) for (name,) in connection.execute(statement(FILE, "tables")).fetchall())


def read_catalog(connection: Connection, tables: Collection[str]) -> Catalog:
    """The mapped tables and what of Twinledger is there.

    Raises:
        psycopg.Error: the catalog could not be read.
    """
    found = read_tables(connection, tables)
    relations = {
        str(name): Relation(
            found[str(name)], partitioned is True, _texts(partitions), link_indexed is True, _texts(capture)
        )
        for name, partitioned, partitions, link_indexed, capture in connection.execute(
            statement(FILE, "relations"), {"tables": list(found)}
        )
    }
    schema = connection.execute(statement(FILE, "schema_there")).fetchone()
    triggers = {str(table): _texts(names) for table, names in connection.execute(statement(FILE, "captured"))}
    lanes = connection.execute(statement(FILE, "lanes_there")).fetchone()
    return Catalog(relations, schema == (True,), lanes == (True,), triggers)


def _texts(found: object) -> tuple[str, ...]:
    """An array of text."""
    return tuple(str(item) for item in found) if isinstance(found, list) else ()
