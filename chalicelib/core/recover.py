"""What an interrupted operation left behind: the bases as they are now.

An operation writes its intent, then Postgres, then Salesforce, then its result. Whoever comes after a crash between
any two of these finds the intent, and learns from the markers what landed:

    time  ->  intent written | Postgres written | Salesforce written | result written
    crash here:              ^                  ^                    ^
    bases:    as before        Postgres: target   both: target
                               Salesforce: seen

A marker that equals the operation is proof that the write landed, whatever the client was told; the bases follow from
that alone, never from a timeout.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.core.ledger import Base, BaseState, Entry, Existence, Intent, Remembered, alike
from chalicelib.core.mapping import ObjectMapping, Unit, Values
from chalicelib.core.model import Fields, Record, RowState, Side, condense


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan starts from.

    Attributes:
        bases: per unit, as known after recovery.
        alive: whether the record is there, as known after recovery.
        withdrawn: the sides that the interrupted operation was to write, and did not.
    """

    bases: Mapping[str, Base]
    alive: bool | None
    withdrawn: frozenset[Side] = frozenset()


def remember(values: Values) -> Remembered:
    """A unit's values in the form in which the ledger keeps them."""
    return tuple(condense(value) for value in values)


def unit_values(mapping: ObjectMapping, fields: Fields) -> dict[str, Values]:
    """A snapshot by merge unit; units with a missing field are left out."""
    found = ((unit.name, unit.values(fields)) for unit in mapping.units)
    return {name: values for name, values in found if values is not None}


def settled(values: Remembered) -> Base:
    """The base of a unit that both sides hold."""
    return Base(values, values, values)


def formed(base: Base, side: Side, stored: Remembered) -> Base:
    """The base after a side stored another form than was written: the other side is behind by a form."""
    if side is Side.POSTGRES:
        return Base(stored, stored, base.salesforce, BaseState.FORM)
    return Base(stored, base.postgres, stored, BaseState.FORM)


def buried(bases: Mapping[str, Base], in_bin: Mapping[str, Remembered], existence: Existence | None) -> dict[str, Base]:
    """The bases once a deletion has closed a side's history: what lies in the recycle bin counts as agreed.

    Args:
        bases: per unit.
        in_bin: what Salesforce held when it was deleted, per unit; empty where there was nothing.
        existence: the write that happened; an undelete brings the bin's values back, anything else ends the record.
    """
    result = dict(bases)
    for unit, values in in_bin.items():
        base = bases.get(unit)
        if existence is not Existence.UNDELETE_SALESFORCE:
            result[unit] = settled(values)
        elif base is None or alike(base.salesforce, values):
            continue
        elif base.state is BaseState.HALF:
            result[unit] = replace(base, salesforce=values)
        else:
            state = BaseState.AGREED if alike(base.postgres, values) else BaseState.FORM
            result[unit] = Base(values, base.postgres, values, state)
    return result


def recover(mapping: ObjectMapping, entry: Entry, postgres: RowState, salesforce: Record | None) -> Ground:
    """The bases of a record, its last operation accounted for."""
    intent = entry.intent
    if intent is None:
        return Ground(entry.bases, entry.alive)
    landed = frozenset(
        side
        for side, marker in (
            (Side.POSTGRES, postgres.marker.operation if postgres.marker is not None else None),
            (Side.SALESFORCE, salesforce.marker if salesforce is not None else None),
        )
        if marker == intent.operation
    )
    bases = dict(entry.bases)
    for unit, target in intent.target.items():
        base = _recover_unit(unit, target, intent, landed)
        if base is None:
            continue
        bases[unit] = base
        if base.state is BaseState.AGREED:
            bases[unit] = _recover_form(mapping.by_unit.get(unit), target, intent, postgres, salesforce)
    withdrawn = frozenset(side for side in Side if intent.writes_on(side)) - landed
    if intent.existence is None:
        return Ground(bases, intent.alive, withdrawn)
    if not _existence_landed(intent, postgres, salesforce, landed):
        return Ground(bases, entry.alive, withdrawn)
    withdrawn -= {intent.existence.side}
    if intent.existence in (Existence.INSERT_POSTGRES, Existence.CREATE_SALESFORCE):
        return Ground(bases, intent.alive, withdrawn)
    return Ground(buried(bases, intent.seen_salesforce, intent.existence), intent.alive, withdrawn)


def _recover_unit(unit: str, target: Remembered, intent: Intent, landed: frozenset[Side]) -> Base | None:
    """The base of one unit of an interrupted operation; None where nothing of it landed."""
    on_postgres, on_salesforce = unit in intent.on_postgres, unit in intent.on_salesforce
    done_postgres = Side.POSTGRES in landed or not on_postgres
    done_salesforce = Side.SALESFORCE in landed or not on_salesforce
    if done_postgres and done_salesforce:
        return settled(target)
    if not (on_postgres and on_salesforce and (done_postgres or done_salesforce)):
        return None
    return Base(
        target,
        target if done_postgres else intent.seen_postgres.get(unit),
        target if done_salesforce else intent.seen_salesforce.get(unit),
        BaseState.HALF if intent.answers else BaseState.FORM,
    )


def _recover_form(
    unit: Unit | None,
    target: Remembered,
    intent: Intent,
    postgres: RowState,
    salesforce: Record | None,
) -> Base:
    """The base of a unit that landed everywhere, the forms in which the sides stored it accounted for.

    A form is attributed only to whoever provably made it: in Postgres what the marker's transaction left, in
    Salesforce what stands there while our marker and our own user are still the last to have written.
    """
    base = settled(target)
    if unit is None:  # the mapping has changed since
        return base
    if unit.name in intent.on_postgres and postgres.marker is not None:
        stored = unit.values(postgres.marker.stored)
        if stored is not None and not alike(remember(stored), target):
            base = formed(base, Side.POSTGRES, remember(stored))
    if unit.name in intent.on_salesforce and salesforce is not None and salesforce.ours:
        stored = unit.values(salesforce.values)
        if stored is not None and not alike(remember(stored), target):
            base = formed(base, Side.SALESFORCE, remember(stored))
    return base


def _existence_landed(intent: Intent, postgres: RowState, salesforce: Record | None, landed: frozenset[Side]) -> bool:
    """Whether the planned insert, delete or undelete took place (by us, or by a user to the same effect)."""
    in_postgres = postgres.row is not None
    in_salesforce = salesforce is not None and not salesforce.deleted
    match intent.existence:
        case Existence.INSERT_POSTGRES:
            return Side.POSTGRES in landed
        case Existence.DELETE_POSTGRES:
            return Side.POSTGRES in landed or not in_postgres
        case Existence.UNDELETE_SALESFORCE:
            return not intent.failed and (in_salesforce or Side.SALESFORCE in landed)
        case Existence.CREATE_SALESFORCE:
            return in_salesforce or Side.SALESFORCE in landed
        case _:  # DELETE_SALESFORCE
            return not in_salesforce or Side.SALESFORCE in landed
