"""What users do to a mapped table: a column gets another type or goes, while sessions are at work on the table."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.install import install
from infra.local.postgres import Cluster
from tests.integration.postgres.sample import MAPPINGS, mapping, open_database

PERSON = mapping(
    "person",
    "crm.person",
    [("id", "integer"), ("at", "timestamp with time zone")],
    [
        Field("Name", "name", Kind.TEXT, "text"),
        Field("Rank", "rank", Kind.NUMBER, "numeric(18,2)"),
        Field("Kind", "kind", Kind.TEXT, "text"),
    ],
    newest="Rank",
)
AT = "2026-11-24T05:06:07Z"


@contextmanager
def _people(owner: Connection, person: ObjectMapping) -> Iterator[None]:
    owner.execute(
        "CREATE TABLE crm.person (id int, at timestamptz, name text, rank numeric(18,2), kind text, note text,"
        " PRIMARY KEY (id, at))"
    )
    owner.execute("GRANT ALL ON crm.person TO app")
    install(owner, Mappings((*MAPPINGS.mappings, person)))
    try:
        yield
    finally:
        owner.execute("DROP TABLE crm.person")


@pytest.fixture
def _person(owner: Connection) -> Iterator[None]:
    with _people(owner, PERSON):
        yield


@pytest.fixture
def _filtered(owner: Connection) -> Iterator[None]:
    with _people(owner, replace(PERSON, sql="rank > 10")):
        yield


@pytest.fixture(params=["old session", "new session"])
def user(request: pytest.FixtureRequest, cluster: Cluster, app: Connection, database: str) -> Iterator[Connection]:
    """The application's session: one that has planned the capture before the table was changed, or a new one."""
    if request.param == "old session":
        yield app
        return
    with open_database(cluster.address("app", database)) as connection:
        yield connection


def begin(owner: Connection, app: Connection) -> None:
    """Have every statement of the capture planned in the application's session."""
    app.execute("INSERT INTO crm.person VALUES (0, %s, 'Bob', 20, 'p'), (1, %s, 'Ada', 20, 'p')", (AT, AT))
    app.execute("UPDATE crm.person SET name = 'Eve', rank = 21, kind = 'q'")
    app.execute("DELETE FROM crm.person WHERE id = 0")
    owner.execute("TRUNCATE twinledger.outbox, twinledger.edit")


def found(owner: Connection) -> list[tuple[object, ...]]:
    """The outbox."""
    return owner.execute("SELECT change, pk, old, new FROM twinledger.outbox ORDER BY id").fetchall()


@pytest.mark.usefixtures("_person")
@pytest.mark.parametrize(
    ("alter", "old"),
    [("rank TYPE numeric(20,2)", "21.00"), ("rank TYPE text", "21.00"), ("id TYPE bigint", "21.00")],
)
def test_another_type(owner: Connection, app: Connection, user: Connection, alter: str, old: str) -> None:
    """The type of a mapped column, and of the key, can be changed; edits are captured as before in every session."""
    begin(owner, app)
    owner.execute(f"ALTER TABLE crm.person ALTER COLUMN {alter}".encode())
    user.execute("SET timezone = 'Asia/Tokyo'")
    user.execute("UPDATE crm.person SET rank = '30.00'")
    user.execute("UPDATE crm.person SET note = 'nobody mapped it'")
    user.execute("UPDATE crm.person SET id = 2")
    user.execute("DELETE FROM crm.person")
    assert [
        ("updated", ["1", AT], {"rank": old}, {"rank": "30.00"}),
        ("deleted", ["1", AT]),
        ("created", ["2", AT]),
        ("deleted", ["2", AT]),
    ] == [row if row[0] == "updated" else row[:2] for row in found(owner)]


@pytest.mark.usefixtures("_person")
def test_time_of_an_edit(owner: Connection, app: Connection, user: Connection) -> None:
    """Of a column that the newest edit wins, the time is kept after a change of type too, and of no other edit."""
    begin(owner, app)
    owner.execute("ALTER TABLE crm.person ALTER COLUMN rank TYPE bigint")
    user.execute("UPDATE crm.person SET name = 'Zoe'")
    assert owner.execute("SELECT column_name FROM twinledger.edit").fetchall() == []
    user.execute("UPDATE crm.person SET rank = 30")
    assert owner.execute("SELECT pk, column_name FROM twinledger.edit").fetchall() == [(["1", AT], "rank")]


