"""An application whose objects refer to each other in every way, and what its users and the sweep do."""

import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from chalicelib.aws.state import Probe
from chalicelib.core.ledger import Issue
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.settings import Lane
from tests.integration.application.conftest import ROOT, World, aws, permissions, permitted, schedule, world

__all__ = ["aws", "permissions", "permitted", "world"]

HERE = Path(__file__).parent
KEPT = (HERE / "family.sql", HERE / "family.toml")
ACCOUNT = tomllib.loads((ROOT / "infra" / "local" / "org" / "objects" / "Account.toml").read_text("utf-8"))
LOOKUP, MASTER = {"type": "reference"}, {"type": "reference", "masterDetail": True}
OBJECTS: list[dict[str, Any]] = [
    ACCOUNT | {"fields": ACCOUNT["fields"] | {"Main_Contact__c": LOOKUP | {"referenceTo": ["Contact"]}}},
    {"name": "Invoice__c", "fields": {"Account__c": MASTER | {"referenceTo": ["Account"]}}},
    {"name": "Line__c", "fields": {"Invoice__c": MASTER | {"referenceTo": ["Invoice__c"]}}},
]
TABLES = {"Account": "account", "Contact": "contact", "Invoice__c": "invoice", "Line__c": "line"}


@dataclass
class Household:
    """Both systems, as users see them.

    Attributes:
        world: everything behind it.
    """

    world: World

    # --- Salesforce

    def make(self, object_name: str, **values: str | None) -> str:
        """A user makes a record; nobody is told of it."""
        answer = self.world.org.user("POST", f"sobjects/{object_name}", values)
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def save(self, object_name: str, record_id: str, **values: str | None) -> None:
        """A user edits a record; nobody is told of it."""
        answer = self.world.org.user("PATCH", f"sobjects/{object_name}/{record_id}", values)
        assert answer.ok, answer.text

    def bin(self, object_name: str, record_id: str) -> None:
        """A user moves a record to the recycle bin; nobody is told of it."""
        answer = self.world.org.user("DELETE", f"sobjects/{object_name}/{record_id}")
        assert answer.ok, answer.text

    def control(self, name: str, **body: Any) -> None:
        """What a user does in the user interface only: undelete, merge, purge."""
        self.world.org.control("POST", name, body)

    def tell(self, *identities: tuple[str, str]) -> None:
        """Messages about records, as object and id, in this order."""
        clock = self.world.wiring.clock
        hints = [Hint(SalesforceId(*one), Change.UPDATED, f"told-{clock.new_id()}") for one in identities]
        self.world.wiring.hints.send(hints)

    def sweep(self) -> None:
        """The sweep's minute has come."""
        self.world.invoke("sweep", schedule())

    def records(self, object_name: str, *fields: str) -> dict[str, dict[str, Any]]:
        """Every live record, by id."""
        query = f"SELECT Id,{','.join(fields or ('Name',))} FROM {object_name}"  # noqa: S608 - of this test
        found = self.world.org.user("GET", f"query?q={query.replace(' ', '+')}").json()["records"]
        return {one["Id"]: {name: one[name] for name in fields or ("Name",)} for one in found}

    # --- Postgres

    def run(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """A user's statement."""
        with self.world.database.cursor(row_factory=dict_row) as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, table: str, **values: Any) -> Any:
        """A user inserts a row; its primary key."""
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join(sql.Placeholder() * len(values))
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(sql.Identifier(table), names, marks)
        made = self.world.database.execute(query, list(values.values())).fetchone()
        assert made is not None
        return made[0]

    def rows(self, table: str) -> dict[str | None, dict[str, Any]]:
        """Every row, by its link."""
        return {row["sfid"]: row for row in self.run(f"SELECT * FROM {table}")}  # noqa: S608 - of this test

    def sfid(self, table: str, pk: Any) -> str | None:
        """The link of a row."""
        found = self.run(f"SELECT sfid FROM {table} WHERE id = %s", pk)  # noqa: S608 - of this test
        return found[0]["sfid"] if found else None

    # --- the sync

    def settle(self) -> None:
        """Until no message is on its way any more, in the outbox or in a queue."""
        self.world.until(self._quiet)

    def until(self, arrived: Callable[[], bool]) -> None:
        """Until something is so."""
        self.world.until(arrived)

    def _quiet(self) -> bool:
        left = self.run("SELECT count(*) AS n FROM twinledger.outbox")[0]["n"]
        return left == 0 and all(self.world.wiring.receipts(lane).waiting() == 0 for lane in Lane)

    def issues(self) -> list[Issue]:
        """Open issues."""
        return list(self.world.wiring.archive.open_issues())


@pytest.fixture(scope="module")
def kept_the_same() -> tuple[Path, Path]:
    """The families' tables and mappings."""
    return KEPT


@contextmanager
def moved_in(world: World) -> Iterator[Household]:
    """The application, installed, with a relay."""
    for declared in OBJECTS:
        world.org.control("POST", "objects", declared)
    world.wiring.state.save_probe(Probe(world.wiring.client.organization_id, passed=True, at=world.wiring.clock.now()))
    assert world.manage("install") == 0
    stop = threading.Event()
    relay = threading.Thread(target=world.wiring.relay().run, args=(stop,))
    relay.start()
    try:
        yield Household(world)
    finally:
        stop.set()
        relay.join()


@pytest.fixture(scope="module")
def home(world: World) -> Iterator[Household]:
    """The application, installed, with a relay."""
    with moved_in(world) as found:
        yield found
