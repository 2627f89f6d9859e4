"""A person puts an earlier value back: written like an edit, refused where a side has moved, kept in the history."""

from dataclasses import replace

import pytest

from chalicelib.core.answers import decided, reverted
from chalicelib.core.errors import Rejected
from chalicelib.core.history import Then, now, then
from chalicelib.core.ledger import Answer, BaseState, Cause, History, IssueKind
from chalicelib.core.model import Side
from chalicelib.core.ports import Kept, Stale
from chalicelib.core.recover import settled
from tests.unit.core.scene import Pair, Scene, one

FIRST, SECOND = "Acme", "Acme Ltd"


def edited() -> tuple[Scene, Pair]:
    """An account that a user has named anew."""
    scene = Scene()
    pair = scene.linked(Name=FIRST, Phone="1")
    scene.edit_postgres(pair, Name=SECOND)
    scene.drain()
    scene.rows.writes.clear()
    scene.records.writes.clear()
    return scene, pair


def put_back(scene: Scene, pair: Pair, value: str = FIRST) -> Kept | Stale:
    """An operator puts a name back that was there before both sides held what they hold now."""
    base = scene.base(pair, "Name")
    answer = Answer(scene.clock.new_id(), one(value), base.postgres or (), base.salesforce or (), "ann", reverts=True)
    kept = scene.ledger.revert(scene.key(pair), {"Name": answer})
    scene.queue.append(scene.message(pair, Side.SALESFORCE, content=False))
    return kept


def test_an_earlier_value_is_written_on_both_sides() -> None:
    """Though nothing is in question, and both sides agree."""
    scene, pair = edited()

    kept = put_back(scene, pair)
    scene.drain()

    assert (kept, scene.both(pair, "Name")) == (Kept(), (FIRST, FIRST))
    assert (scene.base(pair, "Name"), scene.entry(pair).answers) == (settled(one(FIRST)), {})
    assert scene.issues() == []


def test_it_is_a_change_of_its_own_in_the_history() -> None:
    """With who did it, so that it can be put back again."""
    scene, pair = edited()

    put_back(scene, pair)
    scene.drain()

    assert [(h.side, h.cause, h.before, h.after, h.actor) for h in scene.ledger.history[-2:]] == [
        (Side.POSTGRES, Cause.REVERT, {"Name": SECOND}, {"Name": FIRST}, "ann"),
        (Side.SALESFORCE, Cause.REVERT, {"Name": SECOND}, {"Name": FIRST}, "ann"),
    ]


@pytest.mark.parametrize("side", list(Side))
def test_it_is_not_done_over_an_edit_that_the_person_did_not_see(side: Side) -> None:
    """The edit is carried, the earlier value is dropped."""
    scene, pair = edited()
    put_back(scene, pair)

    if side is Side.POSTGRES:
        scene.edit_postgres(pair, Name="Acme AG")
    else:
        scene.edit_salesforce(pair, Name="Acme AG")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.entry(pair).answers) == (("Acme AG", "Acme AG"), {})


def test_other_fields_are_left_alone() -> None:
    """An edit of another field goes its own way at once."""
    scene, pair = edited()
    put_back(scene, pair)
    scene.edit_salesforce(pair, Phone="2")

    scene.drain()

    assert scene.both(pair, "Name", "Phone") == ((FIRST, "2"), (FIRST, "2"))


def test_a_storm_is_ended_by_an_earlier_value() -> None:
    """Each side keeps a form of its own: both are shown, both are overwritten."""
    scene, pair = edited()
    entry = scene.entry(pair)
    stopped = replace(scene.base(pair, "Name"), state=BaseState.STOPPED)
    scene.ledger.entries[entry.key] = replace(entry, bases={**entry.bases, "Name": stopped})

    put_back(scene, pair)
    scene.drain()

    assert (scene.both(pair, "Name"), scene.base(pair, "Name")) == ((FIRST, FIRST), settled(one(FIRST)))


def half_landed() -> tuple[Scene, Pair]:
    """The worker died between Postgres and Salesforce."""
    scene, pair = edited()
    put_back(scene, pair)
    scene.die_before("records.write")
    return scene, pair


def test_the_other_half_follows_after_a_crash() -> None:
    """It is told as what it was."""
    scene, pair = half_landed()

    before = scene.both(pair, "Name")
    scene.drain()

    assert (before, scene.both(pair, "Name")) == ((FIRST, SECOND), (FIRST, FIRST))
    assert (scene.ledger.history[-1].cause, scene.entry(pair).answers) == (Cause.REVERT, {})


