"""Values as psycopg loads and sends them."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Value
from chalicelib.core.values import UNREADABLE, from_postgres, from_salesforce, to_postgres
from chalicelib.core.values.columns import ColumnType, column_type

_UUID = "0b9c2a52-7d3c-4a8c-9d39-52f0a9a0c0de"
_TZ = "timestamp with time zone"
_PLAIN = "timestamp without time zone"
_CLOCK = "time without time zone"
_IST = timezone(timedelta(hours=5, minutes=30))


def field(kind: Kind, column_type: str, *, nullable: bool = True) -> Field:
    """A field of a kind in a column of a type."""
    return Field("Some__c", "some", kind, column_type, nullable)


@pytest.mark.parametrize(
    ("kind", "column", "value", "expected"),
    [
        (Kind.TEXT, "text", "Ada ", "Ada "),
        (Kind.TEXT, "text", "a\r\nb", "a\nb"),
        (Kind.TEXT, "text", "", None),
        (Kind.TEXT, "text", None, None),
        (Kind.TEXT, "character(5)", "Ada  ", "Ada"),
        (Kind.TEXT, "character(5)", "     ", None),
        (Kind.TEXT, "uuid", UUID(_UUID), _UUID),
        (Kind.NUMBER, "integer", -5, "-5"),
        (Kind.NUMBER, "numeric(18,2)", Decimal("12.50"), "12.5"),
        (Kind.NUMBER, "numeric", Decimal("1E+3"), "1000"),
        (Kind.NUMBER, "numeric", Decimal("-0.00"), "0"),
        (Kind.NUMBER, "double precision", 0.1, "0.1"),
        (Kind.NUMBER, "double precision", 5e-324, "0." + "0" * 323 + "5"),
        (Kind.NUMBER, "numeric", None, None),
        (Kind.BOOLEAN, "boolean", True, True),
        (Kind.BOOLEAN, "boolean", None, False),
        (Kind.DATE, "date", date(2017, 11, 25), "2017-11-25"),
        (Kind.DATE, "date", date(44, 3, 15), "0044-03-15"),
        (Kind.DATETIME, _TZ, datetime(2026, 1, 1, 1, 0, 0, 999999, _IST), "2025-12-31T19:30:00Z"),
        (Kind.DATETIME, _TZ, datetime(1969, 12, 31, 23, 59, 59, 500000, UTC), "1969-12-31T23:59:59Z"),
        (Kind.DATETIME, _PLAIN, datetime(2026, 1, 1, 1, 2, 3), "2026-01-01T01:02:03Z"),  # without a zone: UTC
        (Kind.TIME, _CLOCK, time(5, 6, 7, 8999), "05:06:07.008"),
        (Kind.MULTI, "text", "b;a;;b", "a;b"),
        (Kind.MULTI, "text[]", ["b", "a", None, "", "b"], "a;b"),
        (Kind.MULTI, "text[]", [], None),
        (Kind.ID, "character(18)", "003xx000004TmiQ   ", "003xx000004TmiQAAS"),
        (Kind.ID, "text", " ", None),
        (Kind.REFERENCE, "bigint", "003xx000004TmiQAAS", "003xx000004TmiQAAS"),
    ],
)
def test_column_has_a_canonical_form(kind: Kind, column: str, value: object, expected: Value) -> None:
    """What psycopg loads becomes a canonical value."""
    found = from_postgres(field(kind, column), value)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "column", "value", "code"),
    [
        (Kind.TEXT, "text", 5, UNREADABLE),
        (Kind.NUMBER, "numeric", Decimal("NaN"), UNREADABLE),
        (Kind.NUMBER, "numeric", Decimal("Infinity"), UNREADABLE),
        (Kind.NUMBER, "double precision", float("nan"), UNREADABLE),
        (Kind.NUMBER, "numeric", True, UNREADABLE),
        (Kind.NUMBER, "numeric", Decimal("1e500"), UNREADABLE),
        (Kind.BOOLEAN, "boolean", 1, UNREADABLE),
        (Kind.DATE, "date", datetime(2017, 11, 25, tzinfo=UTC), UNREADABLE),
        (Kind.DATE, "date", "2017-11-25", UNREADABLE),
        (Kind.DATETIME, _TZ, date(2017, 11, 25), UNREADABLE),
        (Kind.DATETIME, _TZ, datetime(1, 1, 1, tzinfo=_IST), UNREADABLE),
        (Kind.TIME, _CLOCK, time(5, 6, tzinfo=UTC), UNREADABLE),
        (Kind.TIME, _CLOCK, "05:06", UNREADABLE),
        (Kind.MULTI, "text[]", ["a;b"], UNREADABLE),
        (Kind.MULTI, "text[]", 5, UNREADABLE),
        (Kind.ID, "text", "nobody", "MALFORMED_ID"),
        (Kind.REFERENCE, "bigint", 17, UNREADABLE),
    ],
)
def test_column_without_a_form_is_rejected_by_field(kind: Kind, column: str, value: object, code: str) -> None:
    """The error names the field and the reason, and not the value."""
    with pytest.raises(Rejected, match=r"^Some__c: ") as caught:
        from_postgres(field(kind, column), value)
    error = caught.value
    assert (code, ("Some__c",), False) == (error.code, error.fields, str(value) in str(error))


@pytest.mark.parametrize(
    ("kind", "column", "value", "expected"),
    [
        (Kind.TEXT, "text", "Ada", "Ada"),
        (Kind.TEXT, "character varying(3)", "Ada", "Ada"),
        (Kind.TEXT, "character varying", "Ada" * 100, "Ada" * 100),
        (Kind.TEXT, "uuid", _UUID, UUID(_UUID)),
        (Kind.TEXT, "text", None, None),
        (Kind.NUMBER, "smallint", "-32768", -32768),
        (Kind.NUMBER, "integer", "2147483647", 2147483647),
        (Kind.NUMBER, "bigint", "9223372036854775807", 9223372036854775807),
        (Kind.NUMBER, "numeric", "0.12345678901234567890123", Decimal("0.12345678901234567890123")),
        (Kind.NUMBER, "numeric(5,2)", "-999.99", Decimal("-999.99")),
        (Kind.NUMBER, "numeric(5,2)", "0", Decimal(0)),
        (Kind.NUMBER, "numeric(5)", "99999", Decimal(99999)),
        (Kind.NUMBER, "numeric(3,-2)", "99900", Decimal(99900)),
        (Kind.NUMBER, "numeric(2,4)", "0.0099", Decimal("0.0099")),
        (Kind.NUMBER, "double precision", "0.1", 0.1),
        (Kind.BOOLEAN, "boolean", True, True),
        (Kind.BOOLEAN, "boolean", None, False),
        (Kind.DATE, "date", "2017-11-25", date(2017, 11, 25)),
        (Kind.DATETIME, _TZ, "2026-11-24T05:06:07Z", datetime(2026, 11, 24, 5, 6, 7, tzinfo=UTC)),
        (Kind.DATETIME, "timestamp(0) without time zone", "2026-11-24T05:06:07Z", datetime(2026, 11, 24, 5, 6, 7)),
        (Kind.TIME, _CLOCK, "05:06:07.008", time(5, 6, 7, 8000)),
        (Kind.TIME, "time(2) without time zone", "05:06:07.080", time(5, 6, 7, 80000)),
        (Kind.MULTI, "text", "b;a", "a;b"),
        (Kind.MULTI, "character varying(1)[]", "b;a", ["a", "b"]),
        (Kind.ID, "character varying(18)", "003xx000004TmiQAAS", "003xx000004TmiQAAS"),
        (Kind.REFERENCE, "bigint", "003xx000004TmiQAAS", "003xx000004TmiQAAS"),
        (Kind.REFERENCE, "bigint", None, None),
    ],
)
def test_column_gets_what_psycopg_sends(kind: Kind, column: str, value: Value, expected: object) -> None:
    """A canonical value becomes the Python value of the column's type."""
    found = to_postgres(field(kind, column), value)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "column", "expected"),
    [
        (Kind.TEXT, "text", ""),
        (Kind.TEXT, "character varying(3)", ""),
        (Kind.MULTI, "text", ""),
        (Kind.MULTI, "text[]", []),
        (Kind.BOOLEAN, "boolean", False),
        (Kind.REFERENCE, "bigint", None),
    ],
)
def test_null_in_a_column_that_takes_none(kind: Kind, column: str, expected: object) -> None:
    """An empty field is '' where the column takes no NULL; a reference is the caller's to resolve."""
    assert expected == to_postgres(field(kind, column, nullable=False), None)


