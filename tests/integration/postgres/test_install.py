"""Installing, installing again, and taking everything away."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.core.catalog import Column, Table
from chalicelib.core.errors import ConfigurationError, MappingError, RecordLocked, Unavailable
from chalicelib.core.mapping import Field, Kind, Mappings
from chalicelib.postgres import install as installation
from chalicelib.postgres.catalog import read_catalog, read_tables
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.identity import identity
from chalicelib.postgres.install import install, plan, uninstall
from infra.local.postgres import Cluster
from tests.integration.postgres.sample import CONTACT, MAPPINGS, TABLES, account, mapping, open_database

event = mapping(
    "event", "crm.event", [("id", "bigint"), ("region", "text")], [Field("Title", "title", Kind.TEXT, "text")]
)
EVERYTHING = Mappings((*MAPPINGS.mappings, event))

INVENTORY = """
SELECT 'relation', c.oid::regclass::text FROM pg_class AS c
    WHERE c.relnamespace::regnamespace::text !~ '^pg_|information'
UNION ALL SELECT 'column', a.attrelid::regclass || '.' || a.attname FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace::regnamespace::text !~ '^pg_|information'
UNION ALL SELECT 'function', p.oid::regprocedure::text FROM pg_proc AS p
    WHERE p.pronamespace::regnamespace::text !~ '^pg_|information'
UNION ALL SELECT 'trigger', t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger AS t WHERE NOT t.tgisinternal
UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_'
ORDER BY 1, 2
"""


@pytest.fixture
def bare(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A database with the tables, and without Twinledger."""
    name = request.node.name[:60]
    with open_database(cluster.create_database(name)) as connection:
        connection.execute(TABLES.read_text(encoding="utf-8").encode())
        yield connection
    cluster.drop_database(name)


def test_uninstall_leaves_nothing(bare: Connection) -> None:
    """After uninstalling, the database has exactly what it had before."""
    before = bare.execute(INVENTORY).fetchall()
    install(bare, EVERYTHING)
    assert bare.execute(INVENTORY).fetchall() != before
    uninstall(bare)
    assert bare.execute(INVENTORY).fetchall() == before
    uninstall(bare)  # nothing is there, and nothing is wrong with that


def test_uninstall_keeps_what_was_there(bare: Connection) -> None:
    """A column and an index of the user's stay, and all links do where that is asked."""
    bare.execute("ALTER TABLE crm.contact ADD COLUMN sfid varchar(18) UNIQUE")
    install(bare, MAPPINGS)
    uninstall(bare, keep_links=True)
    assert "sfid" in read_tables(bare, [account.table])[account.table].columns
    install(bare, MAPPINGS)
    uninstall(bare)
    tables = read_tables(bare, [account.table, CONTACT])
    assert ("sfid" in tables[account.table].columns, "sfid" in tables[CONTACT].columns) == (True, True)


def test_second_run_does_nothing(bare: Connection) -> None:
    """What is there already is left alone, and the plan is empty."""
    assert install(bare, EVERYTHING)
    assert install(bare, EVERYTHING) == []
    assert plan(EVERYTHING, read_catalog(bare, list(EVERYTHING.by_table))) == ""


def test_plan_is_what_a_person_can_run(bare: Connection) -> None:
    """The SQL of a dry run, statement by statement, leaves nothing to do."""
    text = plan(EVERYTHING, read_catalog(bare, list(EVERYTHING.by_table)))
    outside, *blocks = text.split("BEGIN;\n")
    assert outside == ""
    for block in blocks:
        inside, commit, after = block.partition("COMMIT;\n")
        bare.execute(f"BEGIN; {inside} {commit}".encode())
        for statement in filter(None, (part.strip() for part in after.split(";\n"))):
            bare.execute(statement.encode())
    assert install(bare, EVERYTHING) == []


def test_changed_mapping(bare: Connection) -> None:
    """Another mapped column makes another function; a table that is no longer mapped loses its triggers."""
    install(bare, EVERYTHING)
    fewer = replace(account, fields=account.fields[:2], units=account.units[:2])
    steps = install(bare, Mappings((fewer,)))
    assert [step.count("CREATE OR REPLACE FUNCTION") for step in steps if "CREATE" in step] == [1]
    bare.execute("INSERT INTO crm.account (name, revenue) VALUES ('Acme', 1)")
    bare.execute("UPDATE crm.account SET revenue = 2")
    bare.execute("INSERT INTO crm.contact DEFAULT VALUES")
    assert bare.execute("SELECT new FROM twinledger.outbox").fetchall() == [
        ({"name": "Acme", "phone": None, "sfid": None},)
    ]


def test_disabled_or_dropped_trigger(bare: Connection) -> None:
    """A trigger that somebody switched off or dropped is put back."""
    install(bare, MAPPINGS)
    bare.execute("ALTER TABLE crm.account DISABLE TRIGGER twinledger_capture")
    assert len(install(bare, MAPPINGS)) == 1
    bare.execute("DROP TRIGGER twinledger_truncate ON crm.account")
    assert len(install(bare, MAPPINGS)) == 1
    assert install(bare, MAPPINGS) == []


def test_new_partition(bare: Connection) -> None:
    """A partition that came later gets its TRUNCATE trigger."""
    install(bare, EVERYTHING)
    bare.execute("CREATE TABLE crm.event_west PARTITION OF crm.event FOR VALUES IN ('west')")
    assert len(install(bare, EVERYTHING)) == 1
    bare.execute("TRUNCATE crm.event_west")
    assert bare.execute("SELECT table_name FROM twinledger.outbox").fetchall() == [("crm.event",)]


