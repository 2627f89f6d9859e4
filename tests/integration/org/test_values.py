"""Values by field type: what is taken, what is stored, what is refused."""

from typing import Any

import pytest

from infra.local.org.errors import OrgError
from infra.local.org.schema import Field, parse_field
from infra.local.org.values import normalise


def _field(kind: str, **options: Any) -> Field:
    return parse_field("F__c", {"type": kind} | options)


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (_field("string"), " a b ", "a b"),
        (_field("string"), "", None),
        (_field("string"), None, None),
        (_field("textarea", length=131_072), "x\ny", "x\ny"),
        (_field("boolean"), None, False),
        (_field("boolean"), "TRUE", True),
        (_field("boolean"), "0", False),
        (_field("int"), "42", 42),
        (_field("int"), 42.0, 42),
        (_field("double", precision=5, scale=2), 999.987654, 999.987654),
        (_field("percent"), 50, 50.0),
        (_field("date"), "2026-02-28", "2026-02-28"),
        (_field("date"), "2026-02-28T23:00:00Z", "2026-02-28"),
        (_field("datetime"), "2026-02-28T23:00:00.999-01:00", "2026-03-01T00:00:00.000+0000"),
        (_field("time"), "14:05:00.5Z", "14:05:00.500Z"),
        (_field("email"), "a.b+c@example.co", "a.b+c@example.co"),
        (_field("picklist", picklist=["A"]), "free", "free"),
        (_field("picklist", picklist=["A"], restrictedPicklist=True), "a", "A"),
        (_field("multipicklist", picklist=["A", "B", "C"]), "C;A;C; B", "A;B;C"),
        (_field("reference", referenceTo=["Account"]), "001xx000003DGb2", "001xx000003DGb2AAG"),
    ],
)
def test_a_value_is_stored_in_the_form_of_its_field(field: Field, value: Any, stored: Any) -> None:
    """Which is also the form in which REST shows it."""
    found = normalise(field, value)
    assert (found, type(found)) == (stored, type(stored))


def test_trimming_can_be_turned_off() -> None:
    """It is not known for sure that Salesforce trims every text."""
    assert normalise(_field("string"), " a ", trim=False) == " a "


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (_field("string", length=3), "four", "STRING_TOO_LONG"),
        (_field("string"), True, "JSON_PARSER_ERROR"),
        (_field("string"), ["a"], "JSON_PARSER_ERROR"),
        (_field("string"), {"a": 1}, "JSON_PARSER_ERROR"),
        (_field("int"), 1.5, "JSON_PARSER_ERROR"),
        (_field("int"), 3_000_000_000, "NUMBER_OUTSIDE_VALID_RANGE"),
        (_field("double", precision=5, scale=2), 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        (_field("double"), "many", "JSON_PARSER_ERROR"),
        (_field("double"), "nan", "JSON_PARSER_ERROR"),
        (_field("double"), False, "JSON_PARSER_ERROR"),
        (_field("boolean"), 1, "JSON_PARSER_ERROR"),
        (_field("date"), "28.02.2026", "JSON_PARSER_ERROR"),
        (_field("date"), 20260228, "JSON_PARSER_ERROR"),
        (_field("datetime"), "2026-02-28", "JSON_PARSER_ERROR"),
        (_field("datetime"), "2026-02-28T10:00:00", "JSON_PARSER_ERROR"),
        (_field("time"), "late", "JSON_PARSER_ERROR"),
        (_field("time"), 5, "JSON_PARSER_ERROR"),
        (_field("email"), "a@b", "INVALID_EMAIL_ADDRESS"),
        (_field("picklist", picklist=["A"], restrictedPicklist=True), "B", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (_field("multipicklist", picklist=["A"], restrictedPicklist=True), "A;B",
         "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (_field("multipicklist"), 5, "JSON_PARSER_ERROR"),
        (_field("reference", referenceTo=["Account"]), "001xx000003DGb2AAX", "MALFORMED_ID"),
        (_field("reference", referenceTo=["Account"]), 5, "MALFORMED_ID"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused(field: Field, value: Any, code: str) -> None:
    """With Salesforce's code."""
    with pytest.raises(OrgError) as refused:
        normalise(field, value)
    assert refused.value.problems[0].code == code
