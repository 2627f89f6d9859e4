"""A user goes back to the base while a worker is on its way: the message is answered, and still nothing is lost."""

from collections.abc import Callable

import pytest

from tests.unit.core.scene import Pair, Scene

BASE, EDIT, OTHER = "Acme", "Acme Ltd", "Acme Inc"


def linked() -> tuple[Scene, Pair]:
    """An account on both sides."""
    scene = Scene()
    return scene, scene.linked(Name=BASE, Phone="1")


def another_worker(scene: Scene, edit: Callable[[], object]) -> Callable[[], None]:
    """An edit, whose message another worker answers at once."""

    def work() -> None:
        edit()
        scene.settle(*scene.take())

    return work


def test_an_edit_that_was_taken_back_before_the_intent_is_not_written() -> None:
    """The other worker found just the base; ours had read the edit, and writes Salesforce alone."""
    scene, pair = linked()
    scene.edit_postgres(pair, Name=EDIT)
    scene.wire.meanwhile("records.read", another_worker(scene, lambda: scene.edit_postgres(pair, Name=BASE)))

    scene.settle(*scene.take())

    assert scene.both(pair, "Name") == (BASE, BASE)
    assert (scene.records.writes, scene.entry(pair).intent) == ([], None)


def test_a_conflict_that_was_over_before_it_was_told_of_is_closed() -> None:
    """Salesforce's edit is carried: Postgres' user had taken the other one back."""
    scene, pair = linked()
    scene.edit_both(pair, {"Name": EDIT}, {"Name": OTHER})
    scene.wire.meanwhile("ledger.write", another_worker(scene, lambda: scene.edit_postgres(pair, Name=BASE)))

    scene.settle(*scene.take())

    assert (scene.both(pair, "Name"), scene.open_issues()) == ((OTHER, OTHER), [])


def test_an_edit_of_a_known_second_that_was_taken_back_is_not_written() -> None:
    """The stamp does not tell one from the other, so Salesforce is read again after the intent."""
    scene, pair = linked()
    scene.records.edit("Account", pair.sfid or "", {"Phone": "2"})
    scene.settle(*scene.take())
    assert scene.entry(pair).salesforce_second == int(scene.clock.now())
    scene.records.edit("Account", pair.sfid or "", {"Name": EDIT})
    scene.wire.then(
        "records.read",
        another_worker(scene, lambda: scene.records.edit("Account", pair.sfid or "", {"Name": BASE})),
    )

    scene.settle(*scene.take())

    assert (scene.both(pair, "Name"), scene.rows.writes[1:]) == ((BASE, BASE), [])


def test_a_record_that_came_back_from_the_bin_is_not_missed() -> None:
    """It was gone when it was read, and the row is to be deleted."""
    scene, pair = linked()
    scene.delete_salesforce(pair)
    scene.wire.then("records.read", another_worker(scene, lambda: scene.records.undelete("Account", pair.sfid or "")))

    before = len(scene.rows.writes)
    scene.settle(*scene.take())

    assert (scene.both(pair, "Name"), len(scene.rows.writes)) == ((BASE, BASE), before)


@pytest.mark.parametrize(("postgres", "calls"), [(True, 1), (False, 0)])
def test_salesforce_is_not_read_again_where_its_stamp_tells(postgres: bool, calls: int) -> None:
    """A new second, or a write under a condition: not a call more."""
    scene, pair = linked()
    scene.clock.advance(5.0)
    if postgres:
        scene.edit_postgres(pair, Name=EDIT)
    else:
        scene.edit_salesforce(pair, Name=EDIT)
    scene.wire.calls.clear()

    scene.settle(*scene.take())

    assert (scene.both(pair, "Name"), scene.wire.count("records.read")) == ((EDIT, EDIT), calls)
