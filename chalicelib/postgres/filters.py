"""Whether Postgres takes a mapping's filter: it is planned, and no row is read."""

import psycopg
from psycopg import sql

from chalicelib.core.mapping import ObjectMapping
from chalicelib.postgres.capture import CaptureSql
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import text_of, translate_read
from chalicelib.postgres.statements import statement


def refusal(connection: Connection, mapping: ObjectMapping) -> str | None:
    """What Postgres says against the filter of a mapping; None: nothing, or there is no filter.

    Args:
        connection: in autocommit mode, as the role that will install.
        mapping: its table and columns are there.

    Raises:
        TwinledgerError: the database did not answer.
    """
    check = CaptureSql(mapping).filter_check()
    if check is None:
        return None
    try:
        with connection.transaction():
            connection.execute(statement("install", "read_only"))
            connection.execute(statement("install", "pin_search_path"))
            # As a prepared statement: there Postgres takes no second one after a semicolon
            connection.execute(sql.SQL("EXPLAIN {}").format(check), prepare=True)
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
        return text_of(error)
    except psycopg.Error as error:
        raise translate_read(error) from error
    return None
