"""The guarantees, checked after a run has calmed down."""

from collections import Counter

from chalicelib.core.ledger import BaseState, Entry
from chalicelib.core.mapping import Unit, Values
from tests.simulation.habits import plain
from tests.simulation.world import CODE, OBJECT, TABLE, TWINS, BrokenPromise, World


def check(world: World) -> None:
    """Check every guarantee that this world can break.

    Raises:
        BrokenPromise: one did not hold.
    """
    _one_each(world)
    _matched(world)
    _converged(world)
    _nothing_lost(world)
    _nothing_stale(world)
    _fixed_point(world)


def _one_each(world: World) -> None:
    parked = [entry for entry in world.ledger.entries.values() if entry.refusals]
    rows = {pk: row for pk, row in world.rows.rows(TABLE).items() if pk not in {entry.pk for entry in parked}}
    records = [r for r in world.records.all(OBJECT) if r.id not in {entry.sfid for entry in parked}]
    links = [row.sfid for row in rows.values()]
    if len(set(links)) != len(links) or None in links:
        raise BrokenPromise(f"a row without a record, or two rows of one: {links}")
    if set(links) != {record.id for record in records}:
        raise BrokenPromise(f"rows {sorted(map(str, links))} but records {sorted(record.id for record in records)}")


def _matched(world: World) -> None:
    """A code that one row and one record had is that of one record; one that two rows shared linked neither."""
    if world.weather.deletes:
        return  # who deletes a half before it is matched leaves the other one alone
    codes = Counter(record.values.get(CODE) for record in world.records.all(OBJECT))
    expected = {f"c{number}": 1 for number in range(1, world.weather.filled + 1)}
    if world.weather.filled:
        expected[TWINS] = 3
    found = {str(code): count for code, count in codes.items() if code is not None}
    if found != expected:
        raise BrokenPromise(f"matched records: {found}, not {expected}")


def _converged(world: World) -> None:
    entries = {entry.sfid: entry for entry in world.ledger.entries.values() if entry.alive}
    rows = {row.sfid: row for row in world.rows.rows(TABLE).values()}
    for record in world.records.all(OBJECT):
        entry = entries.get(record.id)
        if entry is not None and entry.refusals:
            continue
        if entry is None or entry.intent is not None:
            raise BrokenPromise(f"{record.id} has no ledger entry, or was left with an intent")
        for unit in world.mapping.units:
            _unit_converged(world, entry, unit, (unit.values(rows[record.id].values), unit.values(record.values)))
    for issue in world.ledger.issues.values():
        shown = [known.id for known in world.ledger.entries[issue.key].issues.values()]
        if (issue.closed_at is None) != (issue.id in shown):
            raise BrokenPromise(f"issue {issue.id} {issue.slot}: open in one place and closed in the other")


def _unit_converged(world: World, entry: Entry, unit: Unit, sides: tuple[Values | None, Values | None]) -> None:
    """Both sides and the ledger agree, or an open issue shows what they hold."""
    issue, base = entry.issues.get(unit.name), entry.bases.get(unit.name)
    where = f"{entry.sfid} {unit.name}"
    if base is not None and base.state is BaseState.STOPPED:
        return
    if sides[0] == sides[1]:
        if issue is not None:
            raise BrokenPromise(f"{where}: agreed, and still an issue")
        if base is None or base.state is not BaseState.AGREED or base.agreed != sides[0]:
            raise BrokenPromise(f"{where}: the ledger does not know {sides[0]}: {base}")
    elif issue is None:
        raise BrokenPromise(f"{where}: {sides}, and no issue; {base}")
    elif (issue.postgres, issue.salesforce) != sides:
        raise BrokenPromise(f"{where}: the issue shows {issue}, not {sides}")
    elif world.ledger.issues[issue.id].closed_at is not None:
        raise BrokenPromise(f"{where}: an open issue whose document is closed")


def _nothing_lost(world: World) -> None:
    """Every value that a user wrote is in the final state or its ancestry, in an issue, or in the history."""
    kept = (
        value
        for values in (
            *(row.values for row in world.rows.rows(TABLE).values()),
            *(record.values for record in world.records.all(OBJECT, deleted=True)),
            *(past.before for past in world.ledger.history),
            *(issue.postgres for issue in world.ledger.issues.values()),
            *(issue.salesforce for issue in world.ledger.issues.values()),
        )
        for value in values.values()
    )
    found: set[str] = set()
    for value in kept:
        if plain(value) not in found:
            found |= world.ancestry(value)
    lost = [value for value in world.parents if value not in found and value not in world.expendable()]
    if lost:
        raise BrokenPromise(f"lost edits: {lost}")


def _nothing_stale(world: World) -> None:
    """No value was written over one that it does not descend from, and no conflict was made of edits in a row."""
    if world.stale:
        raise BrokenPromise(f"not by the edits' order: {world.stale[:3]}")


def _fixed_point(world: World) -> None:
    before = (len(world.rows.writes), len(world.records.writes))
    for _ in range(2):
        world.sweep()
        world.drain()
    if (len(world.rows.writes), len(world.records.writes)) != before:
        raise BrokenPromise("another pass writes again")
