"""What is sent to each side, less what that side is known to refuse.

A refused field behaves like a held one: the other fields go on, and each distinct write is tried once. The write is
tried again when its values change, or when anything changes on the side that refused it. A new record is made without
the fields that were blamed, unless the system refuses it without them too, or nothing is left of it.
"""

from collections.abc import Mapping

from chalicelib.core.ledger import Entry, Refusal
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Known, Side, same
from chalicelib.core.plan import Plan, Seen
from chalicelib.core.recover import Ground


def fill_fields(mapping: ObjectMapping, seen: Seen, plan: Plan) -> None:
    """Set ``plan.fields``: per side, the fields of the planned units that differ there; of a new record, all."""
    for side, units, held in (
        (Side.POSTGRES, plan.on_postgres, seen.postgres if seen.in_postgres else None),
        (Side.SALESFORCE, plan.on_salesforce, seen.salesforce if seen.in_salesforce else None),
    ):
        there = held.values if held is not None else {}
        plan.fields[side] = {
            name: value
            for unit in mapping.units
            if unit.name in units
            for name, value in zip(unit.fields, plan.target[unit.name], strict=True)
            if name not in there or not same(there[name], value)
        }


def hold_back(mapping: ObjectMapping, entry: Entry, ground: Ground, seen: Seen, plan: Plan) -> None:
    """Leave out of a plan what a side refused before, while nothing there has changed since."""
    for side in Side:
        refusal = entry.refusals.get(side)
        if refusal is None or not plan.writes_on(side) or _moved_since(side, refusal, seen):
            continue
        existence = plan.existence is not None and plan.existence.side is side
        dropped, whole = _repeated(mapping, plan, side, refusal, existence=existence)
        if not dropped and not whole:
            continue
        plan.held_back.add(side)
        for name in dropped:
            plan.leave_out(name)
        if existence and whole:
            plan.existence, plan.link, plan.alive = None, False, ground.alive
        elif side is Side.POSTGRES and whole:
            plan.link = False
        fill_fields(mapping, seen, plan)


def _repeated(
    mapping: ObjectMapping, plan: Plan, side: Side, refusal: Refusal, *, existence: bool
) -> tuple[set[str], bool]:
    """The units that would repeat a refused write, and whether nothing is left to be written beside them."""
    written = plan.fields[side]
    repeated = {name for name, item in refusal.items.items() if name in written and same(written[name], item)}
    units = set(plan.target) if existence else set(plan.on_postgres if side is Side.POSTGRES else plan.on_salesforce)
    if not refusal.named:
        return (units, True) if _equal(written, refusal.items) else (set(), False)
    blamed = {unit.name for unit in mapping.units if repeated.intersection(unit.fields)}
    gone = {name for unit in blamed for name in mapping.by_unit[unit].fields}
    left = {name: value for name, value in written.items() if name not in gone}
    nothing_left = existence and bool(blamed) and all(value is None for value in left.values())
    return (units, True) if nothing_left or _equal(left, refusal.rest) else (blamed, False)


def _equal(written: Mapping[str, Known], refused: Mapping[str, Known] | None) -> bool:
    """Whether a write is just the one that was refused as a whole."""
    return (
        refused is not None
        and written.keys() == refused.keys()
        and all(same(written[name], value) for name, value in refused.items())
    )


def _moved_since(side: Side, refusal: Refusal, seen: Seen) -> bool:
    """Whether the refusing side holds anything else than when it refused."""
    held = seen.postgres if side is Side.POSTGRES else seen.salesforce
    now = held.values if held is not None else {}
    return any(name not in now or not same(now[name], known) for name, known in refusal.seen.items())
