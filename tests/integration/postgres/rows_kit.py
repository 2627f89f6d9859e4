# ruff: noqa: S608  (the statements are the tests' own)
"""Handles for tests of the port ``Rows`` on a real server."""

import threading
from uuid import uuid4

from chalicelib.core.errors import Parked
from chalicelib.core.model import Fields, PrimaryKey, Row, RowState
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, RowWrite, WriteKind
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.rows import PostgresRows
from tests.integration.postgres.sample import account

SFID = "001000000000001AAA"


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


def waiting(owner: Connection) -> int:
    """How many sessions wait for a lock."""
    [(count,)] = owner.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted").fetchall()
    return int(str(count))


def while_held(owner: Connection, user: Connection, statement: str, rows: PostgresRows, one: RowWrite) -> RowOutcome:
    """The outcome of a write that has to wait for a user's statement, which commits then."""
    outcomes: list[RowOutcome] = []
    with user.transaction():
        user.execute(statement.encode())
        writer = threading.Thread(target=lambda: outcomes.extend(rows.write([one])))
        writer.start()
        while not waiting(owner):
            assert writer.is_alive(), outcomes
    writer.join()
    return outcomes[0]


def kill(owner: Connection) -> None:
    """End every connection of the adapter, and wait until they are gone."""
    others = "application_name = 'twinledger' AND datname = current_database()"
    owner.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}".encode())
