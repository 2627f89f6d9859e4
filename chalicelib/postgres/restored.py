"""What has to be known of a restored database, and who is kept away from it."""

import psycopg

from chalicelib.core.catalog import Table
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.values.columns import INTEGERS
from chalicelib.postgres.capture import LEADER_KEY
from chalicelib.postgres.catalog import read_tables
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.outbox import OutboxReader


def counted(connection: Connection, mappings: Mappings) -> frozenset[str]:
    """Names of the mappings whose keys the database counts up: after a restore it gives them a second time.

    Raises:
        TwinledgerError: the database cannot be asked.
    """
    try:
        tables = read_tables(connection, list(mappings.by_table))
    except psycopg.Error as error:
        raise translate_read(error) from error
    return frozenset(one.name for one in mappings.mappings if _counts(one, tables.get(one.table)))


def _counts(mapping: ObjectMapping, table: Table | None) -> bool:
    numbers = len(mapping.key) == 1 and mapping.key_types[0] in INTEGERS
    return numbers and table is not None and table.columns[mapping.key[0]].has_default


def lead(connection: Connection) -> bool:
    """Keep every relay away for as long as the connection is open; False where one is at work.

    Raises:
        TwinledgerError: the database cannot be asked.
    """
    try:
        return OutboxReader(connection).try_lock(LEADER_KEY)
    except psycopg.Error as error:
        raise translate_read(error) from error
