"""First contact of two filled sides: what is about to be created may be on the other side already.

Of a record that the ledger does not know, and that only one side seems to have, the mapping's match fields decide:

    rows with these values      one, without a Salesforce id    0 or 2: create
    records with these values   one, without a record key       0 or 2: create
    look-up of the other half   none                            it belongs to another record: create
    rows linked to that record  none                            likewise, by hand: create
                                └─> the two are one record, merged by the mapping's policy of first contact

Values that two rows or two records share identify neither of them, be these linked or not: nothing is guessed, and
what comes of it does not depend on which of them is met first. Two workers that take the same half meet at its
look-up, which the intent writes under a condition.
"""

from collections.abc import Sequence
from typing import TypeAlias

from chalicelib.core.errors import ConfigurationError
from chalicelib.core.ledger import Existence
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields, Identity, Record, Row, RowId, SalesforceId
from chalicelib.core.ports import Ledger, Records, RowQuery, Rows
from chalicelib.core.work import Work

Pair: TypeAlias = tuple[Work, Row, Record]  # what one piece of work found: one half is its own


class Matching:
    """Finds the other half of records that nothing links yet."""

    def __init__(self, ledger: Ledger, rows: Rows, records: Records) -> None:
        self._ledger = ledger
        self._rows = rows
        self._records = records

    def match(self, works: Sequence[Work]) -> list[Work]:
        """Give works their other half; back come those that got one, and are to be planned again.

        Two works of one batch may be the two halves of one record: the first takes over the other's messages.
        """
        matched = []
        taken: set[Identity] = set()
        for work, row, record in self._pairs(works):
            halves = set(_identities(work.mapping, row, record))
            if halves & taken:
                continue
            taken |= halves
            for other in works:
                if other is not work and halves & set(other.identities):
                    work.absorb(other)
            work.take(record if work.row is not None else row)
            matched.append(work)
        return matched

    def _pairs(self, works: Sequence[Work]) -> list[Pair]:
        asking: dict[str, list[tuple[Work, Fields]]] = {}
        for work in works:
            half = _new(work)
            if half is None:
                continue
            hidden = [name for name in work.mapping.match if name not in half.values]
            if hidden and half is work.record:
                work.fail(_hidden(work.mapping, hidden))
            elif work.mapping.alike(half.values, half.values):
                asking.setdefault(work.mapping.name, []).append((work, half.values))
        found = [pair for some in asking.values() for pair in self._unique(some)]
        return self._free(found) if found else []

    def _unique(self, asking: Sequence[tuple[Work, Fields]]) -> list[Pair]:
        """Those whose values exactly one row and exactly one record have; Postgres is asked first, it is nearer."""
        mapping = asking[0][0].mapping
        rows = self._rows.match(mapping, [values for _, values in asking])
        single = [
            (work, values, found[0])
            for (work, values), found in zip(asking, rows, strict=True)
            if len(found) == 1 and found[0].sfid is None and (work.row is None or work.row.pk == found[0].pk)
        ]
        records = self._records.match(mapping, [values for _, values, _ in single]) if single else ()
        return [
            (work, row, found[0])
            for (work, _, row), found in zip(single, records, strict=True)
            if len(found) == 1 and found[0].key is None and (work.record is None or work.record.id == found[0].id)
        ]

    def _free(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those of which neither half belongs to another record."""
        halves = [_identities(work.mapping, row, record) for work, row, record in pairs]
        known = self._ledger.find({identity for both in halves for identity in both})
        linked = self._rows.read([RowQuery(work.mapping, None, sfid=record.id) for work, _, record in pairs])
        return [
            pair
            for pair, both, state in zip(pairs, halves, linked, strict=True)
            if state.row is None and not known.keys() & set(both)
        ]


def _new(work: Work) -> Row | Record | None:
    """The only half of a record that is about to get another for the first time; None where that is not so."""
    creates = work.planned.existence in {Existence.CREATE_SALESFORCE, Existence.INSERT_POSTGRES}
    return (work.row or work.record) if creates and work.entry is None else None


def _hidden(mapping: ObjectMapping, names: Sequence[str]) -> ConfigurationError:
    """Missing is not null: the values may well be in Postgres, and every row of theirs would be made twice."""
    fields = ", ".join(names)
    return ConfigurationError(f"the integration user cannot read {fields} of {mapping.object}: match needs it")


def _identities(mapping: ObjectMapping, row: Row, record: Record) -> tuple[Identity, Identity]:
    return RowId(mapping.table, row.pk), SalesforceId(mapping.object, record.id)
