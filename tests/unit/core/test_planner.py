"""The plan of a record that both sides have: which fields are written where, and which are left alone."""

import pytest

from chalicelib.core.ledger import Base, BaseState, Cause, IssueKind
from chalicelib.core.model import Side, condense
from chalicelib.core.plan import Conflict
from tests.unit.core.planning import BASES, base_without, fields, planned, record, row, shown

# --- the planning table


def test_nothing_moved() -> None:
    """Nothing is written, every unit is agreed on."""
    plan = planned(row(), record())

    assert (plan.writes, plan.conflicts, plan.alive, plan.existence) == (False, [], True, None)
    assert plan.target == {"Name": ("Acme",), "Phone": ("1",), "Note": (None,), "place": ("Bern", "3000")}


def test_an_edit_of_postgres_goes_to_salesforce() -> None:
    """The changed field, and no other."""
    plan = planned(row(Name="Acme Ltd"), record())

    assert fields(plan) == ({}, {"Name": "Acme Ltd"})
    assert (plan.on_postgres, plan.on_salesforce, plan.moved_by_user) == (set(), {"Name"}, {"Name"})
    assert plan.causes["Name"] is Cause.EDIT


def test_an_edit_of_salesforce_goes_to_postgres() -> None:
    """The changed field, and no other."""
    plan = planned(row(), record(Name=None))

    assert fields(plan) == ({"Name": None}, {})
    assert (plan.on_postgres, plan.on_salesforce, plan.moved_by_user) == ({"Name"}, set(), {"Name"})


def test_edits_of_different_fields_merge() -> None:
    """Each goes to the other side; nobody has to decide anything."""
    plan = planned(row(Name="Acme Ltd"), record(Phone="2"))

    assert fields(plan) == ({"Phone": "2"}, {"Name": "Acme Ltd"})
    assert plan.conflicts == []


def test_the_same_edit_of_both_sides_is_agreed_on() -> None:
    """Nothing is written, the value is the new base."""
    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Ltd"))

    assert (plan.writes, plan.target["Name"], plan.moved_by_user) == (False, ("Acme Ltd",), set())


def test_different_edits_of_one_field_are_held() -> None:
    """By default nothing is written, and a person is shown both values; the base does not move."""
    plan = planned(row(Name="Acme Ltd"), record(Name="Acme Inc"))

    assert plan.conflicts == [Conflict("Name", IssueKind.CONFLICT, ("Acme Ltd",), ("Acme Inc",))]
    assert (plan.writes, "Name" in plan.target, plan.bases) == (False, False, BASES)


def test_a_held_field_holds_no_other() -> None:
    """The other fields go on."""
    plan = planned(row(Name="Acme Ltd", Phone="2"), record(Name="Acme Inc", Zip="3001"))

    assert fields(plan) == ({"Zip": "3001"}, {"Phone": "2"})
    assert [conflict.slot for conflict in plan.conflicts] == ["Name"]


def test_of_a_group_the_changed_fields_are_written() -> None:
    """It merges as one, but a field that is the same already is not sent."""
    assert fields(planned(row(Zip="3001"), record())) == ({}, {"Zip": "3001"})


def test_different_fields_of_one_group_are_a_conflict() -> None:
    """Half of an address from here and half from there is nobody's address."""
    plan = planned(row(City="Basel"), record(Zip="3001"))

    assert plan.conflicts == [Conflict("place", IssueKind.CONFLICT, ("Basel", "3000"), ("Bern", "3001"))]


def test_long_texts_are_compared_by_digest_and_written_in_full() -> None:
    """The ledger knows its digest only; the side that has the text has it whole."""
    text, edited = "x" * 2000, "y" * 2000
    known = Base((condense(text),), (condense(text),), (condense(text),))
    bases = {**BASES, "Note": known}

    assert planned(row(Note=text), record(Note=text), bases=bases).writes is False
    assert fields(planned(row(Note=edited), record(Note=text), bases=bases)) == ({}, {"Note": edited})


# --- missing is not null