def test_going_back_over_the_half_that_landed_is_an_edit() -> None:
    """It must not be put back once more over the head of a user who has seen it."""
    scene, pair = half_landed()

    scene.edit_postgres(pair, Name=SECOND)
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == ((SECOND, SECOND), [])


def test_what_a_side_refuses_is_told() -> None:
    """The record holds what it held, and an issue has the system's own text."""
    scene, pair = edited()
    scene.rows.refusals["public.account"] = [
        lambda statement: (
            Rejected("no", code="23514", fields=("Name",))
            if statement.after is not None and statement.after["Name"] == FIRST
            else None
        )
    ]

    put_back(scene, pair)
    scene.drain()

    assert scene.both(pair, "Name") == (SECOND, SECOND)
    assert [(issue.kind, issue.code) for issue in scene.open_issues()] == [(IssueKind.REJECTED, "23514")]


def test_it_is_stored_only_where_the_record_is_as_it_was_shown() -> None:
    """Not over other values, nor a unit in question, decided or never settled, nor of a tombstone."""
    scene, pair = edited()
    entry, base = scene.entry(pair), scene.base(pair, "Name")
    answer = Answer("a", one(FIRST), base.postgres or (), base.salesforce or (), "ann", reverts=True)
    scene.edit_both(pair, {"Phone": "3"}, {"Phone": "4"})
    scene.drain()
    shown = scene.entry(pair).issues["Phone"]

    assert decided(replace(entry, answers={"Name": answer}), "Name", answer) is None
    assert reverted(entry, {"Name": answer}) == replace(entry, answers={"Name": answer})
    assert reverted(entry, {"Name": replace(answer, postgres=one("x"))}) is None
    assert reverted(entry, {"Name": replace(answer, salesforce=one("x"))}) is None
    assert reverted(replace(entry, issues={"Name": shown}), {"Name": answer}) is None
    assert reverted(replace(entry, answers={"Name": answer}), {"Name": answer}) is None
    assert reverted(replace(entry, bases={}), {"Name": answer}) is None
    assert reverted(replace(entry, alive=False), {"Name": answer}) is None


# --- what a record held at a moment


def past(at: float, before: str | None, after: str, side: Side = Side.POSTGRES, operation: str = "") -> History:
    """A write of a name; ``before`` None: the record was made."""
    held = {} if before is None else {"Name": before}
    return History("k", "account", at, operation or f"op-{at}", side, Cause.EDIT, held, {"Name": after})


def test_a_moment_is_what_the_first_write_after_it_overwrote() -> None:
    """In whatever order the history comes."""
    history = [past(3.0, "b", "c"), past(1.0, "", "a"), past(2.0, "a", "b")]

    assert [then(history, at).values for at in (0.5, 1.0, 2.5, 3.0)] == [{"Name": ""}, {"Name": "a"}, {"Name": "b"}, {}]


def test_a_decision_leaves_the_values_of_both_sides() -> None:
    """Unless they were the same."""
    decision = [past(2.0, "a", "c", operation="x"), past(2.0, "b", "c", Side.SALESFORCE, "x")]
    agreed = [past(2.0, "a", "c", operation="x"), past(2.0, "a", "c", Side.SALESFORCE, "x")]

    assert then([*decision, past(3.0, "c", "d")], 1.0) == Then({}, {"Name": {Side.POSTGRES: "a", Side.SALESFORCE: "b"}})
    assert then(agreed, 1.0) == Then({"Name": "a"})


def test_what_did_not_take_place_says_nothing() -> None:
    """The operation was withdrawn."""
    withdrawn = replace(past(2.0, "a", "b", operation="x"), cause=Cause.WITHDRAWN, before={}, after={})

    assert then([past(2.0, "a", "b", operation="x"), withdrawn], 1.0) == Then()


def test_before_a_record_was_made_nothing_is_known() -> None:
    """The row was inserted by the sync."""
    assert then([past(2.0, None, "a")], 1.0) == Then(unknown=frozenset({"Name"}))


def test_what_both_sides_hold_now_is_what_the_ledger_knows() -> None:
    """Units without a base, or of which a side is not known, are left out."""
    scene, pair = edited()
    entry = scene.entry(pair)
    bases = {"Name": scene.base(pair, "Name"), "Phone": replace(scene.base(pair, "Phone"), postgres=None)}

    held = now(replace(entry, bases=bases), scene.mapping)

    assert held == {"Name": {Side.POSTGRES: SECOND, Side.SALESFORCE: SECOND}}
    assert now(replace(entry, bases={"Phone": replace(bases["Name"], salesforce=None)}), scene.mapping) == {}
