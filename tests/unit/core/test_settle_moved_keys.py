"""Primary keys that move from row to row: a row belongs to the record that it is linked to, whatever key it has."""

from collections.abc import Mapping

import pytest

from chalicelib.core.model import Change, Hint, PrimaryKey, RowId, SalesforceId
from tests.unit.core.scene import Pair, Scene

TABLE = "public.account"


def rekey(scene: Scene, moves: Mapping[PrimaryKey, PrimaryKey]) -> None:
    """UPDATE ... SET id = ...: capture tells of the deletion of each old key and of the creation of each new one."""
    rows = scene.rows
    with rows._transaction(None):
        table = rows._tables[TABLE]
        moved = {new: (old, table.pop(old)) for old, new in moves.items()}
        for new, (old, stored) in moved.items():
            table[new] = stored
            rows._capture(RowId(TABLE, old), Change.DELETED, stored.sfid, stored.cells, {})
            rows._capture(RowId(TABLE, new), Change.CREATED, stored.sfid, {}, stored.cells)


def three(scene: Scene) -> list[Pair]:
    """Accounts a, b and c, whose rows have the keys 1, 2 and 3."""
    return [scene.linked(Name=name) for name in "abc"]


def move(scene: Scene, pairs: list[Pair], to: str) -> None:
    """Give the rows of the pairs these keys."""
    rekey(scene, {pair.pk or (): (key,) for pair, key in zip(pairs, to, strict=False)})
    for pair, key in zip(pairs, to, strict=False):
        pair.pk = (key,)


@pytest.mark.parametrize("to", ["234", "213", "231", "789"])
@pytest.mark.parametrize("backwards", [False, True])
def test_records_stay_apart_whatever_keys_their_rows_change_to(to: str, backwards: bool) -> None:
    """Shifted, swapped, rotated, renumbered: nothing is written for it, and each later edit goes to its record."""
    scene = Scene()
    pairs = three(scene)
    move(scene, pairs, to)
    hints = scene.take()
    scene.queue = hints[::-1] if backwards else hints

    scene.drain()
    names = [scene.both(pair, "Name") for pair in pairs]
    for pair in pairs:
        scene.edit_postgres(pair, Phone=pair.sfid)
        scene.drain()

    assert names == [("a", "a"), ("b", "b"), ("c", "c")]
    assert [scene.both(pair, "Phone") for pair in pairs] == [(pair.sfid, pair.sfid) for pair in pairs]
    assert scene.issues() == []
    assert len(scene.records.all("Account", deleted=True)) == 3


def test_each_message_alone_and_again() -> None:
    """The messages of a swap in workers of their own, and all of them twice."""
    scene = Scene()
    pairs = three(scene)
    move(scene, pairs, "213")
    hints = scene.take()

    for hint in [*hints, *hints[::-1]]:
        scene.settle(hint)
    scene.drain()

    assert [scene.both(pair, "Name") for pair in pairs] == [("a", "a"), ("b", "b"), ("c", "c")]
    assert scene.ledger.links[RowId(TABLE, ("1",))] == scene.ledger.links[SalesforceId("Account", pairs[1].sfid or "")]


def test_an_edit_in_salesforce_before_the_messages_of_the_swap() -> None:
    """The ledger still has the old keys: the row is found by its link."""
    scene = Scene()
    pairs = three(scene)
    move(scene, pairs, "213")
    late = scene.take()

    scene.edit_salesforce(pairs[0], Phone="1")
    scene.drain()
    scene.queue = late
    scene.drain()

    assert scene.both(pairs[0], "Name", "Phone") == (("a", "1"), ("a", "1"))
    assert scene.both(pairs[1], "Name", "Phone") == (("b", None), ("b", None))


def test_the_key_of_a_deleted_record_revives_nothing() -> None:
    """A tombstone whose key another record's row has got stays one."""
    scene = Scene()
    first, second, _ = three(scene)
    scene.delete_postgres(second)
    scene.drain()

    move(scene, [first], "2")
    scene.drain()
    scene.edit_postgres(first, Name="edited")
    scene.drain()

    assert scene.both(first, "Name") == ("edited", "edited")
    assert scene.record(second).deleted
    assert scene.row(first) is not None


def test_a_row_deleted_and_its_key_given_to_another() -> None:
    """The deletion is carried, and only that: the row that is there now is another record's."""
    scene = Scene()
    first, second, _ = three(scene)
    scene.delete_postgres(second)
    move(scene, [first], "2")

    scene.drain()

    assert scene.both(first, "Name") == ("a", "a")
    assert scene.record(second).deleted
    assert not scene.record(first).deleted


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("born", ["postgres", "salesforce"])
def test_a_new_row_with_a_key_that_is_free_again(at_once: bool, born: str) -> None:
    """It is a record of its own, wherever the one that had its key was born; both go on being kept the same."""
    scene = Scene()
    if born == "postgres":
        pair = scene.insert_postgres(Name="old")
        scene.drain()
        scene.find(pair)
    else:
        pair = scene.linked(Name="old")
    was = pair.pk or ()
    move(scene, [pair], "9")
    if not at_once:
        scene.drain()
    new = Pair("Account", TABLE, pk=scene.rows.insert(TABLE, {"Name": "new"}, pk=was))
    if at_once:
        scene.queue.reverse()  # the new row's message comes first

    scene.drain()
    scene.find(new)
    scene.edit_postgres(new, Phone="new")
    scene.edit_postgres(pair, Phone="old")
    scene.drain()

    assert new.sfid not in {None, pair.sfid}
    assert scene.both(new, "Name", "Phone") == (("new", "new"), ("new", "new"))
    assert scene.both(pair, "Name", "Phone") == (("old", "old"), ("old", "old"))
    assert scene.issues() == []


def test_a_link_that_a_user_wrote_over_is_put_right() -> None:
    """An id of no record that is known takes no row away."""
    scene = Scene()
    pair = scene.linked(Name="a")
    scene.rows.link(TABLE, pair.pk or (), None)
    scene.drain()

    assert scene.rows.rows(TABLE)[pair.pk or ()].sfid == pair.sfid
    assert len(scene.rows.rows(TABLE)) == 1


def test_a_message_whose_link_is_no_id() -> None:
    """It names its row, and nothing else."""
    scene = Scene()
    pair = scene.linked(Name="a")
    scene.edit_postgres(pair, Name="b")
    scene.take()

    scene.settle(Hint(scene.row_id(pair), Change.UPDATED, "1", sfid="no-id"))

    assert scene.both(pair, "Name") == ("b", "b")
