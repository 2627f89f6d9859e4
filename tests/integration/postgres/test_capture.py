"""Capture: every committed edit of a mapped column has an outbox row, and nothing else has one."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from chalicelib.core.mapping import Field, Kind, Mappings
from chalicelib.postgres.capture import CHANNEL, DRAIN_KEY, LIVE_ROWS
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.install import install
from tests.integration.postgres.sample import MAPPINGS, mapping, open_database

event = mapping(
    "event", "crm.event", [("id", "bigint"), ("region", "text")], [Field("Title", "title", Kind.TEXT, "text")]
)


def outbox(owner: Connection, columns: str = "change, pk, old, new") -> list[tuple[Any, ...]]:
    """The outbox, in order."""
    return owner.execute(f"SELECT {columns} FROM twinledger.outbox ORDER BY id".encode()).fetchall()  # noqa: S608


def changes(owner: Connection) -> list[str]:
    """What happened, in order."""
    return [change for (change,) in outbox(owner, "change")]


def insert(app: Connection, name: str = "Acme") -> int:
    """A user's account."""
    row = app.execute("INSERT INTO crm.account (name) VALUES (%s) RETURNING id", (name,)).fetchone()
    assert row is not None
    return int(str(row[0]))


def test_insert_update_delete(owner: Connection, app: Connection) -> None:
    """Each has its row: an insert with all values, an update with those that changed, a delete with the last ones."""
    pk = insert(app)
    app.execute("UPDATE crm.account SET phone = '1', name = name WHERE id = %s", (pk,))
    app.execute("DELETE FROM crm.account WHERE id = %s", (pk,))
    created, updated, deleted = outbox(owner)
    assert (created[:3], created[3]["name"], created[3]["phone"]) == (("created", [str(pk)], None), "Acme", None)
    assert updated == ("updated", [str(pk)], {"phone": None}, {"phone": "1"})
    assert (deleted[:2], deleted[2]["phone"], deleted[3]) == (("deleted", [str(pk)]), "1", None)


def test_unmapped_column(owner: Connection, app: Connection) -> None:
    """A column that nobody mapped is nobody's business."""
    pk = insert(app)
    app.execute("UPDATE crm.account SET internal = 'x' WHERE id = %s", (pk,))
    assert changes(owner) == ["created"]


def test_same_values(owner: Connection, app: Connection) -> None:
    """An update that changes nothing is no edit."""
    pk = insert(app)
    app.execute("UPDATE crm.account SET name = 'Acme', phone = NULL WHERE id = %s", (pk,))
    assert changes(owner) == ["created"]


def test_rollback(owner: Connection, app: Connection) -> None:
    """What was rolled back did not happen."""
    with app.transaction() as transaction:
        insert(app)
        raise psycopg.Rollback(transaction)
    assert changes(owner) == []


def test_savepoint(owner: Connection, app: Connection) -> None:
    """Of a transaction with savepoints, what was committed is there."""
    with app.transaction():
        insert(app, "kept")
        with app.transaction() as savepoint:
            insert(app, "undone")
            raise psycopg.Rollback(savepoint)
        insert(app, "kept too")
    assert [new["name"] for (new,) in outbox(owner, "new")] == ["kept", "kept too"]


def test_upsert(owner: Connection, app: Connection) -> None:
    """An upsert that does nothing is none; one that updates is an update."""
    insert(app)
    app.execute("INSERT INTO crm.account (name) VALUES ('Acme') ON CONFLICT DO NOTHING")
    app.execute("INSERT INTO crm.account (name) VALUES ('Acme') ON CONFLICT (name) DO UPDATE SET phone = '2'")
    assert changes(owner) == ["created", "updated"]


def test_merge(owner: Connection, app: Connection) -> None:
    """MERGE is captured row by row."""
    insert(app, "a")
    app.execute(
        "MERGE INTO crm.account AS t USING (VALUES ('a'), ('b')) AS s (name) ON t.name = s.name"
        " WHEN MATCHED THEN UPDATE SET phone = '1' WHEN NOT MATCHED THEN INSERT (name) VALUES (s.name)"
    )
    assert sorted(changes(owner)) == ["created", "created", "updated"]


def test_copy(owner: Connection, app: Connection) -> None:
    """COPY is captured row by row."""
    with app.cursor().copy("COPY crm.account (name) FROM STDIN") as copy:
        for name in ("a", "b"):
            copy.write_row((name,))
    assert changes(owner) == ["created", "created"]


