"""Conditions of a query compiled into functions over rows."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from infra.local.org import ids
from infra.local.org.errors import OrgError, fail
from infra.local.org.schema import Field, ObjectType, Schema
from infra.local.org.soql_nodes import Compare, Junction, Literal, Member, Node, Not
from infra.local.org.store import Row

Predicate = Callable[[Row], bool]
Getter = Callable[[Row], Any]


class View(Protocol):
    """What a reader sees: committed rows, or a transaction's own."""

    def get(self, record_id: str) -> Row | None:
        """The row of an 18-character id."""


class Paths:
    """Resolves field paths of one object, such as ``Account.Owner.Name``, for one user."""

    def __init__(
        self, schema: Schema, kind: ObjectType, view: View, hidden: Callable[[str, str], bool], today: date
    ) -> None:
        self.schema = schema
        self.kind = kind
        self.view = view
        self.hidden = hidden
        self.today = today

    def resolve(self, path: str) -> tuple[Getter, Field]:
        """Return a function that reads the path from a row, and the field at its end.

        Raises:
            OrgError: INVALID_FIELD.
        """
        *relations, last = path.split(".")
        if relations and relations[0].lower() == self.kind.name.lower():
            relations = relations[1:]
        kinds = [self.kind]
        steps: list[str] = []
        for relation in relations:
            ref = next((r for k in kinds if (r := k.relationships.get(relation.lower()))), None)
            if ref is None or self.hidden(kinds[0].name, ref.name):
                raise no_relation(relation, kinds[0].name)
            steps.append(ref.name)
            kinds = [k for target in ref.reference_to if (k := self.schema.find(target))]
        found = next((f for k in kinds if (f := k.find(last)) and not self.hidden(k.name, f.name)), None)
        if found is None:
            raise no_column(last, kinds[0].name if kinds else self.kind.name)
        return self._getter(steps, found.name), found

    def _getter(self, steps: list[str], name: str) -> Getter:
        if not steps:
            return lambda row: row.get(name)
        view = self.view

        def read(row: Row) -> Any:
            current: Row | None = row
            for step in steps:
                target = current.get(step) if current else None
                current = view.get(target) if target else None
            return current.get(name) if current else None

        return read


def no_column(name: str, entity: str) -> OrgError:
    """The error of a query that names an unknown field."""
    return fail(
        "INVALID_FIELD",
        f"\nERROR at Row:1:Column:1\nNo such column '{name}' on entity '{entity}'. If you are attempting to use a "
        "custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the "
        "describe call for the appropriate names.",
    )


def no_relation(name: str, entity: str) -> OrgError:
    """The error of a query that names an unknown relationship."""
    return fail(
        "INVALID_FIELD",
        f"\nERROR at Row:1:Column:1\nDidn't understand relationship '{name}' in field path. If you are attempting to "
        f"use a custom relationship on '{entity}', be sure to append the '__r' after the custom relationship name.",
    )


def compile_node(node: Node, paths: Paths) -> Predicate:
    """Turn a condition into a predicate.

    Raises:
        OrgError: a field is unknown, or a literal does not fit its field.
    """
    if isinstance(node, Junction):
        parts = [compile_node(part, paths) for part in node.parts]
        if node.op == "AND":
            return lambda row: all(part(row) for part in parts)
        return lambda row: any(part(row) for part in parts)
    if isinstance(node, Not):
        inner = compile_node(node.inner, paths)
        return lambda row: not inner(row)
    get, found = paths.resolve(node.path)
    if isinstance(node, Member):
        return _member(node, get, found)
    return _compare(node, get, found, paths.today)


def _member(node: Member, get: Getter, found: Field) -> Predicate:
    if node.op in {"includes", "excludes"}:
        groups = [set(str(literal.value).split(";")) for literal in node.literals]
        negated = node.op == "excludes"
        return lambda row: any(g <= set((get(row) or "").split(";")) for g in groups) != negated
    wanted = {_fold(operand(found, literal)) for literal in node.literals}
    if node.op == "in":
        return lambda row: _fold(get(row)) in wanted
    return lambda row: _fold(get(row)) not in wanted


