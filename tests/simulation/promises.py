"""The guarantees, checked after a run has calmed down; their numbers are those of ``docs/guarantees.md``.

1 convergence            _converged         8 one issue a conflict    _converged, Lineage (order of edits)
2 fixed point            _fixed_point       9 one record a key        _one_each
3 no lost edit           _nothing_lost     10 parents before children _families
4 no stale overwrite     Lineage           11 no resurrection         _one_each, _nothing_lost (what is excused)
5 no phantom             Lineage, _whole   12 isolation               run: messages end; _converged
6 bounded echo           _bounded          13 capture                 the contract suite, on a real database
7 versions only grow     the fake ledger   14 absence is not null     _converged, _nothing_lost in "hidden"
"""

from collections import Counter

from chalicelib.core.ledger import BaseState, Entry, alike
from chalicelib.core.mapping import ObjectMapping, Unit, Values
from chalicelib.core.model import RowId, SalesforceId, Side
from tests.simulation.people import TWINS, ids
from tests.simulation.sample import CODE, PARENT
from tests.simulation.world import BrokenPromise, World

ECHO = 3  # hops, and room for retries


def check(world: World) -> None:
    """Check every guarantee that this world can break.

    Raises:
        BrokenPromise: one did not hold.
    """
    for mapping in world.mappings.mappings:
        _one_each(world, mapping)
        _converged(world, mapping)
    _issues(world)
    _matched(world)
    _families(world)
    _nothing_lost(world)
    _whole(world)
    if world.lineage.wrongs:
        raise BrokenPromise(f"not by the edits' order: {world.lineage.wrongs[:3]}")
    if world.fences.crossed:
        raise BrokenPromise(f"written while outside of the filter: {world.fences.crossed[:3]}")
    _bounded(world)
    _fixed_point(world)


def _one_each(world: World, mapping: ObjectMapping) -> None:
    apart = [entry for entry in world.ledger.entries.values() if entry.refusals or entry.survivor is not None]
    rows = {pk: row for pk, row in world.rows.rows(mapping.table).items() if pk not in {entry.pk for entry in apart}}
    records = [r for r in world.records.all(mapping.object) if r.id not in {entry.sfid for entry in apart}]
    links = [row.sfid for row in rows.values()]
    if len(set(links)) != len(links) or None in links:
        raise BrokenPromise(f"a row without a record, or two rows of one: {links}")
    if set(links) != {record.id for record in records}:
        raise BrokenPromise(f"rows {sorted(map(str, links))} but records {sorted(record.id for record in records)}")


def _matched(world: World) -> None:
    """A code that one row and one record had is that of one record; one that two rows shared linked neither."""
    if world.weather.deletes or not world.weather.filled:
        return  # who deletes a half before it is matched leaves the other one alone
    codes = Counter(record.values.get(CODE) for record in world.records.all(world.mappings.mappings[0].object))
    expected = {f"c{number}": 1 for number in range(1, world.weather.filled + 1)} | {TWINS: 3}
    found = {str(code): count for code, count in codes.items() if code is not None}
    if found != expected:
        raise BrokenPromise(f"matched records: {found}, not {expected}")


def _converged(world: World, mapping: ObjectMapping) -> None:
    entries = {entry.sfid: entry for entry in world.ledger.entries.values() if entry.alive}
    gone = {entry.sfid for entry in world.ledger.entries.values() if entry.survivor is not None}
    rows = {row.sfid: row for row in world.rows.rows(mapping.table).values()}
    for record in world.records.all(mapping.object):
        entry = entries.get(record.id)
        if record.id in gone or (entry is not None and entry.refusals):
            continue
        if entry is None or entry.intent is not None:
            raise BrokenPromise(f"{record.id} has no ledger entry, or was left with an intent")
        for unit in mapping.units:
            if unit.name != world.weather.hidden:
                sides = unit.values(rows[record.id].values), unit.values(record.values)
                _unit_converged(world, entry, unit, sides)