def test_table_that_is_not_there(bare: Connection) -> None:
    """A mapped table that is missing is named, and nothing is done."""
    gone = mapping("gone", "crm.gone", [("id", "bigint")], [])
    with pytest.raises(MappingError, match=r"crm\.gone"):
        install(bare, Mappings((account, gone)))
    assert bare.execute("SELECT to_regnamespace('twinledger')").fetchone() == (None,)


def test_locked_table(bare: Connection, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that stays locked is given up; the next run does the rest."""
    monkeypatch.setattr(installation, "ATTEMPTS", 2)
    monkeypatch.setattr(installation, "PAUSE", 0.0)
    monkeypatch.setattr(installation, "LOCK_TIMEOUT", "20ms")
    with open_database(bare.info.dsn + f" password={cluster.passwords['twinledger']}") as user, user.transaction():
        user.execute("LOCK TABLE crm.account IN ROW EXCLUSIVE MODE")
        with pytest.raises(RecordLocked):
            install(bare, MAPPINGS)
    assert install(bare, MAPPINGS)
    assert install(bare, MAPPINGS) == []


def test_twins_in_the_link(bare: Connection) -> None:
    """Two rows with one Salesforce id are an error with its reason; once they are mended, installing goes on."""
    bare.execute("ALTER TABLE crm.account ADD COLUMN sfid varchar(18)")
    bare.execute("INSERT INTO crm.account (name, sfid) VALUES ('a', 'x'), ('b', 'x')")
    with pytest.raises(ConfigurationError, match="could not create unique index"):
        install(bare, MAPPINGS)
    bare.execute("UPDATE crm.account SET sfid = NULL WHERE name = 'b'")
    install(bare, MAPPINGS)
    assert install(bare, MAPPINGS) == []


def test_filter_that_the_trigger_cannot_evaluate(bare: Connection) -> None:
    """A filter that would make users' statements fail is refused before it is installed."""
    bare.execute("CREATE FUNCTION crm.kind() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
    for condition in ("nonsense", "kind()"):
        with pytest.raises(ConfigurationError):
            install(bare, Mappings((replace(account, sql=condition),)))
    bare.execute("INSERT INTO crm.account (name) VALUES ('Acme')")
    install(bare, Mappings((replace(account, sql="crm.kind()"),)))
    bare.execute("UPDATE crm.account SET name = 'Acme 2'")
    assert bare.execute("SELECT count(*) FROM twinledger.outbox").fetchone() == (1,)


def test_what_is_installed_tells_databases_apart(bare: Connection) -> None:
    """A database has an identity from its installation on."""
    with pytest.raises(ConfigurationError):
        identity(bare)
    install(bare, MAPPINGS)
    first = identity(bare)
    install(bare, MAPPINGS)
    assert (first.count("."), first) == (4, identity(bare))


def test_tables(bare: Connection) -> None:
    """The catalog gives columns, keys and foreign keys; a table that is not there is left out."""
    tables = read_tables(bare, [CONTACT, "crm.event", "crm.nothing"])
    assert tables[CONTACT] == Table(
        CONTACT,
        {
            "id": Column("id", "uuid", nullable=False, generated=False, has_default=True),
            'last "Name"': Column('last "Name"', "text", nullable=True, generated=False, has_default=False),
            "email": Column("email", "text", nullable=True, generated=False, has_default=False),
            "account_id": Column("account_id", "bigint", nullable=True, generated=False, has_default=False),
        },
        ("id",),
        {"account_id": ("crm.account", "id")},
        frozenset({"id"}),
    )
    assert tables["crm.event"].primary_key == ("id", "region")
    assert set(tables) == {CONTACT, "crm.event"}


def test_autovacuum_of_the_outbox(bare: Connection) -> None:
    """The outbox, which is written and deleted all day, is vacuumed by its dead rows, not by its size."""
    install(bare, MAPPINGS)
    assert bare.execute("SELECT reloptions FROM pg_class WHERE oid = 'twinledger.outbox'::regclass").fetchone() == (
        ["autovacuum_vacuum_scale_factor=0", "autovacuum_vacuum_threshold=5000"],
    )


def test_connection_that_is_lost(bare: Connection) -> None:
    """A connection that broke may work later."""
    bare.close()
    with pytest.raises(Unavailable):
        install(bare, MAPPINGS)
    with pytest.raises(Unavailable):
        uninstall(bare)


def test_an_outbox_of_one_lane_gets_the_other(bare: Connection) -> None:
    """An installation from before; what it has captured is kept, and is live."""
    install(bare, MAPPINGS)
    fresh = bare.execute(INVENTORY).fetchall()
    bare.execute("INSERT INTO crm.account (name) VALUES ('Acme')")
    bare.execute("ALTER TABLE twinledger.outbox DROP COLUMN bulk")  # and its index with it
    assert any("outbox_live" in step for step in install(bare, MAPPINGS))
    assert bare.execute("SELECT bulk FROM twinledger.outbox").fetchall() == [(False,)]
    assert sorted(map(str, bare.execute(INVENTORY).fetchall())) == sorted(map(str, fresh))
    assert install(bare, MAPPINGS) == []
