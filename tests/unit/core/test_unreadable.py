"""Columns that hold what Salesforce has no form for: NaN, infinity, a date of the year 20000."""

import pytest

from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Side
from chalicelib.core.planner import NO_FORM
from tests.fakes.rows import Formless
from tests.unit.core.scene import Pair, Scene, account

REVENUE = Field("AnnualRevenue", "annual_revenue", Kind.NUMBER, "numeric")


def linked(**values: str | None) -> tuple[Scene, Pair]:
    """An account with a revenue, on both sides."""
    scene = Scene(fields=(*account().fields, REVENUE))
    return scene, scene.linked(Name="Acme", AnnualRevenue="5", **values)


def not_a_number() -> tuple[Scene, Pair]:
    """A user has stored NaN in Postgres."""
    scene, pair = linked()
    scene.edit_postgres(pair, AnnualRevenue=Formless())
    scene.drain()
    return scene, pair


def told(scene: Scene) -> Issue:
    """The one open issue."""
    (issue,) = scene.open_issues()
    return issue


def test_it_is_an_issue_that_names_the_column() -> None:
    """Both sides stay as they are, and Salesforce's value is shown."""
    scene, pair = not_a_number()
    issue = told(scene)

    assert (issue.kind, issue.slot, issue.fields) == (IssueKind.REJECTED, "AnnualRevenue", ("AnnualRevenue",))
    assert issue.text == f"public.account.annual_revenue: {NO_FORM}"
    assert (issue.postgres, issue.salesforce, issue.base) == ({}, {"AnnualRevenue": "5"}, {"AnnualRevenue": "5"})
    assert (scene.in_salesforce(pair) or {})["AnnualRevenue"] == "5"
    assert (scene.rows.writes, scene.records.writes) == ([], [])


def test_it_is_told_once() -> None:
    """Every further look finds the same, and writes nothing."""
    scene, pair = not_a_number()
    entry = scene.entry(pair)

    scene.settle(scene.message(pair, Side.POSTGRES), scene.message(pair, Side.SALESFORCE))

    assert scene.entry(pair) == entry


def test_the_other_fields_go_on() -> None:
    """In both directions."""
    scene, pair = not_a_number()

    scene.edit_postgres(pair, Phone="2")
    scene.edit_salesforce(pair, City="Bern")
    scene.drain()

    assert scene.both(pair, "Phone", "City") == (("2", "Bern"), ("2", "Bern"))


def test_an_edit_of_salesforce_is_not_written_over_it() -> None:
    """Nobody knows what the column's value means; the issue shows the edit."""
    scene, pair = not_a_number()

    scene.edit_salesforce(pair, AnnualRevenue="7")
    scene.drain()

    assert (scene.row(pair), told(scene).salesforce) == (
        {"Name": "Acme", "Phone": None, "Note": None, "City": None, "Zip": None},
        {"AnnualRevenue": "7"},
    )


@pytest.mark.parametrize(("value", "writes"), [("5", 0), ("6", 1)], ids=["as it was", "another"])
def test_a_value_that_can_be_carried_closes_the_issue(value: str, writes: int) -> None:
    """The base is still what both sides agreed on."""
    scene, pair = not_a_number()

    scene.edit_postgres(pair, AnnualRevenue=value)
    scene.drain()

    assert (scene.both(pair, "AnnualRevenue"), scene.open_issues()) == ((value, value), [])
    assert len(scene.records.writes) == writes


def test_two_edits_after_all_are_a_conflict() -> None:
    """One of Salesforce while the column could not be read, and the mended one."""
    scene, pair = not_a_number()
    scene.edit_salesforce(pair, AnnualRevenue="7")
    scene.drain()

    scene.edit_postgres(pair, AnnualRevenue="6")
    scene.drain()
    issue = told(scene)

    assert (issue.kind, issue.postgres, issue.salesforce) == (
        IssueKind.CONFLICT,
        {"AnnualRevenue": "6"},
        {"AnnualRevenue": "7"},
    )


def test_a_new_row_is_carried_without_it() -> None:
    """The record is made, and follows when the column is mended."""
    scene = Scene(fields=(*account().fields, REVENUE))
    pair = scene.insert_postgres(Name="Acme", AnnualRevenue=Formless())
    scene.drain()
    before = dict(scene.in_salesforce(scene.find(pair)) or {})

    scene.edit_postgres(pair, AnnualRevenue="6")
    scene.drain()

    assert (before["Name"], before.get("AnnualRevenue")) == ("Acme", None)
    assert (scene.both(pair, "AnnualRevenue"), scene.open_issues()) == (("6", "6"), [])


def test_a_deletion_in_salesforce_does_not_discard_it() -> None:
    """It may be an edit: the record comes back."""
    scene, pair = not_a_number()

    scene.delete_salesforce(pair)
    scene.drain()

    assert scene.row(pair) is not None
    assert (scene.in_salesforce(pair) or {})["Name"] == "Acme"
    assert [issue.slot for issue in scene.issues(IssueKind.DELETE_EDIT)] == ["*delete"]


def test_a_deleted_row_closes_its_issue() -> None:
    """There is nothing left to be mended."""
    scene, pair = not_a_number()

    scene.delete_postgres(pair)
    scene.drain()

    assert (scene.in_salesforce(pair), scene.open_issues()) == (None, [])


def test_a_mended_column_closes_the_issue_where_nothing_is_carried() -> None:
    """Of a field that is written in Salesforce only, and was edited there: Postgres has nothing to say, nor to get."""
    scene = Scene(
        fields=(*account().fields, REVENUE), units={"AnnualRevenue": {"writable": frozenset({Side.SALESFORCE})}}
    )
    pair = scene.apart({"AnnualRevenue": "5"}, {"AnnualRevenue": "5"})
    scene.drain()
    scene.edit_postgres(pair, AnnualRevenue=Formless())
    scene.drain()
    scene.edit_salesforce(pair, AnnualRevenue="7")
    scene.drain()

    scene.edit_postgres(pair, AnnualRevenue="5")
    scene.drain()
    (issue,) = scene.issues()

    assert (scene.both(pair, "AnnualRevenue"), issue.reason) == (("5", "7"), "the column holds another value by now")
