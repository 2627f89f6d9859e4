"""The sync is stopped by a person and by the brake, and goes on, through the application's own entry points."""

from collections.abc import Iterator

import pytest

import app
from chalicelib.commands import main
from chalicelib.jobs.braking import Limits
from chalicelib.settings import Lane
from tests.integration.application.conftest import World

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def running(installed: World) -> Iterator[None]:
    """Nothing stays paused."""
    yield
    for scope in installed.wiring.pauses.all():
        installed.wiring.pauses.resume(scope)


def linked(world: World, name: str) -> list[str]:
    """Salesforce ids of accounts of a name."""
    found = world.database.execute("SELECT sfid FROM account WHERE name = %s AND sfid IS NOT NULL", (name,))
    return [sfid for (sfid,) in found.fetchall()]


def made(world: World, name: str, count: int = 1) -> list[str]:
    """Accounts of a name, on both sides."""
    world.database.execute("INSERT INTO account (name) SELECT %s FROM generate_series(1, %s)", (name, count))
    world.until(lambda: len(linked(world, name)) == count)
    return linked(world, name)


def deleted(world: World, sfid: str) -> bool:
    """Whether an account is in the recycle bin."""
    return world.org.user("GET", f"sobjects/Account/{sfid}").status_code == 404


def aside(world: World) -> int:
    """Hints that are put aside."""
    return len(list(world.wiring.agenda.aside()))


def test_a_person_stops_a_mapping_and_goes_on(installed: World, capsys: Output) -> None:
    """Edits of both sides wait, are told of by `status`, and arrive afterwards."""
    [sfid] = made(installed, "Stopped")

    assert main(["pause", "account", "--reason", "moving house", "--actor", "ann"], installed.wiring) == 0
    installed.database.execute("UPDATE account SET phone = '7' WHERE sfid = %s", (sfid,))
    installed.until(lambda: aside(installed) > 0)
    assert installed.record(sfid)["Phone"] is None
    main(["status"], installed.wiring)
    assert "account is paused by ann: moving house" in capsys.readouterr().out

    assert main(["resume", "account"], installed.wiring) == 0
    assert "account is settled again; ann had paused it" in capsys.readouterr().out
    installed.until(lambda: installed.record(sfid)["Phone"] == "7")
    assert aside(installed) == 0


def test_the_sweep_sends_what_was_put_aside_at_the_last_moment(installed: World) -> None:
    """A worker had read that it is paused, and a person resumed it meanwhile."""
    [sfid] = made(installed, "Late")
    main(["pause", "--all"], installed.wiring)
    installed.database.execute("UPDATE account SET phone = '8' WHERE sfid = %s", (sfid,))
    installed.until(lambda: aside(installed) > 0)
    installed.wiring.pauses.resume("*")

    installed.wiring.run_sweep(60.0)

    installed.until(lambda: installed.record(sfid)["Phone"] == "8")


def test_a_delete_without_a_condition_is_stopped(
    installed: World, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """The brake pauses the mapping; the rows that are put back lose nothing in Salesforce, and no twin is made."""
    brake = app.wiring._brake
    monkeypatch.setattr(brake, "_limits", Limits(deletions=3))
    accounts = made(installed, "Crowd", 8)
    rows = installed.database.execute("SELECT id, name, sfid FROM account WHERE name = 'Crowd'").fetchall()

    installed.database.execute("DELETE FROM account WHERE name = 'Crowd'")
    installed.until(lambda: "account" in installed.wiring.pauses.all())
    installed.until(lambda: aside(installed) > 0 and installed.wiring.receipts(Lane.POSTGRES).waiting() == 0)

    assert "deletions in Salesforce within ten minutes, and 3 are the limit" in (
        installed.wiring.pauses.all()["account"].reason
    )
    gone = [sfid for sfid in accounts if deleted(installed, sfid)]
    assert len(gone) <= 3
    for row in rows:
        if row[2] not in gone:
            installed.database.execute(
                "INSERT INTO account (id, name, sfid) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s)", row
            )
    main(["resume", "account"], installed.wiring)
    capsys.readouterr()
    kept = sorted(sfid for sfid in accounts if sfid not in gone)
    installed.until(lambda: aside(installed) == 0 and installed.wiring.receipts(Lane.POSTGRES).waiting() == 0)
    assert sorted(linked(installed, "Crowd")) == kept
    assert [deleted(installed, sfid) for sfid in kept] == [False] * len(kept)


def test_a_mass_change_that_is_right_is_let_pass(installed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is carried out."""
    brake = app.wiring._brake
    monkeypatch.setattr(brake, "_limits", Limits(deletions=1))
    accounts = made(installed, "Right", 4)
    installed.database.execute("DELETE FROM account WHERE name = 'Right'")
    installed.until(lambda: "account" in installed.wiring.pauses.all())

    main(["resume", "account", "--let-pass"], installed.wiring)

    installed.until(lambda: all(deleted(installed, sfid) for sfid in accounts))
