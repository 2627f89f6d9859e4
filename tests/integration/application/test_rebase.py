"""Postgres is restored from a dump while Salesforce and the ledger are newer; `rebase` goes on, and loses no edit."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

import app
from chalicelib.aws.state import Probe
from chalicelib.core.errors import ConfigurationError
from chalicelib.core.ledger import IssueKind
from chalicelib.core.model import Change, Hint, SalesforceId, Side
from chalicelib.jobs.braking import Limits
from chalicelib.jobs.restoring import REASON
from chalicelib.jobs.settling import BatchIncomplete
from chalicelib.settings import Lane
from infra.local.postgres import Cluster
from tests.integration.application.conftest import World, empty_ledger
from tests.integration.postgres.backups import dump, restore

Output = pytest.CaptureFixture[str]


class Disaster:
    """Accounts on both sides, a backup, what was done after it, and the backup restored in a database of its own."""

    def __init__(self, world: World, cluster: Cluster, dsn: str, file: Path, name: str) -> None:
        self.world, self.cluster, self.file, self.name = world, cluster, file, name
        self.dsn, self.database = dsn, psycopg.connect(dsn, autocommit=True)

    def close(self) -> None:
        """Leave the database."""
        self.database.close()

    def insert(self, name: str, phone: str = "old") -> int:
        """A row; its primary key."""
        made = self.database.execute(
            "INSERT INTO account (name, phone) VALUES (%s, %s) RETURNING id", (f"{self.name} {name}", phone)
        ).fetchone()
        assert made is not None
        return int(made[0])

    def edit(self, name: str, phone: str) -> None:
        """A user's edit in Postgres."""
        self.database.execute("UPDATE account SET phone = %s WHERE name = %s", (phone, f"{self.name} {name}"))

    def delete(self, name: str) -> None:
        """A user's deletion in Postgres."""
        self.database.execute("DELETE FROM account WHERE name = %s", (f"{self.name} {name}",))

    def edit_salesforce(self, name: str, phone: str) -> None:
        """A user's edit in Salesforce, of which a message tells."""
        sfid = self.sfid(name)
        self.world.org.user("PATCH", f"sobjects/Account/{sfid}", {"Phone": phone})
        hint = Hint(SalesforceId("Account", sfid), Change.UPDATED, f"user-{self.world.wiring.clock.new_id()}")
        self.world.wiring.hints.send([hint])

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """Phones by name."""
        found = self.database.execute("SELECT name, phone FROM account WHERE name LIKE %s", (f"{self.name} %",))
        return {name.removeprefix(f"{self.name} "): phone for name, phone in found.fetchall()}

    def records(self) -> dict[str, Any]:
        """The same in Salesforce."""
        query = f"SELECT Name, Phone FROM Account WHERE Name LIKE '{self.name} %'"  # noqa: S608
        found = self.world.org.user("GET", f"query?q={query.replace(' ', '+').replace('%', '%25')}").json()["records"]
        return {one["Name"].removeprefix(f"{self.name} "): one["Phone"] for one in found}

    def sfid(self, name: str) -> str:
        """The Salesforce id of an account."""
        query = f"SELECT Id FROM Account WHERE Name = '{self.name} {name}'"  # noqa: S608
        [found] = self.world.org.user("GET", f"query?q={query.replace(' ', '+')}").json()["records"]
        return str(found["Id"])

    @contextmanager
    def relayed(self) -> Iterator[None]:
        """With a relay at work."""
        stop = threading.Event()
        relay = threading.Thread(target=self.world.wiring.relay().run, args=(stop,))
        relay.start()
        try:
            yield
        finally:
            stop.set()
            relay.join()

    def settled(self) -> None:
        """Everything that was edited is settled."""
        with self.relayed():
            self.world.until(self._quiet)

    def _quiet(self) -> bool:
        depth = self.database.execute("SELECT count(*) FROM twinledger.outbox").fetchone()
        wiring = self.world.wiring
        return depth == (0,) and all(wiring.receipts(lane).waiting() == 0 for lane in Lane)

    def back_up(self) -> None:
        """Now."""
        dump(self.dsn, self.file)

    def restore(self) -> None:
        """The backup, in another database, to which everything is led."""
        self.close()
        self.dsn = self.cluster.create_database(self.name)
        restore(self.file, self.dsn)
        self.database = psycopg.connect(self.dsn, autocommit=True)
        _lead(self.world, self.dsn)


def _lead(world: World, dsn: str) -> None:
    """Have everything lead to a database."""
    name = world.stage.outputs["DatabaseSecretArn"]
    world.stage.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps({"dsn": dsn}))
    world.wiring.renew()


@pytest.fixture
def disaster(world: World, cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Disaster]:
    """Accounts on both sides, backed up; then some were edited, one was made, one was deleted."""
    wiring = world.wiring
    dsn = cluster.address("twinledger", world.database.info.dbname)
    empty_ledger(world.stage)
    world.database.execute("TRUNCATE account CASCADE")
    wiring.state.save_probe(Probe(wiring.client.organization_id, passed=True, at=wiring.clock.now()))
    assert world.manage("install") == 0
    world.database.execute("TRUNCATE twinledger.outbox, twinledger.marker")
    wiring.installed(fresh=True)
    made = Disaster(world, cluster, dsn, tmp_path / "dump", request.node.name.replace("_", "")[-30:])
    for name in ("Same", "Edited here", "Edited there", "Later", "Deleted", "Linked"):
        made.insert(name)
    made.settled()
    made.back_up()
    made.edit("Edited here", "new")
    made.edit_salesforce("Edited there", "new")
    made.edit("Later", "new")
    made.delete("Deleted")
    made.insert("Lost")
    made.settled()
    made.restore()
    yield made
    made.close()
    for scope in wiring.pauses.all():
        wiring.pauses.resume(scope)
    _lead(world, dsn)


