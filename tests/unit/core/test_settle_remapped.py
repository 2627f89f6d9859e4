"""A mapping that changes while entries exist: what is remembered of other fields and columns is no base."""

from dataclasses import replace

from chalicelib.core.ledger import IssueKind
from chalicelib.core.mapping import Mappings, ObjectMapping, Unit
from chalicelib.core.model import Side
from chalicelib.core.settle import Settler
from tests.unit.core.scene import LIMITS, ORG, Pair, Scene

TABLE = "public.account"


def remap(scene: Scene, mapping: ObjectMapping) -> None:
    """`manage.py install` with another mapping file."""
    scene.mapping, scene.mappings = mapping, Mappings((mapping, scene.child))
    scene.rows.mappings = scene.mappings
    scene.settler = Settler(
        mappings=scene.mappings,
        ledger=scene.ledger,
        rows=scene.rows,
        records=scene.records,
        hints=scene.hints,
        clock=scene.clock,
        organization_id=ORG,
        limits=LIMITS,
    )


def move_phone(scene: Scene, pair: Pair, value: str | None) -> None:
    """Phone gets another column, which holds something else; nobody edits anything."""
    listeners, scene.rows.listeners[:] = list(scene.rows.listeners), []
    scene.edit_postgres(pair, Phone=value)
    scene.rows.listeners.extend(listeners)
    columns = tuple(replace(f, column="phone_e164") if f.name == "Phone" else f for f in scene.mapping.fields)
    remap(scene, replace(scene.mapping, fields=columns))


def grow_place(scene: Scene) -> None:
    """The group of the address takes in the field Phone."""
    units = [unit for unit in scene.mapping.units if unit.name not in {"place", "Phone"}]
    remap(scene, replace(scene.mapping, units=(*units, Unit("place", ("City", "Zip", "Phone")))))


def test_an_empty_new_column_is_filled_and_empties_nothing() -> None:
    """Nobody wrote that null: Salesforce keeps its value, and the new column takes it."""
    scene = Scene()
    pair = scene.linked(Name="a", Phone="1")
    move_phone(scene, pair, None)

    scene.edit_salesforce(pair, Name="b")
    scene.drain()

    assert [scene.both(pair, name) for name in ("Name", "Phone")] == [("b", "b"), ("1", "1")]


def test_another_value_in_the_new_column_is_no_edit() -> None:
    """Two systems that meet for the first time: what differs is shown, and not written over."""
    scene = Scene()
    pair = scene.linked(Name="a", Phone="1")
    move_phone(scene, pair, "+1")

    scene.edit_salesforce(pair, Name="b")
    scene.drain()

    assert scene.both(pair, "Phone") == ("+1", "1")
    assert [(issue.slot, issue.kind) for issue in scene.open_issues()] == [("Phone", IssueKind.CONFLICT)]


def test_a_message_about_a_group_that_has_grown() -> None:
    """A base of two values and a unit of three do not fit: such a record is met anew."""
    scene = Scene()
    pair = scene.linked(Name="a", City="c", Zip="z", Phone="1")
    grow_place(scene)

    scene.edit_salesforce(pair, Name="b")
    scene.drain()
    scene.edit_postgres(pair, Phone="2")
    scene.drain()

    assert [scene.both(pair, name) for name in ("Name", "Phone")] == [("b", "b"), ("2", "2")]
    assert scene.issues() == []


def test_entries_from_before_shapes_were_kept() -> None:
    """Their length tells at least that a group has grown; a conflict in it can be shown."""
    scene = Scene()
    pair = scene.linked(Name="a", City="c", Zip="z", Phone="1")
    key = scene.key(pair)
    scene.ledger.entries[key] = replace(scene.ledger.entries[key], shapes={})
    grow_place(scene)

    scene.edit_both(pair, {"City": "p"}, {"City": "s"})
    scene.settle(scene.message(pair, Side.SALESFORCE, content=False))
    scene.drain()

    assert [issue.slot for issue in scene.open_issues()] == ["place"]


def test_an_interrupted_operation_of_another_mapping() -> None:
    """What it was about to write is of another unit now; the rest of it is recovered."""
    scene = Scene()
    pair = scene.linked(Name="a", City="c", Zip="z", Phone="1")
    scene.edit_postgres(pair, City="d", Name="b")
    scene.wire.lose_answer("records.write")
    hints = scene.take()
    scene.settle(*hints)
    grow_place(scene)
    scene.clock.advance(60.0)

    scene.settle(*hints)
    scene.drain()

    assert [scene.both(pair, name) for name in ("Name", "City")] == [("b", "b"), ("d", "d")]
    assert scene.open_issues() == []
