"""Pauses, counts of the brake, and hints that are put aside, in the table."""

import uuid

import pytest

from chalicelib.aws import clients, items
from chalicelib.aws.agenda import Agenda
from chalicelib.aws.pauses import EVERYTHING, Pause, Pauses
from chalicelib.aws.table import Table
from chalicelib.core.errors import ProtocolError
from chalicelib.core.model import Change, Hint, RowId, Side
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

WINDOW = (1_790_000_400.0, 1_790_001_000.0)


@pytest.fixture
def table(aws: Stage) -> Table:
    """The table."""
    return Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock())


@pytest.fixture
def name() -> str:
    """A mapping that no other test uses."""
    return f"m{uuid.uuid4().hex}"


def test_what_is_paused_is_known_until_it_is_resumed(table: Table, name: str) -> None:
    """The last one counts, and one mapping's pause is not another's."""
    pauses = Pauses(table)
    first, last = Pause(name, "", "ann", 1.5), Pause(name, "too many", "", 2.5)
    everything = Pause(EVERYTHING, "", "bob", 3.0)
    for pause in (first, everything, last):
        pauses.pause(pause)
    known = pauses.all()
    assert (known[name], known[EVERYTHING]) == (last, everything)
    pauses.resume(name)
    pauses.resume(EVERYTHING)
    assert {name, EVERYTHING}.isdisjoint(pauses.all())


def test_a_damaged_pause_is_a_defect(table: Table, name: str) -> None:
    """It is not taken for none."""
    table.put_many([items.item(("pauses", f"lifted#{name}"), body={"S": "{}"})])
    with pytest.raises(ProtocolError, match="_Lifted"):
        Pauses(table).lifted(name, 1.0)


def test_writes_are_counted_by_mapping_side_kind_and_window(table: Table, name: str) -> None:
    """By all workers together; a count goes by itself."""
    pauses, others = Pauses(table), Pauses(table)
    later = (WINDOW[1], WINDOW[1] + 600.0)
    assert pauses.count(name, Side.POSTGRES, "deletions", WINDOW, 3) == 3
    assert others.count(name, Side.POSTGRES, "deletions", WINDOW, 4) == 7
    assert pauses.count(name, Side.SALESFORCE, "deletions", WINDOW, 1) == 1
    assert pauses.count(name, Side.POSTGRES, "changes", WINDOW, 1) == 1
    assert pauses.count(name, Side.POSTGRES, "deletions", later, 1) == 1
    item = table.get((f"count#{name}", f"postgres#deletions#{int(WINDOW[0])}"))
    assert item is not None
    assert int(item["expires_at"]["N"]) == int(WINDOW[1]) + 86_400


def test_what_a_person_lets_pass_passes_for_a_while(table: Table, name: str) -> None:
    """And nothing of another mapping."""
    pauses = Pauses(table)
    pauses.lift(name, 50.0)
    assert [pauses.lifted(name, now) for now in (49.0, 50.0)] == [True, False]
    assert not pauses.lifted(f"{name}x", 1.0)


def aside(agenda: Agenda, row: str) -> list[str]:
    """Ids of the hints of a row that are put aside."""
    return [one.hint.hint_id for one in agenda.aside() if one.hint.identity == RowId("public.account", (row,))]


def test_what_is_put_aside_is_woken_by_no_time(table: Table, name: str) -> None:
    """One for each record, until it is sent again."""
    agenda = Agenda(table)
    hint = Hint(RowId("public.account", (name,)), Change.UPDATED, "h1")
    agenda.set_aside(hint, 5.0)
    agenda.set_aside(hint, 6.0)
    assert [one for one in agenda.due(9e9) if one.hint.identity == hint.identity] == []
    [kept] = [one for one in agenda.aside() if one.hint.identity == hint.identity]
    agenda.back(kept)
    assert aside(agenda, name) == []


def test_what_is_put_aside_anew_stays(table: Table, name: str) -> None:
    """It tells of something later than what was sent."""
    agenda = Agenda(table)
    hint = Hint(RowId("public.account", (name,)), Change.UPDATED, "h1")
    agenda.set_aside(hint, 5.0)
    [kept] = [one for one in agenda.aside() if one.hint.identity == hint.identity]
    agenda.set_aside(hint, 6.0)
    agenda.back(kept)
    assert len(aside(agenda, name)) == 1
