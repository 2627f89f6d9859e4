"""Writes under conditions: whoever was slower starts again, and overwrites nothing."""

import pytest

from chalicelib.core.errors import (
    Unavailable,
)
from chalicelib.core.ledger import Cause
from chalicelib.core.model import LONG_TEXT, Side
from chalicelib.core.ports import Stale, WriteKind
from chalicelib.core.work import Result
from tests.unit.core.scene import LIMITS, Pair, Scene

EDITED = "Acme Ltd"


def edited() -> tuple[Scene, Pair]:
    """An account that was edited in Postgres."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_postgres(pair, Name=EDITED)
    return scene, pair


# --- what is sent


def test_a_write_says_what_it_expects() -> None:
    """The record as it was read, the new values of the changed fields, the operation that the intent names."""
    scene, pair = edited()
    seen = scene.record(pair)
    scene.settle()

    (write,) = scene.records.writes

    assert (write.kind, write.key, write.values) == (WriteKind.UPDATE, scene.key(pair), {"Name": EDITED})
    assert write.expected == seen
    assert scene.record(pair).marker == write.operation


def test_a_write_of_a_row_says_what_it_expects() -> None:
    """The row and the marker as they were read; a link that is there is not written again."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_salesforce(pair, Name=EDITED)
    seen = scene.rows.rows(pair.table)[pair.pk or ()]
    scene.settle()

    (write,) = scene.rows.writes

    assert (write.kind, write.key, write.values) == (WriteKind.UPDATE, scene.key(pair), {"Name": EDITED})
    assert (write.expected.row, write.sfid, write.pk) == (seen, None, None)
    assert write.expected.marker is not None


def test_a_delete_writes_no_values() -> None:
    """On neither side."""
    scene = Scene()
    first, second = scene.linked(Name="Acme"), scene.linked(Name="Bcme")
    scene.delete_postgres(first)
    scene.delete_salesforce(second)
    scene.drain()

    assert [(write.kind, write.values) for write in scene.records.writes] == [(WriteKind.DELETE, {})]
    assert [(write.kind, write.values, write.sfid) for write in scene.rows.writes] == [(WriteKind.DELETE, {}, None)]


def test_postgres_is_written_before_salesforce() -> None:
    """And the ledger before both and after both."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_both(pair, {"Name": EDITED}, {"Phone": "2"})
    scene.settle()

    writes = [call for call in scene.wire.calls if call.endswith(".write")]

    assert writes[:4] == ["ledger.write", "rows.write", "records.write", "ledger.write"]


def test_what_is_overwritten_stands_in_the_history_before_it_is() -> None:
    """With the operation, the side, the cause, who made the edit, and when."""
    scene, pair = edited()
    scene.wire.fail("records.write")
    scene.settle()

    (written,) = scene.ledger.history
    intent = scene.entry(pair).intent

    assert intent is not None
    assert (written.operation, written.key, written.mapping) == (intent.operation, scene.key(pair), "account")
    assert (written.side, written.cause, written.actor, written.at) == (
        Side.SALESFORCE,
        Cause.EDIT,
        "app",
        scene.clock.now(),
    )
    assert (written.before, written.after) == ({"Name": "Acme"}, {"Name": EDITED})


def test_a_long_text_is_written_and_kept_in_full() -> None:
    """The ledger's entry has its digest; the sides and the history have the text."""
    old, new = "x" * (LONG_TEXT + 1), "y" * (LONG_TEXT + 1)
    scene = Scene()
    pair = scene.linked(Note=old)
    scene.edit_postgres(pair, Note=new)
    scene.drain()

    (written,) = scene.ledger.history

    assert (scene.both(pair, "Note"), written.before, written.after) == ((new, new), {"Note": old}, {"Note": new})
    assert new not in repr(scene.entry(pair))


# --- somebody was faster


def test_an_edit_of_the_row_before_it_is_written_is_not_overwritten() -> None:
    """The row is not what was seen: everything is read again."""
    scene = Scene()
    pair = scene.linked(Name="Acme", Phone="1")
    scene.edit_salesforce(pair, Name=EDITED)

    scene.wire.meanwhile("rows.write", lambda: scene.edit_postgres(pair, Phone="2"))
    told = scene.results()

    assert (told, scene.both(pair, "Name", "Phone")) == ([Result.SETTLED], ((EDITED, "2"), (EDITED, "2")))


