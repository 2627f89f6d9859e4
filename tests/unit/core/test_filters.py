"""Filters: what does not match is left alone on both sides, and nothing that happens meanwhile is lost."""

from dataclasses import dataclass, field

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import IssueKind
from chalicelib.core.model import PrimaryKey, Side
from chalicelib.core.work import Result
from tests.fakes.statements import Cells
from tests.unit.core.kin import CONTACTS, child_row, unborn
from tests.unit.core.scene import Pair, Scene


@dataclass
class Fence:
    """The filters of a scene: what is outside of them is named."""

    scene: Scene
    rows: set[PrimaryKey] = field(default_factory=set)
    records: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.scene.rows.inside["public.account"] = self._row
        self.scene.records.inside["Account"] = lambda id_, _: id_ not in self.records

    def _row(self, pk: PrimaryKey, _: Cells) -> bool:
        return pk not in self.rows

    def leave(self, pair: Pair, side: Side) -> None:
        """A user changes what the filter asks for, in a field that is not mapped."""
        if side is Side.POSTGRES:
            self.rows.add(pair.pk or ())
        else:
            self.records.add(pair.sfid or "")
        self._tell(pair, side)

    def enter(self, pair: Pair, side: Side) -> None:
        """The same, back again."""
        if side is Side.POSTGRES:
            self.rows.discard(pair.pk or ())
        else:
            self.records.discard(pair.sfid or "")
        self._tell(pair, side)

    def _tell(self, pair: Pair, side: Side) -> None:
        self.scene.queue.append(self.scene.message(pair, side, content=False))
        self.scene.drain()


@pytest.fixture
def fence() -> Fence:
    """A scene whose mapping has filters on both sides."""
    return Fence(Scene())


both_sides = pytest.mark.parametrize("side", Side)


# --- what was never settled


def test_a_new_row_outside_of_the_filter_is_not_created(fence: Fence) -> None:
    """And nothing is remembered of it."""
    fence.rows.add(("1",))
    fence.scene.insert_postgres(Name="Acme")

    told = fence.scene.results()

    assert (told, fence.scene.records.all("Account"), fence.scene.ledger.entries) == ([Result.UNCHANGED], [], {})


def test_a_new_record_outside_of_the_filter_is_not_created(fence: Fence) -> None:
    """Whatever its message says, for a message does not say whether it matches."""
    pair = fence.scene.insert_salesforce(Name="Acme")
    fence.records.add(pair.sfid or "")

    told = fence.scene.results()

    assert (told, fence.scene.rows.rows("public.account"), fence.scene.ledger.entries) == ([Result.UNCHANGED], {}, {})


def test_what_enters_the_filter_is_created(fence: Fence) -> None:
    """As if it had been made then."""
    fence.rows.add(("1",))
    pair = fence.scene.insert_postgres(Name="Acme")
    fence.scene.settle()

    fence.enter(pair, Side.POSTGRES)

    assert fence.scene.both(fence.scene.find(pair), "Name") == ("Acme", "Acme")


def test_a_row_outside_waits_for_no_parent(fence: Fence) -> None:
    """A child is not registered while nothing of it is to be carried."""
    scene = fence.scene
    scene.rows.inside[CONTACTS] = lambda *_: False
    child_row(scene, unborn(scene)[1])
    scene.queue[:] = scene.queue[1:]

    assert (scene.results(), scene.ledger.waiting) == ([Result.UNCHANGED], {})


def test_a_linked_row_outside_waits_for_no_parent(fence: Fence) -> None:
    """Nor is a person told of the parent that is missing."""
    scene = fence.scene
    child = scene.linked_contact(scene.linked(Name="Acme"), LastName="Lee")
    scene.rows.inside[CONTACTS] = lambda *_: False
    _, parent = unborn(scene)
    scene.queue.clear()
    scene.edit_postgres(child, AccountId=parent)

    assert (scene.results(), scene.ledger.waiting) == ([Result.UNCHANGED], {})


# --- leaving and coming back


@both_sides
def test_nothing_is_carried_while_a_record_is_outside(fence: Fence, side: Side) -> None:
    """In neither direction, whichever side left the filter."""
    pair = fence.scene.linked(Name="Acme", Phone="1", Note="n")
    fence.leave(pair, side)
    fence.scene.edit_postgres(pair, Phone="2")
    fence.scene.edit_salesforce(pair, Note="m")
    fence.scene.drain()

    assert fence.scene.both(pair, "Phone", "Note") == (("2", "n"), ("1", "m"))
    assert (fence.scene.entry(pair).outside, fence.scene.entry(pair).alive) == (True, True)


@both_sides
def test_what_was_edited_outside_is_merged_when_it_comes_back(fence: Fence, side: Side) -> None:
    """The bases are those from before it left."""
    pair = fence.scene.linked(Name="Acme", Phone="1", Note="n")
    fence.leave(pair, side)
    fence.scene.edit_postgres(pair, Phone="2")
    fence.scene.edit_salesforce(pair, Note="m")
    fence.scene.drain()

    fence.enter(pair, side)

    assert fence.scene.both(pair, "Phone", "Note") == (("2", "m"), ("2", "m"))
    assert (fence.scene.entry(pair).outside, fence.scene.issues()) == (False, [])


def test_what_both_edited_outside_is_a_conflict_when_it_comes_back(fence: Fence) -> None:
    """Both values are kept, as ever."""
    pair = fence.scene.linked(Name="Acme")
    fence.leave(pair, Side.SALESFORCE)
    fence.scene.edit_both(pair, {"Name": "A"}, {"Name": "B"})
    fence.scene.drain()
    before = fence.scene.issues()

    fence.enter(pair, Side.SALESFORCE)

    (issue,) = fence.scene.open_issues()
    assert (before, issue.base, issue.postgres, issue.salesforce) == (
        [],
        {"Name": "Acme"},
        {"Name": "A"},
        {"Name": "B"},
    )


