"""Two databases behind the port ``Rows``, each with the same handles on what users do."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from psycopg import sql

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Change, PrimaryKey, RowId
from chalicelib.core.ports import Rows
from chalicelib.core.values import to_postgres
from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.rows import PostgresRows
from chalicelib.postgres.statements import joined, relation
from tests.fakes.clock import FakeClock
from tests.fakes.rows import MemoryRows
from tests.fakes.statements import Cell, Cells, Formless, refuse, upper
from tests.integration.postgres.sample import MAPPINGS, empty

Captured = tuple[RowId, Change, str | None, str | None]  # row, change, Salesforce id, origin
LOCK_TIMEOUT = 100  # milliseconds


class Bench(Protocol):
    """A database, and the hands of its users."""

    @property
    def rows(self) -> Rows:
        """The port."""
        ...

    def insert(self, mapping: ObjectMapping, cells: Cells, sfid: str | None, pk: PrimaryKey | None) -> PrimaryKey:
        """A user's INSERT; without a key the table makes one."""
        ...

    def edit(self, mapping: ObjectMapping, pk: PrimaryKey, cells: Cells) -> None:
        """A user's UPDATE."""
        ...

    def link(self, mapping: ObjectMapping, pk: PrimaryKey, sfid: str | None) -> None:
        """A user's UPDATE of ``sfid``."""
        ...

    def delete(self, mapping: ObjectMapping, pk: PrimaryKey) -> None:
        """A user's DELETE."""
        ...

    def upper(self, mapping: ObjectMapping, name: str) -> None:
        """From now on a trigger of the user stores a text field in upper case."""
        ...

    def refuse(self, mapping: ObjectMapping, name: str, value: str) -> None:
        """From now on a CHECK constraint refuses one value of a text field."""
        ...

    def without(self, mapping: ObjectMapping, name: str, value: str) -> ObjectMapping:
        """The mapping with a filter that rows of one value of a text field, or of none, do not match."""
        ...

    def locked(self, mapping: ObjectMapping, pk: PrimaryKey) -> AbstractContextManager[None]:
        """Another transaction holds a row."""
        ...

    def captured(self) -> list[Captured]:
        """The outbox."""
        ...


@dataclass
class FakeBench:
    """The database in memory."""

    rows: MemoryRows = field(default_factory=lambda: MemoryRows(MAPPINGS, FakeClock()))

    def insert(self, mapping: ObjectMapping, cells: Cells, sfid: str | None, pk: PrimaryKey | None) -> PrimaryKey:
        """See the bench."""
        return self.rows.insert(mapping.table, cells, sfid=sfid, pk=pk)

    def edit(self, mapping: ObjectMapping, pk: PrimaryKey, cells: Cells) -> None:
        """See the bench."""
        self.rows.edit(mapping.table, pk, cells)

    def link(self, mapping: ObjectMapping, pk: PrimaryKey, sfid: str | None) -> None:
        """See the bench."""
        self.rows.link(mapping.table, pk, sfid)

    def delete(self, mapping: ObjectMapping, pk: PrimaryKey) -> None:
        """See the bench."""
        self.rows.delete(mapping.table, pk)

    def upper(self, mapping: ObjectMapping, name: str) -> None:
        """See the bench."""
        self.rows.triggers[mapping.table] = [upper(name)]

    def refuse(self, mapping: ObjectMapping, name: str, value: str) -> None:
        """See the bench."""
        self.rows.refusals[mapping.table] = [refuse(name, value)]

    def without(self, mapping: ObjectMapping, name: str, value: str) -> ObjectMapping:
        """See the bench."""
        self.rows.inside[mapping.table] = lambda _, cells: cells[name] not in {None, value}
        return mapping

    @contextmanager
    def locked(self, mapping: ObjectMapping, pk: PrimaryKey) -> Iterator[None]:
        """See the bench."""
        self.rows.locked.add(RowId(mapping.table, pk))
        yield
        self.rows.locked.clear()

    def captured(self) -> list[Captured]:
        """See the bench."""
        return [
            (
                RowId(entry.hint.identity.table, entry.hint.identity.key),
                entry.hint.change,
                entry.hint.sfid,
                entry.origin,
            )
            for entry in self.rows.captured
            if isinstance(entry.hint.identity, RowId)
        ]