@pytest.mark.usefixtures("_person")
def test_dropped_column(owner: Connection, app: Connection, user: Connection) -> None:
    """Without a mapped column, users go on, and the others are captured; another column of its name is captured too."""
    begin(owner, app)
    owner.execute("ALTER TABLE crm.person DROP COLUMN rank")
    user.execute("INSERT INTO crm.person (id, at, name) VALUES (2, %s, 'Joe')", (AT,))
    user.execute("UPDATE crm.person SET name = 'Zoe' WHERE id = 1")
    user.execute("UPDATE crm.person SET note = 'nobody mapped it'")
    user.execute("DELETE FROM crm.person WHERE id = 2")
    owner.execute("ALTER TABLE crm.person ADD COLUMN rank integer")
    user.execute("UPDATE crm.person SET rank = 1")
    assert found(owner) == [
        ("created", ["2", AT], None, {"name": "Joe", "kind": None, "sfid": None}),
        ("updated", ["1", AT], {"name": "Eve"}, {"name": "Zoe"}),
        ("deleted", ["2", AT], {"name": "Joe", "kind": None, "sfid": None}, None),
        ("updated", ["1", AT], {"rank": None}, {"rank": "1"}),
    ]


@pytest.mark.usefixtures("_filtered")
def test_filter_after_a_change_of_type(owner: Connection, app: Connection, user: Connection) -> None:
    """The filter holds in every session: rows outside it are not captured, and leaving it is."""
    begin(owner, app)
    owner.execute("ALTER TABLE crm.person ALTER COLUMN rank TYPE bigint")
    user.execute("INSERT INTO crm.person (id, at, rank) VALUES (2, %s, 5), (3, %s, NULL), (4, %s, 11)", (AT,) * 3)
    user.execute("UPDATE crm.person SET kind = 'r' WHERE id IN (2, 3)")
    user.execute("UPDATE crm.person SET rank = 5 WHERE id = 1")
    user.execute("UPDATE crm.person SET rank = 12 WHERE id = 2")
    user.execute("DELETE FROM crm.person WHERE id <> 4")
    user.execute("UPDATE crm.person SET note = 'nobody mapped it'")
    assert [row[:2] for row in found(owner)] == [
        ("created", ["4", AT]),
        ("updated", ["1", AT]),
        ("updated", ["2", AT]),
        ("deleted", ["2", AT]),
    ]


def test_entering_the_filter_after_a_change_of_type(owner: Connection, app: Connection, user: Connection) -> None:
    """By a column that is not mapped; the row is told of though nothing that is mapped changes."""
    with _people(owner, replace(PERSON, sql="note = 'in'")):
        begin(owner, app)
        owner.execute("ALTER TABLE crm.person ALTER COLUMN rank TYPE bigint")
        for note in ("in", "in", "out", "out"):
            user.execute("UPDATE crm.person SET note = %s", (note,))
        assert [row[0] for row in found(owner)] == ["updated", "updated"]


def test_a_dropped_column_that_only_the_filter_names(owner: Connection, app: Connection, user: Connection) -> None:
    """It is not taken for null by a session that had planned the filter before."""
    with _people(owner, replace(PERSON, sql="note = 'in'")):
        begin(owner, app)
        user.execute("UPDATE crm.person SET note = 'in'")
        owner.execute("ALTER TABLE crm.person DROP COLUMN note")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match='column "note" does not exist'):
            user.execute("UPDATE crm.person SET name = 'Zoe'")


@pytest.mark.usefixtures("_filtered")
@pytest.mark.parametrize(
    ("drop", "reason"), [("at", 'column "at" not found'), ("rank", 'column "rank" does not exist')]
)
def test_what_cannot_be_captured(owner: Connection, app: Connection, user: Connection, drop: str, reason: str) -> None:
    """Without its key or its filter's column a change is refused, rather than lost, and the reason says what to do."""
    begin(owner, app)
    owner.execute(f"ALTER TABLE crm.person DROP COLUMN {drop}".encode())
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState) as refused:
        user.execute("UPDATE crm.person SET name = 'Zoe'")
    said = refused.value.diag
    assert f"Twinledger cannot capture this change of crm.person: {reason}" in str(said.message_primary)
    assert "python manage.py install" in str(said.message_hint)
    install(owner, MAPPINGS)
    user.execute("UPDATE crm.person SET name = 'Zoe'")


def test_column_named_as_a_variable(owner: Connection, app: Connection) -> None:
    """A filter may name a column as the capture names its variables."""
    owner.execute("CREATE TABLE crm.odd (id int PRIMARY KEY, inside_ boolean)")
    owner.execute("GRANT ALL ON crm.odd TO app")
    odd = mapping(
        "odd", "crm.odd", [("id", "integer")], [Field("In", "inside_", Kind.BOOLEAN, "boolean")], sql="inside_"
    )
    install(owner, Mappings((*MAPPINGS.mappings, odd)))
    app.execute("INSERT INTO crm.odd VALUES (1, true), (2, false)")
    assert [row[:2] for row in found(owner)] == [("created", ["1"])]
    owner.execute("DROP TABLE crm.odd")
