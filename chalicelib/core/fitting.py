"""An entry as a mapping that was changed since may use it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from chalicelib.core.ledger import Base, Entry
from chalicelib.core.mapping import ObjectMapping, Unit

T = TypeVar("T")


def fitted(entry: Entry, mapping: ObjectMapping) -> Entry:
    """An entry as this mapping may use it: without what is remembered of units that were made of something else.

    A unit whose column or group has changed since is met for the first time again. Its old base would take the new
    column's values for edits: one that is still empty would empty Salesforce.
    """
    changed = {name for name, shape in mapping.shapes.items() if entry.shapes.get(name, shape) != shape}
    changed |= {unit.name for unit in mapping.units if not _as_long(entry.bases.get(unit.name), unit)}
    intent = entry.intent
    if intent is not None and changed:
        intent = replace(
            intent,
            target=_without(intent.target, changed),
            on_postgres=intent.on_postgres - changed,
            on_salesforce=intent.on_salesforce - changed,
            seen_postgres=_without(intent.seen_postgres, changed),
            seen_salesforce=_without(intent.seen_salesforce, changed),
        )
    return replace(
        entry,
        bases=_without(entry.bases, changed),
        intent=intent,
        answers=_without(entry.answers, changed),
        ignored=_without(entry.ignored, changed),
        echoes={at: value for at, value in entry.echoes.items() if at[1] not in changed},
        shapes={**entry.shapes, **mapping.shapes},
    )


def _without(units: Mapping[str, T], changed: Collection[str]) -> Mapping[str, T]:
    return {name: value for name, value in units.items() if name not in changed}


def _as_long(base: Base | None, unit: Unit) -> bool:
    """Whether a base has as many values as the unit; the shapes say more, but early entries have none."""
    held = () if base is None else (base.agreed, base.postgres, base.salesforce)
    return all(values is None or len(values) == len(unit.fields) for values in held)