class LiveBench:
    """A real database; it is emptied at the start, and users' triggers and constraints go at the end."""

    def __init__(self, dsn: str, user: Connection) -> None:
        self._dsn = dsn
        self._user = user
        self._undo: list[sql.Composed] = []
        self._connection = PostgresConnection(dsn, lock_timeout=LOCK_TIMEOUT)
        self.rows = PostgresRows(self._connection, MAPPINGS)
        empty(user)

    def close(self) -> None:
        """Leave the database as it was found."""
        for statement in self._undo:
            self._user.execute(statement)
        self._connection.drop()

    def insert(self, mapping: ObjectMapping, cells: Cells, sfid: str | None, pk: PrimaryKey | None) -> PrimaryKey:
        """See the bench."""
        complete = {**{name: None for name in mapping.names if not mapping.by_name[name].nullable}, **cells}
        columns = self._columns(mapping, complete) | {"sfid": sfid}
        if pk is not None:
            columns |= dict(zip(mapping.key, pk, strict=True))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
            relation(mapping.table),
            joined([sql.Identifier(column) for column in columns]),
            joined([sql.Placeholder()] * len(columns)),
            joined([sql.SQL("{}::text").format(sql.Identifier(column)) for column in mapping.key]),
        )
        made = self._user.execute(statement, list(columns.values())).fetchone()
        assert made is not None
        return tuple(str(part) for part in made)

    def edit(self, mapping: ObjectMapping, pk: PrimaryKey, cells: Cells) -> None:
        """See the bench."""
        self._update(mapping, pk, self._columns(mapping, cells))

    def link(self, mapping: ObjectMapping, pk: PrimaryKey, sfid: str | None) -> None:
        """See the bench."""
        self._update(mapping, pk, {"sfid": sfid})

    def delete(self, mapping: ObjectMapping, pk: PrimaryKey) -> None:
        """See the bench."""
        self._user.execute(
            sql.SQL("DELETE FROM {} WHERE {}").format(relation(mapping.table), self._where(mapping)), list(pk)
        )

    def upper(self, mapping: ObjectMapping, name: str) -> None:
        """See the bench."""
        column, table = sql.Identifier(mapping.by_name[name].column), relation(mapping.table)
        body = sql.SQL("BEGIN NEW.{} := upper(NEW.{}); RETURN NEW; END").format(column, column).as_string()
        self._user.execute(
            sql.SQL("CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS {}").format(sql.Literal(body))
        )
        self._user.execute(
            sql.SQL(
                "CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION public.shout()"
            ).format(table)
        )
        self._undo.append(sql.SQL("DROP FUNCTION public.shout CASCADE").format())

    def refuse(self, mapping: ObjectMapping, name: str, value: str) -> None:
        """See the bench."""
        table = relation(mapping.table)
        self._user.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT refused CHECK ({} <> {})").format(
                table, sql.Identifier(mapping.by_name[name].column), sql.Literal(value)
            )
        )
        self._undo.append(sql.SQL("ALTER TABLE {} DROP CONSTRAINT refused").format(table))

    def without(self, mapping: ObjectMapping, name: str, value: str) -> ObjectMapping:
        """See the bench; the filter names its table, and has a percent sign in it."""
        table, column = mapping.table.partition(".")[2], mapping.by_name[name].column
        return replace(mapping, sql=f"{table}.{column} NOT LIKE '{value}%'")

    @contextmanager
    def locked(self, mapping: ObjectMapping, pk: PrimaryKey) -> Iterator[None]:
        """See the bench."""
        with self._user.transaction():
            self._user.execute(
                sql.SQL("SELECT FROM {} WHERE {} FOR UPDATE").format(relation(mapping.table), self._where(mapping)),
                list(pk),
            )
            yield

    def captured(self) -> list[Captured]:
        """See the bench."""
        return [
            (RowId(table, tuple(pk)), Change(change), sfid, origin)
            for table, pk, change, sfid, origin in self._user.execute(
                "SELECT table_name, pk, change, sfid, origin FROM twinledger.outbox"
                " WHERE change <> 'truncated' ORDER BY id"
            )
        ]

    def _update(self, mapping: ObjectMapping, pk: PrimaryKey, columns: Mapping[str, object]) -> None:
        assignments = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in columns]
        self._user.execute(
            sql.SQL("UPDATE {} SET {} WHERE {}").format(
                relation(mapping.table), sql.SQL(", ").join(assignments), self._where(mapping)
            ),
            [*columns.values(), *pk],
        )

    def _columns(self, mapping: ObjectMapping, cells: Cells) -> dict[str, object]:
        return {mapping.by_name[name].column: self._sent(mapping, name, cell) for name, cell in cells.items()}

    def _sent(self, mapping: ObjectMapping, name: str, cell: Cell) -> object:
        if isinstance(cell, Formless):
            return Decimal("NaN")
        if isinstance(cell, RowId):
            return cell.key[0]
        mapped = mapping.by_name[name]
        return False if cell is None and mapped.column_type == "boolean" else to_postgres(mapped, cell)

    @staticmethod
    def _where(mapping: ObjectMapping) -> sql.Composed:
        return sql.SQL(" AND ").join(
            [sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder()) for column in mapping.key]
        )
