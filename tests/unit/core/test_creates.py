"""Creations: one record and one row for each key, whatever times out and whoever else makes them."""

import pytest

from chalicelib.core.errors import Superseded, Unavailable
from chalicelib.core.identity import record_key, row_key
from chalicelib.core.ledger import Cause
from chalicelib.core.model import RowId, SalesforceId, Side
from chalicelib.core.ports import WriteKind
from chalicelib.core.recover import settled
from chalicelib.core.work import Result
from tests.fakes.statements import upper
from tests.unit.core.scene import ORG, Pair, Scene, one

TABLE = "public.account"
VALUES = {"Name": "Acme", "Phone": "1", "Note": None, "City": None, "Zip": None}


def counts(scene: Scene) -> tuple[int, int]:
    """Rows and records."""
    return len(scene.rows.rows(TABLE)), len(scene.records.all("Account"))


def test_a_new_row_becomes_a_record() -> None:
    """With every field and the row's key; the row gets the Salesforce id."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme", Phone="1")
    scene.drain()
    scene.find(pair)

    (write,) = scene.records.writes
    (link,) = scene.rows.writes

    assert (write.kind, write.key, write.values, write.expected) == (
        WriteKind.CREATE,
        row_key(TABLE, pair.pk or ()),
        VALUES,
        None,
    )
    assert (link.kind, link.sfid, link.values, link.pk) == (WriteKind.UPDATE, pair.sfid, {}, None)
    assert scene.record(pair).key == row_key(TABLE, pair.pk or ())


def test_a_new_record_becomes_a_row() -> None:
    """With every field and the record's id; the record keeps its own key, or none."""
    scene = Scene()
    pair = scene.insert_salesforce(Name="Acme", Phone="1")
    scene.drain()

    (write,) = scene.rows.writes

    assert (write.kind, write.sfid, write.values, write.pk) == (WriteKind.CREATE, pair.sfid, VALUES, None)
    assert (write.key, scene.records.writes) == (record_key(ORG, pair.sfid or ""), [])


@pytest.mark.parametrize("side", list(Side))
def test_the_ledger_knows_a_new_record_by_both_names(side: Side) -> None:
    """Whoever meets either finds the one entry."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme") if side is Side.POSTGRES else scene.insert_salesforce(Name="Acme")
    scene.drain()
    scene.find(pair)

    key = scene.key(pair)
    entry = scene.entry(pair)

    assert scene.ledger.links == {SalesforceId("Account", pair.sfid or ""): key, RowId(TABLE, pair.pk or ()): key}
    assert (entry.sfid, entry.pk, entry.alive, entry.intent) == (pair.sfid, pair.pk, True, None)
    assert entry.bases["Name"] == settled(one("Acme"))


@pytest.mark.parametrize("side", list(Side))
def test_a_creation_stands_in_the_history(side: Side) -> None:
    """It overwrites nothing."""
    scene = Scene()
    (scene.insert_postgres if side is Side.POSTGRES else scene.insert_salesforce)(Name="Acme", Phone="1")
    scene.drain()

    assert [(h.side, h.cause, h.before, h.after) for h in scene.ledger.history] == [
        (side.other, Cause.CREATE, {}, VALUES)
    ]


def test_a_creation_whose_answer_was_lost_is_not_done_twice() -> None:
    """The key field makes the second create fail, and the record is found by it."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    scene.wire.lose_answer("records.write", Unavailable("no answer"))
    scene.drain()

    assert counts(scene) == (1, 1)
    assert scene.both(scene.find(pair), "Name") == ("Acme", "Acme")


def test_an_insert_whose_answer_was_lost_is_not_done_twice() -> None:
    """The link makes the second insert fail, and the row is found by it."""
    scene = Scene()
    pair = scene.insert_salesforce(Name="Acme")
    scene.wire.lose_answer("rows.write", Unavailable("no answer"))
    scene.drain()

    assert (counts(scene), scene.both(scene.find(pair), "Name")) == ((1, 1), ("Acme", "Acme"))


def test_a_record_that_has_the_rows_key_already_is_linked() -> None:
    """Somebody loaded it with the key: the two are merged, no twin is made."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    sfid = scene.records.add("Account", {**VALUES, "Phone": "2"}, key=row_key(TABLE, pair.pk or ()))
    scene.drain()

    assert (counts(scene), scene.find(pair).sfid) == ((1, 1), sfid)
    assert scene.both(pair, "Name", "Phone") == (("Acme", "2"), ("Acme", "2"))


def test_a_record_that_appears_under_the_key_while_it_is_created_is_linked() -> None:
    """The create fails, everything is read again, and what is there is merged."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    key = row_key(TABLE, pair.pk or ())
    scene.wire.meanwhile("records.write", lambda: scene.records.add("Account", VALUES, key=key))
    scene.drain()

    assert (counts(scene), scene.both(scene.find(pair), "Phone")) == ((1, 1), ("1", "1"))


