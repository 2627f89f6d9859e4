"""The port :class:`chalicelib.core.ports.Rows` on Postgres: reads in one round trip, conditional writes in two."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.types.json import Json

from chalicelib.core.errors import ProtocolError, Rejected, TwinledgerError
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Fields, PrimaryKey, Row, RowState
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, Rows, RowWrite, RowWritten, Stale, WriteKind
from chalicelib.core.values import to_postgres
from chalicelib.postgres import decode
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.errors import parent_missing, translate, translate_read
from chalicelib.postgres.rowsql import FILE, SFID, RowSql
from chalicelib.postgres.statements import statement

UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"


@dataclass(frozen=True)
class _Found:
    """What stood there when the lock was taken: rows and markers, and the keys of the parents that are there."""

    states: Sequence[RowState]
    parents: dict[str, str]


@dataclass
class PostgresRows(Rows):
    """The rows of the mapped tables.

    Attributes:
        connection: where to.
        mappings: all mappings; references are read through them.
    """

    connection: PostgresConnection
    mappings: Mappings
    _composed: dict[str, RowSql] = field(default_factory=dict)

    def _sql(self, mapping: ObjectMapping) -> RowSql:
        if mapping.name not in self._composed or self._composed[mapping.name].mapping != mapping:
            self._composed[mapping.name] = RowSql.of(mapping, self.mappings)
        return self._composed[mapping.name]

    # --- reads

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """See the port: one exchange for each mapping.

        Raises:
            TwinledgerError: see :mod:`chalicelib.postgres.errors`. AccessDenied where row security would hide rows:
                a hidden row would look deleted.
        """
        found: dict[int, RowState] = {}
        for mapping in {query.mapping.name: query.mapping for query in wanted}.values():
            places = [at for at, query in enumerate(wanted) if query.mapping.name == mapping.name]
            states = self._read([wanted[at] for at in places], self._sql(mapping))
            found.update(zip(places, states, strict=True))
        return [found[at] for at in range(len(wanted))]

    def _read(self, wanted: Sequence[RowQuery], composed: RowSql) -> Sequence[RowState]:
        with self.connection.held():
            try:
                return self.connection.first(lambda connection: self._read_on(connection, wanted, composed))
            except psycopg.Error as error:
                self.connection.roll_back(error)
                raise translate_read(error) from error

    def _read_on(self, connection: Connection, wanted: Sequence[RowQuery], composed: RowSql) -> Sequence[RowState]:
        with connection.pipeline():
            connection.execute(statement(FILE, "begin_read"))
            connection.execute(statement(FILE, "read_settings"), self._settings())
            cursor = connection.execute(composed.read, _read_parameters(wanted))
            connection.execute(statement(FILE, "commit"))
        return decode.states(composed, cursor.fetchall(), len(wanted))

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """See the port."""
        parameters = {
            "table": mapping.table,
            "pk": Json(list(pk)),
            "columns": [mapping.by_name[name].column for name in fields],
        }
        with self.connection.held():
            try:
                found = self.connection.first(
                    lambda connection: connection.execute(statement(FILE, "edited_at"), parameters).fetchone()
                )
            except psycopg.Error as error:
                self.connection.roll_back(error)
                raise translate_read(error) from error
        return found[0] if found and isinstance(found[0], float) else None

    # --- writes

    def write(self, writes: Sequence[RowWrite]) -> Sequence[RowOutcome]:
        """See the port.

        Raises:
            TwinledgerError: no connection could be made, so that nothing was written. Where one is lost on the way,
                the writes after it have that error as their outcome.
        """
        outcomes: list[RowOutcome] = []
        lost: TwinledgerError | None = None
        with self.connection.held():
            for write in writes:
                if lost is None:
                    try:
                        outcomes.append(self._write(write))
                        continue
                    except TwinledgerError as error:
                        if not outcomes:
                            raise
                        lost = error
                outcomes.append(Failed(lost))
        return outcomes

    def _write(self, write: RowWrite) -> RowOutcome:
        composed = self._sql(write.mapping)
        if write.kind is WriteKind.UNDELETE or (write.kind is WriteKind.CREATE and write.expected.row is not None):
            raise ProtocolError(f"a {write.kind} that expects a row is no write of Postgres")
        if write.kind is not WriteKind.CREATE:
            _seen(write)
        try:
            return self._write_on(write, composed)
        except psycopg.Error as error:
            self.connection.roll_back(error)
            return self._failed(write, error)

    def _write_on(self, write: RowWrite, composed: RowSql) -> RowOutcome:
        found = self.connection.first(lambda connection: self._lock_and_read(connection, write, composed))
        if any(not _as_seen(state, write.expected) for state in found.states):
            self.connection.roll_back()
            return Stale()
        try:
            values = _column_values(write, composed, found.parents)
        except TwinledgerError as error:
            self.connection.roll_back()
            return Failed(error)
        connection = self.connection.get()
        match write.kind:
            case WriteKind.UPDATE:
                return self._update(connection, write, composed, values)
            case WriteKind.CREATE:
                return self._create(connection, write, composed, values)
            case _:
                return self._delete(connection, write, composed)

    def _lock_and_read(self, connection: Connection, write: RowWrite, composed: RowSql) -> _Found:
        """Begin the transaction, lock the row, and read it in a statement of its own.

        One statement would not do: after waiting for a lock, Postgres looks again at the locked row only, and what it
        is joined to (marker, parents) stays as of the statement's start (manual, "Read Committed Isolation Level").
        """
        with connection.pipeline():
            connection.execute(statement(FILE, "begin"))
            connection.execute(statement(FILE, "write_settings"), self._settings(write.operation))
            self._lock(connection, write, composed)
            cursor = connection.execute(composed.read, _read_parameters(_queries(write)))
            parents = [
                connection.execute(composed.lock_parent(name), {"field": name, "sfid": write.values[name]})
                for name in composed.parents
                if write.values.get(name) is not None
            ]
        return _Found(
            decode.states(composed, cursor.fetchall(), len(_queries(write))),
            {str(name): str(key) for parent in parents for name, key in parent.fetchall()},
        )

    def _lock(self, connection: Connection, write: RowWrite, composed: RowSql) -> None:
        if write.expected.row is not None:
            lock = composed.lock_for_delete if write.kind is WriteKind.DELETE else composed.lock
            connection.execute(lock, _key_parameters(write.expected.row.pk))
        elif write.sfid is not None:
            connection.execute(statement(FILE, "lock_link"), {"table": write.mapping.table, "sfid": write.sfid})

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
    def _update(
        self, connection: Connection, write: RowWrite, composed: RowSql, values: dict[str, object]
    ) -> RowOutcome:
        pk = _seen(write).pk
        with connection.pipeline():
            if values:
                connection.execute(composed.update(tuple(values)), {**_key_parameters(pk), **_value_parameters(values)})
            finish = self._finish(connection, write, composed, composed.mark, pk)
        return RowWritten(decode.states(composed, finish.fetchall(), 1)[0])

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
    def _create(
        self, connection: Connection, write: RowWrite, composed: RowSql, values: dict[str, object]
    ) -> RowOutcome:
        inserted = connection.execute(composed.insert(tuple(values)), _value_parameters(values)).fetchone()
        if inserted is None:
            self.connection.roll_back()
            return Failed(Rejected("a trigger of the table suppressed the insert"))
        pk = decode.primary_key(inserted[0])
        with connection.pipeline():
            finish = self._finish(connection, write, composed, composed.mark, pk)
        return RowWritten(decode.states(composed, finish.fetchall(), 1)[0])

    # A user's edit against our delete:
    #
    #   worker     read r0 ................... lock r0=r0? DELETE mark COMMIT
    #   user            UPDATE r1 COMMIT                                       case 1
    #   user                                   UPDATE r1 (waits) no row        case 2
    #   user                                   INSERT child (waits) fails      case 3
    #
    # 1: the read under the lock sees r1: Stale.  2: the user's UPDATE finds no row and says so to the user (UPDATE 0).
    # 3: FOR UPDATE holds the child's foreign key check off until the row is gone; had the child come first, the DELETE
    # fails on it: Rejected.  The marker is written only where the row is really gone.
    def _delete(self, connection: Connection, write: RowWrite, composed: RowSql) -> RowOutcome:
        pk = _seen(write).pk
        with connection.pipeline():
            connection.execute(composed.delete, _key_parameters(pk))
            finish = self._finish(connection, write, composed, composed.mark_deleted, pk)
        state = decode.states(composed, finish.fetchall(), 1)[0]
        if state.row is not None:
            return Failed(Rejected("a trigger of the table kept the row"))
        return RowWritten(state)

    def _finish(
        self, connection: Connection, write: RowWrite, composed: RowSql, mark: sql.Composed, pk: PrimaryKey
    ) -> psycopg.Cursor[tuple[object, ...]]:
        """Queue what ends every write: deferred triggers, marker, read-back, commit. A failure skips the rest."""
        connection.execute(statement(FILE, "immediate"))
        parameters = {**_key_parameters(pk), "record_key": write.key, "operation": write.operation}
        connection.execute(mark, parameters)
        cursor = connection.execute(composed.read, _read_parameters([RowQuery(write.mapping, write.key, pk=pk)]))
        connection.execute(statement(FILE, "commit"))
        return cursor

    # --- what failed

    def _failed(self, write: RowWrite, error: psycopg.Error) -> RowOutcome:
        columns = self._blamed(error)
        if write.kind is WriteKind.CREATE and error.sqlstate == UNIQUE_VIOLATION and _there_already(write, columns):
            return Stale()
        fields = tuple(field.name for field in write.mapping.fields if field.column in columns)
        references = [name for name in fields if write.mapping.by_name[name].parent is not None]
        if error.sqlstate == FOREIGN_KEY_VIOLATION and write.kind is not WriteKind.DELETE and references:
            return Failed(parent_missing(references))
        return Failed(translate(error, fields))

    def _blamed(self, error: psycopg.Error) -> frozenset[str]:
        """The columns that the server names, by themselves or by a constraint."""
        diagnosis = error.diag
        if diagnosis.column_name:
            return frozenset({diagnosis.column_name})
        if not diagnosis.constraint_name or error.sqlstate is None:
            return frozenset()
        parameters = {
            "schema": diagnosis.schema_name,
            "table": diagnosis.table_name,
            "constraint": diagnosis.constraint_name,
        }
        try:
            found = self.connection.get().execute(statement(FILE, "constraint_columns"), parameters).fetchone()
        except psycopg.Error as second:
            self.connection.roll_back(second)
            return frozenset()  # the refusal stands; only the names of the fields are missing
        columns = found[0] if found else None
        return frozenset(str(column) for column in columns) if isinstance(columns, list) else frozenset()

    def _settings(self, operation: str = "") -> dict[str, str]:
        return {
            "statement_timeout": str(self.connection.statement_timeout),
            "lock_timeout": str(self.connection.lock_timeout),
            "idle_timeout": str(self.connection.idle_timeout),
            "operation": operation,
        }


def _seen(write: RowWrite) -> Row:
    """The row that an update or a delete expects.

    Raises:
        ProtocolError: it expects none.
    """
    if write.expected.row is None:
        raise ProtocolError(f"a {write.kind} has to expect a row")
    return write.expected.row


def _as_seen(found: RowState, expected: RowState) -> bool:
    """Whether row and marker are what the plan rests on."""
    before = expected.marker.operation if expected.marker else None
    now = found.marker.operation if found.marker else None
    return before == now and found.row == expected.row


def _there_already(write: RowWrite, columns: frozenset[str]) -> bool:
    """Whether a unique index says that the row which was to be created is there."""
    return columns == {SFID} or (write.pk is not None and columns == set(write.mapping.key))


def _column_values(write: RowWrite, composed: RowSql, parents: dict[str, str]) -> dict[str, object]:
    """What the columns get.

    Raises:
        ParentMissing: a reference names a parent that is not there.
        Rejected: a value does not fit its column.
    """
    missing = [name for name in composed.parents if write.values.get(name) is not None and name not in parents]
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


def _queries(write: RowWrite) -> list[RowQuery]:
    """What a write looks at under its lock."""
    if write.expected.row is not None:
        return [RowQuery(write.mapping, write.key, pk=write.expected.row.pk)]
    return [
        RowQuery(write.mapping, write.key, sfid=write.sfid),
        *([RowQuery(write.mapping, write.key, pk=write.pk)] if write.pk is not None else []),
    ]


def _read_parameters(wanted: Sequence[RowQuery]) -> dict[str, object]:
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


def _key_parameters(pk: PrimaryKey) -> dict[str, object]:
    return {f"pk{at}": part for at, part in enumerate(pk)}


def _value_parameters(values: Fields | dict[str, object]) -> dict[str, object]:
    return {f"v{at}": value for at, value in enumerate(values.values())}
