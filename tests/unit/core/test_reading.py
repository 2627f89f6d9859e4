"""What a message may save: which stand for a read, and what each costs."""

from dataclasses import replace

import pytest

from chalicelib.core.ledger import Answer
from chalicelib.core.model import Side
from chalicelib.core.work import Result
from tests.unit.core.hinting import EDITED, edited, reads, told, values_without
from tests.unit.core.scene import Scene, one

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


@pytest.mark.parametrize(("older", "calls"), [(0, 2), (1, 2), (-1, 0)])
def test_a_message_that_is_not_newer_than_the_ledger_is_read(older: int, calls: int) -> None:
    """Another edit of the same second may be the later one; nor would the next one show, so it is read again."""
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
    """An edit that follows in the same second has a message of its own, which is read, and read again."""
    scene, pair, hint = edited()
    scene.records.edit("Account", pair.sfid or "", {"Name": "Acme Inc"})
    (later,) = scene.take()

    first, second = reads(scene, hint), reads(scene, later)

    assert (first, second) == (0, 2)
    assert scene.both(pair, "Name") == ("Acme Inc", "Acme Inc")
