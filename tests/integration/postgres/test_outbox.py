"""The reader of the outbox: each row once, and the floor below which none can appear."""

from chalicelib.postgres import outbox as outbox_module
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.outbox import OutboxReader, delete
from tests.integration.postgres.relay_kit import insert
from tests.integration.postgres.sample import open_database


def test_floor(owner: Connection, app: Connection, dsn: str) -> None:
    """The floor rises once nothing below it can appear, and not while a transaction may still commit a lower id."""
    with open_database(dsn) as connection, open_database(dsn) as late:
        reader = OutboxReader(connection)
        with late.transaction():
            insert(late)
            insert(app)
            [row] = reader.next([])
            for _ in range(3):
                assert reader.next([]) == []
            assert reader._floor == 0
        delete(connection, [row.id])
        [lower] = reader.next([row.id])
        assert lower.id < row.id
        assert reader.next([]) == []
        assert reader._floor == row.id
        delete(connection, [lower.id])
        assert reader.next([lower.id]) == []
        assert reader.known == set()


def test_rows_that_were_seen_are_not_seen_again(owner: Connection, app: Connection, dsn: str) -> None:
    """A look gives the rows that no look before it gave, in order, up to its limit."""
    insert(app, outbox_module.LIMIT + 3)
    with open_database(dsn) as connection:
        reader = OutboxReader(connection)
        first, second, third = reader.next([]), reader.next([]), reader.next([])
        assert (len(first), len(second), len(third)) == (outbox_module.LIMIT, 3, 0)
        ids = [row.id for row in [*first, *second]]
        assert ids == sorted(ids)
        assert (reader.depth(), reader.depth(limit=7)) == (outbox_module.LIMIT + 3, 7)