def test_a_row_that_appears_with_the_link_while_it_is_inserted_is_merged() -> None:
    """The insert fails, everything is read again."""
    scene = Scene()
    pair = scene.insert_salesforce(Name="Acme")
    scene.wire.meanwhile("rows.write", lambda: scene.rows.insert(TABLE, {"Phone": "2"}, sfid=pair.sfid))
    scene.drain()

    assert (counts(scene), scene.both(scene.find(pair), "Name", "Phone")) == ((1, 1), (("Acme", "2"), ("Acme", "2")))


def test_a_row_that_a_user_linked_belongs_to_that_record() -> None:
    """First contact of two filled sides."""
    scene = Scene()
    pair = scene.apart({"Name": "Acme"}, {"Phone": "1"})
    scene.drain()

    assert (counts(scene), scene.both(pair, "Name", "Phone")) == ((1, 1), (("Acme", "1"), ("Acme", "1")))
    assert scene.key(pair) == record_key(ORG, pair.sfid or "")


def test_first_contact_gives_the_record_its_key_with_the_first_write() -> None:
    """An update sets it where the record has none."""
    scene = Scene()
    pair = scene.apart({"Name": "Acme"}, {})
    scene.drain()

    assert scene.record(pair).key == scene.key(pair)


def test_an_edit_of_the_row_while_its_record_is_created_is_carried() -> None:
    """The link meets another row than was seen: it is read again, and the edit goes out."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    scene.wire.then("records.write", lambda: scene.edit_postgres(pair, Name="Acme Ltd"))
    scene.drain()

    assert (counts(scene), scene.both(scene.find(pair), "Name")) == ((1, 1), ("Acme Ltd", "Acme Ltd"))


def test_a_row_that_is_deleted_while_its_record_is_created_takes_it_along() -> None:
    """The new record was nobody's: the deletion is carried."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    scene.wire.then("records.write", lambda: scene.delete_postgres(pair))
    scene.drain()

    assert counts(scene) == (0, 0)


def test_an_edit_of_a_new_record_before_its_row_is_linked_is_carried() -> None:
    """The link in the ledger leads the record's own messages to the row's entry."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")

    def edit() -> None:
        (record,) = scene.records.all("Account")
        scene.edit_salesforce(Pair("Account", TABLE, record.id), Phone="2")

    scene.wire.then("records.write", edit)
    scene.drain()

    assert (counts(scene), scene.both(scene.find(pair), "Name", "Phone")) == ((1, 1), (("Acme", "2"), ("Acme", "2")))


@pytest.mark.parametrize("side", list(Side))
def test_a_direction_may_forbid_creations(side: Side) -> None:
    """What may not be created on a side stays where it is, and is no case for a person."""
    scene = Scene(creates=frozenset({side.other}))
    (scene.insert_salesforce if side is Side.POSTGRES else scene.insert_postgres)(Name="Acme")
    scene.drain()

    assert counts(scene) == ((0, 1) if side is Side.POSTGRES else (1, 0))
    assert scene.issues() == []


def test_a_row_comes_back_under_its_own_primary_key() -> None:
    """Foreign keys and bookmarks of users' applications hold on to it."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.delete_postgres(pair)
    scene.edit_salesforce(pair, Name="Acme Ltd")
    scene.drain()

    assert list(scene.rows.rows(TABLE)) == [pair.pk]


def test_a_creation_takes_these_writes() -> None:
    """Intent, record, link in the ledger, link in the row, result; and nothing is read twice."""
    scene = Scene()
    scene.insert_postgres(Name="Acme")
    scene.settle(*scene.take()[:1])

    assert [call for call in scene.wire.calls if call.endswith(".write")] == [
        "ledger.write",
        "records.write",
        "ledger.write",
        "rows.write",
        "ledger.write",
    ]


def test_a_form_that_went_with_its_row_comes_back_with_it() -> None:
    """The row is inserted with it, and Salesforce, which was to follow, gets it by an update."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.rows.triggers[TABLE] = [upper("Name")]
    scene.edit_salesforce(pair, Name="Acme Ltd")
    scene.wire.then("rows.write", lambda: scene.wire.meanwhile("records.write", lambda: scene.delete_postgres(pair)))
    scene.wire.then("rows.write", lambda: None)
    scene.settle(*scene.take())
    scene.records.edit("Account", pair.sfid or "", {"Phone": "2"})
    scene.drain()
    pair.pk = None

    assert scene.both(scene.find(pair), "Name", "Phone") == (("ACME LTD", "2"), ("ACME LTD", "2"))


def test_a_row_whose_primary_key_belongs_to_another_record_is_identified_anew() -> None:
    """Another worker met it first, under another key: its message comes again, and finds that key."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    scene.wire.meanwhile("ledger.write", lambda: scene.ledger.links.update({scene.row_id(pair): "other"}))

    (outcome,) = scene.settle()

    assert (outcome.result, type(outcome.error), outcome.after) == (Result.RETRY, Superseded, 1.0)
    assert scene.records.all("Account") == []