def test_an_edit_of_the_record_before_it_is_written_is_not_overwritten() -> None:
    """The record is not what was seen: everything is read again."""
    scene, pair = edited()

    scene.wire.meanwhile("records.write", lambda: scene.edit_salesforce(pair, Phone="2"))
    told = scene.results()

    assert (told, scene.both(pair, "Name", "Phone")) == ([Result.SETTLED], ((EDITED, "2"), (EDITED, "2")))


@pytest.mark.parametrize("side", list(Side))
def test_an_edit_of_the_same_field_before_it_is_written_is_a_conflict(side: Side) -> None:
    """Nothing was written over it: both values are kept and shown."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    if side is Side.POSTGRES:
        scene.edit_salesforce(pair, Name=EDITED)
        scene.wire.meanwhile("rows.write", lambda: scene.edit_postgres(pair, Name="Acme Inc"))
    else:
        scene.edit_postgres(pair, Name=EDITED)
        scene.wire.meanwhile("records.write", lambda: scene.edit_salesforce(pair, Name="Acme Inc"))
    scene.drain()

    assert set(scene.both(pair, "Name")) == {EDITED, "Acme Inc"}
    assert len(scene.open_issues()) == 1


def test_a_record_that_keeps_moving_is_left_for_later() -> None:
    """After so many rounds the message comes again; nothing is held meanwhile."""
    scene, pair = edited()
    for number in range(LIMITS.rounds):
        scene.wire.meanwhile("records.write", lambda n=number: scene.edit_salesforce(pair, Zip=str(n)))  # type: ignore[misc]

    (outcome,) = scene.settle()

    assert (outcome.result, outcome.after, type(outcome.error).__name__) == (Result.RETRY, 1.0, "Superseded")
    assert scene.entry(pair).leased(scene.clock.now()) is False


def test_so_many_rounds_are_gone() -> None:
    """One less than the last is enough for a record that came to rest."""
    scene, pair = edited()
    for number in range(LIMITS.rounds - 1):
        scene.wire.meanwhile("records.write", lambda n=number: scene.edit_salesforce(pair, Zip=str(n)))  # type: ignore[misc]

    assert scene.results() == [Result.SETTLED]


def test_a_worker_that_wrote_the_entry_first_is_met_by_its_lease() -> None:
    """Two workers with one record: one writes, the other leaves it to the first."""
    scene, pair = edited()
    hint = scene.message(pair, Side.POSTGRES)
    other: list[Result] = []

    scene.wire.then("records.read", lambda: other.extend(scene.results(hint)))
    told = scene.results(hint)

    assert (other, told) == ([Result.SETTLED], [Result.UNCHANGED])
    assert (len(scene.records.writes), scene.both(pair, "Name")) == (1, (EDITED, EDITED))


def test_a_new_record_that_another_worker_settles_first_is_not_made_twice() -> None:
    """The entry that was not there is there now: the condition fails."""
    scene = Scene()
    pair = scene.insert_postgres(Name="Acme")
    (hint,) = scene.take()

    scene.wire.meanwhile("ledger.write", lambda: scene.settle(hint))
    scene.settle(hint)

    assert (len(scene.records.all("Account")), len(scene.rows.rows("public.account"))) == (1, 1)
    assert scene.both(scene.find(pair), "Name") == ("Acme", "Acme")


# --- requests that land late


def test_a_late_request_of_an_abandoned_operation_fails() -> None:
    """A, B, A: a user set the old value again, and still the first operation's request does not pass."""
    scene, pair = edited()
    scene.settle()
    (late,) = scene.records.writes
    scene.edit_salesforce(pair, Name="Acme")
    scene.drain()

    outcomes = scene.records.write([late])

    assert (outcomes, scene.both(pair, "Name")) == ([Stale()], ("Acme", "Acme"))


def test_a_late_request_in_postgres_fails() -> None:
    """The marker of a later operation stands there, whatever the values are."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.edit_salesforce(pair, Name=EDITED)
    scene.drain()
    (late,) = scene.rows.writes
    scene.edit_postgres(pair, Name="Acme")
    scene.drain()

    outcomes = scene.rows.write([late])

    assert (outcomes, scene.both(pair, "Name")) == ([Stale()], ("Acme", "Acme"))


def test_a_request_that_timed_out_and_lands_is_found_by_its_marker() -> None:
    """It was given up, and landed before anybody looked again: it is adopted, not written twice."""
    scene, pair = edited()
    scene.wire.lose_answer("records.write", Unavailable("no answer"))

    scene.drain()

    assert (scene.both(pair, "Name"), len(scene.records.writes)) == ((EDITED, EDITED), 1)
    assert scene.entry(pair).intent is None
