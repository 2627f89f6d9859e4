"""No message is acknowledged before somebody has carried, or will carry, what it is about."""

from collections.abc import Callable

import pytest

from chalicelib.core.errors import Throttled, Unavailable
from chalicelib.core.model import RowId, Side
from chalicelib.core.work import Result
from tests.unit.core.kin import CONTACTS, child_record, parent_record
from tests.unit.core.scene import Pair, Scene
from tests.unit.core.test_settle_crashes import STORIES, calls_of, settled
from tests.unit.core.wire import WorkerDied


def die() -> None:
    """The worker is gone."""
    raise WorkerDied


def test_an_edit_handed_over_to_the_holder_is_read_by_it() -> None:
    """Salesforce is edited while we write there; the holder looks at both sides again, for all that its own is base."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    told: list[Result] = []

    def edit() -> None:
        scene.edit_salesforce(pair, Phone="1")
        told.extend(scene.results(scene.queue.pop()))

    scene.wire.then("records.write", edit)
    scene.settle(scene.queue.pop())

    assert told == [Result.HANDED_OVER]
    assert scene.both(pair, "Phone") == ("1", "1")


def test_a_holder_that_dies_before_it_goes_round_again_forgets_nothing() -> None:
    """What was handed over to a holder is carried by whoever takes its messages, though its result was written."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    hints = scene.take()

    def edit() -> None:
        scene.edit_salesforce(pair, Phone="1")
        scene.settle(scene.queue.pop())
        scene.wire.meanwhile("ledger.read", die)

    scene.wire.then("records.write", edit)
    with pytest.raises(WorkerDied):
        scene.settle(*hints)
    scene.queue.clear()
    scene.clock.advance(60.0)
    scene.settle(*hints)

    assert scene.both(pair, "Phone") == ("1", "1")


def test_a_lease_that_nears_its_end_is_not_taken_for_another_workers() -> None:
    """A worker that was too slow to write starts again by itself."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.wire.then("ledger.write", lambda: scene.clock.advance(21.0))

    scene.drain()

    assert scene.both(pair, "Name") == ("Acme Ltd", "Acme Ltd")


@pytest.mark.parametrize("error", [Unavailable(), Throttled(after=1.0)], ids=["silence", "throttled"])
def test_a_message_does_not_meet_its_own_lease(error: Unavailable | Throttled) -> None:
    """Where the ledger does not answer, the lease may run: the message comes again after its end."""
    scene = Scene()
    scene.edit_postgres(scene.linked(Name="Acme"), Name="Acme Ltd")
    scene.wire.lose_answer("ledger.write", error)

    outcomes = scene.settle()

    assert [(outcome.result, outcome.after) for outcome in outcomes] == [(Result.RETRY, 26.0)]


@pytest.mark.parametrize("late", [False, True], ids=["not reached", "no answer"])
@pytest.mark.parametrize("story", STORIES)
def test_any_call_may_fail(story: Callable[[], Scene], late: bool) -> None:
    """Whatever call is not answered, the messages come again and everything ends as if it had been."""
    undisturbed = story()
    undisturbed.drain()
    ends = {}

    calls = calls_of(story)
    for number in range(1, calls + 1):
        scene = story()
        scene.wire.calls.clear()
        scene.wire.fails_at, scene.wire.fails_late = number, late
        scene.drain()
        ends[number] = settled(scene)

    assert ends == dict.fromkeys(range(1, calls + 1), settled(undisturbed))


def test_a_child_that_was_reparented_meanwhile_does_not_wait() -> None:
    """A message that met the lease is worked off before the child is left to wait for its old parent."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    late = scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Late"})
    scene.queue.clear()
    child = scene.records.add("Contact", {"LastName": "Lee", "AccountId": late})

    def reparent() -> None:
        scene.clock.advance(1.0)
        scene.records.edit("Contact", child, {"AccountId": parent.sfid})
        scene.results(scene.queue.pop())

    scene.wire.then("rows.write", lambda: scene.wire.meanwhile("rows.write", reparent))
    scene.drain()

    assert [row.values["AccountId"] for row in scene.rows.rows("public.contact").values()] == [parent.sfid]


def test_a_parent_whose_children_could_not_be_woken_comes_again() -> None:
    """A full queue does not end a parent's message: its children would wait for ever."""
    scene = Scene()
    parent = scene.insert_postgres(Name="Acme")
    scene.take()
    scene.rows.insert("public.contact", {"LastName": "Lee", "AccountId": RowId("public.account", parent.pk or ())})
    scene.settle()
    scene.hints.room = 0

    told = scene.results(scene.message(parent, Side.POSTGRES))

    assert told == [Result.RETRY]
    assert len(scene.ledger.waiting) == 1


@pytest.mark.parametrize("late", [False, True], ids=["not reached", "no answer"])
def test_a_child_that_waits_holds_no_lease(late: bool) -> None:
    """Whatever call is not answered while it is put off, its parent finds it free, or its message comes again."""
    orphan = Scene()
    child_record(orphan, parent_record(orphan))
    orphan.settle()
    rows = {}
    for number in range(1, len(orphan.wire.calls) + 1):
        scene = Scene()
        parent = Pair("Account", "public.account", parent_record(scene))
        child_record(scene, parent.sfid)
        scene.wire.fails_at, scene.wire.fails_late = number, late
        unanswered = [outcome.hint for outcome in scene.settle() if not outcome.acknowledged]
        scene.settle(scene.message(parent, Side.SALESFORCE))
        scene.settle(*scene.take())  # the parent's message to those that waited
        scene.clock.advance(60.0)
        scene.queue.extend(unanswered)
        scene.drain()
        rows[number] = len(scene.rows.rows(CONTACTS))

    assert rows == dict.fromkeys(rows, 1)
