"""A person's decision of a conflict: good for what was shown, and for nothing else."""

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Answer, Base, BaseState, Cause, IssueKind
from chalicelib.core.model import Side
from chalicelib.core.ports import Kept, Stale, WriteKind
from chalicelib.core.recover import settled
from tests.unit.core.scene import Pair, Scene, one

OURS, THEIRS, DECIDED = "Acme Ltd", "Acme Inc", "Acme Co"


def in_conflict() -> tuple[Scene, Pair]:
    """An account that was named anew on both sides, and of which an issue tells."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_both(pair, {"Name": OURS}, {"Name": THEIRS})
    scene.drain()
    return scene, pair


def test_an_answer_is_carried_out_on_both_sides() -> None:
    """Both get the value, the issue closes, the answer goes."""
    scene, pair = in_conflict()

    kept = scene.answer(pair, "Name", DECIDED)
    scene.drain()
    (issue,) = scene.issues()

    assert (kept, scene.both(pair, "Name")) == (Kept(), (DECIDED, DECIDED))
    assert (issue.reason, issue.closed_at) == ("a person decided: operator", issue.updated_at)
    assert (scene.entry(pair).answers, scene.entry(pair).issues) == ({}, {})
    assert scene.base(pair, "Name") == settled(one(DECIDED))


def test_what_an_answer_overwrites_is_kept() -> None:
    """On both sides, with the cause and the person."""
    scene, pair = in_conflict()

    scene.answer(pair, "Name", DECIDED)
    scene.drain()

    assert [(h.side, h.cause, h.before, h.after, h.actor) for h in scene.ledger.history] == [
        (Side.POSTGRES, Cause.ANSWER, {"Name": OURS}, {"Name": DECIDED}, "operator"),
        (Side.SALESFORCE, Cause.ANSWER, {"Name": THEIRS}, {"Name": DECIDED}, "operator"),
    ]


@pytest.mark.parametrize(("value", "writes"), [(OURS, (0, 1)), (THEIRS, (1, 0))])
def test_an_answer_that_chooses_a_side_writes_the_other(value: str, writes: tuple[int, int]) -> None:
    """The chosen side is not touched."""
    scene, pair = in_conflict()

    scene.answer(pair, "Name", value)
    scene.drain()

    assert (scene.both(pair, "Name"), scene.entry(pair).answers) == ((value, value), {})
    assert (len(scene.rows.writes), len(scene.records.writes)) == writes


@pytest.mark.parametrize("side", list(Side))
def test_an_answer_is_refused_where_a_side_has_moved(side: Side) -> None:
    """The edit came between the answer and its carrying out: nothing is written, the issue shows the edit."""
    scene, pair = in_conflict()
    scene.answer(pair, "Name", DECIDED)

    if side is Side.POSTGRES:
        scene.edit_postgres(pair, Name="Acme AG")
    else:
        scene.edit_salesforce(pair, Name="Acme AG")
    scene.drain()
    (issue,) = scene.open_issues()

    assert (scene.rows.writes, scene.records.writes, scene.entry(pair).answers) == ([], [], {})
    assert {**issue.postgres, **issue.salesforce} != {"Name": DECIDED}
    assert "Acme AG" in {issue.postgres["Name"], issue.salesforce["Name"]}


def test_an_answer_to_what_is_shown_no_more_is_not_taken() -> None:
    """The ledger compares it with the issue as it stands."""
    scene, pair = in_conflict()

    kept = scene.give(pair, "Name", Answer("late", one(DECIDED), one("Acme"), one(THEIRS), "operator"))

    assert (kept, scene.entry(pair).answers) == (Stale(), {})


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    """The users came to one value themselves before it was carried out."""
    scene, pair = in_conflict()
    scene.answer(pair, "Name", DECIDED)

    scene.edit_postgres(pair, Name=THEIRS)
    scene.drain()

    assert (scene.both(pair, "Name"), scene.entry(pair).answers) == ((THEIRS, THEIRS), {})
    assert [issue.reason for issue in scene.issues()] == ["both sides hold the same value"]


def test_an_answer_does_not_reach_a_deleted_record() -> None:
    """The record is gone on both sides: the issue closes with that reason, the answer goes."""
    scene, pair = in_conflict()
    scene.answer(pair, "Name", DECIDED)

    scene.delete_postgres(pair)
    scene.delete_salesforce(pair)
    scene.drain()
    (issue,) = scene.issues()

    assert (scene.entry(pair).alive, scene.entry(pair).answers, issue.reason) == (False, {}, "the record was deleted")


def test_two_answers_are_carried_out_at_once() -> None:
    """Each of its own unit, and neither is refused."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_both(pair, {"Name": OURS, "Phone": "2"}, {"Name": THEIRS, "Phone": "3"})
    scene.drain()

    scene.answer(pair, "Name", DECIDED)
    scene.answer(pair, "Phone", "4")
    scene.settle(*scene.take())

    assert scene.both(pair, "Name", "Phone") == ((DECIDED, "4"), (DECIDED, "4"))
    assert (scene.entry(pair).answers, scene.open_issues()) == ({}, [])


