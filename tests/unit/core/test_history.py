"""What a record's history tells of, and whether it took place."""

import pytest

from chalicelib.core.errors import Rejected, Throttled
from chalicelib.core.history import Told, told
from chalicelib.core.ledger import Cause
from chalicelib.core.model import Side
from tests.unit.core.parking import TABLE, no_bad_name
from tests.unit.core.scene import VISIBILITY, Pair, Scene
from tests.unit.core.wire import WorkerDied


def lines(scene: Scene) -> list[tuple[Side, Cause, object, bool]]:
    """Side, cause, value and whether it took place, of the names in the history."""
    return [
        (one.history.side, one.history.cause, one.history.after.get("Name"), one.done)
        for one in told(scene.ledger.history)
    ]


def linked() -> tuple[Scene, Pair]:
    """An account on both sides."""
    scene = Scene()
    return scene, scene.linked(Name="Acme")


def test_what_was_written_took_place() -> None:
    """Nothing but the write itself is told."""
    scene, pair = linked()
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()

    assert told(scene.ledger.history) == [Told(scene.ledger.history[0], done=True)]


def test_what_was_refused_did_not_take_place() -> None:
    """The mended value did."""
    scene, pair = linked()
    scene.records.refusals.append(no_bad_name)
    scene.edit_postgres(pair, Name="bad")
    scene.drain()
    scene.edit_postgres(pair, Name="good")
    scene.drain()

    assert lines(scene) == [
        (Side.SALESFORCE, Cause.EDIT, "bad", False),
        (Side.SALESFORCE, Cause.EDIT, "good", True),
    ]


def test_of_half_an_answer_one_side_took_place() -> None:
    """The other refused it."""
    scene, pair = linked()
    scene.edit_both(pair, {"Name": "ours"}, {"Name": "theirs"})
    scene.drain()
    scene.records.refusals.append(no_bad_name)
    scene.answer(pair, "Name", "bad")
    scene.drain()

    assert lines(scene) == [
        (Side.POSTGRES, Cause.ANSWER, "bad", True),
        (Side.SALESFORCE, Cause.ANSWER, "bad", False),
    ]


@pytest.mark.parametrize("late", [True, False], ids=["after it was written", "before it was written"])
def test_a_crash_hides_nothing(late: bool) -> None:
    """Whoever recovers tells what did not take place."""
    scene, pair = linked()
    scene.edit_postgres(pair, Name="Acme Ltd")
    hints = scene.take()

    def die() -> None:
        raise WorkerDied

    (scene.wire.then if late else scene.wire.meanwhile)("records.write", die)
    with pytest.raises(WorkerDied):
        scene.settle(*hints)
    scene.clock.advance(VISIBILITY)
    scene.settle(*hints)
    scene.drain()

    first = (Side.SALESFORCE, Cause.EDIT, "Acme Ltd", late)
    assert lines(scene) == ([first] if late else [first, (Side.SALESFORCE, Cause.EDIT, "Acme Ltd", True)])


def test_a_write_that_is_put_off_did_not_take_place_yet() -> None:
    """The next try is told of anew."""
    scene, pair = linked()
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.wire.fail("records.write", Throttled("slower", after=1.0))
    scene.drain()

    assert [done for *_, done in lines(scene)] == [False, True]


def test_a_deletion_that_is_refused_did_not_take_place() -> None:
    """The row is kept by a constraint."""
    scene, pair = linked()
    scene.rows.refusals[TABLE] = [
        lambda statement: Rejected("kept", code="23503") if statement.by_sync and statement.after is None else None
    ]
    scene.delete_salesforce(pair)
    scene.drain()

    assert [(one.history.side, one.history.cause, one.done) for one in told(scene.ledger.history)] == [
        (Side.POSTGRES, Cause.DELETE, False)
    ]


def test_a_deletion_that_landed_unseen_took_place() -> None:
    """Nobody answered, and the record is gone."""
    scene, pair = linked()
    scene.delete_postgres(pair)
    scene.wire.lose_answer("records.write")
    scene.drain()

    assert [(one.history.side, one.history.cause, one.done) for one in told(scene.ledger.history)] == [
        (Side.SALESFORCE, Cause.DELETE, True)
    ]
