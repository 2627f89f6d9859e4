"""Deletions: carried, refused by an edit, kept as tombstones, and undone by users only."""

import pytest

from chalicelib.core.ledger import Cause, IssueKind
from chalicelib.core.mapping import OnDelete
from chalicelib.core.model import Change, Hint, SalesforceId, Side
from chalicelib.core.ports import WriteKind
from chalicelib.core.recover import settled
from chalicelib.core.work import Result
from tests.unit.core.scene import Pair, Scene, one

EDITED = "Acme Ltd"


def linked(**changes: object) -> tuple[Scene, Pair]:
    """An account that both sides have."""
    scene = Scene(**changes)  # type: ignore[arg-type]
    return scene, scene.linked(Name="Acme", Phone="1")


def delete(scene: Scene, pair: Pair, side: Side) -> None:
    """A user deletes a record on one side."""
    (scene.delete_postgres if side is Side.POSTGRES else scene.delete_salesforce)(pair)


def edit(scene: Scene, pair: Pair, side: Side) -> None:
    """A user edits it on one side."""
    (scene.edit_postgres if side is Side.POSTGRES else scene.edit_salesforce)(pair, Name=EDITED)


# --- carried


@pytest.mark.parametrize("side", list(Side))
def test_a_deletion_is_carried(side: Side) -> None:
    """The other side loses the record, the ledger keeps a tombstone, nobody has to decide anything."""
    scene, pair = linked()

    delete(scene, pair, side)
    scene.drain()

    assert (scene.row(pair), scene.in_salesforce(pair), scene.issues()) == (None, None, [])
    assert (scene.entry(pair).alive, scene.entry(pair).survivor, scene.entry(pair).intent) == (False, None, None)


@pytest.mark.parametrize("side", list(Side))
def test_what_a_deletion_takes_away_is_kept(side: Side) -> None:
    """Every value of the record, in the history, before it is gone."""
    scene, pair = linked()
    values = scene.row(pair)

    delete(scene, pair, side)
    scene.drain()
    (deleted,) = scene.ledger.history

    assert (deleted.side, deleted.cause, deleted.before, deleted.after) == (side.other, Cause.DELETE, values, {})


def test_a_deletion_of_both_sides_is_a_tombstone() -> None:
    """Nothing is left to write."""
    scene, pair = linked()

    scene.delete_postgres(pair)
    scene.delete_salesforce(pair)
    scene.drain()

    assert (scene.entry(pair).alive, scene.rows.writes, scene.records.writes) == (False, [], [])


@pytest.mark.parametrize("side", list(Side))
def test_a_mapping_that_keeps_deletes_nothing(side: Side) -> None:
    """The other side keeps the record, and later edits of it bring nothing back."""
    scene, pair = linked(on_delete=OnDelete.KEEP)

    delete(scene, pair, side)
    scene.drain()
    edit(scene, pair, side.other)
    scene.drain()

    assert (scene.entry(pair).alive, scene.entry(pair).survivor) == (False, side.other)
    assert scene.both(pair, "Name") == ((None, EDITED) if side is Side.POSTGRES else (EDITED, None))
    assert (scene.rows.writes, scene.records.writes) == ([], [])


def test_a_deletion_of_the_survivor_ends_it() -> None:
    """Both sides are without it, and nobody is a survivor any more."""
    scene, pair = linked(on_delete=OnDelete.KEEP)
    scene.delete_postgres(pair)
    scene.drain()

    scene.delete_salesforce(pair)
    scene.drain()

    assert (scene.entry(pair).alive, scene.entry(pair).survivor) == (False, None)


# --- against an edit


