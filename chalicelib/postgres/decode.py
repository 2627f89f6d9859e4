"""From what a statement returned to the core's rows and markers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind, Reference
from chalicelib.core.model import Fields, Identity, Marker, PrimaryKey, Row, RowId, RowState, SalesforceId, Value
from chalicelib.core.values import from_postgres, link_of
from chalicelib.core.values.columns import DOUBLE, column_type
from chalicelib.postgres.rowsql import RowSql

_MOMENTS: Mapping[Kind, type[date] | type[datetime] | type[time]] = {
    Kind.DATE: date,
    Kind.DATETIME: datetime,
    Kind.TIME: time,
}


def states(composed: RowSql, found: Iterable[Sequence[object]], count: int) -> list[RowState]:
    """Rows and markers, in the order asked.

    Args:
        composed: the mapping and its parents.
        found: what the statement ``read`` returned.
        count: how many were asked for.
    """
    result = [RowState(None, None)] * count
    for place, *row_found, operation, stored in found:
        row = None if row_found[0] is None else _row(composed, row_found)
        marker = None if operation is None else Marker(str(operation), _fields(composed, _loads(stored))[0])
        result[int(str(place))] = RowState(row, marker)
    return result


def rows(composed: RowSql, found: Iterable[Sequence[object]]) -> list[tuple[int, Row]]:
    """Rows with their places, of what the statement ``match`` returned."""
    return [(int(str(place)), _row(composed, row)) for place, *row in found]


def children(references: Sequence[Reference], found: Iterable[Sequence[object]]) -> list[Identity]:
    """Who refers to a row, of what the statement ``children`` returned: by their Salesforce ids where they have one."""
    result: list[Identity] = []
    for place, pk, sfid in found:
        mapping = references[int(str(place))].mapping
        link = link_of(None if sfid is None else str(sfid))
        result.append(RowId(mapping.table, primary_key(pk)) if link is None else SalesforceId(mapping.object, link))
    return result


def captured(composed: RowSql, state: object, unlinked: object) -> Fields:
    """Values of a row, of what the statement ``captured`` returned; those that have no canonical form are left out."""
    parents = _loads(unlinked)
    return {name: value for name, value in _fields(composed, _loads(state))[0].items() if name not in parents}


def primary_key(texts: object) -> PrimaryKey:
    """A key as the statements return it, an array of text."""
    return tuple(str(part) for part in texts) if isinstance(texts, list) else ()


def _row(composed: RowSql, found: Sequence[object]) -> Row:
    pk, sfid, state, unlinked, inside = found
    parents = {name: RowId(composed.parents[name].table, (str(key),)) for name, key in _loads(unlinked).items()}
    fields, unreadable = _fields(composed, _loads(state))
    values = {name: value for name, value in fields.items() if name not in parents}
    link = link_of(None if sfid is None else str(sfid))
    return Row(primary_key(pk), link, values, parents, unreadable, outside=inside is False)


def _fields(composed: RowSql, raw: Mapping[str, object]) -> tuple[Fields, frozenset[str]]:
    """The fields that have a canonical form, and the names of those that have none: NaN, infinity, the year 10000."""
    values: dict[str, Value] = {}
    unreadable: set[str] = set()
    for field in composed.mapping.fields:
        if field.name in raw:
            try:
                values[field.name] = from_postgres(field, _loaded(field, raw[field.name]))
            except Rejected:
                unreadable.add(field.name)
    return values, frozenset(unreadable)


def _loads(text: object) -> dict[str, object]:
    """A JSON object; numbers keep each of their digits."""
    loaded = json.loads(text, parse_float=Decimal) if isinstance(text, str) else {}
    return loaded if isinstance(loaded, dict) else {}


def _loaded(field: Field, raw: object) -> object:
    """A value as psycopg would have loaded it from the column, from its JSON form."""
    if isinstance(raw, str) and field.kind in _MOMENTS:
        try:
            return _MOMENTS[field.kind].fromisoformat(raw)
        except ValueError:
            return raw  # infinity, or a year that Python has not: no canonical form
    if field.kind is Kind.NUMBER and raw is not None:
        number = Decimal(str(raw))
        return float(number) if column_type(field.column_type).name == DOUBLE else number
    return raw
