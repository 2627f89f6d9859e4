"""A person is forgotten: nothing that was ever written of the record stays with the sync."""

from typing import Any

import pytest

from chalicelib.aws.items import body_of
from chalicelib.core.audit import month_of
from tests.integration.application.conftest import World

Output = pytest.CaptureFixture[str]
SECRETS = ("Ada-first", "Ada-second", "Ada-ours", "Ada-theirs")


@pytest.fixture(scope="module")
def sfid(installed: World) -> str:
    """A record with a past: edited, in conflict, and decided."""
    installed.database.execute("INSERT INTO account (name) VALUES ('Ada-first')")

    def linked() -> list[tuple[Any, ...]]:
        return installed.database.execute("SELECT sfid FROM account WHERE sfid IS NOT NULL").fetchall()

    installed.until(lambda: bool(linked()))
    id_ = str(linked()[0][0])
    installed.org.user("PATCH", f"sobjects/Account/{id_}", {"Name": "Ada-second"})
    installed.until(lambda: installed.column("name", id_) == "Ada-second")
    installed.database.execute("UPDATE account SET name = 'Ada-ours' WHERE sfid = %s", (id_,))
    installed.org.user("PATCH", f"sobjects/Account/{id_}", {"Name": "Ada-theirs"})
    installed.until(lambda: any(issue.sfid == id_ for issue in installed.wiring.archive.open_issues()))
    return id_


def held(world: World) -> list[str]:
    """What the ledger and Twinledger's own tables say of her, by whatever name."""
    table = world.stage.outputs["LedgerTable"]
    found = world.stage.client("dynamodb").scan(TableName=table)["Items"]
    texts = [f"{item} {body_of(item).decode() if 'body' in item else ''}" for item in found]
    for own in ("marker", "outbox", "edit"):
        texts += [str(row) for row in world.database.execute(f"SELECT * FROM twinledger.{own}").fetchall()]  # noqa: S608
    return [text for text in texts if any(secret in text for secret in SECRETS)]


def test_what_a_side_still_has_is_not_erased(installed: World, sfid: str, capsys: Output) -> None:
    """It would come back with the next message; it is said where it is to be deleted."""
    assert installed.manage("erase", sfid) == 2
    assert "Postgres has it and Salesforce has it still: delete it there, then erase it" in capsys.readouterr().err
    assert held(installed) != []


def test_nothing_is_left(installed: World, sfid: str, capsys: Output) -> None:
    """Neither in the ledger nor in the database; the audit says that it was done, and to which key."""
    installed.database.execute("DELETE FROM account WHERE sfid = %s", (sfid,))
    installed.org.user("DELETE", f"sobjects/Account/{sfid}")
    key = installed.wiring.names().known(sfid).key or ""
    installed.until(lambda: installed.wiring.ledger.read([key])[key].alive is False)
    installed.until(lambda: installed.wiring.waiting() == 0)
    assert installed.manage("erase", sfid) == 2
    assert "in the recycle bin" in capsys.readouterr().err
    installed.org.control("POST", "purge", {"ids": [sfid]})

    assert installed.manage("erase", sfid, "--dry-run") == 0
    assert "these would go; nothing was changed" in capsys.readouterr().out
    assert held(installed) != []
    assert installed.manage("erase", sfid, "--actor", "ann") == 0
    said = capsys.readouterr().out

    assert held(installed) == []
    assert "ledger entry" in said
    assert "beyond its reach" in said
    month = month_of(installed.wiring.clock.now())
    acts = [act for act in installed.wiring.audit.page(month, 50) if act.verb == "erase"]
    assert [act.subjects for act in acts] == [(key,)] * 3
    assert [(act.actor, act.outcome.partition(":")[0]) for act in acts[:2]] == [
        ("ann", "done"),
        (acts[1].actor, "not done"),
    ]


def test_a_record_that_is_not_known(installed: World, capsys: Output) -> None:
    """There is nothing to erase."""
    assert installed.manage("erase", "Account:001000000000001AAA") == 2
    assert "nothing to erase" in capsys.readouterr().err