def test_truncate(owner: Connection, app: Connection) -> None:
    """TRUNCATE is one row without a key, for each table that it empties."""
    insert(app)
    app.execute("TRUNCATE crm.account CASCADE")
    found = outbox(owner, "change, table_name, pk")
    assert found[0][0] == "created"
    assert sorted(found[1:]) == [("truncated", "crm.account", None), ("truncated", "crm.contact", None)]


def test_changed_key(owner: Connection, app: Connection) -> None:
    """A new primary key is the deletion of one row and the creation of another."""
    pk = insert(app)
    owner.execute("UPDATE crm.account SET id = DEFAULT, sfid = '001000000000001AAA' WHERE id = %s", (pk,))
    assert outbox(owner, "change, pk, sfid") == [
        ("created", [str(pk)], None),
        ("deleted", [str(pk)], None),
        ("created", [str(pk + 1)], "001000000000001AAA"),
    ]


def test_cascade(owner: Connection, app: Connection) -> None:
    """What a foreign key changes is captured too."""
    owner.execute("ALTER TABLE crm.contact ADD FOREIGN KEY (account_id) REFERENCES crm.account ON DELETE SET NULL")
    owner.execute("ALTER TABLE crm.contact DROP CONSTRAINT contact_account_id_fkey")
    pk = insert(app)
    app.execute("INSERT INTO crm.contact (account_id) VALUES (%s)", (pk,))
    app.execute("DELETE FROM crm.account WHERE id = %s", (pk,))
    assert sorted(changes(owner)) == ["created", "created", "deleted", "updated"]


def test_case_of_a_text(owner: Connection, app: Connection) -> None:
    """Texts that their type takes for equal differ all the same."""
    owner.execute("CREATE EXTENSION citext SCHEMA public")
    owner.execute("CREATE TABLE crm.loose (id int PRIMARY KEY, email public.citext)")
    owner.execute("GRANT ALL ON crm.loose TO app")
    loose = mapping("loose", "crm.loose", [("id", "integer")], [Field("Email", "email", Kind.TEXT, "citext")])
    install(owner, Mappings((*MAPPINGS.mappings, loose)))
    app.execute("INSERT INTO crm.loose VALUES (1, 'ada@example.com')")
    app.execute("UPDATE crm.loose SET email = 'Ada@example.com'")
    assert outbox(owner, "new -> 'email'")[1:] == [("Ada@example.com",)]
    install(owner, MAPPINGS)


def test_types_without_equality(owner: Connection, app: Connection) -> None:
    """A column of a type without equality is compared all the same."""
    owner.execute("CREATE TABLE crm.odd (id int PRIMARY KEY, j json, p point, tags text[])")
    owner.execute("GRANT ALL ON crm.odd TO app")
    odd = mapping(
        "odd",
        "crm.odd",
        [("id", "integer")],
        [
            Field("J", "j", Kind.TEXT, "json"),
            Field("P", "p", Kind.TEXT, "point"),
            Field("T", "tags", Kind.MULTI, "text[]"),
        ],
    )
    install(owner, Mappings((*MAPPINGS.mappings, odd)))
    app.execute("INSERT INTO crm.odd VALUES (1, '{}', '(1,2)', '{a}')")
    app.execute("UPDATE crm.odd SET j = '{}', p = '(1,2)', tags = '{a}'")
    app.execute('UPDATE crm.odd SET j = \'{"a": "\\u0000"}\'')
    app.execute("UPDATE crm.odd SET p = '(1,3)', tags = '{a,b}'")
    assert outbox(owner, "new")[1:] == [({"j": '{"a": "\\u0000"}'},), ({"p": "(1,3)", "tags": "{a,b}"},)]
    install(owner, MAPPINGS)
    app.execute("UPDATE crm.odd SET p = '(0,0)'")
    assert len(outbox(owner)) == 3


def test_who(owner: Connection, app: Connection) -> None:
    """A row says who: role, session, application, and whom the application names."""
    app.execute("SET application_name = 'billing'")
    insert(app, "a")
    app.execute("SET twinledger.actor = 'ada'")
    insert(app, "b")
    columns = "role, session_role, application, actor, origin"
    assert outbox(owner, columns) == [
        ("app", "app", "billing", None, None),
        ("app", "app", "billing", "ada", None),
    ]


def test_role_after_set_role(cluster: Any, owner: Connection, database: str) -> None:
    """After SET ROLE the row says both."""
    with open_database(cluster.address("postgres", database)) as superuser:
        superuser.execute("SET ROLE app")
        insert(superuser)
    assert outbox(owner, "role, session_role") == [("app", "postgres")]


