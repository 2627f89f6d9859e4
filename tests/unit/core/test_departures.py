"""Children before their parents, where a parent is deleted."""

import pytest

from chalicelib.core.ledger import IssueKind
from chalicelib.core.mapping import Field, Kind, OnDelete
from chalicelib.core.model import RowId, Side
from chalicelib.core.plan import CHILDREN_SLOT
from chalicelib.core.registrations import GRACE
from chalicelib.core.work import LEFT, Result
from tests.unit.core.kin import CONTACTS, child_row
from tests.unit.core.scene import Pair, Scene, account

ACCOUNTS = "public.account"


def family(scene: Scene) -> tuple[Pair, Pair]:
    """An account and its contact, on both sides."""
    parent = scene.linked(Name="Acme")
    return parent, scene.linked_contact(parent, LastName="Lee")


def silently(scene: Scene) -> None:
    """What a cascade did is told of by no message."""
    scene.queue.clear()


def test_the_rows_below_go_before_the_row_of_their_parent() -> None:
    """Salesforce has deleted the contact with its account, and told of the account only."""
    scene = Scene()
    parent, child = family(scene)
    scene.delete_salesforce(child)
    silently(scene)
    scene.delete_salesforce(parent)
    scene.drain()

    assert (scene.row(parent), scene.row(child), scene.issues(), scene.ledger.waiting) == (None, None, [], {})
    assert [write.mapping.name for write in scene.rows.writes] == ["contact", "account"]


def test_the_records_below_go_before_the_record_of_their_parent() -> None:
    """Both rows were deleted; the account's message comes first."""
    scene = Scene()
    parent, child = family(scene)
    scene.delete_postgres(child)
    of_child = scene.take()
    scene.delete_postgres(parent)
    told = scene.results()
    scene.settle(*of_child)
    scene.drain()

    assert told == [Result.WAITING]
    assert [write.mapping.name for write in scene.records.writes] == ["contact", "account"]
    assert (scene.in_salesforce(parent), scene.in_salesforce(child), scene.ledger.waiting) == (None, None, {})


@pytest.mark.parametrize("first", ["parent", "child"])
def test_a_parent_comes_back_for_a_child_that_was_edited(first: str) -> None:
    """A family was deleted in Postgres, its contact edited in Salesforce: it is there again, whoever is met first."""
    scene = Scene()
    parent, child = family(scene)
    scene.delete_postgres(child)
    scene.delete_postgres(parent)
    scene.edit_salesforce(child, LastName="Li")
    hints = scene.take()
    scene.settle(*(hint for hint in hints if (hint.identity == scene.row_id(parent)) is (first == "parent")))
    scene.queue += hints
    scene.drain()

    [row] = scene.rows.rows(CONTACTS).values()
    assert (row.values["LastName"], row.values["AccountId"]) == ("Li", parent.sfid)
    assert {one.sfid for one in scene.rows.rows(ACCOUNTS).values()} == {parent.sfid}
    assert {issue.kind for issue in scene.issues()} == {IssueKind.DELETE_EDIT}
    assert (scene.open_issues(), scene.ledger.waiting) == ([], {})
    told = {issue.mapping: issue.reason for issue in scene.issues()}
    assert told["account"] == "deleted in Postgres, what refers to it edited in Salesforce: the record was kept"


def test_a_parent_comes_back_for_a_child_that_is_new() -> None:
    """It was deleted in Salesforce while a contact was made below it in Postgres."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    child = child_row(scene, scene.row_id(parent))
    scene.delete_salesforce(parent)
    scene.drain()

    assert scene.both(scene.find(child), "AccountId") == (parent.sfid, parent.sfid)
    assert (scene.in_salesforce(parent) is not None, scene.open_issues(), scene.ledger.waiting) == (True, [], {})


def test_a_child_that_was_moved_on_both_sides_has_left() -> None:
    """Nothing is to be written for it, and still the deletion is woken."""
    scene = Scene()
    parent, child = family(scene)
    other = scene.linked(Name="Bcme")
    scene.delete_salesforce(parent)
    deletion = scene.take()
    scene.settle(*deletion)
    scene.take()
    scene.edit_both(child, {"AccountId": scene.row_id(other)}, {"AccountId": other.sfid})  # type: ignore[dict-item]
    scene.drain()

    assert (scene.row(parent), scene.issues(), scene.ledger.waiting) == (None, [], {})
    assert scene.both(child, "AccountId") == (other.sfid, other.sfid)


def test_a_child_that_stays_is_told_of() -> None:
    """Its own deletion is not carried over: nothing is deleted below it or above it, and an issue says why."""
    scene = Scene(contacts={"on_delete": OnDelete.KEEP})
    parent, child = family(scene)
    scene.delete_salesforce(child)
    scene.delete_salesforce(parent)
    scene.drain()
    scene.clock.advance(GRACE)
    scene.settle(scene.message(parent, Side.SALESFORCE, content=False))
    [issue] = scene.open_issues()
    scene.take()
    scene.delete_postgres(child)
    scene.drain()

    assert (issue.slot, issue.kind) == (CHILDREN_SLOT, IssueKind.CHILDREN_LEFT)
    assert child.sfid is not None
    assert child.sfid in issue.text
    assert (scene.row(parent), scene.open_issues(), scene.ledger.waiting) == (None, [], {})


def test_a_child_that_is_settled_and_stays_wakes_no_deletion() -> None:
    """Though it is a parent itself, and wakes those that wait for it to come."""
    above = Field("ParentId", "parent_id", Kind.REFERENCE, "bigint", parent="account")
    scene = Scene(fields=(*account().fields, above))
    parent = scene.linked(Name="Acme")
    child = scene.linked(Name="Bcme", ParentId=parent.sfid)
    scene.delete_salesforce(parent)
    scene.drain()
    waiting = list(scene.ledger.waiting.values())
    scene.settle(scene.message(child, Side.SALESFORCE, content=False))

    assert [waiter.hint.hint_id.startswith(LEFT) for waiter in waiting] == [True]
    assert (list(scene.ledger.waiting.values()), scene.take()) == (waiting, [])


def test_a_worker_that_dies_when_a_child_has_left_has_the_deletion_woken_all_the_same() -> None:
    """The child's message comes again."""
    scene = Scene()
    parent, child = family(scene)
    scene.delete_salesforce(parent)
    scene.settle()
    scene.take()
    scene.delete_salesforce(child)
    scene.die_before("ledger.waiters")
    scene.drain()

    assert (scene.row(parent), scene.row(child), scene.ledger.waiting) == (None, None, {})


def test_a_row_that_refers_to_itself_is_deleted() -> None:
    """It is no child of its own."""
    above = Field("ParentId", "parent_id", Kind.REFERENCE, "bigint", parent="account")
    scene = Scene(fields=(*account().fields, above))
    parent = scene.linked(Name="Acme")
    scene.edit_postgres(parent, ParentId=RowId(ACCOUNTS, parent.pk or ()))
    scene.drain()
    scene.delete_salesforce(parent)
    scene.drain()

    assert (scene.row(parent), scene.open_issues()) == (None, [])
