"""Which Salesforce types pair with which Postgres types, and where a pair cannot hold every value.

Source of the Salesforce types: Object Reference, "Primitive Data Types" and "Field Types"; of the Postgres types:
PostgreSQL manual, "Data Types".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from chalicelib.core.catalog import Column, SalesforceField
from chalicelib.core.mapping import Kind
from chalicelib.core.values import columns


@dataclass(frozen=True, slots=True)
class Pair:
    """What a Salesforce type can be kept in.

    Attributes:
        kind: canonical type.
        types: Postgres types without modifiers; an array ends in "[]".
        best: the type to recommend.
    """

    kind: Kind
    types: frozenset[str]
    best: str


_NUMBERS = frozenset({columns.NUMERIC, columns.DOUBLE, *columns.INTEGERS})
_TEXT = Pair(Kind.TEXT, columns.TEXTS, "text")
_NUMBER = Pair(Kind.NUMBER, _NUMBERS, columns.NUMERIC)
_ID = Pair(Kind.ID, columns.TEXTS, "varchar(18)")

PAIRS: MappingProxyType[str, Pair] = MappingProxyType(
    {
        "string": Pair(Kind.TEXT, columns.TEXTS | {columns.UUID_TYPE}, "text"),
        "textarea": _TEXT,
        "picklist": _TEXT,
        "combobox": _TEXT,
        "email": _TEXT,
        "phone": _TEXT,
        "url": _TEXT,
        "encryptedstring": _TEXT,
        "datacategorygroupreference": _TEXT,
        "int": Pair(Kind.NUMBER, _NUMBERS, "integer"),
        "long": Pair(Kind.NUMBER, _NUMBERS, "bigint"),
        "double": _NUMBER,
        "currency": _NUMBER,
        "percent": _NUMBER,
        "boolean": Pair(Kind.BOOLEAN, frozenset({"boolean"}), "boolean"),
        "date": Pair(Kind.DATE, frozenset({"date"}), "date"),
        "datetime": Pair(Kind.DATETIME, columns.TIMESTAMPS, "timestamptz"),
        "time": Pair(Kind.TIME, frozenset({columns.TIME_TYPE}), "time"),
        "multipicklist": Pair(Kind.MULTI, columns.TEXTS | {"text[]", f"{columns.VARYING}[]"}, "text[]"),
        "id": _ID,
        "reference": _ID,
    }
)
UNPAIRED: MappingProxyType[str, str] = MappingProxyType(
    {
        "address": "map its parts, such as BillingStreet and BillingCity, and put them into a group",
        "location": "map its parts, such as Place__Latitude__s and Place__Longitude__s, and put them into a group",
        "base64": "remove the line: files are not kept the same",
    }
)
NOT_KEPT: MappingProxyType[str, str] = MappingProxyType(
    {
        "real": "it keeps only six digits",
        "money": "its form hangs on the server's locale",
        "json": "it is compared as text but edited as data",
        "jsonb": "it does not keep a text as it was written",
        "time with time zone": "a time of day has no zone in Salesforce",
    }
)
_WHOLE_DIGITS = MappingProxyType({"smallint": 4, "integer": 9, "bigint": 18})  # digits that always fit
_INT_DIGITS = 9  # describe gives an int field no precision
_ID_LENGTH = 18
_TIME_DECIMALS = 3


def accepts(pair: Pair, column: Column) -> bool:
    """Whether a column's type is one that the pair allows."""
    kind = columns.column_type(column.type)
    return (f"{kind.name}[]" if kind.array else kind.name) in pair.types


def recommended(pair: Pair, field: SalesforceField) -> str:
    """The column type to recommend for a field."""
    if pair.kind is Kind.NUMBER and field.precision:
        return f"numeric({field.precision},{field.scale})"
    return pair.best


def misfits(kind: Kind, field: SalesforceField, column: Column) -> Iterable[str]:
    """What a field can hold and its column cannot: such values are refused when they come, never cut or rounded."""
    column_type = columns.column_type(column.type)
    if kind is Kind.NUMBER:
        yield from _numbers(field, column_type)
    elif kind is Kind.TIME and column_type.modifiers and column_type.modifiers[0] < _TIME_DECIMALS:
        yield f"the column keeps {column_type.modifiers[0]} decimals of a second, the field {_TIME_DECIMALS}"
    elif column_type.length is not None and not column_type.array:
        needed = _ID_LENGTH if kind is Kind.ID else field.length
        if column_type.length < needed:
            yield f"the column takes {column_type.length} characters, the field {needed}"
    if field.nillable and not column.nullable and not holds_empty(kind, column_type):
        yield "the column takes no NULL, the field may be empty"


def holds_empty(kind: Kind, column_type: columns.ColumnType) -> bool:
    """Whether a column that takes no NULL has another form for an empty field."""
    if kind is Kind.REFERENCE:
        return False
    return kind is Kind.BOOLEAN or column_type.array or column_type.name in columns.TEXTS


def _numbers(field: SalesforceField, column_type: columns.ColumnType) -> Iterable[str]:
    if column_type.name in _WHOLE_DIGITS:
        whole, scale = _WHOLE_DIGITS[column_type.name], 0
    elif column_type.name == columns.NUMERIC and column_type.modifiers:
        precision, scale = (*column_type.modifiers, 0)[:2]
        whole = precision - scale
    else:
        return
    if scale < field.scale:
        yield f"the column keeps {scale} decimals, the field {field.scale}"
    needed = field.precision - field.scale if field.precision else _INT_DIGITS
    if whole < needed:
        yield f"the column takes {whole} digits before the point, the field {needed}"
