"""How capture and relay do, as the database shows it."""

from dataclasses import dataclass

import psycopg

from chalicelib.postgres.capture import LEADER_KEY
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.identity import identity
from chalicelib.postgres.statements import statement

FILE = "status"
MOST = 10_000  # rows that are counted


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """What the database shows.

    Attributes:
        database: its identity.
        depth: rows in the outbox, counted up to ``MOST``.
        age: seconds since the oldest of them was captured; 0 where there is none.
        relayed: whether a relay is at work.
    """

    database: str
    depth: int
    age: float
    relayed: bool


def capture_status(connection: Connection) -> CaptureStatus:
    """Ask the database.

    Raises:
        TwinledgerError: Twinledger is not installed in it, or it cannot be asked.
    """
    found = identity(connection)
    try:
        depth, age = connection.execute(statement(FILE, "outbox"), {"limit": MOST}).fetchone() or (0, 0.0)
        relayed = connection.execute(statement(FILE, "relay"), {"key": LEADER_KEY}).fetchone() == (True,)
    except psycopg.Error as error:
        raise translate_read(error) from error
    return CaptureStatus(found, int(str(depth)), float(str(age)), relayed)
