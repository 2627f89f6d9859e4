"""Records that are merged in Salesforce: the rows below the loser go over to the winner, then its own row goes."""

import pytest

from chalicelib.core.ledger import IssueKind
from tests.integration.families.conftest import Household


def two(home: Household, name: str) -> tuple[str, str, str]:
    """A winner and a loser with a contact, on both sides."""
    winner, loser = home.make("Account", Name=f"{name} winner"), home.make("Account", Name=f"{name} loser")
    contact = home.make("Contact", LastName=name, AccountId=loser)
    home.tell(("Account", winner), ("Account", loser), ("Contact", contact))
    home.settle()
    return winner, loser, contact


def test_rows_of_the_loser_become_rows_of_the_winner(home: Household) -> None:
    """The sweep tells of the merge; the foreign key would have deleted the contact, and takes no part."""
    winner, loser, contact = two(home, "Plain")
    home.control("merge", master=winner, losers=[loser], values={"Phone": "9"})
    home.sweep()
    home.settle()

    rows = home.rows("account")
    assert (loser in rows, rows[winner]["phone"]) == (False, "9")
    assert home.rows("contact")[contact]["account_id"] == rows[winner]["id"]
    assert home.issues() == []


def test_the_losers_deletion_comes_first(home: Household) -> None:
    """Nobody has told of the contacts: it has them settled before it goes."""
    winner, loser, contact = two(home, "First")
    home.control("merge", master=winner, losers=[loser])
    home.tell(("Account", loser))
    home.settle()

    rows = home.rows("account")
    assert loser not in rows
    assert home.rows("contact")[contact]["account_id"] == rows[winner]["id"]


def test_a_row_that_came_below_the_loser_meanwhile_goes_to_the_winner(home: Household) -> None:
    """Salesforce has never heard of it: it is made below the winner, and its row follows."""
    winner, loser, _ = two(home, "New")
    home.control("merge", master=winner, losers=[loser])
    row = home.rows("account")[loser]["id"]
    new = home.insert("contact", last_name="Newcomer", account_id=row)
    home.tell(("Account", loser))
    home.settle()

    rows = home.rows("account")
    assert loser not in rows
    made = home.sfid("contact", new)
    assert home.records("Contact", "AccountId")[str(made)] == {"AccountId": winner}
    assert home.rows("contact")[made]["account_id"] == rows[winner]["id"]
    assert home.issues() == []


def test_a_row_that_was_moved_to_the_loser_meanwhile_goes_to_the_winner(home: Household) -> None:
    """Its record stands below another account."""
    winner, loser, _ = two(home, "Moved")
    other = home.make("Account", Name="Other")
    mover = home.make("Contact", LastName="Mover", AccountId=other)
    home.tell(("Account", other), ("Contact", mover))
    home.settle()
    home.control("merge", master=winner, losers=[loser])
    home.run("UPDATE contact SET account_id = %s WHERE sfid = %s", home.rows("account")[loser]["id"], mover)
    home.tell(("Account", loser))
    home.settle()

    rows = home.rows("account")
    assert loser not in rows
    assert home.records("Contact", "AccountId")[mover] == {"AccountId": winner}
    assert home.rows("contact")[mover]["account_id"] == rows[winner]["id"]
    assert home.issues() == []


def test_a_loser_that_was_edited_meanwhile_is_a_conflict(home: Household) -> None:
    """Its row stays, its record stays merged, an issue says into which; its children are the winner's all the same."""
    winner, loser, contact = two(home, "Edited")
    home.run("UPDATE account SET phone = '7' WHERE sfid = %s", loser)
    home.control("merge", master=winner, losers=[loser])
    home.sweep()
    home.settle()
    [issue] = home.issues()
    row = home.rows("account")[loser]

    assert (issue.kind, issue.sfid, row["phone"]) == (IssueKind.DELETE_EDIT, loser, "7")
    assert winner in issue.text
    assert loser not in home.records("Account")
    assert home.rows("contact")[contact]["account_id"] == home.rows("account")[winner]["id"]
    home.run("DELETE FROM account WHERE sfid = %s", loser)
    home.settle()
    assert home.issues() == []


def test_an_operator_is_told_of_the_merge(home: Household, capsys: pytest.CaptureFixture[str]) -> None:
    """The page of the loser names the winner, and holds what its row held."""
    winner, loser, _ = two(home, "Shown")
    home.control("merge", master=winner, losers=[loser])
    home.sweep()
    home.settle()
    capsys.readouterr()

    assert home.world.manage("show", loser) == 0
    shown = capsys.readouterr().out
    assert f"merged into {winner}" in shown
    assert "Shown loser" in shown