@pytest.mark.parametrize(
    ("kind", "column", "value", "code"),
    [
        (Kind.TEXT, "character varying(3)", "Adam", "22001"),
        (Kind.TEXT, "character varying(3)", "Ada ", "22001"),
        (Kind.TEXT, "character(5)", "Ada ", "22001"),
        (Kind.TEXT, "uuid", "Adam", "22P02"),
        (Kind.TEXT, "text", "a\x00b", UNREADABLE),
        (Kind.TEXT, "text", True, UNREADABLE),
        (Kind.NUMBER, "smallint", "32768", "22003"),
        (Kind.NUMBER, "smallint", "-32769", "22003"),
        (Kind.NUMBER, "integer", "2147483648", "22003"),
        (Kind.NUMBER, "integer", "1.5", "22003"),
        (Kind.NUMBER, "numeric(5,2)", "1.005", "22003"),
        (Kind.NUMBER, "numeric(5,2)", "1000", "22003"),
        (Kind.NUMBER, "numeric(5)", "0.5", "22003"),
        (Kind.NUMBER, "numeric(3,-2)", "99910", "22003"),
        (Kind.NUMBER, "numeric(2,4)", "0.01", "22003"),
        (Kind.NUMBER, "double precision", "9007199254740993", "NUMBER_OUTSIDE_VALID_RANGE"),
        (Kind.TIME, "time(2) without time zone", "05:06:07.008", "22008"),
        (Kind.TIME, "time(0) without time zone", "05:06:07.500", "22008"),
        (Kind.MULTI, "character varying(3)", "aa;bb", "22001"),
        (Kind.MULTI, "character varying(3)[]", "aa;bbbb", "22001"),
        (Kind.ID, "character varying(15)", "003xx000004TmiQAAS", "22001"),
    ],
)
def test_misfit_is_rejected_and_never_cut_or_rounded(kind: Kind, column: str, value: Value, code: str) -> None:
    """A value that the column would change is refused with the SQLSTATE that Postgres has for it."""
    with pytest.raises(Rejected, match=r"^Some__c: ") as caught:
        to_postgres(field(kind, column), value)
    assert (code, ("Some__c",)) == (caught.value.code, caught.value.fields)


