"""A worker that dies at any of its calls loses nothing, and leaves nothing twice."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.ledger import Entry
from tests.fakes.records import Save
from tests.fakes.rows import upper
from tests.unit.core.scene import VISIBILITY, Pair, Scene
from tests.unit.core.wire import WorkerDied

TABLE = "public.account"


def edited_in_postgres() -> Scene:
    """One edit on its way to Salesforce."""
    scene = Scene()
    scene.edit_postgres(scene.linked(Name="Acme"), Name="Acme Ltd")
    return scene


def edited_in_salesforce() -> Scene:
    """One edit on its way to Postgres."""
    scene = Scene()
    scene.edit_salesforce(scene.linked(Name="Acme"), Name="Acme Ltd")
    return scene


def edited_on_both_sides() -> Scene:
    """Two edits of two fields."""
    scene = Scene()
    scene.edit_both(scene.linked(Name="Acme"), {"Name": "Acme Ltd"}, {"Phone": "1"})
    return scene


def in_conflict() -> Scene:
    """Two edits of one field, and one of another."""
    scene = Scene()
    scene.edit_both(scene.linked(Name="Acme"), {"Name": "Acme Ltd"}, {"Name": "Acme Inc", "Phone": "2"})
    return scene


def answered() -> Scene:
    """A conflict that a person decided with a value of their own, in a text that the ledger keeps as a digest."""
    scene = Scene()
    pair = scene.linked(Note="a" * 2000)
    scene.edit_both(pair, {"Note": "b" * 2000}, {"Note": "c" * 2000})
    scene.drain()
    scene.answer(pair, "Note", "d" * 2000)
    return scene


def inserted_in_postgres() -> Scene:
    """A new row."""
    scene = Scene()
    scene.insert_postgres(Name="Acme")
    return scene


def created_in_salesforce() -> Scene:
    """A new record."""
    scene = Scene()
    scene.insert_salesforce(Name="Acme")
    return scene


def deleted_in_postgres() -> Scene:
    """A deletion on its way to Salesforce."""
    scene = Scene()
    scene.delete_postgres(scene.linked(Name="Acme"))
    return scene


def deleted_in_salesforce() -> Scene:
    """A deletion on its way to Postgres."""
    scene = Scene()
    scene.delete_salesforce(scene.linked(Name="Acme"))
    return scene


def _deleted_and_edited(where: str) -> Scene:
    scene = Scene()
    pair: Pair = scene.linked(Name="Acme")
    if where == "postgres":
        scene.delete_postgres(pair)
        scene.edit_salesforce(pair, Name="Acme Ltd")
        return scene
    scene.delete_salesforce(pair)
    if where == "for good":
        scene.records.purge(pair.sfid or "")
    scene.edit_postgres(pair, Name="Acme Ltd")
    return scene


def deleted_in_postgres_and_edited() -> Scene:
    """The row is to come back."""
    return _deleted_and_edited("postgres")


def deleted_in_salesforce_and_edited() -> Scene:
    """The record is to come out of the bin, and then to get the edit."""
    return _deleted_and_edited("salesforce")


def purged_and_edited() -> Scene:
    """The record is to be made anew."""
    return _deleted_and_edited("for good")


def revived_in_salesforce() -> Scene:
    """A user takes a record out of the bin after its row has gone."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.delete_salesforce(pair)
    scene.drain()
    scene.records.undelete("Account", pair.sfid or "")
    return scene


def revived_in_postgres() -> Scene:
    """A user inserts a deleted row again."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.delete_postgres(pair)
    scene.drain()
    scene.rows.insert(TABLE, {"Name": "Acme again"}, pk=pair.pk)
    return scene


def formed_by_postgres() -> Scene:
    """A trigger stores another form of what is written."""
    scene = Scene()
    pair = scene.linked(Name="ACME")
    scene.rows.triggers[TABLE] = [upper("Name")]
    scene.edit_salesforce(pair, Name="Acme Ltd")
    return scene


def _shout(save: Save) -> dict[str, Any]:
    return {"Name": str(save.after["Name"]).upper()}


def formed_by_salesforce() -> Scene:
    """Automation stores another form of what is written."""
    scene = Scene()
    pair = scene.linked(Name="ACME")
    scene.records.automation.append(_shout)
    scene.edit_postgres(pair, Name="Acme Ltd")
    return scene


def extended_by_salesforce() -> Scene:
    """Automation sets a field beside the one that is written."""
    scene = Scene()
    pair = scene.linked(Name="Acme")
    scene.records.automation.append(lambda save: {"Phone": save.after["Name"]})
    scene.edit_postgres(pair, Name="Acme Ltd")
    return scene


STORIES = [
    edited_in_postgres,
    edited_in_salesforce,
    edited_on_both_sides,
    in_conflict,
    answered,
    inserted_in_postgres,
    created_in_salesforce,
    deleted_in_postgres,
    deleted_in_salesforce,
    deleted_in_postgres_and_edited,
    deleted_in_salesforce_and_edited,
    purged_and_edited,
    revived_in_salesforce,
    revived_in_postgres,
    formed_by_postgres,
    formed_by_salesforce,
    extended_by_salesforce,
]


def settled(scene: Scene) -> dict[str, Any]:
    """What is there in the end: rows, records, what the ledger knows of them, and issues that wait."""

    def known(entry: Entry) -> tuple[Any, ...]:
        return entry.alive, entry.intent, {unit: base.state for unit, base in entry.bases.items()}

    return {
        "rows": sorted((row.sfid, dict(row.values)) for row in scene.rows.rows(TABLE).values()),
        "records": [(record.id, dict(record.values)) for record in scene.records.all("Account")],
        "entries": [known(entry) for entry in scene.ledger.entries.values()],
        "issues": [(issue.slot, issue.postgres, issue.salesforce) for issue in scene.open_issues()],
    }


def calls_of(story: Callable[[], Scene]) -> int:
    """How many calls the first worker makes."""
    scene = story()
    scene.wire.calls.clear()
    scene.settle()
    return len(scene.wire.calls)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES)
def test_a_worker_may_die_at_any_call(story: Callable[[], Scene], late: bool) -> None:
    """Whatever call a worker dies at, its messages come again and everything ends as if it had lived."""
    undisturbed = story()
    undisturbed.drain()
    ends = {}

    calls = calls_of(story)
    for number in range(1, calls + 1):
        scene = story()
        scene.wire.calls.clear()
        hints = scene.take()
        scene.wire.dies_at, scene.wire.dies_late = number, late
        with pytest.raises(WorkerDied):
            scene.settle(*hints)
        scene.wire.dies_at = 0
        scene.queue[:0] = hints
        scene.clock.advance(VISIBILITY)
        scene.drain()
        ends[number] = settled(scene)

    assert ends == dict.fromkeys(range(1, calls + 1), settled(undisturbed))