def _unit_converged(world: World, entry: Entry, unit: Unit, sides: tuple[Values | None, Values | None]) -> None:
    """Both sides and the ledger agree, or an open issue shows what they hold."""
    issue, base = entry.issues.get(unit.name), entry.bases.get(unit.name)
    where = f"{entry.sfid} {unit.name}"
    if base is not None and base.state is BaseState.STOPPED:
        return
    if sides[0] == sides[1]:
        if issue is not None or unit.name in entry.ignored:
            raise BrokenPromise(f"{where}: agreed, and still an issue, or ignored")
        if base is None or base.state is not BaseState.AGREED or not alike(base.agreed, sides[0]):
            raise BrokenPromise(f"{where}: the ledger does not know {sides[0]}: {base}")
    elif issue is None:
        ignored = entry.ignored.get(unit.name)
        if ignored is None or not (alike(ignored.postgres, sides[0]) and alike(ignored.salesforce, sides[1])):
            raise BrokenPromise(f"{where}: {sides}, and no issue; {base}, {ignored}")
    elif unit.name in entry.ignored:
        raise BrokenPromise(f"{where}: an open issue that is ignored")
    elif not (alike(issue.postgres, sides[0]) and alike(issue.salesforce, sides[1])):
        raise BrokenPromise(f"{where}: the issue shows {issue}, not {sides}")
    elif world.ledger.issues[issue.id].closed_at is not None:
        raise BrokenPromise(f"{where}: an open issue whose document is closed")


def _issues(world: World) -> None:
    for issue in world.ledger.issues.values():
        shown = [known.id for known in world.ledger.entries[issue.key].issues.values()]
        if (issue.closed_at is None) != (issue.id in shown):
            raise BrokenPromise(f"issue {issue.id} {issue.slot}: open in one place and closed in the other")


def _families(world: World) -> None:
    """No child refers to what is not there, and nobody waits for a parent that has come.

    What was checked before holds without the sweeper, which now looks after forgotten registrations.
    """
    world.wake()
    for mapping in world.mappings.mappings:
        for record in world.records.all(mapping.object):
            parent = record.values.get(PARENT)
            if isinstance(parent, str) and world.records.peek(parent) is None:
                raise BrokenPromise(f"{record.id} refers to {parent}, which is not there")
    linked = {row.sfid: pk for pk, row in world.rows.rows("public.account").items() if row.sfid is not None}
    there = {SalesforceId("Account", sfid) for sfid in linked} | {RowId("public.account", pk) for pk in linked.values()}
    late = [waiter for waiter in world.ledger.waiting.values() if waiter.parent in there]
    if late:
        raise BrokenPromise(f"waiters that outlive their parents' arrival: {late}")


def _nothing_lost(world: World) -> None:
    """Every edit of a user is in the final state or its ancestry, in an issue, or in the history."""
    places = [(side, id_, name) for side, id_ in _standing(world) for name in _names(world)]
    lost = world.lineage.lost(places)
    if lost:
        raise BrokenPromise(f"lost edits: {lost}")


def _whole(world: World) -> None:
    """A field group is one writer's."""
    if world.weather.automation:
        return
    torn = world.lineage.torn(_standing(world))
    if torn:
        raise BrokenPromise(f"groups of two writers: {torn[:3]}")


def _standing(world: World) -> list[tuple[Side, str]]:
    return [
        one
        for mapping in world.mappings.mappings
        for one in ids(world.rows.rows(mapping.table), world.records.all(mapping.object, deleted=True))
    ]


def _names(world: World) -> set[str]:
    return {name for mapping in world.mappings.mappings for name in mapping.names}


def _bounded(world: World) -> None:
    """Writes of the sync are a small multiple of the edits, of what was tried again, and of decisions."""
    writes = len(world.rows.writes) + len(world.records.writes)
    edits = len({world.lineage.edits[tag] for tag in world.lineage.users})
    again = sum(count for what, count in world.counts.items() if what.startswith(("crash", "fault", "result retry")))
    decided = len(world.lineage.decided) + len(world.ledger.issues)
    most = ECHO * (edits + again + decided) + 2 * len(world.ledger.entries)
    if writes > most:
        raise BrokenPromise(f"{writes} writes after {edits} edits, {again} failures and {decided} decisions")


def _fixed_point(world: World) -> None:
    before = (len(world.rows.writes), len(world.records.writes))
    for _ in range(2):
        world.sweep()
        world.drain()
    if (len(world.rows.writes), len(world.records.writes)) != before:
        raise BrokenPromise("another pass writes again")
