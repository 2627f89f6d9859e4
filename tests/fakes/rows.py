"""A Postgres database in memory, behind the port ``Rows``: for the settle step's tests and the simulation."""

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.core.errors import ChildrenLeft, ParentMissing, ProtocolError, RecordLocked, Rejected, TwinledgerError
from chalicelib.core.mapping import Field, Mappings, ObjectMapping, Policy
from chalicelib.core.model import (
    Change,
    Fields,
    Hint,
    Identity,
    Marker,
    PrimaryKey,
    RecordKey,
    Row,
    RowId,
    RowState,
    SalesforceId,
    Value,
)
from chalicelib.core.ports import (
    Clock,
    Failed,
    RowOutcome,
    RowQuery,
    Rows,
    RowWrite,
    RowWritten,
    Stale,
    WriteKind,
)
from chalicelib.core.values import from_postgres, link_of, to_postgres
from tests.fakes.statements import Captured, Cell, Cells, Formless, Refusal, Statement, Trigger, refuse, upper

__all__ = ["Captured", "Cell", "Cells", "Formless", "MemoryRows", "Refusal", "Statement", "Trigger", "refuse", "upper"]


def _always(*_: object) -> bool:
    return True


@dataclass(frozen=True)
class _Stored:
    cells: Cells
    sfid: str | None


