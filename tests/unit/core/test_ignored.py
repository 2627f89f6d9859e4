"""A person ignores an issue: both sides stay as they are, until one of them is edited again."""

from dataclasses import replace

import pytest

from chalicelib.core.answers import decided
from chalicelib.core.ledger import Answer, Base, BaseState, Entry, Ignored, IssueKind, OpenIssue
from chalicelib.core.listing import IssueState, state_of
from chalicelib.core.model import Side
from chalicelib.core.plan import Plan
from chalicelib.core.ports import Kept, Stale
from chalicelib.core.recover import Ground
from tests.unit.core.parking import parked
from tests.unit.core.scene import Pair, Scene, one
from tests.unit.core.test_answers import OURS, THEIRS, in_conflict
from tests.unit.core.test_automation import storm


def ignore(scene: Scene, pair: Pair, slot: str, answer: str = "i") -> Kept | Stale:
    """An operator ignores an issue as it is shown now, and the record is woken."""
    shown = scene.entry(pair).issues[slot]
    seen = shown.postgres or (), shown.salesforce or ()
    return scene.give(pair, slot, Answer(answer, (), *seen, "ann", ignores=True, reason="both are right"))


def ignored() -> tuple[Scene, Pair]:
    """An account whose conflict is ignored."""
    scene, pair = in_conflict()
    assert ignore(scene, pair, "Name") == Kept()
    scene.drain()
    return scene, pair


def test_an_ignored_conflict_leaves_both_sides_as_they_are() -> None:
    """The issue is closed, with who and why; nothing is written, and nothing told of as overwritten."""
    scene, pair = ignored()
    (issue,) = scene.issues()
    assert (scene.both(pair, "Name"), scene.rows.writes, scene.records.writes) == ((OURS, THEIRS), [], [])
    assert (issue.reason, state_of(issue)) == ("ann ignores it: both are right", IssueState.IGNORED)
    assert (scene.entry(pair).issues, scene.entry(pair).answers, scene.ledger.history) == ({}, {}, [])
    assert scene.entry(pair).ignored == {"Name": Ignored(one(OURS), one(THEIRS), "ann", "both are right")}


def test_an_ignored_conflict_stays_closed_while_other_fields_are_edited() -> None:
    """However often the record is settled."""
    scene, pair = ignored()
    scene.edit_salesforce(pair, Phone="1")
    scene.drain()
    scene.edit_postgres(pair, Phone="2")
    scene.drain()
    assert (scene.both(pair, "Name", "Phone"), scene.open_issues()) == (((OURS, "2"), (THEIRS, "2")), [])


@pytest.mark.parametrize("side", list(Side))
def test_an_edit_of_the_field_opens_the_conflict_anew(side: Side) -> None:
    """It says that it was ignored, by whom and why; when the old value comes back it is no longer ignored."""
    scene, pair = ignored()
    edit = scene.edit_postgres if side is Side.POSTGRES else scene.edit_salesforce
    edit(pair, Name="Acme AG")
    scene.drain()
    (issue,) = scene.open_issues()
    assert issue.text == "ann had ignored it, until a side was edited again: both are right"
    assert "Acme AG" in {issue.postgres["Name"], issue.salesforce["Name"]}
    assert scene.entry(pair).ignored == {}
    edit(pair, Name=OURS if side is Side.POSTGRES else THEIRS)
    scene.drain()
    assert [(one.id, one.postgres["Name"]) for one in scene.open_issues()] == [(issue.id, OURS)]


def test_an_edit_that_ends_the_conflict_ends_the_ignoring() -> None:
    """Both hold the same: nothing is left to be ignored, so the next conflict is an issue."""
    scene, pair = ignored()
    scene.edit_postgres(pair, Name=THEIRS)
    scene.drain()
    assert (scene.both(pair, "Name"), scene.open_issues(), scene.entry(pair).ignored) == ((THEIRS, THEIRS), [], {})
    scene.edit_both(pair, {"Name": OURS}, {"Name": "Acme AG"})
    scene.drain()
    assert [one.text for one in scene.open_issues()] == [""]


def test_an_edit_that_comes_before_is_not_ignored() -> None:
    """The person did not see it: the ignoring is dropped, and the issue shows the edit."""
    scene, pair = in_conflict()
    ignore(scene, pair, "Name")
    scene.edit_postgres(pair, Name="Acme AG")
    scene.drain()
    (issue,) = scene.open_issues()
    assert (issue.postgres["Name"], scene.entry(pair).answers, scene.entry(pair).ignored) == ("Acme AG", {}, {})


