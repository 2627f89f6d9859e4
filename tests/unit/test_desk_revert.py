"""The command by which a record is put back to an earlier moment."""

import pytest

from chalicelib import desk
from chalicelib.core.errors import Rejected
from chalicelib.pages import moment
from tests.unit.test_desk import Desk, Output


@pytest.fixture
def renamed() -> tuple[Desk, str, str]:
    """A desk, a record that was renamed, and the moment of it as `show` tells it."""
    at_desk = Desk()
    pair = at_desk.scene.linked(Name="Acme")
    at_desk.scene.clock.advance(10.0)
    at_desk.scene.edit_postgres(pair, Name="Acme Ltd")
    at_desk.scene.drain()
    (past,) = at_desk.ledger.history
    at_desk.meanwhile = lambda: at_desk.scene.settle(*at_desk.scene.hints.take()) or at_desk.scene.drain()
    return at_desk, at_desk.scene.key(pair), moment(past.at)


def test_a_record_is_put_back(renamed: tuple[Desk, str, str], capsys: Output) -> None:
    """What is written is shown, and that it is done."""
    at_desk, record, at = renamed
    assert at_desk.run("revert", record, "--before", at) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Name: Salesforce Acme Ltd, Postgres Acme Ltd -> Acme",
        "settled: both sides hold it",
    ]


def test_a_dry_run_writes_nothing(renamed: tuple[Desk, str, str], capsys: Output) -> None:
    """It only shows."""
    at_desk, record, at = renamed
    assert at_desk.run("revert", record, "--before", at, "--field", "Name", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == ["Name: Salesforce Acme Ltd, Postgres Acme Ltd -> Acme"]
    assert at_desk.ledger.entries[record].answers == {}


def test_after_its_second_a_change_stays(renamed: tuple[Desk, str, str]) -> None:
    """`--to` is the end of the second, without a time zone in UTC."""
    at_desk, record, at = renamed
    with pytest.raises(Rejected, match="nothing was overwritten since"):
        at_desk.run("revert", record, "--to", at.removesuffix("Z"))


def test_what_is_no_moment_is_refused(renamed: tuple[Desk, str, str]) -> None:
    """With the form in which it is written."""
    at_desk, record, _ = renamed
    with pytest.raises(Rejected, match='"yesterday" is no moment'):
        at_desk.run("revert", record, "--to", "yesterday")


def test_it_is_said_where_it_takes_long(renamed: tuple[Desk, str, str], capsys: Output) -> None:
    """It may still be done."""
    at_desk, record, at = renamed
    at_desk.meanwhile = lambda: None
    assert at_desk.run("revert", record, "--before", at, "--wait", "1") == desk.UNFINISHED
    assert "not carried out within 1 s" in capsys.readouterr().out


def test_a_refusal_is_shown(renamed: tuple[Desk, str, str], capsys: Output) -> None:
    """In the system's own words."""
    at_desk, record, at = renamed
    at_desk.scene.records.refusals.append(
        lambda save: Rejected("no such name", code="RULE") if save.after["Name"] == "Acme" else None
    )
    assert at_desk.run("revert", record, "--before", at) == desk.FAILED
    assert capsys.readouterr().out.splitlines()[-1] == "refused: RULE no such name"
