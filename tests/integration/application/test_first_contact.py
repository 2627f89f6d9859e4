"""Two sides filled before the sync began: contacts with the same e-mail are linked, and made nowhere twice."""

from typing import Any

import pytest

from chalicelib.core.ledger import IssueKind
from chalicelib.core.model import Change, Hint, RowId, SalesforceId
from chalicelib.settings import Lane
from tests.integration.application.conftest import World

ROWS = {"ann": "1", "bob": "2", "carl": "3"}  # who is in Postgres, and the phone there
RECORDS = {"ann": None, "bob": "20", "dora": "4"}  # who is in Salesforce, and the phone there
SELECT = "SELECT first_name, phone, sfid FROM contact"


@pytest.fixture(scope="module")
def filled(world: World, request: pytest.FixtureRequest) -> World:
    """Both sides filled, then installed, and a message about every row and every record."""
    hints: list[Hint] = []
    for name, phone in ROWS.items():
        insert = (
            "INSERT INTO contact (first_name, last_name, email, phone) VALUES (%s, 'Poe', %s, %s) RETURNING id::text"
        )
        made = world.database.execute(insert, (name, email(name), phone)).fetchone()
        assert made is not None
        hints.append(Hint(RowId("public.contact", (made[0],)), Change.CREATED, f"row-{name}"))
    for name, phone in RECORDS.items():
        body = {"FirstName": name, "LastName": "Poe", "Email": email(name), "Phone": phone, "Title": f"Title of {name}"}
        record_id = world.org.user("POST", "sobjects/Contact", body).json()["id"]
        hints.append(Hint(SalesforceId("Contact", record_id), Change.CREATED, f"record-{name}"))
    installed: World = request.getfixturevalue("installed")
    installed.wiring.hints.send(hints)
    installed.until(lambda: None not in {sfid for _, _, sfid in rows(installed)} and len(rows(installed)) == 4)
    installed.until(lambda: all(installed.wiring.receipts(lane).waiting() == 0 for lane in Lane))
    return installed


def email(name: str) -> str:
    """Their address."""
    return f"{name}@example.com"


def rows(world: World) -> list[tuple[Any, ...]]:
    """Name, phone and link of every row."""
    return world.database.execute(f"{SELECT} ORDER BY first_name").fetchall()


def records(world: World) -> dict[str, tuple[str, str | None]]:
    """Name and phone of every record, by id."""
    found = world.org.user("GET", "query?q=SELECT+Id,FirstName,Phone+FROM+Contact").json()["records"]
    return {record["Id"]: (record["FirstName"], record["Phone"]) for record in found}


def test_everybody_is_there_once(filled: World) -> None:
    """The two who were on both sides, and the two who were on one."""
    names = ["ann", "bob", "carl", "dora"]
    assert names == [name for name, _, _ in rows(filled)]
    assert names == sorted(name for name, _ in records(filled).values())


def test_each_row_is_linked_to_its_own_record(filled: World) -> None:
    """By id in the row, and in the ledger by one entry each."""
    assert {sfid: name for name, _, sfid in rows(filled)} == {id_: name for id_, (name, _) in records(filled).items()}
    entries = [entry for entry in filled.wiring.ledger.entries_of("contact") if entry.alive]
    assert {entry.sfid for entry in entries} == records(filled).keys()
    assert len(entries) == 4


def test_what_one_half_lacked_it_has_now(filled: World) -> None:
    """A value that stands against none is taken over, in both directions."""
    ann = next(sfid for name, _, sfid in rows(filled) if name == "ann")
    assert records(filled)[ann] == ("ann", "1")
    found = filled.database.execute("SELECT title FROM contact WHERE first_name = 'ann'").fetchone()
    assert found == ("Title of ann",)


def test_what_both_halves_had_is_a_conflict(filled: World) -> None:
    """The policy of first contact is to hold: neither phone is lost, and an issue shows both."""
    bob = next(sfid for name, phone, sfid in rows(filled) if (name, phone) == ("bob", "2"))
    assert records(filled)[bob] == ("bob", "20")
    [issue] = filled.wiring.archive.open_issues()
    assert (issue.kind, issue.sfid) == (IssueKind.CONFLICT, bob)
    assert (issue.postgres, issue.salesforce) == ({"Phone": "2"}, {"Phone": "20"})
