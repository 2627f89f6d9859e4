"""Which messages are echoes, and how the sides of a record are found."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.model import Change, Side
from chalicelib.core.work import Result
from tests.unit.core.hinting import EDITED, edited, reads, told, values_without
from tests.unit.core.scene import Pair, Scene

# --- what is an echo


def test_an_echo_is_told_as_one() -> None:
    """It is unchanged as others are, but nothing had to be read for it."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    (echo,) = scene.settler.settle([scene.message(pair, Side.POSTGRES)])
    scene.edit_postgres(pair, Name=EDITED)
    (edit,) = scene.settler.settle([scene.message(pair, Side.POSTGRES)])
    assert [(one.result, one.echo) for one in (echo, edit)] == [(Result.UNCHANGED, True), (Result.SETTLED, False)]


def test_a_message_of_an_unsettled_second_is_no_echo() -> None:
    """It holds the base, but its second is to be remembered: an older message may still be on its way."""
    scene, pair, late = edited()
    scene.edit_salesforce(pair, Name="Acme")
    (back,) = scene.take()

    first, second = reads(scene, back), reads(scene, late)

    assert (first, second) == (0, 1)
    assert scene.both(pair, "Name") == ("Acme", "Acme")


def test_the_second_of_a_message_is_remembered() -> None:
    """Also where nothing else is to be written."""
    scene, pair, _ = edited()
    scene.edit_salesforce(pair, Name="Acme")

    scene.settle(*scene.take())

    assert scene.entry(pair).salesforce_second == scene.record(pair).modified_at


@pytest.mark.parametrize("change", [{"record": None}, {"deleted": True}], ids=["no content", "deleted"])
def test_a_message_that_says_nothing_is_no_echo(change: dict[str, Any]) -> None:
    """It is read."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    hint = scene.message(pair, Side.SALESFORCE)

    assert reads(scene, replace(hint, record=None) if "record" in change else told(hint, **change)) == 1


def test_a_message_that_holds_the_base_beside_an_edit_of_the_other_side_is_no_echo() -> None:
    """Each side answers for its own message."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name=EDITED)

    scene.settle(scene.message(pair, Side.SALESFORCE), scene.message(pair, Side.POSTGRES))

    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_a_message_with_a_hidden_field_is_no_echo() -> None:
    """What it does not say cannot be compared; a later look may find an edit."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    hint = scene.message(pair, Side.SALESFORCE)

    assert reads(scene, told(hint, values=values_without(hint, "Phone"))) == 1


def test_a_message_about_a_form_is_no_echo() -> None:
    """A side that holds its form is as it was, but the other is still to follow."""
    scene = Scene()
    pair = scene.linked(Name="ACME")
    scene.records.automation.append(lambda save: {"Name": str(save.after["Name"]).upper()})
    scene.edit_postgres(pair, Name=EDITED)
    scene.wire.then("records.write", lambda: scene.wire.fail("ledger.read"))
    scene.settle()
    formed = scene.both(pair, "Name")

    scene.clock.advance(60.0)
    scene.settle(scene.message(pair, Side.POSTGRES))

    assert (formed, scene.both(pair, "Name")) == ((EDITED, "ACME LTD"), ("ACME LTD", "ACME LTD"))


def test_a_long_text_is_an_echo_by_its_digest() -> None:
    """The ledger has no more of it."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Note="x" * 2000)

    assert reads(scene, scene.message(pair, Side.SALESFORCE), scene.message(pair, Side.POSTGRES)) == 0


# --- how the sides are found


def test_a_row_whose_primary_key_was_changed_is_found_by_its_link() -> None:
    """It is looked for by Salesforce id before it is called absent."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.rows.delete(pair.table, pair.pk or ())
    moved = scene.rows.insert(pair.table, {"Name": EDITED}, sfid=pair.sfid)
    scene.drain()

    assert list(scene.rows.rows(pair.table)) == [moved]
    assert scene.both(Pair(pair.object, pair.table, pair.sfid, moved), "Name") == (EDITED, EDITED)


def test_a_record_that_was_made_anew_under_its_key_is_found_by_it() -> None:
    """It is looked for by key before it is called absent."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name=EDITED)
    scene.drain()
    key = scene.record(pair).key
    scene.records.purge(pair.sfid or "")
    anew = scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme Inc"}, key=key)
    scene.queue.clear()

    scene.settle(scene.message(Pair(pair.object, pair.table, None, pair.pk), Side.POSTGRES))
    scene.edit_postgres(pair, Phone="2")
    scene.drain()

    found = Pair(pair.object, pair.table, anew, pair.pk)
    assert scene.both(found, "Name", "Phone") == (("Acme Inc", "2"), ("Acme Inc", "2"))
    assert len(scene.records.all("Account")) == 1


def test_a_deleted_change_is_a_hint_like_any_other() -> None:
    """A message may say what it will: the record is there, and nothing happens."""
    scene = Scene()
    pair = scene.linked(Name="Acme")

    told = scene.results(replace(scene.message(pair, Side.POSTGRES), change=Change.DELETED))

    assert (told, scene.both(pair, "Name")) == ([Result.UNCHANGED], ("Acme", "Acme"))


def test_a_row_with_another_primary_key_is_not_gone_with_its_record() -> None:
    """Its record was removed for good: the deletion reaches the row where it is now."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    held = scene.row(pair) or {}
    scene.rows.delete(pair.table, pair.pk or ())
    scene.rows.insert(pair.table, held, sfid=pair.sfid)
    scene.records.purge(pair.sfid or "")
    scene.queue.clear()

    scene.settle(scene.message(pair, Side.SALESFORCE, content=False))

    assert (scene.rows.rows(pair.table), scene.entry(pair).alive) == ({}, False)