def test_of_two_persons_one_is_faster() -> None:
    """Whoever decides after an ignoring, or ignores after a decision, is told."""
    scene, pair = in_conflict()
    assert (ignore(scene, pair, "Name"), scene.answer(pair, "Name", OURS)) == (Kept(), Stale())
    scene.drain()
    assert [one.ignored for one in scene.issues()] == [True]
    with pytest.raises(KeyError):
        ignore(scene, pair, "Name")


def test_a_policy_that_is_declared_later_does_not_touch_what_is_ignored() -> None:
    """A person's word outlasts it, until a side is edited."""
    scene, pair = ignored()
    assert scene.entry(pair).bases["Name"].agreed == one("Acme")
    scene.queue.append(scene.message(pair, Side.POSTGRES, content=False))
    scene.drain()
    assert scene.both(pair, "Name") == (OURS, THEIRS)


def test_a_deletion_ends_the_ignoring() -> None:
    """With the record."""
    scene, pair = ignored()
    scene.delete_postgres(pair)
    scene.delete_salesforce(pair)
    scene.drain()
    assert scene.entry(pair).ignored == {}


def test_an_ignored_refusal_is_not_sent_again() -> None:
    """The write stays parked as it is; what is refused anew is an issue again."""
    scene, pair = parked()
    assert ignore(scene, pair, "*salesforce") == Kept()
    scene.drain()
    assert ([one.ignored for one in scene.issues()], scene.open_issues()) == ([True], [])
    assert scene.wire.count("records.write") == 0
    scene.edit_salesforce(pair, Note="looked at")
    scene.drain()
    assert [(one.kind, one.slot) for one in scene.open_issues()] == [(IssueKind.REJECTED, "*salesforce")]


def test_a_refusal_that_is_over_is_not_ignored() -> None:
    """What became of the write is what the issue tells."""
    scene, pair = parked()
    ignore(scene, pair, "*salesforce")
    scene.records.refusals.clear()
    scene.edit_salesforce(pair, Note="looked at")
    scene.drain()
    (issue,) = scene.issues()
    assert (scene.both(pair, "Name"), issue.closed_at is None, scene.entry(pair).answers) == (("bad",) * 2, False, {})


def test_an_ignored_storm_stays_stopped() -> None:
    """Both forms stay, and the next edit of a user is carried as before."""
    scene, pair = storm()
    assert ignore(scene, pair, "Name") == Kept()
    scene.drain()
    assert ([one.ignored for one in scene.issues()], scene.both(pair, "Name")) == ([True], ("ACME LTD", "acme ltd"))
    scene.records.automation.clear()
    scene.rows.triggers.clear()
    scene.edit_postgres(pair, Name="Acme Inc")
    scene.drain()
    assert (scene.both(pair, "Name"), scene.open_issues()) == (("Acme Inc", "Acme Inc"), [])


def test_a_storm_that_ends_is_not_ignored() -> None:
    """A user's edit came before: it is carried, and that is why the issue is closed."""
    scene, pair = storm()
    ignore(scene, pair, "Name")
    scene.records.automation.clear()
    scene.rows.triggers.clear()
    scene.edit_postgres(pair, Name="Acme Inc")
    scene.drain()
    (issue,) = scene.issues()
    assert (issue.ignored, scene.entry(pair).answers) == (False, {})


SHOWN = OpenIssue("i", IssueKind.CONFLICT, ("a",), ("b",), 1.0)
IGNORING = Answer("1", (), ("a",), ("b",), "ann", ignores=True, reason="so")


@pytest.mark.parametrize(
    ("shown", "state", "kept"),
    [
        (SHOWN, BaseState.AGREED, True),
        (SHOWN, None, True),
        (SHOWN, BaseState.HALF, False),
        (replace(SHOWN, postgres=("c",)), BaseState.AGREED, False),
        (replace(SHOWN, kind=IssueKind.REJECTED, postgres=None), None, True),
        (replace(SHOWN, kind=IssueKind.ECHO_STORM), None, True),
        (replace(SHOWN, kind=IssueKind.PARENT_MISSING), None, False),
    ],
)
def test_what_may_be_ignored(shown: OpenIssue, state: BaseState | None, kept: bool) -> None:
    """What shows the values that the person saw, or none; half of a decision has to be completed."""
    bases = {} if state is None else {"Name": Base(("x",), ("a",), ("b",), state)}
    entry = Entry("key", "account", issues={"Name": shown}, bases=bases)
    expected = replace(entry, answers={"Name": IGNORING}) if kept else None
    assert decided(entry, "Name", IGNORING) == expected


def test_what_is_put_off_is_ignored_still() -> None:
    """A record that waits is looked at again."""
    plan = Plan(alive=True, unmarked={"Name"})
    plan.put_off(Ground(bases={}, alive=None))
    assert plan.unmarked == set()
