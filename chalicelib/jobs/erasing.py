"""A person is to be forgotten: everything that the sync still holds of a record that both sides have deleted."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.aws.erasure import Erased
from chalicelib.core.errors import Rejected, Superseded
from chalicelib.core.ledger import Entry
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Identity, PrimaryKey, RecordKey, RowId, SalesforceId
from chalicelib.core.ports import RecordQuery, Records, RowQuery, Rows
from chalicelib.jobs.names import Named

TRIES = 5


class Ledger(Protocol):
    """The ledger, as far as a record is looked up in it."""

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        ...


class Store(Protocol):
    """See :class:`chalicelib.aws.erasure.Erasure`."""

    def holds(self, key: RecordKey) -> Erased:
        """What there is of a record."""
        ...

    def erase(self, key: RecordKey, entry: Entry | None, identities: Collection[Identity]) -> Erased | None:
        """Take it out; None: it was written meanwhile."""
        ...


class Database(Protocol):
    """Twinledger's own tables in Postgres; see :mod:`chalicelib.postgres.erasure`."""

    def captured(self, table: str, pk: PrimaryKey) -> int:
        """How many captured changes of a row wait to be relayed."""
        ...

    def erase(self, key: RecordKey, table: str, pk: PrimaryKey | None) -> int:
        """Take out what they hold of a record; how many rows went."""
        ...


@dataclass(frozen=True, slots=True)
class Erasing:
    """Erases records.

    Attributes:
        mappings: what is kept the same.
        ledger: knows the records.
        rows: the Postgres side.
        records: the Salesforce side.
        store: the ledger's table.
        database: Twinledger's own tables.
    """

    mappings: Mappings
    ledger: Ledger
    rows: Rows
    records: Records
    store: Store
    database: Database

    def holds(self, named: Named) -> Erased:
        """What would be taken out.

        Raises:
            Rejected: a side still has the record, or it is not settled that none has.
        """
        key = _key(named)
        self._check(key)
        return self.store.holds(key)

    def erase(self, named: Named, told: Callable[[int], None]) -> Erased:
        """Take everything out that the sync holds of a record.

        Args:
            named: the record.
            told: called with the number of rows that went in Twinledger's own tables.

        Raises:
            Rejected: a side still has the record, or it is not settled that none has.
            Superseded: messages about it come in all the while.
            TwinledgerError: a system did not answer; it may be run again.
        """
        key = _key(named)
        for _ in range(TRIES):
            entry = self._check(key)
            table = None if entry is None else self.mappings.by_name[entry.mapping].table
            if entry is not None and table is not None:
                told(self.database.erase(key, table, entry.pk))
            erased = self.store.erase(key, entry, _identities(self.mappings, entry, named))
            if erased is not None:
                return erased
        raise Superseded(f"messages about record {key} come in all the while: try again in a minute")

    def _check(self, key: RecordKey) -> Entry | None:
        """The record's tombstone; None: an earlier run has taken it out."""
        entry = self.ledger.read([key]).get(key)
        if entry is None:
            return None
        mapping = self.mappings.by_name.get(entry.mapping)
        if mapping is None:
            raise Rejected(f"record {key} is of {entry.mapping}, which is not mapped any more: map it to erase it")
        there = self._there(mapping, entry)
        if there:
            raise Rejected(f"{' and '.join(there)} still: delete it there, then erase it")
        if entry.alive is not False or entry.intent is not None:
            raise Rejected(f"its deletion is not settled yet: `settle {key}`, then erase it")
        if entry.pk is not None and self.database.captured(mapping.table, entry.pk):
            raise Rejected("changes of its row wait to be relayed: try again in a minute")
        return entry

    def _there(self, mapping: ObjectMapping, entry: Entry) -> list[str]:
        by_key = [RowQuery(mapping, entry.key, entry.pk)] if entry.pk is not None else []
        by_link = [RowQuery(mapping, entry.key, None, entry.sfid)] if entry.sfid is not None else []
        states = self.rows.read([*by_key, *by_link]) if by_key or by_link else []
        (record,) = self.records.read([RecordQuery(mapping, entry.sfid, entry.key)])
        there = ["Postgres has it"] if any(state.row is not None for state in states) else []
        if record is not None and not record.deleted:
            there.append("Salesforce has it")
        elif record is not None:
            there.append("Salesforce has it in the recycle bin")
        return there


def _key(named: Named) -> RecordKey:
    if named.key is None:
        raise Rejected("the ledger does not know the record: there is nothing to erase")
    return named.key


def _identities(mappings: Mappings, entry: Entry | None, named: Named) -> list[Identity]:
    """How the two sides name it, as far as is known."""
    known: list[Identity] = [] if named.identity is None else [named.identity]
    if entry is not None:
        mapping = mappings.by_name[entry.mapping]
        if entry.sfid is not None:
            known.append(SalesforceId(mapping.object, entry.sfid))
        if entry.pk is not None:
            known.append(RowId(mapping.table, entry.pk))
    return list(dict.fromkeys(known))
