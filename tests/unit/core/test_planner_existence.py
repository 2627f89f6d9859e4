"""The plan of a record that one side does not have: it is created, deleted, kept or brought back."""

import pytest

from chalicelib.core.ledger import Base, BaseState, Cause, Existence, IssueKind
from chalicelib.core.mapping import OnDelete
from chalicelib.core.model import Side, condense
from chalicelib.core.plan import DELETE_SLOT, Conflict
from chalicelib.core.recover import settled
from tests.unit.core.planning import BASES, HELD, answer, fields, planned, record, row, shown
from tests.unit.core.scene import account

KEPT_ROW = "deleted in Salesforce, edited in Postgres: the record was kept"
KEPT_RECORD = "deleted in Postgres, edited in Salesforce: the record was kept"
KEEP = account(on_delete=OnDelete.KEEP)
WHOLE = {"Name", "Phone", "Note", "place"}


# --- creation


def test_a_new_record_becomes_a_row() -> None:
    """Never settled, and only Salesforce has it: the row is inserted with every field."""
    plan = planned(None, record(), alive=None, bases={})

    assert (plan.existence, plan.alive, plan.link) == (Existence.INSERT_POSTGRES, True, False)
    assert fields(plan) == (HELD, {})
    assert (plan.on_postgres, plan.on_salesforce, set(plan.causes.values())) == (WHOLE, set(), {Cause.CREATE})
    assert plan.moved_by_user == WHOLE


def test_a_new_row_becomes_a_record() -> None:
    """The record is created with every field, and the row is linked to it."""
    plan = planned(row(sfid=None), None, alive=None, bases={})

    assert (plan.existence, plan.alive, plan.link) == (Existence.CREATE_SALESFORCE, True, True)
    assert fields(plan) == ({}, HELD)
    assert (plan.on_postgres, plan.on_salesforce) == (set(), WHOLE)


def test_a_hidden_field_of_a_new_record_is_left_out() -> None:
    """It is not part of the row's first values, and will be a first contact when it is shown."""
    plan = planned(None, record(hidden="Zip"), alive=None, bases={})

    assert (set(plan.target), "City" in fields(plan)[0]) == (WHOLE - {"place"}, False)


@pytest.mark.parametrize(("side", "survivor"), [(Side.POSTGRES, Side.SALESFORCE), (Side.SALESFORCE, Side.POSTGRES)])
def test_a_side_on_which_nothing_may_be_created_stays_without(side: Side, survivor: Side) -> None:
    """A direction that forbids it leaves the record where it is."""
    mapping = account(creates=frozenset({side.other}))

    plan = planned(
        row(sfid=None) if survivor is Side.POSTGRES else None,
        record() if survivor is Side.SALESFORCE else None,
        mapping=mapping,
        alive=None,
        bases={},
    )

    assert (plan.existence, plan.alive, plan.survivor, plan.writes) == (None, False, survivor, False)


@pytest.mark.parametrize("name", ["Name", "Phone"])
def test_a_one_way_field_is_not_part_of_a_creation_against_its_way(name: str) -> None:
    """A field that flows to Postgres only is not written in a new record of Salesforce."""
    mapping = account(units={name: {"writable": frozenset({Side.POSTGRES})}})

    assert set(fields(planned(row(sfid=None), None, mapping=mapping, alive=None, bases={}))[1]) == set(HELD) - {name}
    assert set(fields(planned(None, record(), mapping=mapping, alive=None, bases={}))[0]) == set(HELD)


# --- deletion


def test_both_gone_is_a_tombstone() -> None:
    """Nothing is written, the bases stay for whoever brings the record back."""
    plan = planned(None, None)

    assert (plan.alive, plan.existence, plan.survivor, plan.writes, plan.bases) == (False, None, None, False, BASES)


def test_gone_and_in_the_bin_is_a_tombstone_with_the_bins_values() -> None:
    """What lies in the bin comes back with an undelete, and is no edit then."""
    plan = planned(None, record(deleted=True, Name="Acme Ltd", hidden="Phone"))

    assert (plan.alive, plan.writes) == (False, False)
    assert plan.bases == {**BASES, "Name": settled(("Acme Ltd",))}


