"""A person puts back what a record held at an earlier moment, or some fields of it.

What is put back goes into the record's entry like any decision, and is written by the settle step alone: it is refused
where a side has moved since, and stands in the history as a change of its own, which can be put back again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.core.errors import Rejected
from chalicelib.core.history import Then, now, then
from chalicelib.core.ledger import Answer, Base, Entry, History, Issue, alike
from chalicelib.core.mapping import Mappings, ObjectMapping, Unit
from chalicelib.core.model import Fields, Known, RecordKey, Side, Value, same
from chalicelib.core.ports import Clock, Kept, Stale
from chalicelib.core.problems import choose
from chalicelib.core.values import to_postgres, to_salesforce
from chalicelib.jobs.deciding import End, refusals, told_since, told_so_far, words_of


class Ledger(Protocol):
    """The ledger, as far as earlier values need it."""

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        ...

    def revert(self, key: RecordKey, answers: Mapping[str, Answer]) -> Kept | Stale:
        """Store which earlier values are to be put back."""
        ...


class Archive(Protocol):
    """History and issues."""

    def history(self, key: RecordKey, limit: int | None = None) -> Sequence[History]:
        """Overwritten values of a record, the newest first."""
        ...

    def issues_of(self, key: RecordKey) -> Sequence[Issue]:
        """All issues of a record, open and closed."""
        ...


@dataclass(frozen=True, slots=True)
class Reversal:
    """What is to be put back.

    Attributes:
        key: record key.
        values: by field, what both sides are to hold.
        held: by field, what each side is known to hold now.
        answers: by unit, as they go into the ledger.
        parked: ids of the refusals that were open before it, each with when it was last told.
    """

    key: RecordKey
    values: Fields
    held: Mapping[str, Mapping[Side, Known]]
    answers: Mapping[str, Answer]
    parked: frozenset[tuple[str, float]]


class Reverting:
    """Puts earlier values back.

    Args:
        mappings: what is kept the same.
        ledger: the entries.
        archive: history and issues.
        clock: time and ids.
        wake: has a record settled.
    """

    def __init__(
        self,
        *,
        mappings: Mappings,
        ledger: Ledger,
        archive: Archive,
        clock: Clock,
        wake: Callable[[RecordKey], None],
    ) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._archive = archive
        self._clock = clock
        self._wake = wake

    def plan(
        self, key: RecordKey, moment: float, actor: str, *, fields: Collection[str] = (), take: Side | None = None
    ) -> Reversal:
        """What putting a record back to a moment would write; nothing is stored yet.

        Args:
            key: record key.
            moment: seconds since the epoch.
            actor: who does it.
            fields: only these, with the others of their groups; empty: all that changed since.
            take: whose value, where a decision since has overwritten one of each side.

        Raises:
            Rejected: it cannot be done so; the text says why.
            TwinledgerError: the ledger did not answer.
        """
        entry, mapping = self._record(key)
        past = then(self._archive.history(key), moment)
        held = now(entry, mapping)
        changed: dict[str, Fields] = {}
        for unit in _units(mapping, fields):
            values = _values(unit, past, held, take, asked=bool(fields))
            if values is not None and not _holds(unit, values, held):
                _check(unit, mapping, entry, values)
                changed[unit.name] = values
        if not changed:
            raise Rejected("both sides hold that already: nothing was overwritten since")
        answers = {name: self._answer(mapping.by_unit[name], entry, values, actor) for name, values in changed.items()}
        parked = told_so_far(self._archive.issues_of(key))
        everything = {name: value for values in changed.values() for name, value in values.items()}
        return Reversal(key, everything, {name: held[name] for name in everything}, answers, parked)

    def carry_out(self, reversal: Reversal) -> None:
        """Have it written, provided that both sides are still as they were shown.

        Raises:
            Rejected: a side has moved since.
            TwinledgerError: the ledger or the queue refused.
        """
        if isinstance(self._ledger.revert(reversal.key, reversal.answers), Stale):
            raise Rejected("the record has moved since, or a decision of it is under way: look at it again")
        self._wake(reversal.key)

    def standing(self, reversal: Reversal) -> tuple[End, str]:
        """How it stands, and why, in plain words.

        Raises:
            TwinledgerError: the ledger did not answer.
        """
        entry = self._ledger.read([reversal.key]).get(reversal.key)
        if entry is None:
            return End.OVERTAKEN, "the ledger does not know the record any more"
        if any(entry.answers.get(unit) == answer for unit, answer in reversal.answers.items()):
            return End.PENDING, "it is being carried out"
        if all(_hold(entry.bases.get(unit), answer) for unit, answer in reversal.answers.items()):
            return End.SETTLED, "both sides hold it"
        refused = told_since(refusals(self._archive.issues_of(reversal.key)), reversal.parked)
        if refused:
            return End.REFUSED, words_of(refused)
        return End.MOVED, "a side has moved since, or what it was refused before has not changed: look at the record"

    def _record(self, key: RecordKey) -> tuple[Entry, ObjectMapping]:
        entry = self._ledger.read([key]).get(key)
        mapping = self._mappings.by_name.get(entry.mapping) if entry is not None else None
        if entry is None or mapping is None:
            raise Rejected(f"the ledger knows no record {key} of a mapping")
        if not entry.alive:
            raise Rejected("the record is deleted, or not settled yet: bring it back on either side first")
        return entry, mapping

    def _answer(self, unit: Unit, entry: Entry, values: Fields, actor: str) -> Answer:
        base = entry.bases[unit.name]
        return Answer(
            id=self._clock.new_id(),
            value=tuple(values[name] for name in unit.fields),
            postgres=base.postgres or (),
            salesforce=base.salesforce or (),
            actor=actor,
            reverts=True,
        )


def _hold(base: Base | None, answer: Answer) -> bool:
    """Whether both sides hold what was to be put back."""
    return base is not None and alike(base.postgres, answer.value) and alike(base.salesforce, answer.value)


def _units(mapping: ObjectMapping, fields: Collection[str]) -> list[Unit]:
    unknown = [name for name in fields if name not in mapping.by_name]
    if unknown:
        raise Rejected(f"{mapping.name} maps no field {unknown[0]}: {choose(unknown[0], mapping.names)}")
    return [unit for unit in mapping.units if not fields or set(unit.fields) & set(fields)]


def _values(
    unit: Unit, past: Then, held: Mapping[str, Mapping[Side, Known]], take: Side | None, *, asked: bool
) -> Fields | None:
    """A unit's values at the moment; None where none of them has changed since."""
    touched = {*past.values, *past.disputed, *past.unknown}.intersection(unit.fields)
    unknown = past.unknown.intersection(unit.fields) | (touched and set(unit.fields) - held.keys())
    if unknown and (asked or touched - past.unknown):
        raise Rejected(f"nobody knows what {', '.join(sorted(unknown))} held then: the record was made on a side since")
    if not touched or unknown:
        return None
    values: dict[str, Value] = {}
    for name in unit.fields:
        if name in past.disputed:
            disputed = past.disputed[name]
            if take is None or take not in disputed:
                raise Rejected(f"{name} was in conflict then, and both values were overwritten: say whose to take")
            values[name] = disputed[take]
        elif name in past.values:
            values[name] = past.values[name]
        else:
            values[name] = _untouched(name, held[name])
    return values


