"""The canonical form of each kind of value, read from its text. Errors name no value: they end in logs and issues.

Every function takes a text that is not empty and gives the canonical text; each raises ``Rejected`` where there is
none.
"""

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Value
from chalicelib.core.values.columns import UUID_TYPE
from chalicelib.core.values.ids import id18

UNREADABLE = "UNREADABLE_VALUE"  # Parked.code of a value that has no canonical form; no system has such a code

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,6})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_TIME = re.compile(r"(\d\d:\d\d:\d\d)(?:\.(\d+))?Z?", re.ASCII)
_BOOLEANS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})
_MAGNITUDE = 400  # powers of ten: beyond every double, and short of texts of a gigabyte from "1e999999"
_BAD_CHARACTER = re.compile("[\x00\ud800-\udfff]")


def unreadable(reason: str) -> Rejected:
    """The error of a value that has no canonical form."""
    return Rejected(reason, code=UNREADABLE)


def about(field: Field, error: Rejected) -> Rejected:
    """The same error, naming the field."""
    return Rejected(f"{field.name}: {error}", code=error.code, fields=(field.name,))


def text_of(text: str) -> Value:
    """Text as it is stored, but for line ends: CRLF and CR become LF.

    Salesforce gives a line end of a text area as CRLF or LF, depending on who wrote it, and an XML parser gives LF
    for both (XML 1.0, "End-of-Line Handling"), so that an outbound message and REST would else disagree on a value
    that nobody edited. Nothing is trimmed, and no Unicode form is changed.
    """
    if _BAD_CHARACTER.search(text):
        raise unreadable("the text holds a NUL character or half a surrogate pair, which Postgres cannot store")
    return text.replace("\r\n", "\n").replace("\r", "\n") or None


def uuid_of(text: str) -> str:
    """A UUID as Postgres gives it back, in lower case with hyphens; a text that is none stays, and will not fit."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def number_of(number: Decimal) -> str:
    """An exact decimal without exponent, trailing zeros or minus zero: "-12.5", "0"."""
    if not number.is_finite():
        raise unreadable("only a finite number can be kept on both sides")
    if not number:
        return "0"
    if abs(number.adjusted()) > _MAGNITUDE:
        raise unreadable(f"the number is beyond 10 to the power of {_MAGNITUDE}")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def float_of(number: float) -> str:
    """A float by its shortest text that gives the same float again."""
    return number_of(Decimal(repr(number)))


def number_from_text(text: str) -> str:
    """A number as XML, JSON and CSV spell it: "0.0", "1.2E7"."""
    if not _NUMBER.fullmatch(text):
        raise unreadable("the text is no number")
    return number_of(Decimal(text))


def as_float(number: str) -> float:
    """A canonical number as a float that holds each of its digits.

    Raises:
        Rejected: a double cannot hold the number exactly enough to give it back: it has more than 15 to 17 digits.
    """
    result = float(number)
    if not math.isfinite(result) or float_of(result) != number:
        raise Rejected(
            "the number has more digits than a double keeps (15 to 17), and none may get lost",
            code="NUMBER_OUTSIDE_VALID_RANGE",
        )
    return result


def date_of(day: date) -> str:
    """A date: "2026-11-24"."""
    return day.isoformat()


def date_from_text(text: str) -> str:
    """A date as ISO 8601 spells it, without a zone."""
    try:
        return date_of(date.fromisoformat(_matched(_DATE, text, "a date such as 2026-11-24")[0]))
    except ValueError:
        raise unreadable("the text is no date of the calendar") from None


def datetime_of(moment: datetime) -> str:
    """A moment, floored to whole seconds, in UTC; a moment without a zone is in UTC already."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        utc = aware.astimezone(UTC)
    except OverflowError:
        raise unreadable("the moment is outside the years 1 to 9999 in UTC") from None
    return utc.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def datetime_from_text(text: str) -> str:
    """A moment as REST ("...000+0000"), SOAP ("...000Z") and the canonical form spell it; the zone is required."""
    match = _matched(_DATETIME, text, "a date and time with a zone, such as 2026-11-24T05:06:07.000Z")
    try:
        return datetime_of(datetime.fromisoformat(match[1] + match[2]))
    except ValueError:
        raise unreadable("the text is no date and time of the calendar") from None


def time_of(clock: time) -> str:
    """A time of day, floored to milliseconds: "05:06:07.000"."""
    if clock.tzinfo:
        raise unreadable("a time of day with a zone has no counterpart in Salesforce")
    return clock.isoformat(timespec="milliseconds")


def time_from_text(text: str) -> str:
    """A time of day as REST and SOAP ("05:06:07.000Z") and the canonical form spell it."""
    match = _matched(_TIME, text, "a time of day such as 05:06:07.000Z")
    try:
        clock = time.fromisoformat(match[1])
    except ValueError:
        raise unreadable("the text is no time of day") from None
    return time_of(clock.replace(microsecond=int((match[2] or "0")[:6].ljust(6, "0"))))


def multi_of(picked: Iterable[str]) -> Value:
    """Picked values: without blanks around them, each once, in code-point order, joined by ";"; none is None."""
    values = {value.strip() for value in picked}
    if any(";" in value for value in values):
        raise unreadable('a picked value holds ";", which separates the values in Salesforce')
    return text_of(";".join(sorted(values - {""})))


def boolean_from_text(text: str) -> bool:
    """A boolean as XML and CSV spell it: "true", "false", "1", "0"."""
    if text.lower() not in _BOOLEANS:
        raise unreadable("the text is neither true nor false")
    return _BOOLEANS[text.lower()]


_FROM_TEXT: MappingProxyType[Kind, Callable[[str], Value]] = MappingProxyType(
    {
        Kind.TEXT: text_of,
        Kind.NUMBER: number_from_text,
        Kind.BOOLEAN: boolean_from_text,
        Kind.DATE: date_from_text,
        Kind.DATETIME: datetime_from_text,
        Kind.TIME: time_from_text,
        Kind.MULTI: lambda text: multi_of(text.split(";")),
        Kind.ID: id18,
        Kind.REFERENCE: id18,
    }
)


def from_text(field: Field, text: str | None) -> Value:
    """The canonical form of a value that came as text; the empty text is null."""
    if not text:
        return nothing(field)
    return _FROM_TEXT[field.kind](uuid_of(text) if field.column_type == UUID_TYPE else text)


def nothing(field: Field) -> Value:
    """The canonical form of null: False for a boolean, since a Salesforce checkbox is never null."""
    return False if field.kind is Kind.BOOLEAN else None


def canonical(field: Field, value: Value) -> Value:
    """The canonical form of a value that should have it already, such as a person's answer.

    Raises:
        Rejected: there is none.
    """
    try:
        if isinstance(value, bool):
            return _boolean(field, value)
        return from_text(field, value)
    except Rejected as error:
        raise about(field, error) from None


def _boolean(field: Field, value: bool) -> bool:
    if field.kind is not Kind.BOOLEAN:
        raise unreadable(f"true and false are no values of a {field.kind} field")
    return value


def _matched(pattern: re.Pattern[str], text: str, wanted: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise unreadable(f"the text is not {wanted}")
    return match
