"""Parents that do not come: who is told of it, and until when."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import ParentMissing, Rejected
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import RowId, SalesforceId, Side
from chalicelib.core.plan import PARENT_SLOT
from chalicelib.core.ports import Waiter
from chalicelib.core.registrations import GRACE
from chalicelib.core.work import Result
from tests.unit.core.kin import CONTACTS, child_record, child_row, parent_record, unborn
from tests.unit.core.scene import Pair, Scene, contact


def wake(scene: Scene) -> list[Result]:
    """The sweeper looks after every waiter."""
    return scene.results(*(waiter.hint for waiter in list(scene.ledger.waiting.values())))


def told(scene: Scene) -> list[Issue]:
    """Open issues about missing parents."""
    return [issue for issue in scene.open_issues() if issue.kind is IssueKind.PARENT_MISSING]


def orphan() -> tuple[Scene, Pair, RowId, Pair]:
    """A contact's row whose account was never settled, a minute ago."""
    scene = Scene()
    parent, named = unborn(scene)
    scene.take()
    child = child_row(scene, named)
    scene.settle()
    scene.clock.advance(GRACE)
    return scene, child, named, parent


def test_a_child_that_waits_for_a_moment_is_nobodys_concern() -> None:
    """Its parent is on its way."""
    scene, *_ = orphan()
    scene.clock.advance(-1.0)

    assert (wake(scene), told(scene), scene.ledger.entries) == ([Result.WAITING], [], {})


def test_a_parent_that_does_not_come_is_an_issue() -> None:
    """It names the child and the parent, and no record is made."""
    scene, child, named, _ = orphan()

    results = wake(scene)
    (issue,) = told(scene)

    assert (results, scene.records.all("Contact")) == ([Result.WAITING], [])
    assert (issue.slot, issue.pk, issue.fields, issue.postgres["LastName"]) == (PARENT_SLOT, child.pk, (), "Lee")
    assert issue.text == f"waits for public.account:{named.key[0]}, which the other side does not have"
    assert {waiter.parent for waiter in scene.ledger.waiting.values()} == {named}


def test_a_missing_parent_is_told_of_once() -> None:
    """Later looks find the same, and write nothing but the registration."""
    scene, child, *_ = orphan()
    wake(scene)
    entry = scene.entry(child)

    results = wake(scene)

    assert (results, scene.entry(child)) == ([Result.WAITING], entry)


def test_an_issue_about_a_parent_stays_when_the_registration_is_lost() -> None:
    """The child has been waiting all the same."""
    scene, child, *_ = orphan()
    wake(scene)
    scene.ledger.waiting.clear()

    scene.settle(scene.message(child, Side.POSTGRES))

    assert len(told(scene)) == len(scene.ledger.waiting) == 1


def test_a_parent_that_comes_after_all_closes_the_issue() -> None:
    """And its child goes on by itself."""
    scene, child, _, parent = orphan()
    wake(scene)

    scene.settle(scene.message(parent, Side.POSTGRES))
    scene.drain()
    (issue,) = scene.issues()

    assert scene.both(scene.find(child), "AccountId") == (scene.find(parent).sfid,) * 2
    assert (issue.reason, scene.entry(child).issues) == ("the parent is there, or not referred to any more", {})
    assert scene.ledger.waiting == {}


def test_a_reference_that_is_given_up_closes_the_issue() -> None:
    """Nothing is missing any more; the registration goes too."""
    scene, child, *_ = orphan()
    wake(scene)

    scene.edit_postgres(child, AccountId=None)
    scene.drain()

    assert (told(scene), scene.ledger.waiting) == ([], {})
    assert scene.both(scene.find(child), "LastName") == ("Lee", "Lee")


def test_a_child_that_is_deleted_closes_the_issue() -> None:
    """What goes needs no parent."""
    scene, child, *_ = orphan()
    wake(scene)

    scene.delete_postgres(child)
    scene.drain()

    assert ([issue.reason for issue in scene.issues()], scene.ledger.waiting) == (["the record was deleted"], {})


def test_a_record_whose_parent_has_no_row_is_an_issue() -> None:
    """The same from the other side."""
    scene = Scene()
    parent = parent_record(scene)
    child_record(scene, parent)
    scene.settle()
    scene.clock.advance(GRACE)

    results = wake(scene)
    (issue,) = told(scene)

    assert (results, issue.text) == ([Result.WAITING], f"waits for {parent}, which the other side does not have")
    assert scene.rows.rows(CONTACTS) == {}


@pytest.mark.parametrize("side", list(Side))
def test_a_linked_child_whose_new_parent_does_not_come_is_an_issue(side: Side) -> None:
    """Its other fields go on, with and without the issue."""
    scene = Scene()
    child = scene.linked_contact(scene.linked(Name="Acme"), LastName="Lee")
    if side is Side.POSTGRES:
        _, named = unborn(scene)
        scene.take()
        scene.edit_postgres(child, AccountId=named)
    else:
        scene.edit_salesforce(child, AccountId=parent_record(scene))
    scene.settle()
    scene.clock.advance(GRACE)
    wake(scene)
    scene.edit_salesforce(child, LastName="Li")
    scene.settle()

    assert (len(told(scene)), scene.both(child, "LastName")) == (1, ("Li", "Li"))


def test_a_registration_that_is_newer_than_what_a_worker_knew_stays() -> None:
    """Another worker registered the child between the first one's result and its tidying up."""
    scene, child, named, _ = orphan()
    wake(scene)
    scene.edit_postgres(child, AccountId=None)
    anew = Waiter(named, scene.key(child), replace(scene.message(child, Side.POSTGRES), hint_id="anew"))

    scene.wire.meanwhile("ledger.forget", lambda: scene.ledger.wait_for([anew]))
    scene.settle()

    assert list(scene.ledger.waiting.values()) == [anew]


def test_a_child_whose_creation_was_refused_keeps_that_issue_while_it_waits() -> None:
    """The refusal is remembered: what was refused is not sent again when the parent has come."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    scene.records.refusals.append(lambda save: Rejected("no", code="RULE") if save.object == "Contact" else None)
    child = child_row(scene, scene.row_id(parent))
    scene.drain()
    _, named = unborn(scene)
    scene.take()
    scene.edit_postgres(child, AccountId=named)

    told = scene.results()

    assert (told, {issue.kind for issue in scene.open_issues()}) == ([Result.PARKED], {IssueKind.REJECTED})
    assert list(scene.entry(child).refusals) == [Side.SALESFORCE]


def test_a_new_child_that_misses_its_parents_one_after_another_waits_for_each() -> None:
    """The system names the second when the first has come: that one is waited for too."""
    second = Field("Owner__c", "owner_id", Kind.REFERENCE, "bigint", parent="account")
    scene = Scene(contacts={"fields": (*contact().fields, second)})
    parents = [scene.linked(Name=name).sfid or "" for name in ("Acme", "Bcme")]
    missed = ["AccountId", "Owner__c"]
    scene.rows.refusals[CONTACTS] = [
        lambda statement: ParentMissing("who?", fields=(missed[0],)) if statement.by_sync and missed else None
    ]
    scene.records.add("Contact", {"LastName": "Lee", "AccountId": parents[0], "Owner__c": parents[1]})
    scene.wire.then("ledger.wait_for", lambda: missed.pop(0))

    results = scene.results()

    assert (results, {waiter.parent for waiter in scene.ledger.waiting.values()}) == (
        [Result.WAITING],
        {SalesforceId("Account", parent) for parent in parents},
    )