def test_a_row_that_leaves_is_remembered_though_it_holds_just_the_base(fence: Fence) -> None:
    """Its message is no echo: the deletion of a row outside is told by nobody."""
    pair = fence.scene.linked(Name="Acme")
    fence.leave(pair, Side.POSTGRES)

    fence.scene.rows.delete(pair.table, pair.pk or ())
    fence.scene.queue.clear()
    fence.scene.edit_salesforce(pair, Name="Acme Ltd")
    fence.scene.drain()

    entry = fence.scene.entry(pair)
    assert (entry.alive, entry.survivor, fence.scene.rows.rows(pair.table)) == (False, Side.SALESFORCE, {})
    assert fence.scene.in_salesforce(pair) is not None


def test_a_message_with_content_is_not_trusted_under_a_filter_for_salesforce() -> None:
    """It does not say whether the record matches."""
    trusting, reading = Scene(), Scene(soql="Name <> 'out'")
    for scene in (trusting, reading):
        scene.edit_salesforce(scene.linked(Name="Acme"), Name="Acme Ltd")
        scene.drain()

    assert (trusting.wire.count("records.read"), reading.wire.count("records.read")) == (0, 1)


def test_a_user_s_message_is_no_echo_under_a_filter_for_salesforce() -> None:
    """The record may have left the filter in the very second of our write; our own message is one all the same."""
    scene = Scene(soql="Name <> 'out'")
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    scene.drain()
    ours = scene.wire.count("records.read")
    scene.records.edit(pair.object, pair.sfid or "", {"Name": "Acme Ltd"})
    scene.records.inside["Account"] = lambda *_: False
    scene.drain()

    assert (ours, scene.wire.count("records.read"), scene.entry(pair).outside) == (1, 2, True)


# --- deletions


@both_sides
@pytest.mark.parametrize("left", Side)
def test_a_deletion_outside_is_not_propagated(fence: Fence, side: Side, left: Side) -> None:
    """Leaving the filter is no deletion, and what happens outside is none of the mapping's."""
    pair = fence.scene.linked(Name="Acme")
    fence.leave(pair, left)

    fence.scene.delete_postgres(pair) if side is Side.POSTGRES else fence.scene.delete_salesforce(pair)
    fence.scene.drain()
    if left is not side:
        fence.enter(pair, left)

    there = (pair.pk in fence.scene.rows.rows(pair.table), fence.scene.in_salesforce(pair) is not None)
    assert there == (side is Side.SALESFORCE, side is Side.POSTGRES)
    assert (fence.scene.entry(pair).survivor, fence.scene.issues()) == (side.other, [])


def test_a_deletion_before_anybody_saw_it_leave_is_a_deletion(fence: Fence) -> None:
    """What is gone cannot be asked whether it matched."""
    pair = fence.scene.linked(Name="Acme")
    fence.records.add(pair.sfid or "")

    fence.scene.delete_salesforce(pair)
    fence.scene.drain()

    assert fence.scene.row(pair) is None


# --- what was in question


def test_issues_are_over_when_the_record_leaves_and_come_back_with_it(fence: Fence) -> None:
    """Nobody is to decide what will not be carried."""
    pair = fence.scene.linked(Name="Acme")
    fence.scene.edit_both(pair, {"Name": "A"}, {"Name": "B"})
    fence.scene.drain()
    fence.scene.answer(pair, "Name", "C")
    fence.records.add(pair.sfid or "")
    fence.scene.drain()
    (first,) = fence.scene.issues()
    answers = dict(fence.scene.entry(pair).answers)

    fence.enter(pair, Side.SALESFORCE)

    assert (first.reason, answers) == ("the record left the mapping's filter", {})
    assert [issue.kind for issue in fence.scene.open_issues()] == [IssueKind.CONFLICT]
    assert fence.scene.both(pair, "Name") == ("A", "B")


def test_a_refused_write_is_tried_again_when_the_record_comes_back(fence: Fence) -> None:
    """Its issue is over with the others."""
    pair = fence.scene.linked(Name="Acme")
    fence.scene.records.refusals.append(lambda save: Rejected("no", code="NO") if save.after["Name"] == "bad" else None)
    fence.scene.edit_postgres(pair, Name="bad")
    fence.scene.drain()
    fence.leave(pair, Side.POSTGRES)
    meanwhile = fence.scene.open_issues()
    fence.scene.records.refusals.clear()

    fence.enter(pair, Side.POSTGRES)

    assert (meanwhile, fence.scene.both(pair, "Name")) == ([], ("bad", "bad"))


def test_an_operation_that_was_interrupted_is_recovered_outside(fence: Fence) -> None:
    """One side has landed; the other follows when the record is back."""
    pair = fence.scene.linked(Name="Acme")
    fence.scene.edit_postgres(pair, Name="A")
    fence.scene.edit_salesforce(pair, Phone="2")
    fence.scene.die_before("records.write")  # Postgres has got the telephone number
    fence.leave(pair, Side.SALESFORCE)
    meanwhile = fence.scene.both(pair, "Name", "Phone")

    fence.enter(pair, Side.SALESFORCE)

    assert meanwhile == (("A", "2"), ("Acme", "2"))
    assert (fence.scene.both(pair, "Name", "Phone"), fence.scene.issues()) == ((("A", "2"), ("A", "2")), [])
