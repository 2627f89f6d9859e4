"""The merge of one unit: the planning table, line by line."""

from typing import Any

import pytest

from chalicelib.core.ledger import Base, BaseState, Remembered
from chalicelib.core.merge import MAX_HOPS, Merge, Verdict, merge
from chalicelib.core.model import Digest, Side, condense

A, B, C = ("a",), ("b",), ("c",)
NULL = (None,)
AGREED = Base(A, A, A)
POSTGRES_FORMED = Base(B, B, A, BaseState.FORM)  # Postgres stored b, Salesforce is to follow
SALESFORCE_FORMED = Base(B, A, B, BaseState.FORM)
HALF_POSTGRES = Base(B, B, A, BaseState.HALF)  # a person's b landed in Postgres only
HALF_SALESFORCE = Base(B, A, B, BaseState.HALF)
STOPPED = Base(A, A, B, BaseState.STOPPED)
CONTESTED = Base(None, None, None, BaseState.CONTESTED)


def merged(base: Base | None, postgres: Remembered, salesforce: Remembered, **given: Any) -> Merge:
    """The merge without hops and echoes, unless they are given."""
    return merge(base, postgres, salesforce, **{"hops": 0, "echo_postgres": None, "echo_salesforce": None, **given})


def carried(side: Side, value: Remembered) -> Merge:
    """A user's edit of one side goes to the other."""
    return Merge(Verdict.CARRY, side, value, user=True)


# --- base on both sides


def test_nothing_moved() -> None:
    """Both sides hold the base: they agree on it."""
    assert merged(AGREED, A, A) == Merge(Verdict.AGREE, target=A)


def test_postgres_moved() -> None:
    """An edit of Postgres goes to Salesforce."""
    assert merged(AGREED, B, A) == carried(Side.POSTGRES, B)


def test_salesforce_moved() -> None:
    """An edit of Salesforce goes to Postgres."""
    assert merged(AGREED, A, B) == carried(Side.SALESFORCE, B)


def test_both_moved_to_the_same() -> None:
    """Two users of one mind: their value is the new base."""
    assert merged(AGREED, B, B) == Merge(Verdict.AGREE, target=B)


def test_both_moved_to_different_values() -> None:
    """Two edits of one unit are a conflict, and the merge names no value."""
    assert merged(AGREED, B, C) == Merge(Verdict.CONFLICT)


@pytest.mark.parametrize("value", [NULL, A])
def test_a_null_is_a_value_like_any_other(value: Remembered) -> None:
    """Emptied on one side is an edit, not an absence."""
    base = Base(B, B, B)

    assert merged(base, value, B) == carried(Side.POSTGRES, value)
    assert merged(base, value, C) == Merge(Verdict.CONFLICT)


def test_a_group_moves_as_one() -> None:
    """Another city here and another zip there are two edits of one address."""
    base = Base(("Bern", "3000"), ("Bern", "3000"), ("Bern", "3000"))

    assert merged(base, ("Basel", "3000"), ("Bern", "3001")) == Merge(Verdict.CONFLICT)


def test_a_long_text_equals_its_digest() -> None:
    """The ledger's digest of a text is the text."""
    text, other = "x" * 2000, "y" * 2000
    known: Remembered = (condense(text),)

    assert isinstance(known[0], Digest)
    assert merged(Base(known, known, known), (text,), (other,)) == carried(Side.SALESFORCE, (other,))


# --- first contact


def test_first_contact_of_equals() -> None:
    """What both sides hold already is adopted."""
    assert merged(None, A, A) == Merge(Verdict.AGREE, target=A)


def test_first_contact_with_an_empty_side() -> None:
    """An empty side takes what the other has."""
    assert merged(None, A, NULL) == carried(Side.POSTGRES, A)
    assert merged(None, NULL, A) == carried(Side.SALESFORCE, A)


def test_first_contact_with_an_empty_group() -> None:
    """A group is empty where all of its fields are, and is taken as a whole."""
    assert merged(None, (None, None), ("x", None)) == carried(Side.SALESFORCE, ("x", None))
    assert merged(None, (None, "y"), ("x", None)) == Merge(Verdict.CONFLICT)
    assert merged(None, ("x", None), (None, "y")) == Merge(Verdict.CONFLICT)


def test_first_contact_of_different_values() -> None:
    """Nobody knows which of two filled sides came first."""
    assert merged(None, A, B) == Merge(Verdict.CONFLICT)


# --- forms


def test_the_other_side_follows_a_form() -> None:
    """What one side made of our write goes to the other, whichever side made it."""
    assert merged(POSTGRES_FORMED, B, A) == Merge(Verdict.FOLLOW, target=B)
    assert merged(SALESFORCE_FORMED, A, B) == Merge(Verdict.FOLLOW, target=B)


def test_an_edit_of_the_side_that_is_to_follow_wins() -> None:
    """The form was nobody's edit: no conflict."""
    assert merged(POSTGRES_FORMED, B, C) == carried(Side.SALESFORCE, C)
    assert merged(SALESFORCE_FORMED, C, B) == carried(Side.POSTGRES, C)


def test_an_edit_of_the_side_that_formed_wins() -> None:
    """A user's edit over the form goes out instead of it."""
    assert merged(POSTGRES_FORMED, C, A) == carried(Side.POSTGRES, C)


def test_edits_of_both_sides_over_a_form_are_a_conflict() -> None:
    """A form does not make two edits one, and the unit keeps its base."""
    assert merged(POSTGRES_FORMED, C, ("d",)) == Merge(Verdict.CONFLICT)