@dataclass
class MemoryRows(Rows):
    """Tables with primary keys, foreign keys, a unique ``sfid``, triggers, refusals and capture.

    Attributes:
        mappings: every mapping is a table.
        clock: stamps captured changes.
        triggers: by table, run in order inside each insert and update; each sees what the earlier ones set.
        refusals: by table; the first error that a rule returns refuses the statement.
        inside: by table, whether a row matches the mapping's filter; a table that is missing has none.
        locked: rows that another transaction holds.
        captured: the outbox, in order of commit.
        truncated: tables that were truncated, in order; the relay asks the ledger what was in them.
        listeners: called after each commit, once for each outbox row of it.
        writes: committed writes of the sync, in order.
        actor: who makes the edits.
    """

    mappings: Mappings
    clock: Clock
    triggers: dict[str, list[Trigger]] = field(default_factory=dict)
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)
    inside: dict[str, Callable[[PrimaryKey, Cells], bool]] = field(default_factory=dict)
    locked: set[RowId] = field(default_factory=set)
    captured: list[Captured] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    listeners: list[Callable[[Captured], None]] = field(default_factory=list)
    writes: list[RowWrite] = field(default_factory=list)
    actor: str = "app"
    _tables: dict[str, dict[PrimaryKey, _Stored]] = field(default_factory=dict)
    _markers: dict[RecordKey, Marker] = field(default_factory=dict)
    _edits: dict[tuple[RowId, str], float] = field(default_factory=dict)
    _made: int = 0
    _hints: int = 0
    _origin: str | None = None
    _open: list[Captured] | None = None

    # --- the port

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """See the port."""
        return [
            RowState(self._find(query), None if query.key is None else self._markers.get(query.key)) for query in wanted
        ]

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Row]]:
        """See the port."""
        rows = [row for row in self.rows(mapping.table).values() if not row.outside]
        return [[row for row in rows if mapping.alike(row.values, fields)][:2] for fields in wanted]

    def write(self, writes: Sequence[RowWrite]) -> Sequence[RowOutcome]:
        """See the port."""
        return [self._write(write) for write in writes]

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """See the port."""
        row = RowId(mapping.table, pk)
        return max((self._edits[row, name] for name in fields if (row, name) in self._edits), default=None)

    # --- what users do

    def insert(self, table: str, cells: Cells, *, sfid: str | None = None, pk: PrimaryKey | None = None) -> PrimaryKey:
        """A user's INSERT; cells that are not named are NULL.

        Raises:
            Parked: a constraint, or a refusal rule.
        """
        with self._transaction(None):
            return self._insert(self.mappings.by_table[table], cells, sfid, pk)

    def edit(self, table: str, pk: PrimaryKey, cells: Cells) -> None:
        """A user's UPDATE of some columns; inside a trigger it belongs to the trigger's transaction.

        Raises:
            KeyError: there is no such row.
            Parked: a constraint, or a refusal rule.
        """
        stored = self._tables[table][pk]
        with self._transaction(None):
            self._update(self.mappings.by_table[table], pk, cells, stored.sfid)

    def link(self, table: str, pk: PrimaryKey, sfid: str | None) -> None:
        """A user's UPDATE of the column ``sfid``."""
        with self._transaction(None):
            self._update(self.mappings.by_table[table], pk, {}, sfid)

    def delete(self, table: str, pk: PrimaryKey) -> None:
        """A user's DELETE.

        Raises:
            KeyError: there is no such row.
            Rejected: another row refers to it.
        """
        with self._transaction(None):
            self._delete(self.mappings.by_table[table], pk)

    def truncate(self, table: str) -> None:
        """A user's TRUNCATE: no row trigger runs.

        Raises:
            Rejected: another table refers to a row of it.
        """
        if any(self._referred(RowId(table, pk)) for pk in self._tables.get(table, {})):
            raise Rejected("cannot truncate a table referenced in a foreign key constraint", code="0A000")
        self._tables[table] = {}
        self.truncated.append(table)

    def rows(self, table: str) -> dict[PrimaryKey, Row]:
        """Every row of a table."""
        mapping = self.mappings.by_table[table]
        return {pk: self._row(mapping, pk, stored) for pk, stored in self._tables.get(table, {}).items()}

    # --- reading

    def _find(self, query: RowQuery) -> Row | None:
        rows = self._tables.get(query.mapping.table, {})
        if query.pk is not None:
            stored = rows.get(query.pk)
            return None if stored is None else self._row(query.mapping, query.pk, stored)
        return next(
            (
                self._row(query.mapping, pk, stored)
                for pk, stored in rows.items()
                if query.sfid is not None and link_of(stored.sfid) == query.sfid
            ),
            None,
        )

    def _row(self, mapping: ObjectMapping, pk: PrimaryKey, stored: _Stored) -> Row:
        values: dict[str, Value] = {}
        unlinked: dict[str, RowId] = {}
        unreadable = {name for name, cell in stored.cells.items() if isinstance(cell, Formless)}
        for mapped in mapping.fields:
            cell = stored.cells[mapped.name]
            if isinstance(cell, Formless):
                continue
            if not isinstance(cell, RowId):
                values[mapped.name] = cell
            elif (parent := self._tables[cell.table][cell.key]).sfid is not None:
                values[mapped.name] = link_of(parent.sfid)
            else:
                unlinked[mapped.name] = cell
        outside = not self.inside.get(mapping.table, _always)(pk, stored.cells)
        return Row(pk, link_of(stored.sfid), values, unlinked, frozenset(unreadable), outside)

    # --- the sync's writes

    def _write(self, write: RowWrite) -> RowOutcome:
        creates = write.kind is WriteKind.CREATE
        if write.kind is WriteKind.UNDELETE or creates is not (write.expected.row is None):
            raise ProtocolError(f"a {write.kind} cannot expect what this one does")
        expected = write.expected.row
        if expected is not None and RowId(write.mapping.table, expected.pk) in self.locked:
            return Failed(RecordLocked("canceling statement due to lock timeout"))
        if not self._as_seen(write):
            return Stale()
        try:
            with self._transaction(write.operation):
                row = self._carry_out(write)
                state = RowState(row, Marker(write.operation, row.values if row else {}))
                self._markers[write.key] = Marker(write.operation, row.values if row else {})
        except TwinledgerError as error:
            return Failed(error)
        self.writes.append(write)
        return RowWritten(state)

    def _carry_out(self, write: RowWrite) -> Row | None:
        cells = self._cells(write)
        if write.expected.row is None:
            pk = self._insert(write.mapping, cells, write.sfid, write.pk)
        else:
            pk = write.expected.row.pk
            if write.kind is WriteKind.DELETE:
                if children := self._children(RowId(write.mapping.table, pk)):
                    raise ChildrenLeft(children)
                self._delete(write.mapping, pk)
            elif cells or write.sfid is not None:
                self._update(write.mapping, pk, cells, write.sfid or write.expected.row.sfid)
        return self._find(RowQuery(write.mapping, write.key, pk=pk))

    def _as_seen(self, write: RowWrite) -> bool:
        marker = self._markers.get(write.key)
        before = write.expected.marker.operation if write.expected.marker else None
        if before != (marker.operation if marker else None):
            return False
        if write.expected.row is not None:
            return self._find(RowQuery(write.mapping, None, pk=write.expected.row.pk)) == write.expected.row
        by_sfid = self._find(RowQuery(write.mapping, None, sfid=write.sfid))
        by_pk = self._find(RowQuery(write.mapping, None, pk=write.pk)) if write.pk is not None else None
        return by_sfid is None and by_pk is None

    def _cells(self, write: RowWrite) -> Cells:
        cells: dict[str, Cell] = {}
        missing = []
        for name, value in write.values.items():
            mapped = write.mapping.by_name[name]
            if mapped.parent is None or value is None:
                cells[name] = value
                continue
            parent = self.mappings.by_name[mapped.parent]
            found = self._find(RowQuery(parent, None, sfid=str(value)))
            if found is None:
                missing.append(name)
            else:
                cells[name] = RowId(parent.table, found.pk)
        if missing:
            raise ParentMissing(f"no row is linked to the parent that {', '.join(missing)} names", fields=missing)
        return cells

    # --- statements

    @contextmanager
    def _transaction(self, origin: str | None) -> Iterator[None]:
        """All or nothing; a statement inside a trigger joins the transaction that it is in."""
        if self._open is not None:
            yield
            return
        tables = {table: dict(rows) for table, rows in self._tables.items()}
        markers, edits = dict(self._markers), dict(self._edits)
        self._open, self._origin = [], origin
        try:
            yield
            committed = self._open
        except BaseException:
            self._tables, self._markers, self._edits = tables, markers, edits
            raise
        finally:
            self._open, self._origin = None, None
        self.captured.extend(committed)
        for entry in committed:
            for listener in self.listeners:
                listener(entry)

    def _insert(self, mapping: ObjectMapping, cells: Cells, sfid: str | None, pk: PrimaryKey | None) -> PrimaryKey:
        pk = pk or self._new_key(mapping)
        rows = self._tables.setdefault(mapping.table, {})
        if pk in rows:
            raise Rejected("duplicate key value violates unique constraint: primary key", code="23505")
        complete = {name: cells.get(name) for name in mapping.names}
        self._store(mapping, pk, None, complete, sfid)
        return pk

    def _update(self, mapping: ObjectMapping, pk: PrimaryKey, cells: Cells, sfid: str | None) -> None:
        before = self._tables[mapping.table][pk]
        self._store(mapping, pk, before, {**before.cells, **cells}, sfid)

    def _store(
        self, mapping: ObjectMapping, pk: PrimaryKey, before: _Stored | None, cells: Cells, sfid: str | None
    ) -> None:
        row = RowId(mapping.table, pk)
        after = dict(cells)
        for trigger in self.triggers.get(mapping.table, []):
            after.update(trigger(Statement(row, before.cells if before else None, dict(after), self._by_sync)))
        stored = {mapped.name: self._stored_form(mapped, after[mapped.name]) for mapped in mapping.fields}
        self._refuse(Statement(row, before.cells if before else None, stored, self._by_sync))
        rows = self._tables[mapping.table]
        if sfid is not None and any(other.sfid == sfid for key, other in rows.items() if key != pk):
            raise Rejected("duplicate key value violates unique constraint: sfid", code="23505")
        rows[pk] = _Stored(stored, sfid)
        was = before.cells if before else {}
        changed = [name for name in mapping.names if name not in was or was[name] != stored[name]]
        if before is None or changed or before.sfid != sfid:
            self._note_edits(mapping, row, [name for name in changed if before is not None or stored[name] is not None])
            old, new = {name: was.get(name) for name in changed if before}, {name: stored[name] for name in changed}
            self._capture(row, Change.CREATED if before is None else Change.UPDATED, sfid, old, new)

    def _children(self, row: RowId) -> list[Identity]:
        """Who refers to a row, but for itself."""
        found: list[Identity] = []
        for table, rows in self._tables.items():
            for pk, child in sorted(rows.items()):
                if row in child.cells.values() and RowId(table, pk) != row:
                    link = link_of(child.sfid)
                    object_name = self.mappings.by_table[table].object
                    found.append(RowId(table, pk) if link is None else SalesforceId(object_name, link))
        return found

    def _delete(self, mapping: ObjectMapping, pk: PrimaryKey) -> None:
        row = RowId(mapping.table, pk)
        stored = self._tables[mapping.table][pk]
        self._refuse(Statement(row, stored.cells, None, self._by_sync))
        if self._referred(row):
            raise Rejected("update or delete on the table violates a foreign key constraint", code="23503")
        del self._tables[mapping.table][pk]
        self._edits = {key: at for key, at in self._edits.items() if key[0] != row}
        self._capture(row, Change.DELETED, stored.sfid, stored.cells, {})

    def _referred(self, row: RowId) -> bool:
        return bool(self._children(row))

    @property
    def _by_sync(self) -> bool:
        return self._origin is not None

    def _stored_form(self, mapped: Field, cell: Cell) -> Cell:
        """What a column gives back; raises Rejected where it does not take the value."""
        if isinstance(cell, Formless):
            return cell
        if isinstance(cell, RowId):
            if cell.key not in self._tables.get(cell.table, {}):
                raise ParentMissing(f"{mapped.name}: the parent row is not there", code="23503", fields=(mapped.name,))
            return cell
        if cell is None and not mapped.nullable and mapped.parent is not None:
            raise Rejected(f"{mapped.name}: null value", code="23502", fields=(mapped.name,))
        return from_postgres(mapped, to_postgres(mapped, cell))

    def _refuse(self, statement: Statement) -> None:
        for refusal in self.refusals.get(statement.row.table, []):
            error = refusal(statement)
            if error is not None:
                raise error

    def _new_key(self, mapping: ObjectMapping) -> PrimaryKey:
        if len(mapping.key) != 1:
            raise Rejected("null value in a column of the primary key", code="23502")
        self._made += 1
        return (str(uuid.UUID(int=self._made)) if mapping.key_types == ("uuid",) else str(self._made),)

    def _note_edits(self, mapping: ObjectMapping, row: RowId, names: Sequence[str]) -> None:
        newest = {name for unit in mapping.units if unit.policy is Policy.NEWEST_WINS for name in unit.fields}
        if not self._by_sync:
            self._edits.update({(row, name): self.clock.now() for name in names if name in newest})

    def _capture(self, row: RowId, change: Change, sfid: str | None, old: Cells, new: Cells) -> None:
        self._hints += 1
        hint = Hint(row, change, str(self._hints), self.clock.now(), None if self._by_sync else self.actor, sfid=sfid)
        entry = Captured(hint, self._origin, dict(old), dict(new))
        if self._open is None:
            raise ProtocolError("a statement outside a transaction")
        self._open.append(entry)
