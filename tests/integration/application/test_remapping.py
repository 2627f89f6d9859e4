"""Mappings that are installed while functions still work with others: no message is taken for one of no concern."""

import pytest

from chalicelib.commands import main
from chalicelib.wiring import Wiring
from tests.integration.application.conftest import World, environment

FEW = """
[account]
object = "Account"
table = "public.account"
key = "id"

[account.fields]
Name = "name"
"""


@pytest.fixture(scope="module")
def remapped(installed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A function that knows one field of one object, as of a moment ago; by now all of them are installed."""
    file = tmp_path_factory.mktemp("mappings") / "few.toml"
    file.write_text(FEW, encoding="utf-8")
    assert main(["install"], Wiring(environment(installed.stage, file))) == 0
    assert len(installed.wiring.installed(fresh=True).mappings.mappings) == 1
    assert main(["install"], Wiring(environment(installed.stage))) == 0
    assert len(installed.wiring.installed().mappings.mappings) == 1
    return installed


def test_edits_of_what_is_mapped_only_now_arrive(remapped: World) -> None:
    """A row of a table, and a value of a column, that the function does not know of when it gets their messages."""
    remapped.database.execute("INSERT INTO account (name, phone) VALUES ('Acme', '1')")
    remapped.database.execute("INSERT INTO contact (last_name, email) VALUES ('Poe', 'poe@example.com')")

    def phones() -> list[str | None]:
        found = remapped.org.user("GET", "query?q=SELECT+Phone+FROM+Account").json()["records"]
        return [record["Phone"] for record in found]

    def contacts() -> list[str]:
        found = remapped.org.user("GET", "query?q=SELECT+LastName+FROM+Contact").json()["records"]
        return [record["LastName"] for record in found]

    remapped.until(lambda: phones() == ["1"] and contacts() == ["Poe"])
