"""How Postgres spells values: the Python objects of psycopg."""

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Value
from chalicelib.core.values import columns
from chalicelib.core.values import forms as form


def from_postgres(field: Field, value: object) -> Value:
    """The canonical form of a column's value as psycopg loads it.

    A reference's value is the Salesforce id of the parent's row, which the caller has looked up. Floors what
    Salesforce cannot hold: moments to seconds, times to milliseconds; the column keeps its own value as long as the
    canonical one does not change.

    Raises:
        Rejected: the value has no canonical form (NaN, a text that is no id); the message names the field and the
            reason, never the value.
    """
    if value is None:
        return form.nothing(field)
    try:
        return _FROM_COLUMN[field.kind](field, value)
    except Rejected as error:
        raise form.about(field, error) from None


def to_postgres(field: Field, value: Value) -> object:
    """A canonical value as psycopg is to send it, with a cast to ``field.column_type``.

    None becomes '' (or an empty array) where the column takes no NULL and holds text, False where it holds booleans.
    For a reference this is the parent's Salesforce id: the caller turns it into the parent's key.

    Raises:
        Rejected: the value does not fit the column unchanged; the code is the SQLSTATE that Postgres has for it.
    """
    known = form.canonical(field, value)
    try:
        if known is None:
            return _null(field)
        return _TO_COLUMN[field.kind](field, known) if isinstance(known, str) else known
    except Rejected as error:
        raise form.about(field, error) from None


def _null(field: Field) -> object:
    column = columns.column_type(field.column_type)
    if field.nullable or field.kind is Kind.REFERENCE:
        return None
    if column.array:
        return []
    if column.name in columns.TEXTS:
        return ""
    raise Rejected("the column takes no NULL", code="23502")


def _loaded(value: object, *types: type) -> None:
    """Check the type exactly: a bool is an int to Python, and a datetime is a date."""
    if type(value) not in types:
        raise form.unreadable("the column's type is not the one that the mapping was resolved with")


def _text(field: Field, value: object) -> Value:
    _loaded(value, str, UUID)
    text = str(value)
    return form.text_of(text.rstrip(" ") if _padded(field) else text)


def _padded(field: Field) -> bool:
    """Whether blanks at the end are Postgres' own, as in character(n)."""
    return columns.column_type(field.column_type).name == columns.PADDED


def _number(_field: Field, value: object) -> Value:
    _loaded(value, int, float, Decimal)
    return form.float_of(value) if isinstance(value, float) else form.number_of(Decimal(str(value)))


def _boolean(_field: Field, value: object) -> Value:
    _loaded(value, bool)
    return bool(value)


def _date(_field: Field, value: object) -> Value:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise form.unreadable("the column holds no date")
    return form.date_of(value)


def _datetime(_field: Field, value: object) -> Value:
    if not isinstance(value, datetime):
        raise form.unreadable("the column holds no date and time")
    return form.datetime_of(value)


def _time(_field: Field, value: object) -> Value:
    if not isinstance(value, time):
        raise form.unreadable("the column holds no time of day")
    return form.time_of(value)


def _multi(_field: Field, value: object) -> Value:
    if isinstance(value, list):
        return form.multi_of(str(item) for item in value if item is not None)
    _loaded(value, str)
    return form.multi_of(str(value).split(";"))


def _id(field: Field, value: object) -> Value:
    _loaded(value, str)
    return form.from_text(field, str(value).strip(" "))


_FROM_COLUMN: MappingProxyType[Kind, Callable[[Field, object], Value]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.NUMBER: _number,
        Kind.BOOLEAN: _boolean,
        Kind.DATE: _date,
        Kind.DATETIME: _datetime,
        Kind.TIME: _time,
        Kind.MULTI: _multi,
        Kind.ID: _id,
        Kind.REFERENCE: _id,
    }
)


def _sent_text(field: Field, text: str) -> object:
    column = columns.column_type(field.column_type)
    if column.name == columns.UUID_TYPE:
        try:
            return UUID(text)
        except ValueError:
            raise Rejected("the column takes UUIDs only, and the text is none", code="22P02") from None
    columns.check_length(column, text)
    if column.name == columns.PADDED and text.endswith(" "):
        raise Rejected("the column keeps no blanks at the end of a text", code="22001")
    return text


def _sent_number(field: Field, text: str) -> object:
    column = columns.column_type(field.column_type)
    if column.name == columns.DOUBLE:
        return form.as_float(text)
    columns.check_number(column, text)
    return int(text) if column.name in columns.INTEGERS else Decimal(text)


def _sent_datetime(field: Field, text: str) -> object:
    moment = datetime.fromisoformat(text)
    zoned = columns.column_type(field.column_type).name == columns.ZONED
    return moment if zoned else moment.replace(tzinfo=None)


def _sent_time(field: Field, text: str) -> object:
    clock = time.fromisoformat(text)
    precision = (*columns.column_type(field.column_type).modifiers, 6)[0]
    if clock.microsecond % 10 ** (6 - precision):
        raise Rejected(f"the time has more decimals than the {precision} that the column keeps", code="22008")
    return clock


def _sent_multi(field: Field, text: str) -> object:
    column = columns.column_type(field.column_type)
    if not column.array:
        columns.check_length(column, text)
        return text
    picked = text.split(";")
    for value in picked:
        columns.check_length(column, value)
    return picked


_TO_COLUMN: MappingProxyType[Kind, Callable[[Field, str], object]] = MappingProxyType(
    {
        Kind.TEXT: _sent_text,
        Kind.NUMBER: _sent_number,
        Kind.DATE: lambda _field, text: date.fromisoformat(text),
        Kind.DATETIME: _sent_datetime,
        Kind.TIME: _sent_time,
        Kind.MULTI: _sent_multi,
        Kind.ID: _sent_text,
        Kind.REFERENCE: lambda _field, text: text,
    }
)
