"""Conflicts: one issue, both values kept, and nothing else held up."""

import pytest

from chalicelib.core.ledger import Cause, IssueKind
from chalicelib.core.mapping import Policy
from chalicelib.core.model import Side, condense
from chalicelib.core.recover import settled
from tests.unit.core.scene import Pair, Scene


def in_conflict(**changes: object) -> tuple[Scene, Pair]:
    """An account that was named anew on both sides."""
    scene = Scene(**changes)  # type: ignore[arg-type]
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_both(pair, {"Name": "Acme Ltd"}, {"Name": "Acme Inc"})
    scene.drain()
    return scene, pair


def test_a_conflict_is_held_and_shown_once() -> None:
    """Both sides keep theirs; the one issue has base, ours, theirs, who and when."""
    scene, pair = in_conflict()
    scene.settle(scene.message(pair, Side.POSTGRES), scene.message(pair, Side.SALESFORCE))

    (issue,) = scene.issues()

    assert scene.both(pair, "Name") == ("Acme Ltd", "Acme Inc")
    assert (issue.kind, issue.slot, issue.fields) == (IssueKind.CONFLICT, "Name", ("Name",))
    assert (issue.base, issue.postgres, issue.salesforce) == (
        {"Name": "Acme"},
        {"Name": "Acme Ltd"},
        {"Name": "Acme Inc"},
    )
    assert (issue.key, issue.mapping, issue.sfid, issue.pk) == (scene.key(pair), "account", pair.sfid, pair.pk)
    assert (issue.actors, issue.closed_at, issue.reason) == ({"postgres": "app", "salesforce": "user"}, None, "")
    assert issue.opened_at == issue.updated_at


def test_the_base_of_a_held_field_does_not_move() -> None:
    """It is what both sides last agreed on, and what a return to it is measured by."""
    scene, pair = in_conflict()

    assert scene.base(pair, "Name") == settled(("Acme",))


def test_a_held_field_holds_no_other() -> None:
    """Edits of other fields go on, in both directions, while the issue is open."""
    scene, pair = in_conflict()

    scene.edit_postgres(pair, Phone="2")
    scene.edit_salesforce(pair, City="Bern")
    scene.drain()

    assert (scene.both(pair, "Phone"), scene.both(pair, "City")) == (("2", "2"), ("Bern", "Bern"))
    assert len(scene.issues()) == 1


@pytest.mark.parametrize("side", ["postgres", "salesforce"])
def test_a_later_edit_updates_the_issue(side: str) -> None:
    """It shows what stands there now, under the id that it had, and none is opened beside it."""
    scene, pair = in_conflict()
    (opened,) = scene.issues()

    (scene.edit_postgres if side == "postgres" else scene.edit_salesforce)(pair, Name="Acme AG")
    scene.drain()
    (updated,) = scene.issues()

    assert (updated.id, updated.opened_at, getattr(updated, side)) == (opened.id, opened.opened_at, {"Name": "Acme AG"})
    assert updated.updated_at > opened.updated_at


def test_an_issue_that_shows_the_same_is_not_written_again() -> None:
    """A message that tells nothing new changes nothing in the ledger."""
    scene, pair = in_conflict()
    before = scene.entry(pair)

    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert scene.entry(pair) == before


def test_an_issue_closes_itself_when_both_sides_agree() -> None:
    """Two users came to one value: it is the new base."""
    scene, pair = in_conflict()

    scene.edit_postgres(pair, Name="Acme Inc")
    scene.drain()
    (issue,) = scene.issues()

    assert (issue.reason, issue.closed_at) == ("both sides hold the same value", issue.updated_at)
    assert (scene.base(pair, "Name"), scene.entry(pair).issues) == (settled(("Acme Inc",)), {})


def test_an_issue_closes_itself_when_one_side_goes_back() -> None:
    """The other side's edit is the only one that is left, and is carried."""
    scene, pair = in_conflict()

    scene.edit_salesforce(pair, Name="Acme")
    scene.drain()
    (issue,) = scene.issues()

    assert issue.reason == "only one side still differs from the agreed value"
    assert scene.both(pair, "Name") == ("Acme Ltd", "Acme Ltd")


def test_the_same_conflict_another_time_is_another_issue() -> None:
    """A closed issue stays as it was closed."""
    scene, pair = in_conflict()
    scene.edit_postgres(pair, Name="Acme")
    scene.drain()
    scene.edit_postgres(pair, Name="Acme")
    scene.edit_salesforce(pair, Name="Acme")
    scene.drain()

    scene.edit_both(pair, {"Name": "Acme Ltd"}, {"Name": "Acme Inc"})
    scene.drain()

    assert [issue.closed_at is None for issue in scene.issues()] == [False, True]


