"""How Salesforce spells values: JSON of REST, text of SOAP and of Bulk API CSV."""

from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Value
from chalicelib.core.values import forms as form

JsonValue: TypeAlias = bool | int | float | str | None

_FIRST_DAY = "1700-01-01"
_LAST_DAY = "4000-12-31"


def from_salesforce(field: Field, value: object) -> Value:
    """The canonical form of a value in REST's JSON, as ``json.loads`` gives it (floats may be Decimals).

    Raises:
        Rejected: the value has no canonical form; the message names the field and the reason, never the value.
    """
    try:
        return _from_json(field, value)
    except Rejected as error:
        raise form.about(field, error) from None


def from_salesforce_xml(field: Field, text: str | None) -> Value:
    """The canonical form of a value in a SOAP message or a Bulk API CSV file; None for ``xsi:nil``.

    Raises:
        Rejected: as :func:`from_salesforce`.
    """
    try:
        return form.from_text(field, text)
    except Rejected as error:
        raise form.about(field, error) from None


def to_salesforce(field: Field, value: Value) -> JsonValue:
    """A canonical value as REST's JSON, in the form in which REST gives it back.

    A whole number becomes an int, any other a float. A number that a double cannot give back digit by digit (always
    possible up to 15 significant digits, sometimes up to 17) is rejected, for Salesforce would store another number
    and the other side would follow it. None becomes False for a checkbox.

    Raises:
        Rejected: Salesforce cannot hold the value: too many digits, a date before 1700 or after 4000.
            Source of the range: SOQL and SOSL Reference, "Date Formats and Date Literals".
    """
    known = form.canonical(field, value)
    try:
        return _TO_JSON[field.kind](known) if isinstance(known, str) else known
    except Rejected as error:
        raise form.about(field, error) from None


def _from_json(field: Field, value: object) -> Value:
    if value is None or value == "":
        return form.nothing(field)
    if field.kind is Kind.BOOLEAN:
        if isinstance(value, bool):
            return value
        raise form.unreadable("Salesforce gave no boolean")
    if field.kind is Kind.NUMBER:
        return _number(value)
    if not isinstance(value, str):
        raise form.unreadable("Salesforce gave no text")
    return form.from_text(field, value)


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise form.unreadable("Salesforce gave no number")
    return form.float_of(value) if isinstance(value, float) else form.number_of(Decimal(value))


def _json_number(text: str) -> int | float:
    number = form.as_float(text)
    return number if "." in text else int(text)


def _within(text: str) -> str:
    """Check the range of a date, or of a moment by its date."""
    if not _FIRST_DAY <= text[: len(_FIRST_DAY)] <= _LAST_DAY:
        raise Rejected(
            f"Salesforce takes dates from {_FIRST_DAY} to {_LAST_DAY} only", code="FIELD_INTEGRITY_EXCEPTION"
        )
    return text


_TO_JSON: MappingProxyType[Kind, Callable[[str], JsonValue]] = MappingProxyType(
    {
        Kind.TEXT: str,
        Kind.NUMBER: _json_number,
        Kind.DATE: _within,
        Kind.DATETIME: lambda text: _within(text).removesuffix("Z") + ".000+0000",
        Kind.TIME: lambda text: text + "Z",
        Kind.MULTI: str,
        Kind.ID: str,
        Kind.REFERENCE: str,
    }
)
