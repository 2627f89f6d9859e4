"""What a record's entry has to say after Postgres was restored from a backup: a pure function of what was found.

The ledger's bases are newer than a restored row, so each of its values that differs from them looks like an edit. Which
it is, is told by capture: what was edited since the restore stands in the outbox, with the value that it had before.

    backup      v   the row's value, and then what both sides agreed on
    later       x   an edit of either side; both sides and the base hold it
    restored    v   in Postgres again, while base and Salesforce hold x
    edited      z   by a user who saw v, not x

So v is what the two sides last had in common. As the base it makes x Salesforce's edit since, and z one of Postgres':
the merge carries x into the row where that was left alone, and finds the conflict where it was not. Whoever means to
have the old values back (``take`` Postgres) leaves the bases as they are: then v is an edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chalicelib.core.ledger import Base, BaseState, Entry, alike
from chalicelib.core.mapping import ObjectMapping, Unit, Values
from chalicelib.core.model import Fields, Row, Side, same
from chalicelib.core.recover import Ground, remember, settled, unit_values


class Fate(StrEnum):
    """What becomes of a record."""

    SAME = "same"  # nothing differs
    RESTORED = "restored"  # Salesforce's values go into the restored row
    CARRIED = "carried"  # what the row holds goes to Salesforce
    EDITED = "edited"  # the row was edited, or deleted, since the restore: merged with what Salesforce holds
    LOST = "lost"  # the row came after the backup: it is made again of what Salesforce holds
    BURIED = "buried"  # the record was deleted after the backup: the restored row is deleted again
    REVIVED = "revived"  # the same, and the record comes back in Salesforce


@dataclass(frozen=True, slots=True)
class Since:
    """What was captured of a row and has not been settled.

    Attributes:
        created: whether the row was made after the restore.
        deleted: whether it was deleted after the restore.
        edited: the fields that were edited after the restore.
        before: what they held before the first such edit; left out where that has no canonical form any more.
        pending: what its fields held before an edit from before the backup that was not relayed then.
    """

    created: bool = False
    deleted: bool = False
    edited: frozenset[str] = frozenset()
    before: Fields = field(default_factory=dict)
    pending: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What Postgres has of a record.

    Attributes:
        by_key: the row with the record's primary key.
        by_link: the row with the record's Salesforce id.
        since: what was captured of either.
        counted: whether the database numbers the rows itself: after a restore it gives the lost rows' keys to others.
    """

    by_key: Row | None = None
    by_link: Row | None = None
    since: Since = field(default_factory=Since)
    counted: bool = False

    def row(self, entry: Entry) -> Row | None:
        """The record's own row, among those found: a key may belong to another row by now."""
        if self.by_link is not None:
            return self.by_link
        if self.by_key is None or self.by_key.sfid is not None:
            return None
        return None if self.since.created and entry.sfid is not None else self.by_key

    def takes_key(self, entry: Entry) -> bool:
        """Whether the record is to give up its primary key: another row has it, or will be given it."""
        return entry.pk is not None and (self.counted or self.by_key is not None)

    @property
    def unkeyed(self) -> bool:
        """Whether a key that was given up still leads to the record; where its row is linked, the link tells more."""
        return self.by_key is None or self.by_key.sfid is None


@dataclass(frozen=True, slots=True)
class Rebased:
    """What is to be done.

    Attributes:
        fate: what becomes of the record.
        entry: the entry afterwards, its version as it was; the same as before where nothing of it changes.
        unkeyed: whether the record's primary key is to lead to the row that has it now, or gets it, and not to the
            record.
        look: whether the record is to be settled.
    """

    fate: Fate
    entry: Entry
    unkeyed: bool = False
    look: bool = True


def rebase(mapping: ObjectMapping, entry: Entry, ground: Ground, found: Found, take: Side) -> Rebased:
    """What becomes of one record.

    Args:
        mapping: the record's mapping.
        entry: as the ledger has it.
        ground: bases and existence, an interrupted operation accounted for.
        found: what Postgres has of it.
        take: whose values count where a restored row differs from the ledger: Salesforce's, for the old values are no
            edits; or Postgres', for they are.
    """
    return _Rebase(mapping, entry, ground, found, take).rebased()


