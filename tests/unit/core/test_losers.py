"""Records that were merged into others in Salesforce."""

from itertools import pairwise

import pytest

from chalicelib.core.ledger import Cause, IssueKind
from chalicelib.core.model import SalesforceId, Side
from chalicelib.core.plan import DELETE_SLOT
from chalicelib.core.work import Result
from tests.unit.core.kin import child_row
from tests.unit.core.scene import Pair, Scene


def merged(scene: Scene, winner: Pair, loser: Pair) -> None:
    """Merge two accounts, and tell of the loser only."""
    scene.clock.advance(1.0)
    scene.records.merge("Account", winner.sfid or "", loser.sfid or "")
    scene.queue[:] = [scene.message(loser, Side.SALESFORCE, content=False)]


def test_the_losers_children_become_the_winners_and_then_its_row_goes() -> None:
    """Its values are in the history, with the winner."""
    scene = Scene()
    winner, loser = scene.linked(Name="Acme"), scene.linked(Name="Acme Ltd")
    child = scene.linked_contact(loser, LastName="Lee")
    merged(scene, winner, loser)
    scene.drain()

    assert (scene.row(loser), scene.both(child, "AccountId")) == (None, (winner.sfid, winner.sfid))
    assert [write.mapping.name for write in scene.rows.writes] == ["contact", "account"]
    gone = [one for one in scene.ledger.history if one.cause is Cause.DELETE][-1]
    assert (gone.before["Name"], gone.merged_into, scene.issues()) == ("Acme Ltd", winner.sfid, [])


@pytest.mark.parametrize("first", ["loser", "child"])
def test_a_new_row_below_the_loser_is_made_below_the_winner(first: str) -> None:
    """And follows itself; of several merges one after the other, the last winner counts."""
    scene = Scene()
    winner, between, loser = (scene.linked(Name=name) for name in ("Acme", "Bcme", "Ccme"))
    child = child_row(scene, scene.row_id(loser))
    of_child = scene.take()
    merged(scene, between, loser)
    of_loser = scene.take()
    merged(scene, winner, between)
    scene.settle(*(of_loser if first == "loser" else of_child))
    scene.queue += [*of_loser, *of_child]
    scene.drain()

    assert scene.both(scene.find(child), "AccountId") == (winner.sfid, winner.sfid)
    assert (scene.row(loser), scene.row(between), scene.issues(), scene.ledger.waiting) == (None, None, [], {})
    assert [record.id for record in scene.records.all("Account")] == [winner.sfid]


def test_a_row_that_was_moved_below_the_loser_goes_to_the_winner() -> None:
    """Whatever else was edited of it."""
    scene = Scene()
    winner, loser, other = (scene.linked(Name=name) for name in ("Acme", "Bcme", "Ccme"))
    child = scene.linked_contact(other, LastName="Lee")
    merged(scene, winner, loser)
    scene.edit_postgres(child, LastName="Li", AccountId=scene.row_id(loser))
    scene.drain()

    assert scene.both(child, "LastName", "AccountId") == (("Li", winner.sfid), ("Li", winner.sfid))
    assert (scene.row(loser), scene.issues(), scene.ledger.waiting) == (None, [], {})


def test_a_parent_that_was_deleted_is_no_loser() -> None:
    """It is waited for, and comes back."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    child = child_row(scene, scene.row_id(parent))
    scene.delete_salesforce(parent)
    told = scene.results(scene.message(child, Side.POSTGRES))

    assert told == [Result.WAITING]
    assert {waiter.parent for waiter in scene.ledger.waiting.values()} == {SalesforceId("Account", parent.sfid or "")}


def test_a_winner_that_is_deleted_too_is_waited_for() -> None:
    """It is asked about once; the loser too, which is meant itself again when it is undeleted."""
    scene = Scene()
    winner, loser = scene.linked(Name="Acme"), scene.linked(Name="Bcme")
    child = child_row(scene, scene.row_id(loser))
    merged(scene, winner, loser)
    scene.take()
    scene.delete_salesforce(winner)
    told = scene.results(scene.message(child, Side.POSTGRES))

    assert told == [Result.WAITING]
    assert {waiter.parent for waiter in scene.ledger.waiting.values()} == {
        SalesforceId("Account", one.sfid or "") for one in (winner, loser)
    }
    scene.records.undelete("Account", loser.sfid or "")
    scene.drain()
    assert scene.both(scene.find(child), "AccountId") == (loser.sfid, loser.sfid)
    assert scene.ledger.waiting == {}


def test_many_merges_one_after_the_other_are_followed() -> None:
    """More than are looked at in one round."""
    scene = Scene()
    pairs = [scene.linked(Name=str(at)) for at in range(8)]
    child = child_row(scene, scene.row_id(pairs[0]))
    scene.take()
    for loser, winner in pairwise(pairs):
        merged(scene, winner, loser)
    scene.take()
    scene.settle(scene.message(child, Side.POSTGRES))
    scene.drain()

    assert scene.both(scene.find(child), "AccountId") == (pairs[-1].sfid, pairs[-1].sfid)


def edited_loser(scene: Scene) -> tuple[Pair, Pair]:
    """A loser whose row was edited; its issue is open."""
    winner, loser = scene.linked(Name="Acme"), scene.linked(Name="Bcme")
    scene.edit_postgres(loser, Phone="7")
    scene.take()
    merged(scene, winner, loser)
    scene.drain()
    return winner, loser


def test_an_edited_loser_is_left_to_a_person() -> None:
    """Nothing is written: undeleting it would undo the merge, and deleting the row would lose the edit."""
    scene = Scene()
    winner, loser = edited_loser(scene)
    scene.settle(scene.message(loser, Side.POSTGRES))

    [issue] = scene.open_issues()
    assert (issue.slot, issue.kind, issue.postgres["Phone"]) == (DELETE_SLOT, IssueKind.DELETE_EDIT, "7")
    assert f"merged into {winner.sfid}" in issue.text
    assert (scene.rows.writes, scene.records.writes) == ([], [])
    assert scene.row(loser) is not None


@pytest.mark.parametrize("way", ["deleted", "undeleted", "put back"])
def test_a_person_ends_the_question_of_an_edited_loser(way: str) -> None:
    """The row is deleted, the record undeleted, or the edit taken back: the issue is closed with it."""
    scene = Scene()
    _, loser = edited_loser(scene)
    if way == "deleted":
        scene.delete_postgres(loser)
    elif way == "undeleted":
        scene.records.undelete("Account", loser.sfid or "")
    else:
        scene.edit_postgres(loser, Phone=None)
    scene.drain()

    assert scene.open_issues() == []
    assert scene.both(loser, "Phone") == (("7", "7") if way == "undeleted" else (None, None))
    assert (scene.row(loser) is not None) == (way == "undeleted")


def test_a_winner_that_has_no_row_yet_is_waited_for_however_often_it_is_asked_for() -> None:
    """To try again and again to follow Salesforce is no storm of automation."""
    scene = Scene()
    loser = scene.linked(Name="Bcme")
    winner = scene.insert_salesforce(Name="Acme")
    scene.take()
    child = child_row(scene, scene.row_id(loser))
    merged(scene, winner, loser)
    for _ in range(6):
        scene.settle(scene.message(child, Side.POSTGRES))
    scene.queue.append(scene.message(winner, Side.SALESFORCE, content=False))
    scene.drain()

    assert scene.both(scene.find(child), "AccountId") == (winner.sfid, winner.sfid)
    assert (scene.issues(IssueKind.ECHO_STORM), scene.ledger.waiting) == ([], {})
