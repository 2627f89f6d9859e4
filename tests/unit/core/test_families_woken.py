"""Parents before children: who wakes whom."""

from chalicelib.core.errors import ParentMissing, Unavailable
from chalicelib.core.mapping import Field, Kind, Policy
from chalicelib.core.model import Identity, SalesforceId, Side
from chalicelib.core.ports import Waiter
from chalicelib.core.work import Result
from tests.unit.core.kin import CONTACTS, child_row, parent_record, unborn
from tests.unit.core.scene import VISIBILITY, Scene, contact

# --- who wakes


def test_a_parent_wakes_on_every_pass() -> None:
    """Also on one that had nothing to do: the pass that linked it may have died before it asked."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    child = child_row(scene, None)
    scene.drain()
    scene.ledger.wait_for([Waiter(scene.row_id(parent), scene.key(child), scene.message(child, Side.POSTGRES))])

    told = scene.results(scene.message(parent, Side.POSTGRES))

    assert (told, [hint.identity for hint in scene.hints.sent]) == ([Result.UNCHANGED], [scene.row_id(child)])
    assert scene.ledger.waiting == {}


def test_a_parent_that_was_disturbed_while_it_was_made_wakes_its_child() -> None:
    """It goes round once more, finds everything written, and is linked from then on."""
    scene = Scene()
    parent, named = unborn(scene)
    held = scene.take()
    child = child_row(scene, named)
    scene.settle()
    scene.wire.then("rows.write", lambda: scene.ledger.disturb([scene.entry(parent)]))

    scene.settle(*held)

    assert [hint.identity for hint in scene.hints.sent] == [scene.row_id(child)]


def test_children_are_woken_by_either_name_of_their_parent() -> None:
    """One waits for the row, the other for the record."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    children = [child_row(scene, None), child_row(scene, None)]
    scene.drain()
    names: list[Identity] = [scene.row_id(parent), SalesforceId("Account", parent.sfid or "")]
    for child, name in zip(children, names, strict=True):
        scene.ledger.wait_for([Waiter(name, scene.key(child), scene.message(child, Side.POSTGRES))])

    scene.settle(scene.message(parent, Side.POSTGRES))

    assert {hint.identity for hint in scene.hints.sent} == {scene.row_id(child) for child in children}


def test_a_waiter_is_removed_after_its_message_was_sent() -> None:
    """A full queue leaves it registered, and the parent's message comes again."""
    scene = Scene()
    _, named = unborn(scene)
    held = scene.take()
    child_row(scene, named)
    scene.settle()
    scene.wire.fail("hints.send", Unavailable("full"))

    (outcome,) = scene.settle(*held)

    assert (outcome.result, str(outcome.error), len(scene.ledger.waiting)) == (Result.RETRY, "full", 1)


def test_a_mapping_that_nobody_refers_to_asks_for_no_waiters() -> None:
    """It costs no call."""
    scene = Scene()
    child = child_row(scene, None)
    scene.drain()
    scene.wire.calls.clear()

    scene.settle(scene.message(scene.find(child), Side.POSTGRES))

    assert scene.wire.count("ledger.waiters") == 0


def test_an_unlinked_parent_wakes_nobody() -> None:
    """A parent whose record was refused is not there yet."""
    scene = Scene()
    parent, named = unborn(scene)
    scene.take()
    child_row(scene, named)
    scene.settle()
    scene.records.refusals.append(lambda save: ParentMissing("no") if save.object == "Account" else None)

    scene.settle(scene.message(parent, Side.POSTGRES))

    assert (scene.hints.sent, len(scene.ledger.waiting)) == ([], 1)


def test_a_child_that_settled_without_being_woken_waits_no_more() -> None:
    """A worker registered it and died; its message came again when the parent was there."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    child = scene.linked_contact(parent, LastName="Lee")
    scene.edit_postgres(child, LastName="Li")
    scene.wire.then("records.write", lambda: scene.wire.fail("ledger.write"))
    scene.settle()
    hint = scene.message(child, Side.POSTGRES)
    scene.ledger.wait_for([Waiter(scene.row_id(parent), scene.key(child), hint)])
    scene.clock.advance(VISIBILITY)

    told = scene.results(hint)

    assert (told, scene.ledger.waiting) == ([Result.UNCHANGED], {})


def test_a_child_of_two_parents_waits_for_both() -> None:
    """Whichever comes first wakes it, and it looks again."""
    second = Field("Owner__c", "owner_id", Kind.REFERENCE, "bigint", parent="account")
    scene = Scene(contacts={"fields": (*contact().fields, second)})
    parents = [scene.row_id(scene.insert_postgres(Name=name)) for name in ("Acme", "Bcme")]
    scene.take()
    scene.rows.insert(CONTACTS, {"LastName": "Lee", "AccountId": parents[0], "Owner__c": parents[1]})
    scene.settle()

    assert {waiter.parent for waiter in scene.ledger.waiting.values()} == set(parents)


def test_a_waiter_is_woken_by_a_message_of_its_own() -> None:
    """Its id is new each time: a queue that knows the last one must not drop it."""
    scene = Scene()
    _, parent = unborn(scene)
    scene.take()
    for _ in range(2):
        child_row(scene, parent)
    scene.settle()
    ids = [waiter.hint.hint_id for waiter in scene.ledger.waiting.values()]

    assert (len(set(ids)), {text.split(":")[0] for text in ids}) == (2, {"wait"})


def test_a_conflict_beside_a_missing_parent_is_decided_by_time() -> None:
    """The reference is still left alone when the plan is made again with the time of the edit."""
    scene = Scene(contacts={"policy": Policy.NEWEST_WINS})
    first = scene.linked(Name="Acme")
    child = scene.linked_contact(first, LastName="Lee")
    missing = parent_record(scene)
    scene.edit_salesforce(child, AccountId=missing, LastName="Lo")
    scene.clock.advance(5.0)
    scene.edit_postgres(child, LastName="Li")

    told = {outcome.result for outcome in scene.settle()}

    assert (told, scene.both(child, "LastName")) == ({Result.WAITING}, ("Li", "Li"))
    assert scene.both(child, "AccountId") == (first.sfid, missing)