def test_what_the_restore_took_back_is_put_into_the_rows(disaster: Disaster, capsys: Output) -> None:
    """Rows that were left alone get what they have lost; edits made since are merged, or become issues."""
    world = disaster.world
    disaster.edit("Later", "mine")
    disaster.edit("Same", "mine")
    number = disaster.insert("Newcomer")
    assert world.manage("rebase", "--take", "salesforce", "--actor", "ann") == 0
    told = capsys.readouterr().out
    disaster.settled()

    assert "rebased: " in told
    assert disaster.rows() == {
        "Same": "mine",
        "Edited here": "new",
        "Edited there": "new",
        "Later": "mine",
        "Linked": "old",
        "Lost": "old",
        "Newcomer": "old",
    }
    assert disaster.records() == disaster.rows() | {"Later": "new"}
    [issue] = world.wiring.archive.issues_of(world.wiring.names().find(disaster.sfid("Later")).key or "")
    assert (issue.kind, dict(issue.base)) == (IssueKind.CONFLICT, {"Phone": "old"})
    assert (dict(issue.postgres), dict(issue.salesforce)) == ({"Phone": "mine"}, {"Phone": "new"})
    found = disaster.database.execute("SELECT id, sfid FROM account WHERE name LIKE '%Lost'").fetchone()
    assert found is not None
    assert (found[0] != number, found[1]) == (True, disaster.sfid("Lost"))


def test_the_old_values_are_what_was_wanted(disaster: Disaster) -> None:
    """They go to Salesforce; what was made since comes back, what was deleted since too."""
    disaster.edit("Same", "mine")
    assert disaster.world.manage("rebase", "--take", "postgres") == 0
    disaster.settled()

    old = dict.fromkeys(("Edited here", "Edited there", "Later", "Linked", "Lost", "Deleted"), "old")
    assert disaster.rows() == disaster.records() == old | {"Same": "mine"}


def test_nothing_is_done_before_a_person_has_decided(disaster: Disaster, capsys: Output) -> None:
    """Neither relayed nor settled nor installed; a dry run counts, and changes nothing."""
    world = disaster.world
    disaster.edit("Later", "mine")
    before = disaster.rows(), disaster.records(), world.wiring.installed().database
    with pytest.raises(ConfigurationError, match=r"manage\.py rebase"):
        world.wiring.relay().run(threading.Event())
    disaster.edit_salesforce("Same", "theirs")
    with suppress(BatchIncomplete):
        world.pump(Side.SALESFORCE)
    assert world.manage("install") == 2
    world.manage("status")
    assert "manage.py rebase" in capsys.readouterr().out

    assert world.manage("rebase", "--take", "salesforce", "--dry-run") == 0

    told = capsys.readouterr().out
    assert "      2  hold old values, and get Salesforce's" in told
    assert "      1  were edited since the restore" in told
    assert "      1  came after the backup: their rows are made again of what Salesforce holds" in told
    assert "      1  were deleted after the backup: their rows are deleted again" in told
    assert disaster.sfid("Lost") in told
    assert (disaster.rows(), disaster.records() | {"Same": "old"}, world.wiring.installed().database) == before
    assert (world.wiring.pauses.all(), world.wiring.state.rebase()) == ({}, None)
    world.manage("rebase", "--take", "salesforce")
    disaster.settled()
    assert disaster.rows()["Same"] == "theirs"


def test_it_is_begun_again_where_it_broke_off(
    disaster: Disaster, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Everything stays paused; the other side's values are refused then, and nothing is done twice."""
    world = disaster.world
    write, calls = world.wiring.ledger.write, []

    def breaks(changes: Any) -> Any:
        calls.append(changes)
        if len(calls) == 3:
            raise ConfigurationError("the connection broke")
        return write(changes)

    with monkeypatch.context() as patch:
        patch.setattr(world.wiring.ledger, "write", breaks)
        assert world.manage("rebase", "--take", "salesforce") == 2
    assert world.wiring.pauses.all()["*"].reason == REASON
    assert world.manage("rebase", "--take", "postgres") == 2
    assert "finish it with --take salesforce" in capsys.readouterr().err

    assert world.manage("rebase", "--take", "salesforce") == 0
    disaster.settled()

    expected = dict.fromkeys(("Edited here", "Edited there", "Later"), "new")
    assert disaster.rows() == disaster.records() == expected | dict.fromkeys(("Same", "Linked", "Lost"), "old")
    assert (world.wiring.pauses.all(), world.wiring.state.rebase()) == ({}, None)
    assert world.manage("rebase", "--take", "salesforce") == 2
    assert "there is nothing to rebase" in capsys.readouterr().err


def test_the_brake_holds_what_a_rebase_deletes_again(disaster: Disaster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a person lets it pass."""
    world = disaster.world
    monkeypatch.setattr(app.wiring._brake, "_limits", Limits(deletions=0, changes=1))
    world.manage("rebase", "--take", "salesforce")
    world.until(lambda: "account" in world.wiring.pauses.all())

    assert world.manage("resume", "account", "--let-pass") == 0

    disaster.settled()
    assert disaster.rows() == disaster.records()
