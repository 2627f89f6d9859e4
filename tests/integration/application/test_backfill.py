"""Two sides that were filled before the sync began, and are the same after one command."""

import pytest

from chalicelib.commands import main
from tests.integration.application.conftest import World

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def filled(world: World, request: pytest.FixtureRequest) -> World:
    """Contacts and accounts that were there before the installation."""
    world.database.execute("INSERT INTO account (name) SELECT 'Row ' || n FROM generate_series(1, 5) AS n")
    world.database.execute(
        "INSERT INTO contact (last_name, account_id) SELECT 'Of ' || name, id FROM account WHERE name <> 'Row 5'"
    )
    for number in range(4):
        world.org.user("POST", "sobjects/Account", {"Name": f"Record {number}"})
    installed: World = request.getfixturevalue("installed")
    return installed


def names(world: World) -> tuple[list[str], list[str]]:
    """Accounts by name, in Postgres and in Salesforce."""
    rows = world.database.execute("SELECT name FROM account WHERE sfid IS NOT NULL ORDER BY name").fetchall()
    found = world.org.user("GET", "query?q=SELECT+Name+FROM+Account+ORDER+BY+Name").json()["records"]
    return [name for (name,) in rows], [record["Name"] for record in found]


def test_everything_is_settled_by_one_command(filled: World, capsys: Output) -> None:
    """Parents before children; it tells how far it is."""
    assert main(["backfill", "--actor", "ann", "--no-wait"], filled.wiring) == 0
    told = capsys.readouterr().out
    filled.until(lambda: filled.wiring.waiting() == 0)

    assert (
        names(filled)[0]
        == names(filled)[1]
        == sorted([f"Row {n}" for n in range(1, 6)] + [f"Record {n}" for n in range(4)])
    )
    linked = filled.database.execute("SELECT count(*) FROM contact WHERE sfid IS NOT NULL").fetchone()
    assert linked == (4,)
    assert "account: 4 of 4 in Salesforce, 5 of 5 in Postgres; all told of" in told


def test_another_one_tells_of_the_records_only(filled: World, capsys: Output) -> None:
    """A row whose record is listed is none of its own; a row whose record is gone for good is told of."""
    sfid = filled.database.execute("SELECT sfid FROM account WHERE name = 'Row 5'").fetchone()
    assert sfid is not None
    filled.org.user("DELETE", f"sobjects/Account/{sfid[0]}")
    filled.org.control("POST", "purge", {"ids": [sfid[0]]})
    assert main(["backfill", "account", "--no-wait"], filled.wiring) == 0
    filled.until(lambda: filled.wiring.waiting() == 0)

    assert filled.wiring.backfills.all()["account"].told == 8 + 1
    assert "Row 5" not in names(filled)[0]


def test_a_mapping_that_is_not_there(filled: World, capsys: Output) -> None:
    """One line that says which there are."""
    assert main(["backfill", "acount"], filled.wiring) == 2
    assert "no mapping acount" in capsys.readouterr().err