def _compare(node: Compare, get: Getter, found: Field, today: date) -> Predicate:
    if node.op == "like":
        if node.literal.kind != "string":
            raise _mistyped(found)
        pattern = _like(node.literal.value)
        return lambda row: (value := get(row)) is not None and pattern.fullmatch(str(value)) is not None
    if node.literal.kind == "dateword":
        return _date_word(node, get, found, today)
    wanted = _fold(operand(found, node.literal))
    if node.op == "=":
        return lambda row: _fold(get(row)) == wanted
    if node.op == "!=":
        return lambda row: _fold(get(row)) != wanted
    if found.type in {"boolean", "reference"}:  # ids are ordered: a client may go through a table by them
        raise fail("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {found.type} field: {found.name}")
    test = _ORDERED[node.op]
    return lambda row: (value := get(row)) is not None and wanted is not None and test(_fold(value), wanted)


_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _like(text: str) -> re.Pattern[str]:
    parts = {"%": ".*", "_": ".", "\\%": "%", "\\_": "_"}
    body = "".join(parts.get(piece) or re.escape(piece) for piece in re.findall(r"\\[%_]|.", text, re.DOTALL))
    return re.compile(body, re.IGNORECASE | re.DOTALL)


def operand(found: Field, literal: Literal) -> Any:
    """The stored form of a literal that is compared with a field.

    Raises:
        OrgError: the literal's kind does not fit the field's type.
    """
    kind, value = literal.kind, literal.value
    if kind == "null":
        return None
    if found.type in {"id", "reference"} and kind == "string":
        if value == "":
            return None
        try:
            return ids.to18(value)
        except ValueError:
            raise fail("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}") from None
    if _LITERAL_KIND.get(found.type, "string") != kind:
        raise _mistyped(found)
    return value if value != "" else None


_LITERAL_KIND = {
    "boolean": "boolean",
    "int": "number",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "date": "date",
    "datetime": "datetime",
}


def _mistyped(found: Field) -> OrgError:
    wanted = _LITERAL_KIND.get(found.type, "string")
    quotes = " and should be enclosed in quotes" if wanted == "string" else " and should not be enclosed in quotes"
    return fail(
        "INVALID_FIELD", f"value of filter criterion for field '{found.name}' must be of type {found.type}{quotes}"
    )


def _date_word(node: Compare, get: Getter, found: Field, today: date) -> Predicate:
    if found.type not in {"date", "datetime"}:
        raise _mistyped(found)
    start, end = (_edge(found, day) for day in _range(node.literal.value, today))
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda v: start <= v < end,
        "!=": lambda v: not start <= v < end,
        "<": lambda v: v < start,
        "<=": lambda v: v < end,
        ">": lambda v: v >= end,
        ">=": lambda v: v >= start,
    }
    test = tests[node.op]
    return lambda row: (value := get(row)) is not None and test(value)


def _edge(found: Field, day: date) -> str:
    if found.type == "date":
        return day.isoformat()
    return datetime(day.year, day.month, day.day, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _range(word: str, today: date) -> tuple[date, date]:
    """The first day of a date word, and the first day after it."""
    day = timedelta(days=1)
    if ":" in word:
        name, days = word.split(":")
        span = timedelta(days=int(days))
        return (today - span, today + day) if name == "LAST_N_DAYS" else (today + day, today + day + span)
    week = today - timedelta(days=(today.weekday() + 1) % 7)
    month = today.replace(day=1)
    next_month = (month + timedelta(days=31)).replace(day=1)
    year = today.replace(month=1, day=1)
    return {
        "TODAY": (today, today + day),
        "YESTERDAY": (today - day, today),
        "TOMORROW": (today + day, today + 2 * day),
        "THIS_WEEK": (week, week + 7 * day),
        "LAST_WEEK": (week - 7 * day, week),
        "THIS_MONTH": (month, next_month),
        "LAST_MONTH": ((month - day).replace(day=1), month),
        "THIS_YEAR": (year, year.replace(year=year.year + 1)),
        "LAST_YEAR": (year.replace(year=year.year - 1), year),
    }[word]