def test_edits_that_follow_one_another_are_no_conflict() -> None:
    """Each was made on top of the one before."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()
    scene.edit_salesforce(pair, Name="Acme Inc")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.issues()) == (("Acme Inc", "Acme Inc"), [])


def test_a_conflict_of_long_texts_shows_them_in_full() -> None:
    """The entry keeps digests; the issue has what a person has to choose from, the base as far as it is known."""
    scene = Scene()
    base, ours, theirs = ("x" * 2000, "y" * 2000, "z" * 2000)
    pair = scene.linked(Note=base)

    scene.edit_both(pair, {"Note": ours}, {"Note": theirs})
    scene.drain()
    (issue,) = scene.issues()
    shown = scene.entry(pair).issues["Note"]

    assert (issue.base, issue.postgres, issue.salesforce) == (
        {"Note": condense(base)},
        {"Note": ours},
        {"Note": theirs},
    )
    assert (shown.postgres, shown.salesforce) == ((condense(ours),), (condense(theirs),))


def test_a_conflict_of_a_group_shows_all_of_it() -> None:
    """Its fields are decided together."""
    scene = Scene()
    pair = scene.linked(City="Bern", Zip="3000")

    scene.edit_both(pair, {"City": "Basel"}, {"Zip": "3001"})
    scene.drain()
    (issue,) = scene.issues()

    assert (issue.slot, issue.fields) == ("place", ("City", "Zip"))
    assert (issue.base, issue.postgres, issue.salesforce) == (
        {"City": "Bern", "Zip": "3000"},
        {"City": "Basel", "Zip": "3000"},
        {"City": "Bern", "Zip": "3001"},
    )


def test_a_first_conflict_has_no_base() -> None:
    """Two filled sides that never met agreed on nothing yet."""
    scene = Scene()
    pair = scene.apart({"Name": "Acme Ltd"}, {"Name": "Acme Inc"})
    scene.drain()
    (issue,) = scene.issues()

    assert (issue.base, scene.entry(pair).alive, "Name" in scene.entry(pair).bases) == ({}, True, False)


# --- policies


@pytest.mark.parametrize(
    ("policy", "name", "cause"),
    [(Policy.SALESFORCE_WINS, "Acme Inc", "Salesforce"), (Policy.POSTGRES_WINS, "Acme Ltd", "Postgres")],
)
def test_a_policy_settles_a_conflict_and_says_so(policy: Policy, name: str, cause: str) -> None:
    """The winner stands on both sides; the loser stands in a closed issue and in the history."""
    scene, pair = in_conflict(policy=policy)

    (issue,) = scene.issues()
    (overwritten,) = scene.ledger.history
    losing = "Acme Ltd" if name == "Acme Inc" else "Acme Inc"

    assert scene.both(pair, "Name") == (name, name)
    assert (issue.reason, issue.closed_at, scene.entry(pair).issues) == (f"policy: {cause} wins", issue.opened_at, {})
    assert (overwritten.cause, overwritten.before, overwritten.after) == (
        Cause.POLICY,
        {"Name": losing},
        {"Name": name},
    )


@pytest.mark.parametrize(("later", "name"), [(0.0, "Acme Ltd"), (-1.0, "Acme Inc"), (2.0, "Acme Ltd")])
def test_the_newest_of_two_edits_wins(later: float, name: str) -> None:
    """The time of the statement in Postgres against Salesforce's second; in a tie Postgres."""
    scene = Scene(policy=Policy.NEWEST_WINS)
    pair = scene.linked(Name="Acme")
    scene.clock.time = 1_790_001_000.0
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.clock.advance(-1.0 - later)
    scene.edit_salesforce(pair, Name="Acme Inc")
    scene.clock.advance(60.0)
    scene.drain()

    assert scene.both(pair, "Name") == (name, name)


def test_the_time_of_an_edit_is_asked_for_a_conflict_only() -> None:
    """A call that most passes do not need."""
    scene = Scene(policy=Policy.NEWEST_WINS)
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()
    plain = scene.wire.count("rows.edited_at")

    scene.edit_both(pair, {"Phone": "2"}, {"Phone": "3", "Name": "Acme Inc"})
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert (plain, scene.wire.count("rows.edited_at")) == (0, 1)