def test_origin_ends_with_its_transaction(owner: Connection, app: Connection) -> None:
    """The tag of one transaction is not the next one's."""
    with app.transaction():
        app.execute("SET LOCAL twinledger.origin = 'op-1'")
        insert(app, "a")
    insert(app, "b")
    assert outbox(owner, "origin") == [("op-1",), (None,)]


def test_application_has_no_right_on_the_outbox(owner: Connection, app: Connection) -> None:
    """Users are captured without any right on what Twinledger keeps, and can neither read it nor call its functions."""
    insert(app)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT FROM twinledger.outbox")
    assert changes(owner) == ["created"]


def test_search_path_cannot_lead_astray(owner: Connection, app: Connection) -> None:
    """A user's own function of a name that the trigger calls is not called."""
    app.execute(
        "CREATE FUNCTION pg_temp.jsonb_build_object(text, text) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb'"
    )
    app.execute("SET search_path = pg_temp, public")
    pk = insert(app)
    app.execute("UPDATE crm.account SET phone = '1' WHERE id = %s", (pk,))
    assert outbox(owner, "new")[1:] == [({"phone": "1"},)]


def test_partitions(owner: Connection, app: Connection) -> None:
    """Rows of partitions, direct edits of a partition, a move between two, and TRUNCATE of one are captured."""
    install(owner, Mappings((*MAPPINGS.mappings, event)))
    owner.execute("DELETE FROM twinledger.outbox")
    app.execute("INSERT INTO crm.event VALUES (1, 'north', 'a')")
    app.execute("UPDATE crm.event_north SET title = 'b'")
    app.execute("UPDATE crm.event SET region = 'south'")
    app.execute("TRUNCATE crm.event_south")
    found = outbox(owner, "change, table_name, pk")
    assert found[:2] == [
        ("created", "crm.event", ["1", "north"]),
        ("updated", "crm.event", ["1", "north"]),
    ]
    assert sorted(found[2:4]) == [
        ("created", "crm.event", ["1", "south"]),
        ("deleted", "crm.event", ["1", "north"]),
    ]
    assert found[4:] == [("truncated", "crm.event", None)]


def test_filter(owner: Connection, app: Connection) -> None:
    """Of a mapping with a filter, rows count that are in it before or after; leaving it is an edit, not a deletion."""
    owner.execute("CREATE TABLE crm.person (id int PRIMARY KEY, kind text, name text)")
    owner.execute("GRANT ALL ON crm.person TO app")
    person = mapping(
        "person",
        "crm.person",
        [("id", "integer")],
        [Field("Kind", "kind", Kind.TEXT, "text"), Field("Name", "name", Kind.TEXT, "text")],
        sql="kind LIKE 'p%' AND person.id > 0",
    )
    install(owner, Mappings((*MAPPINGS.mappings, person)))
    owner.execute("DELETE FROM twinledger.outbox")
    app.execute("INSERT INTO crm.person VALUES (1, 'pupil', 'in'), (2, 'dog', 'out'), (3, NULL, 'unknown')")
    app.execute("UPDATE crm.person SET name = 'x' WHERE id > 1")
    app.execute("UPDATE crm.person SET kind = 'cat' WHERE id = 1")
    app.execute("UPDATE crm.person SET name = 'y' WHERE id = 1")
    app.execute("UPDATE crm.person SET kind = 'pilot' WHERE id = 3")
    app.execute("DELETE FROM crm.person")
    assert outbox(owner, "change, pk") == [
        ("created", ["1"]),
        ("updated", ["1"]),
        ("updated", ["3"]),
        ("deleted", ["3"]),
    ]
    install(owner, MAPPINGS)


def test_a_filter_on_a_column_that_is_not_mapped(owner: Connection, app: Connection) -> None:
    """A row that enters the filter, or leaves it, is told of, though nothing else of it changes."""
    owner.execute("CREATE TABLE crm.member (id int PRIMARY KEY, kind text, name text, note text)")
    owner.execute("GRANT ALL ON crm.member TO app")
    fields = [Field("Name", "name", Kind.TEXT, "text")]
    member = mapping("member", "crm.member", [("id", "integer")], fields, sql="kind = 'in'")
    install(owner, Mappings((*MAPPINGS.mappings, member)))
    owner.execute("DELETE FROM twinledger.outbox")
    app.execute("INSERT INTO crm.member VALUES (1, NULL, 'Ada')")
    for column, value in (
        ("kind", "in"),
        ("note", "x"),
        ("name", "Eve"),
        ("kind", "out"),
        ("note", "y"),
        ("name", "Zoe"),
    ):
        app.execute(sql.SQL("UPDATE crm.member SET {} = %s").format(sql.Identifier(column)), (value,))
    assert outbox(owner, "change, old, new") == [
        ("updated", {}, {}),
        ("updated", {"name": "Ada"}, {"name": "Eve"}),
        ("updated", {}, {}),
    ]
    install(owner, MAPPINGS)


