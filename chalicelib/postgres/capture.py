"""The capture functions and triggers of a table, generated from its mapped columns.

A generic trigger that compares whole rows as JSON costs several times as much, and would fire for columns that nobody
mapped.
"""

import hashlib
import re
from collections.abc import Sequence

from psycopg import sql

from chalicelib.core.mapping import ObjectMapping, Policy
from chalicelib.core.values.columns import (
    DOUBLE,
    INTEGERS,
    NUMERIC,
    PADDED,
    TIME_TYPE,
    TIMESTAMPS,
    UUID_TYPE,
    VARYING,
    column_type,
)
from chalicelib.postgres.keys import key_text
from chalicelib.postgres.rowsql import SFID
from chalicelib.postgres.statements import dollar_quoted, joined, relation, statement

FILE = "capture"
CHANNEL = "twinledger_outbox"
LEADER_KEY = int.from_bytes(b"twinled1")  # advisory lock: the relay that works
DRAIN_KEY = int.from_bytes(
    b"twinled2"
)  # advisory lock: shared by silent transactions, exclusive while the relay sleeps
LIVE_ROWS = 100  # of a transaction; the rows that it captures after these go by the bulk lane
TRIGGERS = ("twinledger_capture", "twinledger_capture_update", "twinledger_truncate")

_COLLATED = frozenset({"text", VARYING, PADDED})
_COMPARABLE = frozenset({*INTEGERS, *TIMESTAMPS, NUMERIC, DOUBLE, UUID_TYPE, TIME_TYPE, "boolean", "date"})
_ARGUMENTS = 40  # pairs in a call of jsonb_build_object, which takes 100 arguments


def function_name(table: str) -> str:
    """The name of a table's capture function: readable, and different for every table."""
    readable = re.sub(r"\W", "_", table, flags=re.ASCII)[:40]
    return f"capture_{readable}_{hashlib.sha256(table.encode()).hexdigest()[:8]}"