def _untouched(name: str, held: Mapping[Side, Known]) -> Value:
    """What a field of a group holds that nobody has changed since."""
    value = held[Side.POSTGRES]
    if not same(value, held[Side.SALESFORCE]) or not isinstance(value, str | bool | None):
        raise Rejected(f"{name} belongs to the same group, and what it holds is not known in full: edit it on a side")
    return value


def _holds(unit: Unit, values: Fields, held: Mapping[str, Mapping[Side, Known]]) -> bool:
    return all(same(values[name], held[name][side]) for name in unit.fields for side in Side)


def _check(unit: Unit, mapping: ObjectMapping, entry: Entry, values: Fields) -> None:
    """Refuse what could not be written."""
    if unit.name in entry.issues:
        raise Rejected(f"{unit.name} is in question: `resolve` its issue {entry.issues[unit.name].id}")
    if unit.name in entry.answers:
        raise Rejected(f"{entry.answers[unit.name].actor} has decided {unit.name}, and that is being carried out")
    if len(unit.writable) < len(Side):
        (written,) = unit.writable
        raise Rejected(f"{unit.name} is only ever written in {written.title()}: change it in {written.other.title()}")
    for name, value in values.items():
        to_postgres(mapping.by_name[name], value)
        to_salesforce(mapping.by_name[name], value)
