"""What a message may save: which stand for a read, which are echoes, and what each costs."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.ledger import Answer
from chalicelib.core.model import Change, Hint, Side
from chalicelib.core.work import Result
from tests.unit.core.scene import Pair, Scene, one

EDITED = "Acme Ltd"


def edited(**values: str | None) -> tuple[Scene, Pair, Hint]:
    """An account that was edited in Salesforce, and the message that tells of it."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_salesforce(pair, **{"Name": EDITED, **values})
    (hint,) = scene.take()
    return scene, pair, hint


def told(hint: Hint, **changes: Any) -> Hint:
    """The same message with other content."""
    assert hint.record is not None
    return replace(hint, record=replace(hint.record, **changes))


def values_without(hint: Hint, *names: str) -> dict[str, Any]:
    """A message's values without some fields."""
    assert hint.record is not None
    return {name: value for name, value in hint.record.values.items() if name not in names}


def reads(scene: Scene, *hints: Hint) -> int:
    """Salesforce calls that settling takes."""
    scene.wire.calls.clear()
    scene.settle(*hints)
    return scene.wire.count("records.")


# --- what it costs


def test_an_edit_of_salesforce_costs_salesforce_no_call() -> None:
    """Its message stands for the read, and nothing is written there."""
    scene, pair, hint = edited()

    assert reads(scene, hint) == 0
    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_an_edit_of_postgres_costs_salesforce_two_calls() -> None:
    """One read and one write."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name=EDITED)

    assert reads(scene, *scene.take()) == 2
    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_the_echo_of_a_write_in_postgres_costs_salesforce_no_call() -> None:
    """The row holds the base: nothing was edited there."""
    scene, _, hint = edited()
    scene.settle(hint)

    assert reads(scene, *scene.take()) == 0


def test_the_echo_of_a_write_in_salesforce_costs_it_no_call() -> None:
    """The message holds the base, and is not newer than what was settled."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_postgres(pair, Name=EDITED)
    scene.settle()

    assert reads(scene, *scene.take()) == 0


def test_an_echo_costs_the_ledger_no_write() -> None:
    """There is nothing to remember."""
    scene = Scene()
    pair = scene.linked(Name="Acme")

    told = scene.results(scene.message(pair, Side.POSTGRES), scene.message(pair, Side.SALESFORCE))

    assert (told, scene.wire.count("ledger.write")) == ([Result.UNCHANGED] * 2, 0)


def test_a_new_record_costs_salesforce_one_read() -> None:
    """What was never settled is read, whatever its message says; its key is asked for beside it."""
    scene = Scene()
    scene.insert_salesforce(Name="Acme")

    assert reads(scene, *scene.take()) == 2


# --- what may stand for a read


def test_a_message_without_content_is_read() -> None:
    """It says only that something may differ."""
    scene, pair, hint = edited()

    assert reads(scene, replace(hint, record=None)) == 1
    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_a_message_beside_one_without_content_is_read() -> None:
    """What the other one is about may be newer."""
    scene, _, hint = edited()

    assert reads(scene, hint, replace(hint, record=None)) == 1


def test_an_incomplete_message_is_read() -> None:
    """A field that was left out of the message is not an empty one where the ledger knows a value."""
    scene, pair, hint = edited()

    assert reads(scene, told(hint, values=values_without(hint, "Phone"))) == 1
    assert scene.both(pair, "Phone") == ("1", "1")


def test_a_message_that_leaves_out_known_nulls_is_complete() -> None:
    """Null fields are left out of outbound messages: where the ledger knows null, nothing can be lost."""
    scene, pair, hint = edited()

    assert reads(scene, told(hint, values=values_without(hint, "Note", "City", "Zip"))) == 0
    assert scene.both(pair, "Name", "Note") == ((EDITED, None), (EDITED, None))


def test_what_a_message_says_goes_before_what_is_known() -> None:
    """A field that was null and is told now has its value."""
    scene, pair, hint = edited(City="Bern")

    assert reads(scene, told(hint, values=values_without(hint, "Note", "Zip"))) == 0
    assert scene.both(pair, "City", "Zip") == (("Bern", None), ("Bern", None))


def test_a_message_about_a_unit_that_was_never_met_is_read() -> None:
    """A field was added to the mapping: nothing is known of its nulls."""
    scene, pair, hint = edited()
    entry = scene.entry(pair)
    bases = {name: base for name, base in entry.bases.items() if name != "Note"}
    scene.ledger.entries[entry.key] = replace(entry, bases=bases)

    assert reads(scene, told(hint, values=values_without(hint, "Note"))) == 1