@pytest.mark.parametrize(
    ("kind", "column"), [(Kind.NUMBER, "numeric"), (Kind.DATE, "date"), (Kind.TEXT, "uuid"), (Kind.TIME, _CLOCK)]
)
def test_null_is_rejected_where_the_column_has_no_form_for_it(kind: Kind, column: str) -> None:
    """NULL in a NOT NULL column of a type without an empty form is refused as Postgres would."""
    with pytest.raises(Rejected, match=r"^Some__c: the column takes no NULL") as caught:
        to_postgres(field(kind, column, nullable=False), None)
    expected = "23502"
    assert expected == caught.value.code


def test_uuid_text_is_the_same_on_both_sides() -> None:
    """Postgres gives a UUID in lower case whatever Salesforce's text looked like, so that is the canonical form."""
    column = field(Kind.TEXT, "uuid")
    assert from_postgres(column, UUID(_UUID)) == from_salesforce(column, _UUID.upper())


def test_text_that_is_no_uuid_stays_as_it_is() -> None:
    """Reading does not judge what a UUID column takes: Salesforce holds the text, and only writing refuses it."""
    expected = "nobody"
    assert expected == from_salesforce(field(Kind.TEXT, "uuid"), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text", ColumnType("text")),
        ("character varying(80)", ColumnType("character varying", (80,))),
        ("character varying(80)[]", ColumnType("character varying", (80,), array=True)),
        ("numeric(18,2)", ColumnType("numeric", (18, 2))),
        ("numeric(3,-2)", ColumnType("numeric", (3, -2))),
        ("timestamp(3) with time zone", ColumnType("timestamp with time zone", (3,))),
        ("geometry(Point,4326)", ColumnType("geometry(Point,4326)")),
    ],
)
def test_column_type_is_taken_apart(text: str, expected: ColumnType) -> None:
    """Name, modifiers and array of a type as format_type spells it."""
    assert expected == column_type(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("character varying(80)", 80), ("character(1)", 1), ("character varying", None), ("numeric(5,2)", None)],
)
def test_length_of_a_text_type(text: str, expected: int | None) -> None:
    """Only text types with a modifier have a length."""
    assert expected == column_type(text).length