@pytest.mark.parametrize("side", list(Side))
def test_a_deletion_against_an_edit_keeps_the_record(side: Side) -> None:
    """It comes back with the edit, and a closed issue says why."""
    scene, pair = linked()

    delete(scene, pair, side)
    edit(scene, pair, side.other)
    scene.drain()
    pair.pk = None if side is Side.POSTGRES else pair.pk
    (issue,) = scene.issues()

    assert scene.both(scene.find(pair), "Name", "Phone") == ((EDITED, "1"), (EDITED, "1"))
    assert (issue.kind, issue.slot, issue.fields) == (IssueKind.DELETE_EDIT, "*delete", ())
    assert (issue.reason, issue.closed_at) == (
        f"deleted in {side.title()}, edited in {side.other.title()}: the record was kept",
        issue.opened_at,
    )
    assert scene.entry(pair).issues == {}


def test_an_issue_of_a_deletion_shows_what_the_survivor_held() -> None:
    """All of its fields: a person may have to put the deletion through after all."""
    scene, pair = linked()

    scene.delete_postgres(pair)
    scene.edit_salesforce(pair, Name=EDITED)
    scene.drain()
    (issue,) = scene.issues()

    assert (issue.base, issue.postgres) == ({}, {})
    assert issue.salesforce == {"Name": EDITED, "Phone": "1", "Note": None, "City": None, "Zip": None}


def test_an_edit_before_the_deletion_is_written_keeps_the_row() -> None:
    """The row is deleted only while it is what was seen."""
    scene, pair = linked()
    scene.delete_salesforce(pair)

    scene.wire.meanwhile("rows.write", lambda: scene.edit_postgres(pair, Name=EDITED))
    scene.drain()

    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_an_edit_before_the_deletion_is_written_keeps_the_record() -> None:
    """The record is deleted only while it is what was seen; the row comes back with the edit."""
    scene, pair = linked()
    scene.delete_postgres(pair)

    scene.wire.meanwhile("records.write", lambda: scene.edit_salesforce(pair, Name=EDITED))
    scene.drain()
    pair.pk = None

    assert scene.both(scene.find(pair), "Name") == (EDITED, EDITED)


# --- undelete


def test_an_undelete_is_an_operation_of_its_own() -> None:
    """The record comes out of the bin as it was; the edit is written by a second operation."""
    scene, pair = linked()
    scene.delete_salesforce(pair)
    scene.edit_postgres(pair, Name=EDITED)
    scene.drain()

    undelete, update = scene.records.writes

    assert (undelete.kind, undelete.values) == (WriteKind.UNDELETE, {})
    assert (update.kind, update.values) == (WriteKind.UPDATE, {"Name": EDITED})
    assert undelete.operation != update.operation


def test_what_an_undelete_brought_back_stands_in_the_history() -> None:
    """It overwrites nothing."""
    scene, pair = linked()
    scene.delete_salesforce(pair)
    scene.edit_postgres(pair, Name=EDITED)
    scene.drain()

    assert [(h.cause, h.side, h.before, h.after) for h in scene.ledger.history] == [
        (Cause.UNDELETE, Side.SALESFORCE, {}, {}),
        (Cause.EDIT, Side.SALESFORCE, {"Name": "Acme"}, {"Name": EDITED}),
    ]


def test_what_lay_in_the_bin_is_no_edit() -> None:
    """An edit that was deleted with its record comes back, but does not contest the row's own."""
    scene, pair = linked()
    scene.records.edit("Account", pair.sfid or "", {"Phone": "2"})
    scene.delete_salesforce(pair)
    scene.edit_postgres(pair, Phone="3")
    scene.drain()

    assert (scene.both(pair, "Phone"), scene.open_issues()) == (("3", "3"), [])


def test_a_purged_record_is_made_anew() -> None:
    """There is nothing to undelete: a new record, to which the row is linked."""
    scene, pair = linked()
    scene.delete_salesforce(pair)
    scene.records.purge(pair.sfid or "")

    scene.edit_postgres(pair, Name=EDITED)
    scene.drain()
    anew = Pair(pair.object, pair.table, None, pair.pk)

    assert scene.both(scene.find(anew), "Name", "Phone") == ((EDITED, "1"), (EDITED, "1"))
    assert (anew.sfid != pair.sfid, scene.entry(anew).sfid) == (True, anew.sfid)


