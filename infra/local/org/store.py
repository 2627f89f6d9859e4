"""Committed rows in memory, with their indexes and the recycle bin.

A row is a dict that is never changed once committed: readers keep what they hold, writers replace it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.org.schema import Field, ObjectType, Schema

Row = dict[str, Any]
BIN_SECONDS = 15 * 86_400


@dataclass
class BinEntry:
    """What an undelete must know about a record in the recycle bin."""

    object_name: str
    deleted_at: float
    cascade_of: str | None = None
    cleared: list[tuple[str, str]] = field(default_factory=list)  # (child id, field) that pointed here


class Table:
    """The rows of one object, deleted ones included, and the indexes over them."""

    def __init__(self, kind: ObjectType) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self.by_key: dict[str, dict[Any, dict[str, None]]] = {f.name: {} for f in kind.indexed}
        self.by_parent: dict[str, dict[str, dict[str, None]]] = {f.name: {} for f in kind.references}

    def replace(self, record_id: str, row: Row | None) -> None:
        """Put, replace or (with None) remove a row, and keep the indexes right."""
        before = self.rows.get(record_id)
        for found in self.kind.indexed:
            _move(self.by_key[found.name], record_id, _key(found, before), _key(found, row))
        for found in self.kind.references:
            _move(self.by_parent[found.name], record_id, _key(None, before, found.name), _key(None, row, found.name))
        if row is None:
            self.rows.pop(record_id, None)
        else:
            self.rows[record_id] = row

    def ids_by_key(self, name: str, key: Any) -> Iterable[str]:
        """Ids of all rows, deleted ones included, whose indexed field has this compared form."""
        return tuple(self.by_key[name].get(key, ()))

    def ids_by_parent(self, name: str, parent: str) -> Iterable[str]:
        """Ids of all rows, deleted ones included, whose reference points to this record."""
        return tuple(self.by_parent[name].get(parent, ()))


def _key(found: Field | None, row: Row | None, name: str = "") -> Any:
    if row is None:
        return None
    return row.get(name) if found is None else found.key_of(row.get(found.name))


def _move(index: dict[Any, dict[str, None]], record_id: str, old: Any, new: Any) -> None:
    if old == new:
        return
    if old is not None:
        ids = index[old]
        del ids[record_id]
        if not ids:
            del index[old]
    if new is not None:
        index.setdefault(new, {})[record_id] = None


class Store:
    """Every table and the recycle bin.

    Args:
        schema: the objects.
        applied: is told of every change, which is the only way to keep what is committed.
    """

    def __init__(
        self, schema: Schema, applied: Callable[[dict[str, Row | None], dict[str, BinEntry | None]], None]
    ) -> None:
        self._schema = schema
        self._applied = applied
        self._tables: dict[str, Table] = {}
        self.bin: dict[str, BinEntry] = {}

    def table(self, name: str) -> Table:
        """The table of an object; its indexes follow a new definition of the object."""
        found = self._tables.get(name)
        kind = self._schema.objects[name]
        if found is None or found.kind is not kind:
            fresh = Table(kind)
            for record_id, row in found.rows.items() if found else ():
                fresh.replace(record_id, {f: row.get(f, kind.fields[f].default) for f in kind.fields})
            found = self._tables[name] = fresh
        return found

    def get(self, record_id: str) -> Row | None:
        """The committed row of an 18-character id, deleted or not."""
        kind = self._schema.of_id(record_id)
        return None if kind is None else self.table(kind.name).rows.get(record_id)

    def rows(self, name: str) -> Iterator[Row]:
        """All committed rows of an object, deleted ones included, in the order of their creation."""
        return iter(self.table(name).rows.values())

    def apply(self, rows: Mapping[str, Row | None], bin_entries: Mapping[str, BinEntry | None]) -> None:
        """Make writes visible; None removes a row, or takes a record out of the bin."""
        for record_id, row in rows.items():
            kind = self._schema.of_id(record_id)
            if kind is not None:
                self.table(kind.name).replace(record_id, row)
        for record_id, entry in bin_entries.items():
            self.bin.pop(record_id, None)
            if entry is not None:
                self.bin[record_id] = entry
        self._applied(dict(rows), dict(bin_entries))

    def expire_bin(self, now: float) -> int:
        """Purge what lay in the bin for 15 days and return how many records that were."""
        expired = [i for i, entry in self.bin.items() if entry.deleted_at + BIN_SECONDS <= now]
        for record_id in expired:
            self.purge(record_id)
        return len(expired)

    def purge(self, record_id: str) -> None:
        """Remove a record of the bin for good."""
        if record_id not in self.bin:
            raise KeyError(record_id)
        self.apply({record_id: None}, {record_id: None})