def half_landed() -> tuple[Scene, Pair]:
    """The worker died between Postgres and Salesforce."""
    scene, pair = in_conflict()
    scene.answer(pair, "Name", DECIDED)
    scene.wire.calls.clear()
    scene.die_before("records.write")
    return scene, pair


def test_the_other_half_of_an_answer_follows_after_a_crash() -> None:
    """Nobody touched the record meanwhile: the person's decision stands."""
    scene, pair = half_landed()
    before = scene.both(pair, "Name")

    scene.drain()

    assert (before, scene.both(pair, "Name")) == ((DECIDED, THEIRS), (DECIDED, DECIDED))
    assert ([i.reason for i in scene.issues()], scene.entry(pair).answers) == (["a person decided: operator"], {})


def test_an_edit_over_the_half_that_landed_is_carried() -> None:
    """Its user had the answer before their eyes."""
    scene, pair = half_landed()

    scene.edit_postgres(pair, Name="Acme AG")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == (("Acme AG", "Acme AG"), [])


def test_going_back_over_the_half_that_landed_is_an_edit() -> None:
    """A user has seen the answer and restored what it was given to: it must not be given once more."""
    scene, pair = half_landed()

    scene.edit_postgres(pair, Name=OURS)
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == ((OURS, OURS), [])


def test_an_edit_of_the_other_half_keeps_the_conflict_open() -> None:
    """The person saw neither that edit, nor its user the answer: a conflict without a base."""
    scene, pair = half_landed()

    scene.edit_salesforce(pair, Name="Acme AG")
    scene.drain()
    (issue,) = scene.open_issues()

    assert scene.both(pair, "Name") == (DECIDED, "Acme AG")
    assert (issue.postgres, issue.salesforce) == ({"Name": DECIDED}, {"Name": "Acme AG"})
    assert scene.base(pair, "Name") == Base(None, None, None, BaseState.CONTESTED)


def test_a_contested_conflict_is_decided_by_a_person() -> None:
    """By an answer to what is shown now."""
    scene, pair = half_landed()
    scene.edit_salesforce(pair, Name="Acme AG")
    scene.drain()

    scene.answer(pair, "Name", "Acme SA")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == (("Acme SA", "Acme SA"), [])


def test_a_delete_does_not_discard_the_half_that_landed() -> None:
    """An answer counts as an edit: the record is kept, and gets it."""
    scene, pair = half_landed()

    scene.delete_salesforce(pair)
    scene.drain()

    assert scene.both(pair, "Name") == (DECIDED, DECIDED)
    assert [write.kind for write in scene.records.writes] == [WriteKind.UNDELETE, WriteKind.UPDATE]
    assert [issue.slot for issue in scene.issues(IssueKind.DELETE_EDIT)] == ["*delete"]


