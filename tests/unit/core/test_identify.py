"""Which record a message is about: look-ups first, then what the sides say of themselves, then a derived key."""

from dataclasses import replace

from chalicelib.core.errors import Unavailable
from chalicelib.core.identity import record_key, row_key
from chalicelib.core.model import Change, Hint, RowId, SalesforceId, Side
from chalicelib.core.work import Result
from tests.unit.core.scene import ORG, Pair, Scene

TABLE = "public.account"
KEY = "7a3c2f9e-3a55-5a7c-8f5d-000000000001"
NOBODY = "001000000000099AAA"


def of_record(sfid: str) -> Hint:
    """A message of Salesforce without content."""
    return Hint(SalesforceId("Account", sfid), Change.UPDATED, f"hint-{sfid}")


def of_row(*pk: str) -> Hint:
    """A message of Postgres."""
    return Hint(RowId(TABLE, pk), Change.UPDATED, f"hint-{pk}")


def keys(scene: Scene, *hints: Hint) -> set[str]:
    """Keys of the records that messages came to; the ledger has an entry of each."""
    scene.settle(*hints)
    return set(scene.ledger.entries)


def test_a_look_up_is_enough() -> None:
    """A linked record is identified without a look at either side."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert scene.wire.calls[:3] == ["ledger.find", "ledger.read", "rows.read"]


def test_a_record_that_carries_a_key_has_that() -> None:
    """It is read from the record, where the message does not say it."""
    scene = Scene()
    sfid = scene.records.add("Account", {"Name": "Acme"}, key=KEY)

    assert keys(scene, of_record(sfid)) == {KEY}


def test_a_message_that_says_the_key_saves_the_read() -> None:
    """An outbound message holds the key field; without it the record is read for it."""
    told, untold = Scene(), Scene()
    for scene in (told, untold):
        scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme"}, key=KEY)
    (hint,) = untold.take()
    untold.settle(of_record(hint.identity.id))  # type: ignore[union-attr]
    told.settle()

    assert untold.wire.count("records.read") - told.wire.count("records.read") == 1
    assert set(told.ledger.entries) == set(untold.ledger.entries) == {KEY}


def test_a_message_without_a_key_does_not_say_that_there_is_none() -> None:
    """The echo of our own create may leave the key field out: the record is asked."""
    scene = Scene()
    sfid = scene.records.add("Account", {"Name": "Acme"}, key=KEY)
    content = scene.record(Pair("Account", TABLE, sfid))

    assert keys(scene, replace(of_record(sfid), record=replace(content, key=None))) == {KEY}


def test_a_record_without_a_key_gets_one_of_its_id() -> None:
    """Derived from the organisation and the id, so that two workers come to the same."""
    scene = Scene()
    sfid = scene.records.add("Account", {"Name": "Acme"})

    assert keys(scene, of_record(sfid)) == {record_key(ORG, sfid)}


def test_a_row_without_a_link_gets_a_key_of_its_primary_key() -> None:
    """Derived from table and primary key."""
    scene = Scene()
    pk = scene.rows.insert(TABLE, {"Name": "Acme"})

    assert keys(scene, of_row(*pk)) == {row_key(TABLE, pk)}


def test_a_row_that_is_linked_has_its_records_key() -> None:
    """By the look-up of its Salesforce id, where the ledger knows that."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    key = scene.key(pair)
    del scene.ledger.links[scene.row_id(pair)]

    scene.settle(of_row(*(pair.pk or ())))

    assert (set(scene.ledger.entries), scene.wire.count("records.read")) == ({key}, 0)


def test_a_row_that_is_linked_to_a_record_that_nobody_knows() -> None:
    """The record is asked for its key; a record that does not exist has the key of its id."""
    scene = Scene()
    sfid = scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme"}, key=KEY)
    known = scene.rows.insert(TABLE, {"Name": "Acme"}, sfid=sfid)
    unknown = scene.rows.insert(TABLE, {"Name": "Bcme"}, sfid=NOBODY)

    assert keys(scene, of_row(*known), of_row(*unknown)) == {KEY, record_key(ORG, NOBODY)}


def test_a_row_that_is_gone_has_the_key_of_its_primary_key() -> None:
    """Nothing else is known of it."""
    scene = Scene()

    told = scene.results(of_row("42"))

    assert (told, scene.ledger.entries) == ([Result.UNCHANGED], {})


def test_messages_of_both_sides_meet_in_one_piece_of_work() -> None:
    """A new row that a user linked, and its record: one entry, settled once, one outcome each."""
    scene = Scene()
    scene.apart({"Name": "Acme"}, {"Phone": "1"})
    hints = scene.take()
    told = scene.results(*hints)

    assert (told, len(scene.ledger.entries)) == ([Result.SETTLED, Result.SETTLED], 1)
    assert (len(scene.rows.writes), len(scene.records.writes)) == (1, 1)


def test_duplicates_within_a_batch_settle_once() -> None:
    """Each message has its outcome; the record is written once, and its row read before and after the intent."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    hint = scene.message(pair, Side.POSTGRES)

    told = scene.results(hint, hint, hint)

    assert (told, len(scene.records.writes), scene.wire.count("rows.read")) == ([Result.SETTLED] * 3, 1, 2)


def test_a_message_of_what_no_mapping_covers_is_done_with() -> None:
    """It is acknowledged, without a call, beside messages that are worked off."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name="Acme Ltd")
    unmapped = [
        Hint(SalesforceId("Lead", "00Q000000000001AAA"), Change.UPDATED, "lead 1"),
        Hint(RowId("public.lead", ("1",)), Change.UPDATED, "lead 2"),
    ]

    outcomes = {o.hint.hint_id: o.result for o in scene.settle(*unmapped, *scene.take())}

    assert sorted(outcomes.values()) == [Result.SETTLED, Result.UNCHANGED, Result.UNCHANGED]
    assert outcomes["lead 1"] is outcomes["lead 2"] is Result.UNCHANGED
    assert scene.both(pair, "Name") == ("Acme Ltd", "Acme Ltd")


def test_nothing_but_unmapped_messages_makes_no_call() -> None:
    """There is nothing to look up."""
    scene = Scene()

    scene.settle(Hint(SalesforceId("Lead", "00Q000000000001AAA"), Change.UPDATED, "1"))

    assert scene.wire.calls == []


def test_a_ledger_that_cannot_be_asked_leaves_every_message() -> None:
    """The outcome of each is the error."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.wire.fail("ledger.find", Unavailable("down", after=7.0))

    (outcome,) = scene.settle(scene.message(pair, Side.POSTGRES))

    assert (outcome.result, outcome.after, str(outcome.error)) == (Result.RETRY, 7.0, "down")


def test_rows_of_two_tables_are_told_apart() -> None:
    """The same primary key in another table is another row."""
    scene = Scene()
    parent = scene.linked(Name="Acme")
    scene.rows.insert("public.contact", {"LastName": "Lee"}, pk=parent.pk)
    scene.drain()

    assert len(scene.ledger.entries) == 2


def test_a_message_fills_in_what_another_of_the_batch_does_not_know() -> None:
    """The row's message names the primary key, the record's the id: both are read at once."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_both(pair, {"Name": "Acme Ltd"}, {"Phone": "2"})
    scene.settle(
        scene.message(Pair("Account", TABLE, None, pair.pk), Side.POSTGRES), scene.message(pair, Side.SALESFORCE)
    )

    assert scene.both(pair, "Name", "Phone") == (("Acme Ltd", "2"), ("Acme Ltd", "2"))
