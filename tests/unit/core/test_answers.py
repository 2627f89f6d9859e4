"""A person's decision of a conflict: good for what was shown, and for nothing else."""

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Answer, Base, BaseState, Cause, IssueKind
from chalicelib.core.model import Side
from chalicelib.core.ports import Kept, Stale, WriteKind
from chalicelib.core.recover import settled
from tests.unit.core.scene import VISIBILITY, Pair, Scene, one
from tests.unit.core.wire import WorkerDied

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
    assert (issue.reason, issue.closed_at) == ("a person decided", issue.updated_at)
    assert (scene.entry(pair).answers, scene.entry(pair).issues) == ({}, {})
    assert scene.base(pair, "Name") == settled(one(DECIDED))


def test_what_an_answer_overwrites_is_kept() -> None:
    """On both sides, with the cause."""
    scene, pair = in_conflict()

    scene.answer(pair, "Name", DECIDED)
    scene.drain()

    assert [(h.side, h.cause, h.before, h.after) for h in scene.ledger.history] == [
        (Side.POSTGRES, Cause.ANSWER, {"Name": OURS}, {"Name": DECIDED}),
        (Side.SALESFORCE, Cause.ANSWER, {"Name": THEIRS}, {"Name": DECIDED}),
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


def half_landed() -> tuple[Scene, Pair]:
    """The worker died between Postgres and Salesforce."""
    scene, pair = in_conflict()
    scene.answer(pair, "Name", DECIDED)
    scene.wire.calls.clear()
    hints = scene.take()

    def die() -> None:
        raise WorkerDied

    scene.wire.meanwhile("records.write", die)
    with pytest.raises(WorkerDied):
        scene.settle(*hints)
    scene.queue[:0] = hints
    scene.clock.advance(VISIBILITY)
    return scene, pair


def test_the_other_half_of_an_answer_follows_after_a_crash() -> None:
    """Nobody touched the record meanwhile: the person's decision stands."""
    scene, pair = half_landed()
    before = scene.both(pair, "Name")

    scene.drain()

    assert (before, scene.both(pair, "Name")) == ((DECIDED, THEIRS), (DECIDED, DECIDED))
    assert ([i.reason for i in scene.issues()], scene.entry(pair).answers) == (["a person decided"], {})


def test_an_edit_over_the_half_that_landed_is_carried() -> None:
    """Its user had the answer before their eyes."""
    scene, pair = half_landed()

    scene.edit_postgres(pair, Name="Acme AG")
    scene.drain()

    assert (scene.both(pair, "Name"), scene.open_issues()) == (("Acme AG", "Acme AG"), [])


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


def test_an_answer_that_a_side_refuses_leaves_the_conflict_open() -> None:
    """A value that the organisation's rules do not take decides nothing; both sides keep theirs."""
    scene, pair = in_conflict()
    scene.records.refusals.append(
        lambda save: Rejected("no", code="RULE", fields=("Name",)) if save.after["Name"] == DECIDED else None
    )

    scene.answer(pair, "Name", DECIDED)
    scene.drain()

    assert {"Name", "*salesforce"} == {issue.slot for issue in scene.open_issues()}
