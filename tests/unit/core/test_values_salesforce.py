"""Values as REST's JSON and SOAP's text spell them."""

from decimal import Decimal

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Value
from chalicelib.core.values import (
    UNREADABLE,
    JsonValue,
    canonical,
    from_salesforce,
    from_salesforce_xml,
    to_salesforce,
)

TYPES = {
    Kind.TEXT: "text",
    Kind.NUMBER: "numeric",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.DATETIME: "timestamp with time zone",
    Kind.TIME: "time without time zone",
    Kind.MULTI: "text",
    Kind.ID: "character varying(18)",
    Kind.REFERENCE: "bigint",
}


def field(kind: Kind) -> Field:
    """A field of a kind, in the column type that fits it best."""
    return Field("Some__c", "some", kind, TYPES[kind])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.TEXT, "Ada ", "Ada "),
        (Kind.TEXT, "a\r\nb\rc\nd", "a\nb\nc\nd"),
        (Kind.TEXT, "é", "é"),  # a combining accent stays one
        (Kind.TEXT, "", None),
        (Kind.TEXT, None, None),
        (Kind.NUMBER, 0.0, "0"),
        (Kind.NUMBER, -0.0, "0"),
        (Kind.NUMBER, 12.50, "12.5"),
        (Kind.NUMBER, -1200, "-1200"),
        (Kind.NUMBER, 0.1, "0.1"),
        (Kind.NUMBER, 1e21, "1000000000000000000000"),
        (Kind.NUMBER, 1.5e-7, "0.00000015"),
        (Kind.NUMBER, Decimal("1.100"), "1.1"),
        (Kind.NUMBER, Decimal("12345678901234567890123456789012.50"), "12345678901234567890123456789012.5"),
        (Kind.NUMBER, None, None),
        (Kind.BOOLEAN, True, True),
        (Kind.BOOLEAN, False, False),
        (Kind.BOOLEAN, None, False),
        (Kind.DATE, "2017-11-25", "2017-11-25"),
        (Kind.DATE, "", None),
        (Kind.DATETIME, "2017-11-25T01:02:03.000+0000", "2017-11-25T01:02:03Z"),
        (Kind.DATETIME, "2017-11-25T01:02:03.999Z", "2017-11-25T01:02:03Z"),
        (Kind.DATETIME, "2017-11-25T01:02:03+05:30", "2017-11-24T19:32:03Z"),
        (Kind.TIME, "05:06:07.008Z", "05:06:07.008"),
        (Kind.TIME, "05:06:07", "05:06:07.000"),
        (Kind.TIME, "05:06:07.1234567Z", "05:06:07.123"),
        (Kind.MULTI, "b;a;B;b; c ;;", "B;a;b;c"),
        (Kind.MULTI, " ; ", None),
        (Kind.ID, "003xx000004TmiQ", "003xx000004TmiQAAS"),
        (Kind.REFERENCE, "001xx000003DGb0AAG", "001xx000003DGb0AAG"),
        (Kind.REFERENCE, None, None),
    ],
)
def test_json_has_a_canonical_form(kind: Kind, value: object, expected: Value) -> None:
    """REST's JSON values become canonical ones."""
    found = from_salesforce(field(kind), value)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, 5),
        (Kind.TEXT, {"street": "Secret Way"}),
        (Kind.TEXT, True),
        (Kind.TEXT, "Secret\x00"),
        (Kind.TEXT, "Secret\ud800"),
        (Kind.NUMBER, "5"),
        (Kind.NUMBER, True),
        (Kind.NUMBER, float("nan")),
        (Kind.NUMBER, float("-inf")),
        (Kind.NUMBER, Decimal("sNaN")),
        (Kind.NUMBER, Decimal("1e401")),
        (Kind.NUMBER, Decimal("1e-401")),
        (Kind.BOOLEAN, "true"),
        (Kind.BOOLEAN, 1),
        (Kind.DATE, "2017-02-30"),
        (Kind.DATE, "20170225"),
        (Kind.DATE, "2017-02-25T00:00:00Z"),
        (Kind.DATETIME, "2017-11-25T01:02:03"),
        (Kind.DATETIME, "2017-11-25T25:02:03Z"),
        (Kind.DATETIME, "0001-01-01T00:00:00+1000"),
        (Kind.TIME, "17:06"),
        (Kind.TIME, "05:66:00Z"),
        (Kind.MULTI, ["a", "b"]),
        (Kind.ID, "Secret"),
        (Kind.REFERENCE, 17),
    ],
)
def test_what_has_no_form_is_rejected_by_field_and_not_by_value(kind: Kind, value: object) -> None:
    """The error names the field and keeps the value to itself, also in its chain of causes."""
    with pytest.raises(Rejected) as caught:
        from_salesforce(field(kind), value)
    error = caught.value
    expected = (("Some__c",), True, None, True)
    assert expected == (
        error.fields,
        str(error).startswith("Some__c: "),
        error.__cause__,
        error.__suppress_context__,
    )
    assert str(value) not in str(error)
    assert "Secret" not in str(error)


