"""One conditional write of a row: its transaction from the lock to the commit, in two exchanges (a create: three)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from chalicelib.core.errors import ChildrenLeft, ProtocolError, Rejected
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields, Identity, PrimaryKey, Row, RowState
from chalicelib.core.ports import RowOutcome, RowQuery, RowWrite, RowWritten, Stale, WriteKind
from chalicelib.core.values import to_postgres
from chalicelib.postgres import decode
from chalicelib.postgres.capture import LIVE_ROWS
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import parent_missing
from chalicelib.postgres.rowsql import FILE, SFID, RowSql
from chalicelib.postgres.statements import statement

NO_DATA = "02000"  # SQLSTATE


@dataclass(frozen=True)
class Found:
    """What stood there when the lock was taken.

    Attributes:
        connection: has the transaction open.
        states: rows and markers that the write looks at.
        parents: primary keys of the parents that are there, by field.
        children: of a row that is to be deleted: who refers to it.
    """

    connection: Connection
    states: Sequence[RowState]
    parents: Mapping[str, str]
    children: Sequence[Identity] = ()


@dataclass(frozen=True)
class RowTransaction:
    """The transaction of one write.

    Attributes:
        write: what is to be written, and under which condition.
        composed: the statements of its mapping.
    """

    write: RowWrite
    composed: RowSql

    def __post_init__(self) -> None:
        kind, row = self.write.kind, self.write.expected.row
        if kind is WriteKind.UNDELETE or (row is None) is not (kind is WriteKind.CREATE):
            raise ProtocolError(f"a {kind} that expects {'no' if row is None else 'a'} row is no write of Postgres")

    def begin(self, connection: Connection, settings: Mapping[str, str]) -> Found:
        """Begin the transaction, lock the row, and read it in a statement of its own.

        One statement would not do: after waiting for a lock, Postgres looks again at the locked row only, and what it
        is joined to (marker, parents) stays as of the statement's start (manual, "Read Committed Isolation Level").

        Raises:
            psycopg.Error: the lock could not be had, or the connection is dead; nothing was written.
        """
        write, queries = self.write, self._queries()
        with connection.pipeline():
            connection.execute(statement(FILE, "begin"))
            captured = str(LIVE_ROWS) if write.bulk else "0"  # its echo goes by the lane of what it carries out
            told = {"operation": write.operation, "captured": captured}
            connection.execute(statement(FILE, "write_settings"), {**settings, **told})
            self._lock(connection)
            cursor = connection.execute(self.composed.read, read_parameters(queries))
            parents = [
                connection.execute(self.composed.lock_parent(name), {"field": name, "sfid": write.values[name]})
                for name in self.composed.parents
                if write.values.get(name) is not None
            ]
            children = self._children(connection)
        return Found(
            connection,
            decode.states(self.composed, cursor.fetchall(), len(queries)),
            {str(name): str(key) for parent in parents for name, key in parent.fetchall()},
            decode.children(self.composed.references, children.fetchall()) if children is not None else (),
        )

    def _children(self, connection: Connection) -> psycopg.Cursor[tuple[object, ...]] | None:
        """Ask who refers to a row that is to be deleted; None: nobody can, or it is not to be deleted."""
        row, query = self.write.expected.row, self.composed.children
        if row is None or query is None or self.write.kind is not WriteKind.DELETE:
            return None
        return connection.execute(query, _key_parameters(row.pk))

    def finish(self, found: Found) -> RowOutcome:
        """Write and commit, provided that everything is as seen. What is not written leaves the transaction open.

        Raises:
            psycopg.Error: the server refused the write, or the connection broke: then it may have been committed.
            ParentMissing: a reference names a parent that is not there.
            ChildrenLeft: a row is to be deleted that others refer to.
            Rejected: a value does not fit its column, or a trigger of the table kept the write from taking effect.
        """
        if any(not _as_seen(state, self.write.expected) for state in found.states):
            return Stale()
        values = self._column_values(found.parents)
        row = self.write.expected.row
        if row is None:
            return self._create(found.connection, values)
        if self.write.kind is WriteKind.DELETE:
            if found.children:
                raise ChildrenLeft(found.children)
            return self._delete(found.connection, row.pk)
        return self._update(found.connection, row, values)

    def _lock(self, connection: Connection) -> None:
        row = self.write.expected.row
        if row is not None:
            deletes = self.write.kind is WriteKind.DELETE
            connection.execute(
                self.composed.lock_for_delete if deletes else self.composed.lock, _key_parameters(row.pk)
            )
        elif self.write.sfid is not None:
            link = {"table": self.write.mapping.table, "sfid": self.write.sfid}
            connection.execute(statement(FILE, "lock_link"), link)

    # A user's edit, or another worker's write, against ours:
    #
    #   worker A   read r0 ........................ lock r0=r0? UPDATE mark COMMIT
    #   user                 UPDATE r1 COMMIT                                       case 1
    #   user                 UPDATE r1 .............(A waits)... COMMIT             case 2
    #   user                                              UPDATE r1 (waits) COMMIT  case 3
    #   worker B   read r0 ... lock UPDATE mark COMMIT                              case 4: r0 -> r1 -> r0 by a user
    #
    # 1 and 2: the read under the lock sees r1, which is not r0: Stale.  3: the user's edit comes after ours, has its
    # own outbox row, and is an ordinary change.  4: the values are r0 again, but the marker is B's: Stale.
    # The UPDATE names only the changed columns, so that a column that is not mapped keeps its latest value.
    def _update(self, connection: Connection, row: Row, values: Mapping[str, object]) -> RowOutcome:
        parameters = {**_key_parameters(row.pk), **_value_parameters(values)}
        key = zip(self.write.mapping.key, row.pk, strict=True)
        pk = tuple(str(values.get(column, part)) for column, part in key)  # a key may be mapped, and then changes
        with connection.pipeline():
            if values:
                connection.execute(self.composed.update(tuple(values)), parameters)
            cursor = self._commit(connection, self.composed.mark, pk)
        return RowWritten(self._state(cursor))

    # Two workers, or a worker and a user, that insert a row for one Salesforce record:
    #
    #   worker A   lock_link, no row? ...... INSERT ................... COMMIT
    #   worker B              lock_link (waits) ................................ row!     case 1
    #   user                     INSERT same sfid ... COMMIT                              case 2
    #   user                                     INSERT same sfid (waits) fails           case 3
    #
    # 1: the lock on the link serialises our own.  2: A's INSERT waits for the user's commit and fails on the unique
    # index of sfid: Stale, and the next look finds the user's row.  3: the user's own INSERT fails on that index.
    # A late INSERT of an abandoned operation finds the row, or a marker that is not the expected one: Stale.
    def _create(self, connection: Connection, values: Mapping[str, object]) -> RowOutcome:
        inserted = connection.execute(self.composed.insert(tuple(values)), _value_parameters(values)).fetchone()
        if inserted is None:
            raise Rejected("a trigger of the table suppressed the insert", code=NO_DATA)
        with connection.pipeline():
            cursor = self._commit(connection, self.composed.mark, decode.primary_key(inserted[0]))
        return RowWritten(self._state(cursor))

    # A user's edit against our delete:
    #
    #   worker     read r0 ................... lock r0=r0? DELETE mark COMMIT
    #   user            UPDATE r1 COMMIT                                       case 1
    #   user                                   UPDATE r1 (waits) no row        case 2
    #   user                                   INSERT child (waits) fails      case 3
    #
    # 1: the read under the lock sees r1: Stale.  2: the user's UPDATE finds no row and says so to the user (UPDATE 0).
    # 3: FOR UPDATE holds the child's foreign key check off until the row is gone; had the child come first, the look
    # under the lock finds it: ChildrenLeft, whatever ON DELETE says.  A child of a table that is not mapped is the
    # foreign key's affair.  The marker is written only where the row is really gone.
    def _delete(self, connection: Connection, pk: PrimaryKey) -> RowOutcome:
        with connection.pipeline():
            connection.execute(self.composed.delete, _key_parameters(pk))
            cursor = self._commit(connection, self.composed.mark_deleted, pk)
        state = self._state(cursor)
        if state.row is not None:
            raise Rejected("a trigger of the table kept the row", code=NO_DATA)
        return RowWritten(state)

    def _commit(self, connection: Connection, mark: sql.Composed, pk: PrimaryKey) -> psycopg.Cursor[tuple[object, ...]]:
        """Queue what ends every write: deferred triggers, marker, read-back, commit. A failure skips the rest."""
        write = self.write
        connection.execute(statement(FILE, "immediate"))
        connection.execute(mark, {**_key_parameters(pk), "record_key": write.key, "operation": write.operation})
        cursor = connection.execute(self.composed.read, read_parameters([RowQuery(write.mapping, write.key, pk=pk)]))
        connection.execute(statement(FILE, "commit"))
        return cursor

    def _state(self, cursor: psycopg.Cursor[tuple[object, ...]]) -> RowState:
        return decode.states(self.composed, cursor.fetchall(), 1)[0]

    def _queries(self) -> list[RowQuery]:
        """What the write looks at under its lock."""
        write, row = self.write, self.write.expected.row
        if row is not None:
            return [RowQuery(write.mapping, write.key, pk=row.pk)]
        by_key = [RowQuery(write.mapping, write.key, pk=write.pk)] if write.pk is not None else []
        return [RowQuery(write.mapping, write.key, sfid=write.sfid), *by_key]

    def _column_values(self, parents: Mapping[str, str]) -> dict[str, object]:
        """What the columns get."""
        write = self.write
        missing = [n for n in self.composed.parents if write.values.get(n) is not None and n not in parents]
        if missing:
            raise parent_missing(missing)
        values: dict[str, object] = {}
        if write.kind is WriteKind.CREATE and write.pk is not None:
            values.update(zip(write.mapping.key, write.pk, strict=True))
        for name, value in write.values.items():
            mapped = write.mapping.by_name[name]
            values[mapped.column] = parents.get(name) if mapped.parent else to_postgres(mapped, value)
        if write.sfid is not None:
            values[SFID] = write.sfid
        return values


def _as_seen(found: RowState, expected: RowState) -> bool:
    """Whether row and marker are what the plan rests on."""
    before = expected.marker.operation if expected.marker else None
    now = found.marker.operation if found.marker else None
    return before == now and found.row == expected.row


def read_parameters(wanted: Sequence[RowQuery]) -> dict[str, object]:
    """Parameters of the statement ``read``, for queries of one mapping."""
    keys = {
        f"k{at}": [query.pk[at] if query.pk is not None else None for query in wanted]
        for at in range(len(wanted[0].mapping.key))
    }
    return {
        "n": list(range(len(wanted))),
        "record_key": [query.key for query in wanted],
        "sfid": [query.sfid for query in wanted],
        **keys,
    }


def match_parameters(mapping: ObjectMapping, wanted: Sequence[tuple[int, Fields]]) -> dict[str, object]:
    """Parameters of the statement ``match``: places and what is wanted there."""
    values = {f"v{at}": [fields[name] for _, fields in wanted] for at, name in enumerate(mapping.match)}
    return {"n": [place for place, _ in wanted], **values}


def _key_parameters(pk: PrimaryKey) -> dict[str, object]:
    return {f"pk{at}": part for at, part in enumerate(pk)}


def _value_parameters(values: Mapping[str, object]) -> dict[str, object]:
    return {f"v{at}": value for at, value in enumerate(values.values())}