def test_an_answer_while_a_worker_holds_the_record_is_carried_out() -> None:
    """It moves the entry's counter, so the holder goes round again, and its write of the entry keeps the answer."""
    scene, pair = in_conflict()
    scene.edit_postgres(pair, Phone="2")

    scene.wire.then("records.write", lambda: scene.answer(pair, "Name", DECIDED))
    scene.drain()

    assert (scene.both(pair, "Name"), scene.both(pair, "Phone")) == ((DECIDED, DECIDED), ("2", "2"))


def half_refused() -> tuple[Scene, Pair]:
    """Postgres has a person's answer, and Salesforce refuses it."""
    scene, pair = in_conflict()
    scene.records.refusals.append(
        lambda save: Rejected("no", code="RULE", fields=("Name",)) if save.after["Name"] == DECIDED else None
    )
    scene.answer(pair, "Name", DECIDED)
    scene.drain()
    return scene, pair


def test_an_answer_that_a_side_refuses_leaves_the_conflict_open() -> None:
    """A value that the organisation's rules do not take decides nothing; the issue shows what both sides hold now."""
    scene, pair = half_refused()
    issues = {issue.slot: issue for issue in scene.open_issues()}

    assert (scene.both(pair, "Name"), scene.entry(pair).answers) == ((DECIDED, THEIRS), {})
    assert issues.keys() == {"Name", "*salesforce"}
    shown = issues["Name"]
    assert (shown.postgres, shown.salesforce, shown.base) == ({"Name": DECIDED}, {"Name": THEIRS}, {})
    assert shown.text == "a decision reached one side, and the other refused it"
    assert scene.base(pair, "Name").state is BaseState.HALF


def test_a_half_that_stays_refused_is_told_once() -> None:
    """Every look at the record finds the same, and writes nothing."""
    scene, pair = half_refused()
    entry = scene.entry(pair)

    scene.settle(scene.message(pair, Side.SALESFORCE, content=False))

    assert scene.entry(pair) == entry


@pytest.mark.parametrize(("value", "writes"), [("Acme SA", (1, 1)), (THEIRS, (1, 0))], ids=["another", "back"])
def test_a_half_that_is_refused_is_decided_anew(value: str, writes: tuple[int, int]) -> None:
    """By another value, or for that of the side that refused: nothing is left of either issue."""
    scene, pair = half_refused()
    scene.rows.writes.clear()
    scene.records.writes.clear()

    kept = scene.answer(pair, "Name", value)
    scene.drain()

    assert (kept, scene.both(pair, "Name")) == (Kept(), (value, value))
    assert (scene.open_issues(), scene.base(pair, "Name")) == ([], settled(one(value)))
    assert (len(scene.rows.writes), len(scene.records.writes)) == writes


def test_an_edit_over_a_half_that_is_refused_is_carried() -> None:
    """A user's own correction needs no operator."""
    scene, pair = half_refused()

    scene.edit_postgres(pair, Name="Acme AG")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == (("Acme AG", "Acme AG"), [])


def test_an_edit_over_a_half_that_is_refused_too_is_shown() -> None:
    """The issue shows the edit, and a person may decide about it."""
    scene, pair = half_refused()
    scene.records.refusals.append(
        lambda save: Rejected("no", code="RULE", fields=("Name",)) if save.after["Name"] == "Acme AG" else None
    )

    scene.edit_postgres(pair, Name="Acme AG")
    scene.drain()
    shown = next(issue for issue in scene.open_issues() if issue.slot == "Name")
    kept = scene.answer(pair, "Name", THEIRS)
    scene.drain()

    assert (shown.postgres, shown.salesforce) == ({"Name": "Acme AG"}, {"Name": THEIRS})
    assert (kept, scene.both(pair, "Name"), scene.open_issues()) == (Kept(), (THEIRS, THEIRS), [])