def test_a_deleted_row_deletes_the_unedited_record() -> None:
    """The deletion is carried like any other change."""
    plan = planned(None, record())

    assert (plan.existence, plan.alive, plan.target, plan.conflicts) == (Existence.DELETE_SALESFORCE, False, {}, [])
    assert [plan.writes_on(Side.SALESFORCE), plan.writes_on(Side.POSTGRES)] == [True, False]


@pytest.mark.parametrize("in_bin", [record(deleted=True), None], ids=["in the bin", "purged"])
def test_a_deleted_record_deletes_the_unedited_row(in_bin: None) -> None:
    """Whether it lies in the bin or is gone for good."""
    plan = planned(row(), in_bin)

    assert (plan.existence, plan.alive, plan.target, plan.conflicts) == (Existence.DELETE_POSTGRES, False, {}, [])


def test_what_lies_in_the_bin_is_the_base_only_once_the_row_is_gone() -> None:
    """While the row stands, the bases are what they were."""
    assert planned(row(), record(deleted=True, Name="Acme Ltd")).bases == BASES


def test_a_deletion_closes_issues_and_refuses_answers() -> None:
    """There is nothing left to decide."""
    given = answer(("c",), ("a",), ("b",))

    plan = planned(None, record(), issues={"Name": shown(("a",), ("b",))}, answers={"Phone": given})

    assert (plan.closed, plan.refused_answers) == ({"Name": "the record was deleted"}, ["Phone"])


@pytest.mark.parametrize(
    ("in_postgres", "survivor"), [(False, Side.SALESFORCE), (True, Side.POSTGRES)], ids=["row gone", "record gone"]
)
def test_a_mapping_that_keeps_leaves_the_survivor(in_postgres: bool, survivor: Side) -> None:
    """Nothing is deleted, nothing comes back."""
    plan = planned(row(), None, mapping=KEEP) if in_postgres else planned(None, record(), mapping=KEEP)

    assert (plan.existence, plan.alive, plan.survivor, plan.writes) == (None, False, survivor, False)


@pytest.mark.parametrize("survivor", list(Side))
def test_a_survivor_that_was_left_stays_alone(survivor: Side) -> None:
    """Its later edits do not bring the other side back, and its issues are over."""
    in_postgres = row(Name="Acme Ltd") if survivor is Side.POSTGRES else None
    in_salesforce = record(Name="Acme Ltd") if survivor is Side.SALESFORCE else None

    plan = planned(in_postgres, in_salesforce, mapping=KEEP, alive=False, survivor=survivor)

    assert (plan.existence, plan.alive, plan.survivor, plan.target) == (None, False, survivor, {})


def test_a_survivor_that_is_deleted_too_is_none() -> None:
    """Both sides are without it now."""
    plan = planned(None, None, mapping=KEEP, alive=False, survivor=Side.POSTGRES)

    assert (plan.alive, plan.survivor) == (False, None)


def test_the_other_side_of_a_survivor_is_revived_by_its_user() -> None:
    """The survivor is gone and the deleted side is there again: a user brought it back."""
    plan = planned(row(), record(deleted=True), mapping=KEEP, alive=False, survivor=Side.SALESFORCE)

    assert plan.existence is Existence.UNDELETE_SALESFORCE


# --- a deletion meets an edit


def test_a_deleted_row_whose_record_was_edited_comes_back() -> None:
    """The record is kept, with the edit, and a person is told."""
    plan = planned(None, record(Name="Acme Ltd"))

    assert (plan.existence, plan.alive) == (Existence.INSERT_POSTGRES, True)
    assert plan.conflicts == [Conflict(DELETE_SLOT, IssueKind.DELETE_EDIT, None, None, KEPT_RECORD)]
    assert fields(plan) == ({**HELD, "Name": "Acme Ltd"}, {})


def test_a_record_in_the_bin_whose_row_was_edited_is_undeleted_first() -> None:
    """In an operation of its own: the edit follows when the record is there."""
    plan = planned(row(Name="Acme Ltd"), record(deleted=True))

    assert (plan.existence, plan.alive, plan.link) == (Existence.UNDELETE_SALESFORCE, True, False)
    assert (plan.target, fields(plan)) == ({}, ({}, {}))
    assert plan.conflicts == [Conflict(DELETE_SLOT, IssueKind.DELETE_EDIT, None, None, KEPT_ROW)]