class _Rebase:
    def __init__(self, mapping: ObjectMapping, entry: Entry, ground: Ground, found: Found, take: Side) -> None:
        self.mapping = mapping
        self.entry = entry
        self.known = replace(entry, alive=ground.alive, bases=ground.bases, intent=None, hops=0, echoes={})
        self.found = found
        self.since = found.since
        self.take = take

    def rebased(self) -> Rebased:
        row = self.found.row(self.entry)
        if self.known.alive is False:
            return self._buried(row)
        if self.known.alive is None or (row is None and not self.since.deleted and self.entry.sfid is None):
            return self._left(Fate.SAME)  # nothing is known of it that the restore could have taken back
        if row is not None:
            return self._compared(row)
        return self._deleted() if self.since.deleted else self._lost()

    def _left(self, fate: Fate) -> Rebased:
        """Leave the entry. What is open or under way was shown, or planned, of another state: it is looked at again."""
        open_ = bool(self.entry.issues) or self.entry.intent is not None
        return Rebased(fate, self.entry, look=open_ or fate is not Fate.SAME)

    def _from(self, bases: Mapping[str, Base], fate: Fate) -> Rebased:
        """Go on from these bases."""
        return self._left(fate) if bases == self.known.bases else Rebased(fate, replace(self.known, bases=bases))

    def _compared(self, row: Row) -> Rebased:
        """A record whose row is there."""
        fates, bases = set[Fate](), dict(self.known.bases)
        held = unit_values(self.mapping, row.values)
        for unit in self.mapping.units:
            base = bases.get(unit.name)
            if base is None or unit.name not in held or self._waits(unit, row.values):
                continue
            if alike(remember(held[unit.name]), base.postgres):
                continue
            fate, older = self._unit(unit, base, row.values)
            fates.add(fate)
            if older is None:
                del bases[unit.name]
            else:
                bases[unit.name] = older
        fate = next((one for one in (Fate.EDITED, Fate.RESTORED, Fate.CARRIED) if one in fates), Fate.SAME)
        return self._from(bases, fate)

    def _waits(self, unit: Unit, held: Fields) -> bool:
        """Whether a unit is for a person alone: in question, or an edit that is still there and was refused."""
        base, refusal = self.known.bases[unit.name], self.entry.refusals.get(Side.SALESFORCE)
        parked = {} if refusal is None else {**refusal.items, **(refusal.rest or {})}
        edits = [name for name in unit.fields if name in parked]
        there = bool(edits) and all(same(parked[name], held[name]) for name in edits)
        return there or unit.name in self.entry.issues or base.state is BaseState.CONTESTED

    def _unit(self, unit: Unit, base: Base, held: Fields) -> tuple[Fate, Base | None]:
        """What becomes of a unit of which the row holds other values, and its base; None: nobody knows it any more."""
        if self.take is Side.POSTGRES or Side.POSTGRES not in unit.writable:
            return Fate.CARRIED, base
        if self.since.edited & set(unit.fields):
            return Fate.EDITED, _older(base, unit.values(self._restored(held)))
        if self.since.pending.keys() & set(unit.fields):
            before = unit.values({**held, **self.since.pending})
            if before is not None and alike(remember(before), base.postgres):
                return Fate.EDITED, base  # it was never settled
        return Fate.RESTORED, _older(base, unit.values(held))

    def _restored(self, held: Fields) -> Fields:
        """What the row held when it was restored, as far as it is known."""
        untouched = {name: value for name, value in held.items() if name not in self.since.edited}
        return {**untouched, **self.since.before}

    def _deleted(self) -> Rebased:
        """A record whose row was deleted since the restore, by somebody who saw the old values."""
        bases = dict(self.known.bases)
        if self.take is Side.SALESFORCE:
            for name, values in unit_values(self.mapping, self.since.before).items():
                if name in bases and not alike(remember(values), bases[name].postgres):
                    bases[name] = settled(remember(values))
        return self._from(bases, Fate.EDITED)

    def _lost(self) -> Rebased:
        """A record whose row came after the backup. That it is gone is no deletion."""
        lost = replace(self.known, alive=None, bases={})
        if not self.found.takes_key(self.entry):
            return Rebased(Fate.LOST, lost)
        return Rebased(Fate.LOST, replace(lost, pk=None), self.found.unkeyed)

    def _buried(self, row: Row | None) -> Rebased:
        """A record that was deleted, and whose row may have come back with the restore."""
        if row is None and self.found.takes_key(self.entry):
            return Rebased(Fate.SAME, replace(self.entry, pk=None), self.found.unkeyed, look=False)
        if row is None or self.since.created or self.entry.survivor is Side.POSTGRES:
            return self._left(Fate.SAME)
        if self.take is Side.POSTGRES:
            return self._left(Fate.REVIVED)
        held = unit_values(self.mapping, self._restored(row.values))
        bases = {name: settled(remember(values)) for name, values in held.items()}
        return Rebased(Fate.BURIED, replace(self.known, alive=True, survivor=None, bases=bases))


def _older(base: Base, before: Values | None) -> Base | None:
    """The base of a unit of which the row held these values when it was restored."""
    if before is None:
        return None
    return base if alike(remember(before), base.postgres) else settled(remember(before))
