"""What holds for every plan, whatever the two sides and the ledger hold."""

from dataclasses import replace

from hypothesis import given

from chalicelib.core.ledger import Entry, Existence, Remembered
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Record, Row, Side, Value
from chalicelib.core.plan import Plan, Seen
from chalicelib.core.planner import plan
from chalicelib.core.recover import Ground, settled
from tests.unit.core.planning import LINKED, MODIFIED, SFID
from tests.unit.core.scene import account
from tests.unit.core.strategies import known, scenes, snapshots


def planned(mapping: ObjectMapping, entry: Entry, seen: Seen) -> Plan:
    """The plan of a record after nothing was interrupted."""
    return plan(mapping, entry, Ground(entry.bases, entry.alive), seen)


def carried_out(entry: Entry, seen: Seen, done: Plan) -> tuple[Entry, Seen]:
    """Both sides and the ledger after a plan, without automation and without anybody else."""
    row, record = seen.postgres, seen.salesforce
    in_postgres, in_salesforce = done.fields.get(Side.POSTGRES, {}), done.fields.get(Side.SALESFORCE, {})
    empty = dict.fromkeys(account().names)
    match done.existence:
        case Existence.INSERT_POSTGRES:
            row = Row(("1",), SFID, empty)
        case Existence.DELETE_POSTGRES:
            row = None
        case Existence.CREATE_SALESFORCE:
            record = Record(SFID, "key", False, empty, None, MODIFIED, "005", True, False)
        case Existence.DELETE_SALESFORCE | Existence.UNDELETE_SALESFORCE if record is not None:
            record = replace(record, deleted=not done.existence.alive)
    if row is not None:
        row = replace(row, sfid=SFID if done.link else row.sfid, values={**row.values, **in_postgres})
    if record is not None:
        record = replace(record, values={**record.values, **in_salesforce})
    bases = {**done.bases, **{name: settled(known(target)) for name, target in done.target.items()}}
    answers = {
        name: given
        for name, given in entry.answers.items()
        if given.id not in done.answers and name not in done.refused_answers
    }
    alive = entry.alive if done.existence is Existence.UNDELETE_SALESFORCE and entry.alive else done.alive
    after = replace(entry, bases=bases, alive=alive, survivor=done.survivor, answers=answers, hops=0)
    return after, Seen(row, record, seen.postgres_edited_at)


@given(scenes())
def test_a_plan_that_was_carried_out_leaves_nothing_to_write(scene: tuple[ObjectMapping, Entry, Seen]) -> None:
    """At once, or after the pass that follows an undelete."""
    mapping, entry, seen = scene
    for _ in range(2):
        entry, seen = carried_out(entry, seen, planned(mapping, entry, seen))

    assert planned(mapping, entry, seen).writes is False


@given(scenes())
def test_a_plan_invents_nothing(scene: tuple[ObjectMapping, Entry, Seen]) -> None:
    """Every value that is written stood on a side, in the ledger, or in a person's answer: all of the unit from one."""
    mapping, entry, seen = scene
    sources: dict[str, set[Remembered]] = {}
    for unit in mapping.units:
        held = [unit.values(side.values) for side in (seen.postgres, seen.salesforce) if side is not None]
        base = entry.bases.get(unit.name)
        remembered = [base.agreed, base.postgres, base.salesforce] if base else []
        given_ = [entry.answers[unit.name].value] if unit.name in entry.answers else []
        sources[unit.name] = {known(values) for values in [*held, *given_] if values} | {r for r in remembered if r}

    done = planned(mapping, entry, seen)

    assert {name: known(target) in sources[name] for name, target in done.target.items()} == dict.fromkeys(
        done.target, True
    )


@given(scenes())
def test_a_plan_writes_just_what_differs(scene: tuple[ObjectMapping, Entry, Seen]) -> None:
    """No field is sent to a side that holds its value already."""
    mapping, entry, seen = scene
    done = planned(mapping, entry, seen)
    held = {
        Side.POSTGRES: seen.postgres.values if seen.postgres else {},
        Side.SALESFORCE: seen.salesforce.values if seen.salesforce and not seen.salesforce.deleted else {},
    }

    assert [
        (side, name)
        for side, values in done.fields.items()
        for name, value in values.items()
        if name in held[side] and held[side][name] == value
    ] == []


@given(scenes())
def test_a_plan_writes_no_side_against_its_way(scene: tuple[ObjectMapping, Entry, Seen]) -> None:
    """Whatever happened, a one-way field is never written on its source."""
    mapping, entry, seen = scene
    done = planned(mapping, entry, seen)

    against = [
        (unit.name, side)
        for unit in mapping.units
        for side, units in ((Side.POSTGRES, done.on_postgres), (Side.SALESFORCE, done.on_salesforce))
        if unit.name in units and side not in unit.writable
    ]

    assert against == []


@given(snapshots, snapshots, snapshots)
def test_a_held_plan_does_not_know_the_sides(
    agreed: dict[str, Value], left: dict[str, Value], right: dict[str, Value]
) -> None:
    """Where nobody is preferred, exchanging the sides exchanges what is written, and shows the same conflicts."""
    mapping = account()
    base = {unit.name: settled(known(unit.values(agreed) or ())) for unit in mapping.units}
    entry = replace(LINKED, bases=base)

    def between(postgres: dict[str, Value], salesforce: dict[str, Value]) -> Plan:
        record = Record(SFID, "key", False, salesforce, None, MODIFIED, "005", False, False)
        return planned(mapping, entry, Seen(Row(("1",), SFID, postgres), record))

    straight, crossed = between(left, right), between(right, left)

    assert straight.fields == {side: crossed.fields[side.other] for side in Side}
    assert [(c.slot, c.postgres, c.salesforce) for c in straight.conflicts] == [
        (c.slot, c.salesforce, c.postgres) for c in crossed.conflicts
    ]


@given(snapshots, snapshots, snapshots)
def test_a_held_plan_overwrites_no_edit(
    agreed: dict[str, Value], left: dict[str, Value], right: dict[str, Value]
) -> None:
    """Only what still stood as agreed is written over."""
    mapping = account()
    base = {unit.name: settled(known(unit.values(agreed) or ())) for unit in mapping.units}
    record = Record(SFID, "key", False, right, None, MODIFIED, "005", False, False)

    done = planned(mapping, replace(LINKED, bases=base), Seen(Row(("1",), SFID, left), record))

    overwritten = {
        (side, name)
        for side, held in ((Side.POSTGRES, left), (Side.SALESFORCE, right))
        for name in done.fields[side]
        if held[name] != agreed[name]
    }
    assert overwritten == set()