def test_a_purged_record_whose_row_was_edited_is_made_anew() -> None:
    """With every field, for nothing is left of it."""
    plan = planned(row(Name="Acme Ltd"), None)

    assert (plan.existence, plan.link, fields(plan)) == (
        Existence.CREATE_SALESFORCE,
        True,
        ({}, {**HELD, "Name": "Acme Ltd"}),
    )


def test_a_unit_that_was_never_agreed_counts_as_an_edit() -> None:
    """Nobody can say that the other side had it."""
    bases = {name: base for name, base in BASES.items() if name != "Phone"}

    assert planned(None, record(), bases=bases).existence is Existence.INSERT_POSTGRES


@pytest.mark.parametrize(
    ("base", "existence"),
    [
        (Base(("Acme",), ("Acme",), ("x",), BaseState.HALF), Existence.UNDELETE_SALESFORCE),
        (Base(("x",), ("Acme",), ("x",), BaseState.HALF), Existence.DELETE_POSTGRES),
        (Base(("Acme",), ("Acme",), ("x",), BaseState.FORM), Existence.DELETE_POSTGRES),
    ],
    ids=["the answer's half", "the other half", "a form"],
)
def test_half_of_an_answer_counts_as_an_edit(base: Base, existence: Existence) -> None:
    """A person decided what the survivor holds; a deletion of the other side must not discard it."""
    plan = planned(row(), record(deleted=True, Name="x"), bases={**BASES, "Name": base})

    assert plan.existence is existence


def test_a_hidden_field_is_no_edit() -> None:
    """A survivor is as it was, as far as can be seen."""
    assert planned(None, record(hidden="Phone")).existence is Existence.DELETE_SALESFORCE


def test_a_new_row_has_first_contacts_of_what_it_did_not_get() -> None:
    """A field that was hidden when the row came back has no base there."""
    plan = planned(None, record(Name="Acme Ltd", hidden="Phone"))

    assert set(plan.bases) == {"Name", "Note", "place"}


def test_a_long_text_that_nobody_holds_in_full_is_left_for_first_contact() -> None:
    """The form that Postgres stored is known by digest only, and went with its row."""
    formed, stored = (condense("x" * 2000),), "y" * 2000
    bases = {**BASES, "Note": Base(formed, formed, (condense(stored),), BaseState.FORM)}

    plan = planned(None, record(Note=stored, Name="Acme Ltd"), bases=bases)

    assert (plan.existence, "Note" in plan.target, "Note" in plan.bases) == (Existence.INSERT_POSTGRES, False, False)


def test_a_form_that_went_with_its_row_comes_back() -> None:
    """What Postgres had stored is still the value, for Salesforce was to follow it."""
    bases = {**BASES, "Name": Base(("ACME",), ("ACME",), ("Acme",), BaseState.FORM)}

    plan = planned(None, record(Phone="2"), bases=bases)

    assert (fields(plan)[0]["Name"], fields(plan)[1]) == ("ACME", {"Name": "ACME"})


# --- revival


def test_a_row_that_a_user_inserts_again_brings_its_record_back() -> None:
    """Out of the bin where it lies there, else anew; nobody is told of a conflict."""
    undeleted = planned(row(), record(deleted=True), alive=False)
    created = planned(row(), None, alive=False)

    assert [undeleted.existence, created.existence] == [Existence.UNDELETE_SALESFORCE, Existence.CREATE_SALESFORCE]
    assert undeleted.conflicts == created.conflicts == []


def test_a_record_that_a_user_undeletes_brings_its_row_back() -> None:
    """With the values that it had in the bin."""
    plan = planned(None, record(), alive=False)

    assert (plan.existence, plan.conflicts, fields(plan)[0]) == (Existence.INSERT_POSTGRES, [], HELD)


def test_a_tombstone_whose_sides_are_both_back_is_merged() -> None:
    """Two users brought it back: there is nothing to create."""
    plan = planned(row(), record(Name="Acme Ltd"), alive=False)

    assert (plan.existence, plan.alive, fields(plan)) == (None, True, ({"Name": "Acme Ltd"}, {}))