@pytest.mark.parametrize(("older", "calls"), [(0, 1), (1, 1), (-1, 0)])
def test_a_message_that_is_not_newer_than_the_ledger_is_read(older: int, calls: int) -> None:
    """Another edit of the same second may be the later one."""
    scene, pair, hint = edited()
    entry = scene.entry(pair)
    assert hint.record is not None
    scene.ledger.entries[entry.key] = replace(entry, salesforce_second=hint.record.modified_at + older)

    assert reads(scene, hint) == calls


def test_an_old_message_overwrites_nothing() -> None:
    """It came late: the record is read, and what it once held is of no interest."""
    scene, pair, late = edited()
    scene.edit_salesforce(pair, Name="Acme Inc")
    scene.settle(*scene.take())

    scene.settle(late)

    assert scene.both(pair, "Name") == ("Acme Inc", "Acme Inc")


def test_the_newest_of_several_messages_counts() -> None:
    """In whatever order they come."""
    scene, pair, first = edited()
    scene.edit_salesforce(pair, Name="Acme Inc")
    (second,) = scene.take()

    assert reads(scene, second, first) == 0
    assert scene.both(pair, "Name") == ("Acme Inc", "Acme Inc")


def test_two_messages_of_one_second_that_differ_are_read() -> None:
    """Nobody can say which is the later."""
    scene, pair, hint = edited()
    other = told(hint, values={**values_without(hint), "Name": "Acme Inc"})

    assert reads(scene, hint, other) == 1
    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_two_messages_of_one_second_that_say_the_same_are_one() -> None:
    """A duplicate is no doubt."""
    scene, _, hint = edited()

    assert reads(scene, hint, told(hint)) == 0


def test_a_message_of_a_deleted_record_is_read() -> None:
    """Whether it lies in the bin is a question for the bin."""
    scene, pair, hint = edited()

    assert reads(scene, told(hint, deleted=True)) > 0
    assert scene.both(pair, "Name") == (EDITED, EDITED)


def test_a_message_while_a_conflict_is_open_is_read() -> None:
    """Nothing under way, or no trust."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_both(pair, {"Name": EDITED}, {"Name": "Acme Inc"})
    scene.drain()
    scene.edit_salesforce(pair, Phone="1")

    assert reads(scene, *scene.take()) == 1


def test_a_message_while_an_answer_waits_is_read() -> None:
    """The person was shown both sides as they were read."""
    scene, pair, hint = edited()
    entry = scene.entry(pair)
    answers = {"Phone": Answer("1", one("2"), one("1"), one("1"), "operator")}
    scene.ledger.entries[entry.key] = replace(entry, answers=answers)

    assert reads(scene, hint) == 1


def test_a_message_about_a_row_that_is_linked_elsewhere_is_read() -> None:
    """The link is to be mended, by what both sides say."""
    scene, pair, hint = edited()
    scene.rows.link(pair.table, pair.pk or (), None)

    assert reads(scene, hint) > 0
    assert scene.rows.rows(pair.table)[pair.pk or ()].sfid == pair.sfid


def test_a_message_about_a_deleted_row_is_read() -> None:
    """A deletion against an edit is a conflict, and rests on no message."""
    scene, pair, hint = edited()
    scene.delete_postgres(pair)

    assert reads(scene, hint) > 0
    assert [issue.slot for issue in scene.issues()] == ["*delete"]


def test_a_message_that_leads_to_a_write_in_salesforce_is_read() -> None:
    """Another field was edited in Postgres: what is compared there must have been read there."""
    scene, pair, hint = edited()
    scene.edit_postgres(pair, Phone="2")

    assert reads(scene, hint) == 2
    assert scene.both(pair, "Name", "Phone") == ((EDITED, "2"), (EDITED, "2"))


def test_a_message_that_leads_to_a_conflict_is_read() -> None:
    """A person is shown what stands there, not what a message said."""
    scene, pair, hint = edited()
    scene.records.edit("Account", pair.sfid or "", {"Name": "Acme Inc"})
    scene.edit_postgres(pair, Name="Acme AG")

    assert reads(scene, hint) == 1
    assert [issue.salesforce for issue in scene.issues()] == [{"Name": "Acme Inc"}]


def test_a_message_of_a_second_that_is_still_open_may_be_trusted() -> None:
    """An edit that follows in the same second has a message of its own, which is read."""
    scene, pair, hint = edited()
    scene.records.edit("Account", pair.sfid or "", {"Name": "Acme Inc"})
    (later,) = scene.take()

    first, second = reads(scene, hint), reads(scene, later)

    assert (first, second) == (0, 1)
    assert scene.both(pair, "Name") == ("Acme Inc", "Acme Inc")


# --- what is an echo


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