def test_unreadable_value_has_a_code_of_its_own() -> None:
    """No system has refused the value, so the code is ours."""
    with pytest.raises(Rejected) as caught:
        from_salesforce(field(Kind.NUMBER), float("inf"))
    expected = UNREADABLE
    assert expected == caught.value.code


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Kind.TEXT, "Ada", "Ada"),
        (Kind.TEXT, None, None),
        (Kind.NUMBER, "0.0", "0"),
        (Kind.NUMBER, "1.2E7", "12000000"),
        (Kind.NUMBER, "-.5", "-0.5"),
        (Kind.NUMBER, "+5.", "5"),
        (Kind.NUMBER, "0e999999", "0"),
        (Kind.BOOLEAN, "true", True),
        (Kind.BOOLEAN, "FALSE", False),
        (Kind.BOOLEAN, "1", True),
        (Kind.BOOLEAN, "0", False),
        (Kind.BOOLEAN, None, False),
        (Kind.BOOLEAN, "", False),
        (Kind.DATE, "2017-11-25", "2017-11-25"),
        (Kind.DATETIME, "2026-08-26T23:25:15.000Z", "2026-08-26T23:25:15Z"),
        (Kind.TIME, "23:59:59.999Z", "23:59:59.999"),
        (Kind.MULTI, "B;A", "A;B"),
        (Kind.ID, "003xx000004TmiQAAS", "003xx000004TmiQAAS"),
    ],
)
def test_soap_text_has_a_canonical_form(kind: Kind, text: str | None, expected: Value) -> None:
    """SOAP's lexical forms become canonical ones."""
    found = from_salesforce_xml(field(kind), text)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.NUMBER, "NaN"),
        (Kind.NUMBER, "INF"),
        (Kind.NUMBER, "1_000"),
        (Kind.NUMBER, " 5"),
        (Kind.NUMBER, "\u0665"),
        (Kind.NUMBER, "1e999999999999"),
        (Kind.NUMBER, "1e999999"),
        (Kind.BOOLEAN, "yes"),
    ],
)
def test_bad_soap_text_is_rejected_by_field(kind: Kind, text: str) -> None:
    """A text that is not of the field's type is refused, however large a number it stands for."""
    with pytest.raises(Rejected, match=r"^Some__c: "):
        from_salesforce_xml(field(kind), text)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.TEXT, "Ada", "Ada"),
        (Kind.TEXT, None, None),
        (Kind.NUMBER, "12", 12),
        (Kind.NUMBER, "-12.5", -12.5),
        (Kind.NUMBER, "0.30000000000000004", 0.30000000000000004),
        (Kind.NUMBER, "10000000000000000000000", 10**22),
        (Kind.BOOLEAN, True, True),
        (Kind.BOOLEAN, None, False),
        (Kind.DATE, "1700-01-01", "1700-01-01"),
        (Kind.DATE, "4000-12-31", "4000-12-31"),
        (Kind.DATETIME, "2026-11-24T05:06:07Z", "2026-11-24T05:06:07.000+0000"),
        (Kind.TIME, "05:06:07.008", "05:06:07.008Z"),
        (Kind.MULTI, "B;A;B", "A;B"),
        (Kind.ID, "003xx000004TmiQ", "003xx000004TmiQAAS"),
        (Kind.REFERENCE, "003xx000004TmiQAAS", "003xx000004TmiQAAS"),
    ],
)
def test_json_is_what_rest_gives_back(kind: Kind, value: Value, expected: JsonValue) -> None:
    """A canonical value goes out in the form in which REST would show it."""
    found = to_salesforce(field(kind), value)
    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (Kind.NUMBER, "9007199254740993", "NUMBER_OUTSIDE_VALID_RANGE"),
        (Kind.NUMBER, "0.33333333333333333333", "NUMBER_OUTSIDE_VALID_RANGE"),
        (Kind.NUMBER, "1" + "0" * 350, "NUMBER_OUTSIDE_VALID_RANGE"),
        (Kind.NUMBER, "five", UNREADABLE),
        (Kind.NUMBER, True, UNREADABLE),
        (Kind.DATE, "1699-12-31", "FIELD_INTEGRITY_EXCEPTION"),
        (Kind.DATE, "4001-01-01", "FIELD_INTEGRITY_EXCEPTION"),
        (Kind.DATETIME, "1699-12-31T23:59:59Z", "FIELD_INTEGRITY_EXCEPTION"),
        (Kind.DATETIME, "4001-01-01T00:00:00Z", "FIELD_INTEGRITY_EXCEPTION"),
        (Kind.ID, "nobody", "MALFORMED_ID"),
    ],
)
def test_what_salesforce_cannot_hold_is_rejected(kind: Kind, value: Value, code: str) -> None:
    """Nothing is rounded on the way to Salesforce: digits that a double loses make an issue."""
    with pytest.raises(Rejected, match=r"^Some__c: ") as caught:
        to_salesforce(field(kind), value)
    assert (code, ("Some__c",)) == (caught.value.code, caught.value.fields)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.NUMBER, "1.50", "1.5"),
        (Kind.TEXT, "", None),
        (Kind.BOOLEAN, None, False),
        (Kind.BOOLEAN, "true", True),
        (Kind.BOOLEAN, False, False),
        (Kind.MULTI, "B;A", "A;B"),
    ],
)
def test_an_answer_is_made_canonical(kind: Kind, value: Value, expected: Value) -> None:
    """A value that a person typed is taken to its canonical form."""
    assert expected == canonical(field(kind), value)