class CaptureSql:
    """The capture of one mapping."""

    def __init__(self, mapping: ObjectMapping) -> None:
        self._mapping = mapping
        self._types = {field.column: field.column_type for field in mapping.fields} | {SFID: "character varying(18)"}
        self._function = sql.Identifier("twinledger", function_name(mapping.table))
        self._table_name = sql.Literal(mapping.table)

    @property
    def _columns(self) -> Sequence[str]:
        """Captured columns, the link among them."""
        return list(self._types)

    @property
    def digest(self) -> str:
        """What the function's comment says: another digest means that the mapping or the generator has changed."""
        return f"twinledger {hashlib.sha256(self.body.as_string().encode()).hexdigest()}"

    def function(self) -> list[sql.Composed]:
        """Create the function."""
        return [
            statement(FILE, "function", function=self._function, body=dollar_quoted(self.body.as_string())),
            statement(FILE, "function_comment", function=self._function, comment=sql.Literal(self.digest)),
            statement(FILE, "function_rights", function=self._function),
        ]

    def triggers(self, partitions: Sequence[str]) -> list[sql.Composed]:
        """Create the triggers; the one for TRUNCATE on every partition too, which row triggers reach by themselves."""
        table = relation(self._mapping.table)
        return [
            statement(FILE, "trigger", table=table, function=self._function),
            statement(FILE, "update_trigger", table=table, function=self._function),
            *(
                statement(FILE, "truncate_trigger", table=relation(name), table_name=self._table_name)
                for name in (self._mapping.table, *partitions)
            ),
        ]

    def filter_check(self) -> sql.Composed | None:
        """A statement that fails where the filter would fail in the trigger; None: there is no filter."""
        if self._mapping.sql is None:
            return None
        return statement(FILE, "filter_check", table=relation(self._mapping.table), **self._filter_pieces())

    # --- the function's body

    @property
    def body(self) -> sql.Composed:
        """The function's body."""
        return statement(
            FILE,
            "body",
            unmoved=self._unmoved(),
            moved=self._changed(self._mapping.key),
            changes=joined([self._change(column) for column in self._columns], "\n            "),
            altered=self._altered(),
            table_name=self._table_name,
            old_key=self._key("OLD"),
            new_key=self._key("NEW"),
            all_old=self._values("OLD"),
            all_new=self._values("NEW"),
            forget_edits=self._forget_edits(),
            note_changed=self._note_edits("new_ ? c.name"),
            note_created=self._note_edits("new_ ->> c.name IS NOT NULL"),
            live=sql.Literal(LIVE_ROWS),
            wake=wake(),
        )

    @property
    def _watched(self) -> Sequence[str]:
        """Columns whose change is captured."""
        return list(dict.fromkeys((*self._mapping.key, *self._columns)))

    @property
    def _newest(self) -> Sequence[str]:
        """Columns whose edit times are kept."""
        names = [n for unit in self._mapping.units if unit.policy is Policy.NEWEST_WINS for n in unit.fields]
        return [self._mapping.by_name[name].column for name in names]

    def _changed(self, columns: Sequence[str]) -> sql.Composed:
        """Whether any of the columns has changed."""
        return joined([self._differs(column) for column in columns], " OR ")

    def _differs(self, column: str) -> sql.Composed:
        types = dict(zip(self._mapping.key, self._mapping.key_types, strict=True)) | self._types
        kind = column_type(types[column])
        template = "image"
        if kind.name in _COLLATED and not kind.array:
            template = "comparable_text"
        elif kind.name in _COMPARABLE and not kind.array:
            template = "comparable"
        return statement(FILE, template, column=sql.Identifier(column))

    def _key(self, record: str) -> sql.Composed:
        texts: list[sql.Composable] = [
            key_text(_of(record, column), type_name)
            for column, type_name in zip(self._mapping.key, self._mapping.key_types, strict=True)
        ]
        return sql.SQL("jsonb_build_array({})").format(joined(texts))

    def _values(self, record: str) -> sql.Composed:
        """Every captured column as a JSON object of texts."""
        pairs: list[sql.Composable] = [
            sql.SQL("{}, {}::text").format(sql.Literal(column), _of(record, column)) for column in self._columns
        ]
        calls: list[sql.Composable] = [
            sql.SQL("jsonb_build_object({})").format(joined(pairs[at : at + _ARGUMENTS]))
            for at in range(0, len(pairs), _ARGUMENTS)
        ]
        return joined(calls, " || ")

    def _change(self, column: str) -> sql.Composed:
        return statement(
            FILE,
            "change",
            changed=self._differs(column),
            name=sql.Literal(column),
            old=sql.SQL("{}::text").format(_of("OLD", column)),
            new=sql.SQL("{}::text").format(_of("NEW", column)),
        )

    def _altered(self) -> sql.Composed:
        query = statement(FILE, "altered_query", key=self._key("($1)"), inside=self._inside())
        return statement(
            FILE,
            "altered",
            table_name=self._table_name,
            captured=sql.Literal(list(self._columns)),
            query=sql.Literal(query.as_string()),
        )

    def _inside(self) -> sql.Composable:
        if self._mapping.sql is None:
            return sql.SQL("true")
        return statement(FILE, "altered_inside", **self._filter_pieces())

    def _note_edits(self, edited: str) -> sql.Composable:
        if not self._newest:
            return sql.SQL("")
        columns = sql.Literal(list(self._newest))
        return statement(FILE, "note_edits", table_name=self._table_name, columns=columns, edited=sql.SQL(edited))

    def _forget_edits(self) -> sql.Composable:
        if not self._newest:
            return sql.SQL("")
        return statement(FILE, "forget_edits", table_name=self._table_name)

    def _unmoved(self) -> sql.Composable:
        """Return where no captured column has changed, nor the row has entered or left the filter."""
        changed = self._changed(self._watched)
        if self._mapping.sql is None:
            return statement(FILE, "unmoved", changed=changed)
        planned = statement(FILE, "planned", table=relation(self._mapping.table))
        return statement(FILE, "unmoved_within", changed=changed, planned=planned, **self._filter_pieces())

    def _filter_pieces(self) -> dict[str, sql.Composable]:
        return {
            "condition": sql.SQL(self._mapping.sql or "true"),
            "alias": sql.Identifier(self._mapping.table.partition(".")[2]),
        }


def truncate_function() -> list[sql.Composed]:
    """Create the function that captures TRUNCATE, the same for every table."""
    body = statement(FILE, "truncate_body", wake=wake()).as_string()
    return [
        statement(FILE, "truncate_function", body=dollar_quoted(body)),
        statement(FILE, "truncate_rights"),
    ]


def wake() -> sql.Composed:
    """Wake the relay, where it sleeps."""
    return statement(FILE, "wake", drain_key=sql.Literal(DRAIN_KEY), channel=sql.Literal(CHANNEL))


def _of(record: str, column: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(sql.SQL(record), sql.Identifier(column))
