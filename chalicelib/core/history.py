"""A record's history as people read it, and what it says of an earlier moment.

What a write overwrites is told of before the write, with its intent, for afterwards it could not be read any more:

    intent, history | Postgres written | Salesforce refuses | the next pass: "withdrawn" for Salesforce

So of each thing told it is to be found out whether it took place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.core.ledger import Cause, Entry, History
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Known, Side, Value


@dataclass(frozen=True, slots=True)
class Told:
    """One thing told.

    Attributes:
        history: what was to be written.
        done: whether it took place; of an operation that is under way nobody knows yet, and it counts as done.
    """

    history: History
    done: bool


def told(history: Iterable[History]) -> list[Told]:
    """What was written and what was to be, in the order given."""
    known = list(history)
    withdrawn = {(one.operation, one.side) for one in known if one.cause is Cause.WITHDRAWN}
    return [Told(one, (one.operation, one.side) not in withdrawn) for one in known if one.cause is not Cause.WITHDRAWN]


@dataclass(frozen=True, slots=True)
class Then:
    """What a record held at an earlier moment, as far as its history says.

    Attributes:
        values: by field; fields that nobody changed since are left out.
        disputed: by field, the values of the sides where a decision since has overwritten both.
        unknown: fields of a record that was made on one side only later.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    disputed: Mapping[str, Mapping[Side, Value]] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


def then(history: Iterable[History], moment: float) -> Then:
    """What a record held at a moment: what the first write after it has overwritten.

    An edit of one side is told of where it is carried to the other, so one item speaks for both. Only a decision that
    overwrote both sides leaves two values to choose from.

    Args:
        history: of one record, in any order.
        moment: seconds since the epoch.
    """
    first: dict[str, list[History]] = {}
    later = [one.history for one in told(history) if one.done and one.history.at > moment]
    for past in sorted(later, key=lambda one: one.at):
        for name in {**past.before, **past.after}:
            known = first.setdefault(name, [])
            if not known or known[0].operation == past.operation:
                known.append(past)
    values: dict[str, Value] = {}
    disputed: dict[str, dict[Side, Value]] = {}
    unknown: set[str] = set()
    for name, written in first.items():
        held = {past.side: past.before[name] for past in written if name in past.before}
        if not held:
            unknown.add(name)
        elif len(set(held.values())) > 1:
            disputed[name] = held
        else:
            values[name] = next(iter(held.values()))
    return Then(values, disputed, frozenset(unknown))


def now(entry: Entry, mapping: ObjectMapping) -> Mapping[str, Mapping[Side, Known]]:
    """What both sides are known to hold, by field; fields of which one side is not known are left out."""
    held: dict[str, dict[Side, Known]] = {}
    for unit in mapping.units:
        base = entry.bases.get(unit.name)
        if base is None or base.postgres is None or base.salesforce is None:
            continue
        for name, ours, theirs in zip(unit.fields, base.postgres, base.salesforce, strict=True):
            held[name] = {Side.POSTGRES: ours, Side.SALESFORCE: theirs}
    return held
