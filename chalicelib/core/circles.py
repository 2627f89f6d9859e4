"""Records that wait for each other: one of them is made without its reference, so that the others can follow.

An account names its main contact, the contact names its account, and one system has neither of the two:

    account  --main contact-->  contact  --account-->  account

Who waits, and is waited for itself, looks for a way from itself back to itself along the references that the other side
lacks. Everyone in the circle registers before it looks, so the last one that registers sees all of it:

    account:  registers | looks: nobody waits for it ...................... | woken: it is the one, made without
    contact:                  registers | looks: the circle; wakes the one | ............. | woken: made, wakes account

Which one is made first does not hang on who looks: the first, by name, of those whose references in the circle may stay
empty. So of a circle just one record is ever seen without a reference, and where none may, all of them wait, and an
issue says so.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Identity, RowId, SalesforceId
from chalicelib.core.ports import RecordQuery, Records, RowQuery, Rows

MOST = 500  # records that are looked at for one circle; larger families are not searched to their end

Missing: TypeAlias = Mapping[str, Identity]  # by reference field: a parent that the other side does not have


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle, as one of its members sees it.

    Attributes:
        members: those that wait for each other.
        first: the one to be made without its references to the members; None: none of them can be.
    """

    members: frozenset[Identity]
    first: Identity | None


class Circles:
    """Finds circles.

    Args:
        mappings: what is kept the same.
        rows: the Postgres side.
        records: the Salesforce side.
    """

    def __init__(self, mappings: Mappings, rows: Rows, records: Records) -> None:
        self._mappings = mappings
        self._rows = rows
        self._records = records

    def around(self, start: Identity) -> Circle | None:
        """The circle that a record is in; None: in none, or its ancestors are too many to tell."""
        missing: dict[Identity, Missing] = {}
        asked: Collection[Identity] = (start,)
        while asked:
            if len(missing) + len(asked) > MOST:
                return None
            missing.update(self._missing(asked))
            parents = {parent for one in asked for parent in missing.get(one, {}).values()}
            asked = parents - missing.keys()
        members = _leading_to(start, missing)
        if start not in members:
            return None
        able = [one for one in members if self._may_lack(one, missing[one], members)]
        return Circle(members, min(able, key=_name, default=None))

    def _may_lack(self, one: Identity, missing: Missing, members: Collection[Identity]) -> bool:
        """Whether the other side takes a record without its references to the members."""
        mapping = self._mapping(one)
        names = [name for name, parent in missing.items() if parent in members]
        fields = [mapping.by_name[name] for name in names]
        if isinstance(one, RowId):
            return not any(field.required for field in fields)
        return all(field.nullable for field in fields)

    # --- what the other side lacks

    def _missing(self, identities: Collection[Identity]) -> Mapping[Identity, Missing]:
        """Of each: the references whose parents the other side does not have."""
        rows = [one for one in identities if isinstance(one, RowId)]
        records = [one for one in identities if isinstance(one, SalesforceId)]
        found: dict[Identity, Missing] = {one: {} for one in identities}
        return found | self._of_rows(rows) | self._of_records(records)

    def _of_rows(self, identities: Sequence[RowId]) -> dict[Identity, Missing]:
        queries = [RowQuery(self._mapping(one), None, one.key) for one in identities]
        states = self._rows.read(queries) if queries else ()
        return {
            one: dict(state.row.unlinked)
            for one, state in zip(identities, states, strict=True)
            if state.row is not None
        }

    def _of_records(self, identities: Sequence[SalesforceId]) -> dict[Identity, Missing]:
        queries = [RecordQuery(self._mapping(one), one.id) for one in identities]
        records = self._records.read(queries) if queries else ()
        named = {
            one: dict(self._parents(query.mapping, record.values))
            for one, query, record in zip(identities, queries, records, strict=True)
            if record is not None and not record.deleted
        }
        there = self._with_rows({parent for parents in named.values() for parent in parents.values()})
        return {
            one: {name: parent for name, parent in parents.items() if parent not in there}
            for one, parents in named.items()
        }

    def _parents(self, mapping: ObjectMapping, values: Mapping[str, object]) -> Iterable[tuple[str, Identity]]:
        for field in mapping.fields:
            value = values.get(field.name)
            if field.parent is not None and isinstance(value, str):
                yield field.name, SalesforceId(self._mappings.by_name[field.parent].object, value)

    def _with_rows(self, identities: Collection[Identity]) -> set[Identity]:
        asked = [one for one in identities if isinstance(one, SalesforceId)]
        queries = [RowQuery(self._mapping(one), None, sfid=one.id) for one in asked]
        states = self._rows.read(queries) if queries else ()
        return {one for one, state in zip(asked, states, strict=True) if state.row is not None}

    def _mapping(self, identity: Identity) -> ObjectMapping:
        if isinstance(identity, SalesforceId):
            return self._mappings.by_object[identity.object]
        return self._mappings.by_table[identity.table]


def _leading_to(start: Identity, missing: Mapping[Identity, Missing]) -> frozenset[Identity]:
    """Those from which references lead to the start; itself among them where it is in a circle."""
    found: set[Identity] = set()
    wanted: set[Identity] = {start}
    while wanted:
        wanted = {one for one, parents in missing.items() if wanted & set(parents.values())} - found
        found |= wanted
    return frozenset(found)


def _name(identity: Identity) -> tuple[str, ...]:
    """What members are put in order by: the same for whoever looks."""
    return (identity.object, identity.id) if isinstance(identity, SalesforceId) else (identity.table, *identity.key)
