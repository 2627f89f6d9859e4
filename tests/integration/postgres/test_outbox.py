"""The reader of the outbox: each row once, and the floor below which none can appear."""

from chalicelib.postgres import outbox as outbox_module
from chalicelib.postgres.capture import LIVE_ROWS
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.install import install, uninstall
from chalicelib.postgres.outbox import OutboxReader, delete
from tests.integration.postgres.relay_kit import insert
from tests.integration.postgres.sample import MAPPINGS, open_database


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
    """A look gives the rows that no look before it gave, in order, up to its limit of each lane."""
    insert(app, LIVE_ROWS + outbox_module.LIMIT + 3)
    with open_database(dsn) as connection:
        reader = OutboxReader(connection)
        looks = [(reader.next([]), reader.complete) for _ in range(3)]
        found = [(len(rows), complete) for rows, complete in looks]
        assert found == [(LIVE_ROWS + outbox_module.LIMIT, False), (3, True), (0, True)]
        ids = [row.id for rows, _ in looks for row in rows]
        assert ids == sorted(ids)
        assert (reader.depth(), reader.depth(limit=7)) == (LIVE_ROWS + outbox_module.LIMIT + 3, 7)


def test_live_rows_are_found_beside_many(owner: Connection, app: Connection, dsn: str) -> None:
    """What one transaction captures after its first rows is bulk; a row that came after it is read before it."""
    insert(app, LIVE_ROWS + 50)
    with open_database(dsn) as connection:
        reader = OutboxReader(connection)
        insert(app)
        live = reader.next([], bulk=False)
        assert (len(live), [row.bulk for row in live if row.bulk], reader.complete) == (LIVE_ROWS + 1, [], False)
        many = reader.next([])
        assert (len(many), all(row.bulk for row in many), reader.complete) == (50, True, True)
        assert max(row.id for row in live) > max(row.id for row in many)


def test_floor_waits_for_rows_that_were_not_looked_for(owner: Connection, app: Connection, dsn: str) -> None:
    """A look for live rows alone says nothing of what lies below it."""
    insert(app, LIVE_ROWS + 1)
    with open_database(dsn) as connection:
        reader = OutboxReader(connection)
        for _ in range(3):
            reader.next([], bulk=False)
        assert reader._floor == 0
        assert len(reader.next([])) == 1
        assert reader._floor > 0


def test_installing_anew_gives_no_id_twice(owner: Connection, app: Connection, dsn: str) -> None:
    """Ids go on where Twinledger is uninstalled and installed again, so that nothing held of the old outbox fits."""
    insert(app, 3)
    with open_database(dsn) as connection:
        reader = OutboxReader(connection)
        old = reader.next([])
        uninstall(owner)
        install(owner, MAPPINGS)
        insert(app, 3)
        new = reader.next([])
        assert (len(old), len(new)) == (3, 3)
        assert max(row.id for row in old) < min(row.id for row in new)
        delete(connection, [row.id for row in old])
        assert owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone() == (3,)


def test_id_that_a_lost_database_gave_before(owner: Connection, app: Connection, dsn: str) -> None:
    """Of a row whose id was sent before, by a database that was since replaced, the deduplication id is another."""
    told = []
    for _ in range(2):
        owner.execute("ALTER TABLE twinledger.outbox ALTER COLUMN id RESTART WITH 7")
        insert(app)
        with open_database(dsn) as connection:
            [row] = OutboxReader(connection).next([])
            [again] = OutboxReader(connection).next([])
            delete(connection, [row.id])
        assert row.hint is not None
        assert row == again  # what is sent again has the id that it had
        assert row.id == 7
        told.append(row.hint.hint_id)
    assert told[0] != told[1]
