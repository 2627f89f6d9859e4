"""Which record a message is about.

    key(Salesforce record) = look-up | Twinledger_Key__c, read from the record | uuid5(org, id)
    key(row)               = look-up by primary key | look-up by sfid | key read from that record | uuid5(table, pk)

A look-up is enough by itself. Without one, the record or row is read: the echo of our own create may arrive before
its look-up was written, and without its key.
"""

from collections.abc import Mapping, Sequence

from chalicelib.core.identity import record_key, row_key
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Hint, Identity, RecordKey, RowId, SalesforceId
from chalicelib.core.ports import Ledger, RecordQuery, Records, RowQuery, Rows
from chalicelib.core.values import link_of
from chalicelib.core.work import Outcome, Result, Work


class Identifier:
    """Turns messages into work, one piece a record."""

    def __init__(
        self,
        mappings: Mappings,
        ledger: Ledger,
        rows: Rows,
        records: Records,
        organization_id: str,
    ) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._rows = rows
        self._records = records
        self._organization_id = organization_id

    def identify(self, hints: Sequence[Hint]) -> tuple[list[Work], list[Outcome]]:
        """The records that the hints name, and the outcomes of hints that no mapping covers."""
        unmapped = [hint for hint in hints if self._mappings.of(hint.identity) is None]
        mapped = [hint for hint in hints if self._mappings.of(hint.identity) is not None]
        named = {hint.identity for hint in mapped}
        links = {hint.identity: link for hint in mapped if (link := self._link(hint)) is not None}
        keys = dict(self._ledger.find(named | set(links.values()))) if named else {}
        missing = [identity for identity in dict.fromkeys(h.identity for h in mapped) if identity not in keys]
        unlinked = [link for name, link in links.items() if name in keys and link not in keys]
        strangers = self._strangers([hint for hint in mapped if hint.identity in keys and hint.sfid is None], keys)
        keys |= self._read_rows([i for i in missing if isinstance(i, RowId)])
        keys |= self._read_records([*(i for i in missing if isinstance(i, SalesforceId)), *unlinked], hints)
        works: dict[RecordKey, Work] = {}
        for hint in mapped:
            identity = hint.identity
            found = [strangers.get(identity, keys[identity])]
            if identity in links:  # a primary key that has moved names two records: who had it, and who has it now
                found.append(keys.get(links[identity], found[0]))
            for key in dict.fromkeys(found):
                self._add(works, key, hint).stranger |= identity in strangers
        return list(works.values()), [Outcome(hint, Result.UNCHANGED) for hint in unmapped]

    def _add(self, works: dict[RecordKey, Work], key: RecordKey, hint: Hint) -> Work:
        mapping = self._mapping_of(hint.identity)
        work = works.setdefault(key, Work(mapping, key))
        work.hints.append(hint)
        if isinstance(hint.identity, SalesforceId):
            work.sfid = work.sfid or hint.identity.id
        else:
            work.pk = work.pk or hint.identity.key
        return work

    def _link(self, hint: Hint) -> SalesforceId | None:
        """The record that a row was linked to when its change was captured."""
        if not isinstance(hint.identity, RowId) or (link := link_of(hint.sfid)) is None:
            return None
        return SalesforceId(self._mapping_of(hint.identity).object, link)

    def _strangers(self, hints: Sequence[Hint], keys: Mapping[Identity, RecordKey]) -> dict[Identity, RecordKey]:
        """Keys of new rows whose primary key the ledger has for a record that has another row by now.

        Only a row that is linked to nothing is asked about: a look-up whose record is linked to another row leads
        astray.
        """
        asked = {hint.identity for hint in hints if isinstance(hint.identity, RowId)}
        entries = self._ledger.read({keys[identity] for identity in asked}) if asked else {}
        doubtful = [
            (identity, entry)
            for identity in asked
            if isinstance(identity, RowId) and (entry := entries.get(keys[identity])) is not None and entry.sfid
        ]
        if not doubtful:
            return {}
        queries = [
            query
            for identity, entry in doubtful
            for mapping in (self._mapping_of(identity),)
            for query in (RowQuery(mapping, None, identity.key), RowQuery(mapping, None, sfid=entry.sfid))
        ]
        states = iter(self._rows.read(queries))
        found: dict[Identity, RecordKey] = {}
        for (identity, entry), here, there in zip(doubtful, states, states, strict=True):
            moved = there.row is not None and there.row.pk != identity.key
            if moved and here.row is not None and here.row.sfid is None:
                found[identity] = row_key(identity.table, (*identity.key, entry.key))
        return found

    def _mapping_of(self, identity: Identity) -> ObjectMapping:
        if isinstance(identity, SalesforceId):
            return self._mappings.by_object[identity.object]
        return self._mappings.by_table[identity.table]

    def _read_rows(self, identities: Sequence[RowId]) -> dict[Identity, RecordKey]:
        """Keys of rows without a look-up: by their Salesforce id where they have one."""
        if not identities:
            return {}
        queries = [RowQuery(self._mappings.by_table[identity.table], None, identity.key) for identity in identities]
        linked: dict[RowId, SalesforceId] = {}
        keys: dict[Identity, RecordKey] = {}
        for identity, query, state in zip(identities, queries, self._rows.read(queries), strict=True):
            if state.row is not None and state.row.sfid is not None:
                linked[identity] = SalesforceId(query.mapping.object, state.row.sfid)
            else:
                keys[identity] = row_key(identity.table, identity.key)
        found = dict(self._ledger.find(set(linked.values()))) if linked else {}
        unknown = [salesforce_id for salesforce_id in linked.values() if salesforce_id not in found]
        found |= {i: k for i, k in self._read_records(unknown, ()).items() if isinstance(i, SalesforceId)}
        return keys | {identity: found[salesforce_id] for identity, salesforce_id in linked.items()}

    def _read_records(self, identities: Sequence[SalesforceId], hints: Sequence[Hint]) -> dict[Identity, RecordKey]:
        """Keys of Salesforce records without a look-up: the one that they carry, else one made of their id."""
        told = {hint.identity: hint.record.key for hint in hints if hint.record is not None and hint.record.key}
        keys: dict[Identity, RecordKey] = {identity: told[identity] for identity in identities if identity in told}
        unread = [identity for identity in identities if identity not in keys]
        if not unread:
            return keys
        queries = [RecordQuery(self._mappings.by_object[identity.object], identity.id) for identity in unread]
        for identity, record in zip(unread, self._records.read(queries), strict=True):
            carried = record.key if record is not None else None
            keys[identity] = carried or record_key(self._organization_id, identity.id)
        return keys