# --- revival


def test_a_user_brings_a_record_back_by_undeleting_it() -> None:
    """The row comes back with what lay in the bin, and no issue tells of it."""
    scene, pair = linked()
    scene.delete_salesforce(pair)
    scene.drain()

    scene.records.undelete("Account", pair.sfid or "")
    scene.drain()
    pair.pk = None

    assert scene.both(scene.find(pair), "Name", "Phone") == (("Acme", "1"), ("Acme", "1"))
    assert (scene.entry(pair).alive, scene.issues()) == (True, [])


def test_a_user_brings_a_record_back_by_inserting_its_row() -> None:
    """The record comes out of the bin, and gets what the new row says."""
    scene, pair = linked()
    scene.delete_postgres(pair)
    scene.drain()

    scene.rows.insert(pair.table, {"Name": EDITED}, pk=pair.pk)
    scene.drain()

    assert scene.both(pair, "Name") == (EDITED, EDITED)
    assert [record.id for record in scene.records.all("Account")] == [pair.sfid]


@pytest.mark.parametrize("side", list(Side))
def test_a_late_message_brings_nothing_back(side: Side) -> None:
    """Messages of before the deletion may come after it: they find a tombstone, and both sides gone."""
    scene, pair = linked()
    late = scene.message(pair, side)
    delete(scene, pair, side)
    scene.drain()

    told = scene.results(late)

    assert (told, scene.row(pair), scene.in_salesforce(pair)) == ([Result.UNCHANGED], None, None)


def test_a_deletion_of_what_was_never_settled_makes_no_entry() -> None:
    """A record that came and went before anybody looked leaves nothing."""
    scene = Scene()
    pair = scene.insert_salesforce(Name="Acme")
    scene.delete_salesforce(pair)

    told = {outcome.result for outcome in scene.drain()}

    assert (told, scene.ledger.entries, scene.rows.rows("public.account")) == ({Result.UNCHANGED}, {}, {})


def test_a_deletion_of_what_nobody_knows_makes_no_entry() -> None:
    """Neither side has it, nor the ledger."""
    scene = Scene()
    hint = Hint(SalesforceId("Account", "001000000000099AAA"), Change.DELETED, "1")

    assert (scene.results(hint), scene.ledger.entries) == ([Result.UNCHANGED], {})


def test_a_tombstone_remembers_what_lay_in_the_bin() -> None:
    """So that the record that is undeleted is no edit of it."""
    scene, pair = linked()
    scene.delete_postgres(pair)
    scene.drain()

    assert scene.base(pair, "Name") == settled(one("Acme"))


def test_a_deletion_closes_the_open_issues() -> None:
    """There is nothing left to decide."""
    scene, pair = linked()
    scene.edit_both(pair, {"Name": "Acme Ltd"}, {"Name": "Acme Inc"})
    scene.drain()

    scene.delete_postgres(pair)
    scene.delete_salesforce(pair)
    scene.drain()

    assert [issue.reason for issue in scene.issues()] == ["the record was deleted"]


@pytest.mark.parametrize("written", list(Side))
def test_a_deletion_is_not_carried_against_a_one_way_mapping(written: Side) -> None:
    """A row that is deleted from a copy of Salesforce takes no record along; nor the other way round."""
    names = ("Name", "Phone", "Note", "place")
    scene = Scene(creates=frozenset({written}), units={name: {"writable": frozenset({written})} for name in names})
    pair = scene.insert_salesforce(Name="Acme") if written is Side.POSTGRES else scene.insert_postgres(Name="Acme")
    scene.drain()
    scene.find(pair)

    delete(scene, pair, written)
    scene.drain()

    assert (scene.row(pair) or scene.in_salesforce(pair) or {}).get("Name") == "Acme"
