"""The port :class:`chalicelib.core.ports.Rows` on Postgres."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from psycopg import sql
from psycopg.types.json import Json

from chalicelib.core.errors import Parked, Rejected, TwinledgerError
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Fields, PrimaryKey, Row, RowState
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, Rows, RowWrite, Stale, WriteKind
from chalicelib.core.values import to_postgres
from chalicelib.postgres import decode
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.errors import translate, translate_read
from chalicelib.postgres.rowsql import FILE, SFID, RowSql
from chalicelib.postgres.rowwrite import RowTransaction, match_parameters, read_parameters
from chalicelib.postgres.statements import statement

Result = TypeVar("Result")

UNIQUE_VIOLATION = "23505"


@dataclass
class PostgresRows(Rows):
    """The rows of the mapped tables.

    Attributes:
        connection: where to.
        mappings: all mappings; references are read through them.
        met: called with each connection before anything else is done on it: where the database turns out to be
            another one, it raises a ConfigurationError, and nothing is read or written.
    """

    connection: PostgresConnection
    mappings: Mappings
    met: Callable[[Connection], None] = lambda _connection: None
    _composed: dict[str, RowSql] = field(default_factory=dict)
    _known: Connection | None = None  # the last one that was met

    def _sql(self, mapping: ObjectMapping) -> RowSql:
        if mapping.name not in self._composed or self._composed[mapping.name].mapping != mapping:
            self._composed[mapping.name] = RowSql.of(mapping, self.mappings)
        return self._composed[mapping.name]

    def _first(self, work: Callable[[Connection], Result]) -> Result:
        """See :meth:`PostgresConnection.first`; a connection that is new is met first, whoever has opened it.

        we:      met: the database that is known | read r0 ............ the connection is dead: another one, met first
        others:                                       the database is restored, or fails over
        """

        def meet(connection: Connection) -> Result:
            if connection is not self._known:
                self.met(connection)
                self._known = connection
            return work(connection)

        return self.connection.first(meet)

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
        return decode.states(composed, self._fetch(composed.read, read_parameters(wanted)), len(wanted))

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Row]]:
        """See the port: one exchange.

        Raises:
            TwinledgerError: as :meth:`read`.
        """
        composed = self._sql(mapping)
        found: list[list[Row]] = [[] for _ in wanted]
        asked = [(at, values) for at, values in enumerate(wanted) if _fits(mapping, values)]
        if asked:
            for at, row in decode.rows(composed, self._fetch(composed.match, match_parameters(mapping, asked))):
                if mapping.alike(row.values, wanted[at]):
                    found[at].append(row)
        return found

    def _fetch(self, query: sql.Composed, parameters: Mapping[str, object]) -> list[tuple[object, ...]]:
        """What a query returns, in a transaction that only reads."""
        with self.connection.held():
            try:
                return self._first(lambda connection: self._fetch_on(connection, query, parameters))
            except psycopg.Error as error:
                self.connection.roll_back(error)
                raise translate_read(error) from error

    def _fetch_on(
        self, connection: Connection, query: sql.Composed, parameters: Mapping[str, object]
    ) -> list[tuple[object, ...]]:
        with connection.pipeline():
            connection.execute(statement(FILE, "begin_read"))
            connection.execute(statement(FILE, "read_settings"), self._settings())
            cursor = connection.execute(query, parameters)
            connection.execute(statement(FILE, "commit"))
        return cursor.fetchall()

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """See the port."""
        parameters = {
            "table": mapping.table,
            "pk": Json(list(pk)),
            "columns": [mapping.by_name[name].column for name in fields],
        }
        with self.connection.held():
            try:
                found = self._first(
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
        transaction = RowTransaction(write, self._sql(write.mapping))
        try:
            found = self._first(lambda connection: transaction.begin(connection, self._settings()))
            outcome = transaction.finish(found)
        except psycopg.Error as error:
            self.connection.roll_back(error)
            return self._failed(write, error)
        except Parked as error:
            outcome = Failed(error)
        self.connection.roll_back()
        return outcome

    # --- what failed

    def _failed(self, write: RowWrite, error: psycopg.Error) -> RowOutcome:
        columns = self._blamed(error)
        if write.kind is WriteKind.CREATE and error.sqlstate == UNIQUE_VIOLATION and _there_already(write, columns):
            return Stale()
        fields = tuple(field.name for field in write.mapping.fields if field.column in columns)
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

    def _settings(self) -> dict[str, str]:
        return {
            "statement_timeout": str(self.connection.statement_timeout),
            "lock_timeout": str(self.connection.lock_timeout),
            "idle_timeout": str(self.connection.idle_timeout),
        }


def _fits(mapping: ObjectMapping, wanted: Fields) -> bool:
    """Whether a row could hold these match values at all."""
    try:
        for name in mapping.match:
            to_postgres(mapping.by_name[name], wanted.get(name))
    except Rejected:
        return False  # a text that is no UUID, a number too large: the cast would fail
    return mapping.alike(wanted, wanted)


def _there_already(write: RowWrite, columns: frozenset[str]) -> bool:
    """Whether a unique index says that the row which was to be created is there."""
    return columns == {SFID} or (write.pk is not None and columns == set(write.mapping.key))
