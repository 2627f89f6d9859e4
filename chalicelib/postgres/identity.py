"""Which database this is, so that a restored or copied one is not taken for the one that the ledger knows."""

import psycopg

from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.statements import statement

FILE = "identity"
# Not every service has the functions, or lets us call them: feature_not_supported, object_not_in_prerequisite_state,
# insufficient_privilege, undefined_function
WITHHELD = frozenset({"0A000", "55000", "42501", "42883"})


def identity(connection: Connection) -> str:
    """The identity of a database: the one that it got when Twinledger was installed, and the traces of a restore.

    ``IDENTITY.DATABASE.TRANSACTION.SYSTEM.TIMELINE``: a dump that is restored changes the second or the third part,
    another cluster the fourth, recovery from a base backup and the promotion of a standby the fifth. The last two are
    missing where the service does not tell them.

    Raises:
        TwinledgerError: Twinledger is not installed in it, or it cannot be asked.
    """
    try:
        found = connection.execute(statement(FILE, "database")).fetchone()
        return ".".join(filter(None, (str(found[0]) if found else "", _cluster(connection))))
    except psycopg.Error as error:
        raise translate_read(error) from error


def _cluster(connection: Connection) -> str:
    try:
        found = connection.execute(statement(FILE, "cluster")).fetchone()
    except psycopg.Error as error:
        if error.sqlstate not in WITHHELD:
            raise
        return ""
    return str(found[0]) if found else ""


def copied(one: str, other: str) -> bool:
    """Whether two identities are of databases of which one is a copy of the other, or restored from its backup."""
    return one != other and one.partition(".")[0] == other.partition(".")[0]