@pytest.mark.parametrize("phone", ["1", "2"])
def test_a_hidden_field_changes_nothing(phone: str) -> None:
    """A field that cannot be read is not an empty one, whatever the other side did."""
    in_salesforce = planned(row(Phone=phone), record(hidden="Phone"))
    in_postgres = planned(row(hidden="Phone"), record(Phone=phone))

    for plan in (in_salesforce, in_postgres):
        assert (plan.writes, "Phone" in plan.target, plan.conflicts) == (False, False, [])


def test_a_group_with_a_hidden_field_changes_nothing() -> None:
    """An address is read whole or not at all."""
    plan = planned(row(City="Basel"), record(hidden="Zip"))

    assert (plan.writes, "place" in plan.target) == (False, False)


# --- what else a pass leaves alone, and what it notes


def test_units_whose_parent_is_missing_are_left_alone() -> None:
    """The others go on."""
    plan = planned(row(Name="Acme Ltd", Phone="2"), record(), without=frozenset({"Name"}))

    assert (fields(plan), "Name" in plan.target) == (({}, {"Phone": "2"}), False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Acme Ltd", "both sides hold the same value"),
        ("Acme", "only one side still differs from the agreed value"),
    ],
)
def test_an_issue_closes_itself_and_says_why(name: str, reason: str) -> None:
    """Both sides came to one value, or one of them went back to the base."""
    plan = planned(row(Name=name), record(Name="Acme Ltd"), issues={"Name": shown(("Acme Inc",), ("Acme Ltd",))})

    assert plan.closed == {"Name": reason}


def test_a_storm_is_stopped_and_shown() -> None:
    """Both forms become the bases, nothing is written, a person is told."""
    formed = Base(("ACME",), ("ACME",), ("acme",), BaseState.FORM)

    plan = planned(row(Name="ACME"), record(Name="acme"), bases={**BASES, "Name": formed}, hops=3)

    assert plan.conflicts == [Conflict("Name", IssueKind.ECHO_STORM, ("ACME",), ("acme",))]
    assert (plan.writes, plan.bases["Name"].state) == (False, BaseState.STOPPED)


def test_a_form_is_followed_by_automation() -> None:
    """Nobody edited: the hop is counted, and the cause says so."""
    formed = Base(("ACME",), ("ACME",), ("Acme",), BaseState.FORM)

    plan = planned(row(Name="ACME"), record(), bases={**BASES, "Name": formed}, issues={"Name": shown((), ())})

    assert (fields(plan), plan.causes["Name"]) == (({}, {"Name": "ACME"}), Cause.FORM)
    assert (plan.moved_by_automation, plan.moved_by_user) == ({"Name"}, set())
    assert plan.closed == {"Name": "nobody edits it any more"}


def test_an_echo_is_carried_as_automation() -> None:
    """What automation set beside our write goes to the other side, and is counted."""
    echoes = {(Side.SALESFORCE, "Phone"): ("2",)}

    plan = planned(row(), record(Phone="2"), echoes=echoes)

    assert (fields(plan), plan.moved_by_automation, plan.moved_by_user) == (({"Phone": "2"}, {}), {"Phone"}, set())


def test_an_echo_of_one_side_is_none_of_the_other() -> None:
    """The same value, entered by a user on the other side, is the user's."""
    plan = planned(row(Phone="2"), record(), echoes={(Side.SALESFORCE, "Phone"): ("2",)})

    assert plan.moved_by_user == {"Phone"}


def test_a_row_without_its_salesforce_id_is_linked() -> None:
    """And only then."""
    unlinked = planned(row(sfid=None), record())
    elsewhere = planned(row(sfid="001000000000009AAA"), record())

    assert [planned(row(), record()).link, unlinked.link, elsewhere.link] == [False, True, True]
    assert (unlinked.writes, unlinked.writes_on(Side.POSTGRES), unlinked.writes_on(Side.SALESFORCE)) == (
        True,
        True,
        False,
    )


def test_a_unit_that_is_met_for_the_first_time_is_merged_beside_the_others() -> None:
    """A field was added to the mapping: its first contact is as any other's."""
    plan = planned(row(Phone=None), record(), bases=base_without("Phone"))

    assert (fields(plan), plan.conflicts) == (({"Phone": "1"}, {}), [])
