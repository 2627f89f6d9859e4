"""A mapping with filters on both sides, by a field and a column that are not mapped, through the whole application."""

import time

import pytest

from chalicelib.commands import main
from chalicelib.core.model import Side
from chalicelib.wiring import Wiring
from tests.integration.application.conftest import World, environment

FILTERED = """
[account]
object = "Account"
table = "public.account"
key = "id"
where = { soql = "Industry = 'Energy'", sql = "website LIKE 'http%'" }

[account.fields]
Name = "name"
Phone = "phone"
"""


@pytest.fixture(scope="module")
def filtered(installed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The application with the filtered mapping only."""
    file = tmp_path_factory.mktemp("mappings") / "filtered.toml"
    file.write_text(FILTERED, encoding="utf-8")
    assert main(["install"], Wiring(environment(installed.stage, file))) == 0
    assert len(installed.wiring.installed(fresh=True).mappings.mappings) == 1
    return installed


def rows(world: World) -> list[tuple[str, str]]:
    """What Postgres has."""
    return world.database.execute("SELECT name, phone FROM account ORDER BY name").fetchall()  # type: ignore[return-value]


def records(world: World) -> list[tuple[str, str]]:
    """What Salesforce has."""
    found = world.org.user("GET", "query?q=SELECT+Name,Phone+FROM+Account+ORDER+BY+Name").json()["records"]
    return [(record["Name"], record["Phone"]) for record in found]


def sfid_of(world: World, name: str) -> str:
    """A record's id."""
    query = f"query?q=SELECT+Id+FROM+Account+WHERE+Name='{name}'"
    return str(world.org.user("GET", query).json()["records"][0]["Id"])


def at_rest(world: World) -> None:
    """Work off what is queued, and what comes of it."""
    quiet = 0
    while quiet < 10:
        quiet = 0 if sum(world.pump(side) for side in Side) else quiet + 1
        time.sleep(0.05)


def test_only_what_matches_is_created(filtered: World) -> None:
    """On either side; a message of one that does not is done with."""
    for name, industry in (("Ann", "Energy"), ("Bob", "Banking")):
        filtered.org.user("POST", "sobjects/Account", {"Name": name, "Phone": "1", "Industry": industry})
    filtered.database.execute(
        "INSERT INTO account (name, phone, website) VALUES ('Cat', '1', NULL), ('Dan', '1', 'https://dan.example')"
    )
    filtered.until(lambda: len(rows(filtered)) == 3 and len(records(filtered)) == 3)
    at_rest(filtered)

    assert [name for name, _ in rows(filtered)] == ["Ann", "Cat", "Dan"]
    assert [name for name, _ in records(filtered)] == ["Ann", "Bob", "Dan"]


def test_what_enters_the_filter_is_created(filtered: World) -> None:
    """By a column, or a field, that is not mapped itself."""
    filtered.database.execute("UPDATE account SET website = 'http://cat.example' WHERE name = 'Cat'")
    filtered.org.user("PATCH", f"sobjects/Account/{sfid_of(filtered, 'Bob')}", {"Industry": "Energy"})
    filtered.until(lambda: len(rows(filtered)) == 4 and len(records(filtered)) == 4)

    assert rows(filtered) == records(filtered) == [(name, "1") for name in ("Ann", "Bob", "Cat", "Dan")]


def test_nothing_is_carried_outside_and_nothing_is_lost(filtered: World) -> None:
    """A record is in the filter while each side's lets it in; what was edited meanwhile is merged then."""
    ann = sfid_of(filtered, "Ann")  # her row was made without a website, and so is outside
    filtered.org.user("PATCH", f"sobjects/Account/{ann}", {"Phone": "2"})
    at_rest(filtered)
    meanwhile = filtered.column("phone", ann)
    filtered.database.execute("UPDATE account SET website = 'http://a.example', name = 'Anna' WHERE sfid = %s", (ann,))
    filtered.until(lambda: filtered.column("phone", ann) == "2" and filtered.record(ann)["Name"] == "Anna")

    assert meanwhile == "1"


def test_the_sync_says_that_a_record_is_outside(filtered: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks why nothing is carried finds it there."""
    ann = sfid_of(filtered, "Anna")
    filtered.org.user("PATCH", f"sobjects/Account/{ann}", {"Industry": "Banking"})
    at_rest(filtered)
    capsys.readouterr()

    assert filtered.manage("show", ann) == 0
    assert "outside of the mapping's filter" in capsys.readouterr().out


def test_a_deletion_outside_is_none_of_the_mappings(filtered: World) -> None:
    """The other side keeps what it has."""
    ann = sfid_of(filtered, "Anna")
    filtered.org.user("DELETE", f"sobjects/Account/{ann}")
    assert filtered.manage("settle", ann) == 0

    assert filtered.column("name", ann) == "Anna"