@pytest.mark.parametrize(("hops", "verdict"), [(MAX_HOPS - 1, Verdict.FOLLOW), (MAX_HOPS, Verdict.STORM)])
def test_forms_follow_each_other_so_often_and_no_more(hops: int, verdict: Verdict) -> None:
    """MAX_HOPS writes in a row that only followed automation are an echo storm."""
    assert merged(POSTGRES_FORMED, B, A, hops=hops).verdict is verdict


def test_a_storm_leaves_both_forms() -> None:
    """Each side's form becomes its base, and nothing is carried."""
    stopped = Base(B, B, A, BaseState.STOPPED)

    assert merged(POSTGRES_FORMED, B, A, hops=MAX_HOPS) == Merge(Verdict.STORM, base=stopped)


def test_a_stopped_unit_is_kept() -> None:
    """Two forms that were left alone stay alone, whatever the count says."""
    assert merged(STOPPED, A, B) == Merge(Verdict.KEEP)
    assert merged(STOPPED, A, B, hops=MAX_HOPS) == Merge(Verdict.KEEP)


def test_the_next_edit_of_a_stopped_unit_is_carried() -> None:
    """A user speaks with more weight than a counter."""
    assert merged(STOPPED, C, B, hops=MAX_HOPS) == carried(Side.POSTGRES, C)
    assert merged(STOPPED, A, C, hops=MAX_HOPS) == carried(Side.SALESFORCE, C)


# --- echoes


def test_what_automation_did_beside_our_write_is_carried_as_an_echo() -> None:
    """The value is carried, and counted as nobody's edit."""
    assert merged(AGREED, B, A, echo_postgres=B) == Merge(Verdict.CARRY, Side.POSTGRES, B, echo=True)
    assert merged(AGREED, A, B, echo_salesforce=B) == Merge(Verdict.CARRY, Side.SALESFORCE, B, echo=True)


def test_a_users_edit_over_an_echo_is_the_users() -> None:
    """Another value than the echo was entered by somebody."""
    assert merged(AGREED, B, A, echo_postgres=C, echo_salesforce=B) == carried(Side.POSTGRES, B)
    assert merged(AGREED, A, B, echo_salesforce=C, echo_postgres=B) == carried(Side.SALESFORCE, B)


@pytest.mark.parametrize(("hops", "verdict"), [(MAX_HOPS - 1, Verdict.CARRY), (MAX_HOPS, Verdict.STORM)])
def test_echoes_are_carried_so_often_and_no_more(hops: int, verdict: Verdict) -> None:
    """Automation that answers automation is stopped after MAX_HOPS."""
    assert merged(AGREED, B, A, hops=hops, echo_postgres=B).verdict is verdict


def test_a_storm_of_echoes_leaves_both_sides() -> None:
    """The echo becomes its side's base, the other side keeps its own."""
    from_postgres = merged(AGREED, B, A, hops=MAX_HOPS, echo_postgres=B)
    from_salesforce = merged(AGREED, A, B, hops=MAX_HOPS, echo_salesforce=B)

    assert from_postgres == Merge(Verdict.STORM, Side.POSTGRES, base=Base(A, B, A, BaseState.STOPPED))
    assert from_salesforce == Merge(Verdict.STORM, Side.SALESFORCE, base=Base(A, A, B, BaseState.STOPPED))


def test_a_users_edit_is_carried_however_often_automation_was() -> None:
    """Hops count what nobody entered."""
    assert merged(AGREED, B, A, hops=MAX_HOPS) == carried(Side.POSTGRES, B)


# --- answers that landed on one side


def test_the_other_half_of_an_answer_follows() -> None:
    """A person decided for both sides; hops do not count against a person."""
    assert merged(HALF_POSTGRES, B, A, hops=MAX_HOPS) == Merge(Verdict.FOLLOW, target=B)
    assert merged(HALF_SALESFORCE, A, B, hops=MAX_HOPS) == Merge(Verdict.FOLLOW, target=B)


def test_an_edit_of_the_other_half_is_a_conflict_without_a_base() -> None:
    """The person saw neither that edit, nor did its user see the answer."""
    conflict = Merge(Verdict.CONFLICT, answer_open=True)

    assert merged(HALF_POSTGRES, B, C) == conflict
    assert merged(HALF_SALESFORCE, C, B) == conflict


def test_an_edit_over_the_answer_is_carried() -> None:
    """Whoever edits the half that landed has the answer before their eyes."""
    assert merged(HALF_POSTGRES, C, A) == carried(Side.POSTGRES, C)
    assert merged(HALF_SALESFORCE, A, C) == carried(Side.SALESFORCE, C)


def test_edits_of_both_halves_are_a_conflict_without_a_base() -> None:
    """Nothing is left of the answer to build on."""
    assert merged(HALF_POSTGRES, C, ("d",)) == Merge(Verdict.CONFLICT, answer_open=True)


def test_a_contested_unit_stays_in_conflict() -> None:
    """Without a base no side can be said to have moved alone; a person decides."""
    assert merged(CONTESTED, A, B) == Merge(Verdict.CONFLICT)


def test_a_contested_unit_whose_sides_agree_is_over() -> None:
    """Two users who come to one value need no person."""
    assert merged(CONTESTED, B, B) == Merge(Verdict.AGREE, target=B)


def test_an_answer_that_a_user_sets_by_hand_has_landed() -> None:
    """An edit over the half that landed before follows it, and is no conflict with it."""
    assert merged(HALF_POSTGRES, C, B) == carried(Side.POSTGRES, C)
    assert merged(HALF_SALESFORCE, B, C) == carried(Side.SALESFORCE, C)


def test_a_storm_beside_an_answer_that_was_set_by_hand_stops_at_what_the_sides_hold() -> None:
    """Not at what the ledger knew of the half that was to come."""
    stopped = merged(HALF_SALESFORCE, B, C, hops=MAX_HOPS, echo_salesforce=C).base

    assert stopped == Base(B, B, C, BaseState.STOPPED)
