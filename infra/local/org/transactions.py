"""A save's transaction: locks, one stamp taken when it starts to write, and a commit that may come much later."""

import asyncio
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.org.faults import Effects
from infra.local.org.store import BinEntry, Row

if TYPE_CHECKING:
    from infra.local.org.state import Org
    from infra.local.org.users import Session


@dataclass(frozen=True, slots=True)
class Saved:
    """One record that a transaction changed: before, after, and how."""

    kind: str  # CREATE | UPDATE | DELETE | UNDELETE
    object_name: str
    record_id: str
    before: Row | None
    after: Row | None


@dataclass(slots=True)
class _Savepoint:
    rows: dict[str, Row | None]
    bin: dict[str, BinEntry | None]
    keys: dict[tuple[str, str, Any], str]


@dataclass(eq=False)
class Transaction:
    """Writes that become visible together."""

    org: "Org"
    session: "Session"
    effects: Effects = field(default_factory=Effects)
    seconds: float = 0.0
    automated: bool = False
    silent: bool = False  # a hard delete makes no change event
    stamp: str = ""
    rows: dict[str, Row | None] = field(default_factory=dict)
    bin: dict[str, BinEntry | None] = field(default_factory=dict)
    keys: dict[tuple[str, str, Any], str] = field(default_factory=dict)
    held: list[Hashable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._store = self.org.store

    def get(self, record_id: str) -> Row | None:
        """The row as this transaction sees it: its own writes, else what is committed."""
        if record_id in self.rows:
            return self.rows[record_id]
        return self.org.store.get(record_id)

    def bin_entry(self, record_id: str) -> BinEntry | None:
        """The record's entry in the recycle bin as this transaction sees it."""
        return self.bin[record_id] if record_id in self.bin else self.org.store.bin.get(record_id)

    def find_by_key(self, object_name: str, field_name: str, value: Any) -> list[Row]:
        """Rows, alive or in the bin, whose indexed field has the value; live ones first."""
        table = self.org.store.table(object_name)
        found = table.kind.fields[field_name]
        key = found.key_of(value)
        ids = dict.fromkeys(table.ids_by_key(field_name, key))
        own = self.keys.get((object_name, field_name, key))
        if own is not None:
            ids[own] = None
        rows = [row for i in ids if (row := self.get(i)) is not None and found.key_of(row.get(field_name)) == key]
        return sorted(rows, key=lambda row: row["IsDeleted"])

    def children(self, object_name: str, field_name: str, parent: str) -> list[Row]:
        """Live rows whose reference points to a record."""
        ids = dict.fromkeys(self.org.store.table(object_name).ids_by_parent(field_name, parent))
        ids |= dict.fromkeys(i for i, row in self.rows.items() if row is not None and self._is(i, object_name))
        rows = (self.get(i) for i in ids)
        return [row for row in rows if row is not None and not row["IsDeleted"] and row.get(field_name) == parent]

    def live_rows(self, object_name: str) -> list[Row]:
        """All live rows of an object."""
        committed = [row for row in self.org.store.rows(object_name) if row["Id"] not in self.rows]
        own = [row for i, row in self.rows.items() if row is not None and self._is(i, object_name)]
        return [row for row in committed + own if not row["IsDeleted"]]

    def _is(self, record_id: str, object_name: str) -> bool:
        kind = self.org.schema.of_id(record_id)
        return kind is not None and kind.name == object_name

    async def lock_all(self, keys: Iterable[Hashable]) -> set[Hashable]:
        """Take locks in a fixed order, all within one wait, and return those that were not had."""
        table, missing = self.org.locks, set()
        deadline: float | None = None
        for key in sorted(keys, key=str):
            if table.owner(key) is self:
                continue
            if table.owner(key) is not None and deadline is None:
                deadline = time.monotonic() + self.org.settings.lock_wait_seconds
            wait = 0.0 if deadline is None else deadline - time.monotonic()
            if await table.acquire(self, key, wait):
                self.held.append(key)
            else:
                missing.add(key)
        return missing

    def begin_write(self) -> None:
        """Take the stamp, at the first write and never again."""
        if not self.stamp:
            self.stamp = self.org.clock.stamp()
            self.org.open_stamps[self] = self.stamp

    def put(self, row: Row, object_name: str) -> None:
        """Write a row into the transaction."""
        self.begin_write()
        self.rows[row["Id"]] = row
        for found in self.org.schema.objects[object_name].indexed:
            value = row.get(found.name)
            if value is not None:
                self.keys[object_name, found.name, found.key_of(value)] = row["Id"]

    def savepoint(self) -> _Savepoint:
        """Remember the state of the writes; the locks stay."""
        return _Savepoint(dict(self.rows), dict(self.bin), dict(self.keys))

    def rollback_to(self, point: _Savepoint) -> None:
        """Forget every write since the savepoint."""
        self.rows, self.bin, self.keys = dict(point.rows), dict(point.bin), dict(point.keys)

    async def commit(self) -> None:
        """Wait for the configured duration with the locks held, then make the writes visible."""
        try:
            if self.rows and self.seconds > 0:
                await asyncio.sleep(self.seconds)
            reset_meanwhile = self.org.store is not self._store
            saved = [] if reset_meanwhile else self._apply()
        finally:
            self.end()
        if saved:
            self.org.committed(self, saved)
        self.org.keep()

    def end(self) -> None:
        """Release the locks; without a commit before it, this is the rollback."""
        self.org.open_stamps.pop(self, None)
        for key in reversed(self.held):
            self.org.locks.release(self, key)
        self.held.clear()

    def _apply(self) -> list[Saved]:
        store, schema = self.org.store, self.org.schema
        saved: list[Saved] = []
        for record_id, after in self.rows.items():
            kind = schema.of_id(record_id)
            if kind is None:
                continue
            before = store.get(record_id)
            saved.append(Saved(_kind_of(before, after), kind.name, record_id, before, after))
        if self.rows or self.bin:
            store.apply(self.rows, self.bin)
        self.rows, self.bin, self.keys = {}, {}, {}
        return saved


def _kind_of(before: Row | None, after: Row | None) -> str:
    was_alive = before is not None and not before["IsDeleted"]
    is_alive = after is not None and not after["IsDeleted"]
    if before is None:
        return "CREATE" if is_alive else "NONE"
    if was_alive != is_alive:
        return "UNDELETE" if is_alive else "DELETE"
    return "UPDATE" if is_alive else "NONE"