def test_many_columns(owner: Connection, app: Connection) -> None:
    """More columns than a function takes arguments are captured."""
    names = [f"c{at}" for at in range(130)]
    columns = ", ".join(f"{name} text" for name in names)
    owner.execute(f"CREATE TABLE crm.wide (id int PRIMARY KEY, {columns})".encode())
    owner.execute("GRANT ALL ON crm.wide TO app")
    wide = mapping("wide", "crm.wide", [("id", "integer")], [Field(n, n, Kind.TEXT, "text") for n in names])
    install(owner, Mappings((*MAPPINGS.mappings, wide)))
    app.execute("INSERT INTO crm.wide (id, c129) VALUES (1, 'x')")
    [(new,)] = outbox(owner, "new")
    assert (len(new), new["c129"]) == (131, "x")  # and sfid
    install(owner, MAPPINGS)


def test_ids_grow_with_commits_of_a_row(owner: Connection, app: Connection) -> None:
    """The row lock makes the order of outbox ids the order of commits, for each row."""
    pk = insert(app)
    for phone in ("1", "2", "3"):
        app.execute("UPDATE crm.account SET phone = %s WHERE id = %s", (phone, pk))
    found = outbox(owner, "new -> 'phone', edited_at")
    assert [phone for phone, _ in found] == [None, "1", "2", "3"]
    assert [at for _, at in found] == sorted(at for _, at in found)


def test_no_notify_while_the_relay_drains(owner: Connection, app: Connection, dsn: str) -> None:
    """An edit notifies only while the relay sleeps: once for a transaction, with nothing in it."""
    with open_database(dsn) as listener, open_database(dsn) as relay:
        listener.execute(f"LISTEN {CHANNEL}".encode())
        insert(app, "a")
        assert list(listener.notifies(timeout=0.05)) == []
        assert relay.execute("SELECT pg_try_advisory_lock(%s)", (DRAIN_KEY,)).fetchone() == (True,)
        with app.transaction():
            insert(app, "b")
            insert(app, "c")
        assert [notify.payload for notify in listener.notifies(timeout=2, stop_after=1)] == [""]
        assert list(listener.notifies(timeout=0.05)) == []


def test_silent_transaction_keeps_the_relay_awake(owner: Connection, app: Connection, dsn: str) -> None:
    """While a transaction is open that will not notify, the relay cannot fall asleep."""
    with open_database(dsn) as relay:
        with app.transaction():
            insert(app)
            assert relay.execute("SELECT pg_try_advisory_lock(%s)", (DRAIN_KEY,)).fetchone() == (False,)
        assert relay.execute("SELECT pg_try_advisory_lock(%s)", (DRAIN_KEY,)).fetchone() == (True,)


def test_rows_after_the_first_of_a_transaction_are_bulk(owner: Connection, app: Connection) -> None:
    """Counted over its statements; the next transaction begins anew, and so does what was rolled back to."""
    many = "INSERT INTO crm.account (name) SELECT gen_random_uuid() FROM generate_series(1, %s)"

    def lanes() -> list[bool]:
        found = [bulk for (bulk,) in outbox(owner, "bulk")]
        owner.execute("DELETE FROM twinledger.outbox")
        return found

    with app.transaction():
        for _ in range(2):
            app.execute(many, (LIVE_ROWS // 2 + 1,))
    assert lanes() == [False] * LIVE_ROWS + [True] * 2
    with app.transaction():
        with app.transaction() as savepoint:
            app.execute(many, (LIVE_ROWS,))
            raise psycopg.Rollback(savepoint)
        insert(app, "Acme 1")
    insert(app, "Acme 2")
    app.execute("UPDATE crm.account SET phone = '1'")
    app.execute("DELETE FROM crm.account")
    assert lanes() == [False] * 2 + ([False] * LIVE_ROWS + [True] * 4) * 2
