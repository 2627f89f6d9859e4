"""What a person types as a value, by the type of its field."""

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Field, Kind, ObjectMapping, Unit
from chalicelib.core.model import Value
from chalicelib.jobs.deciding import parsed

ID15 = "001000000000001"
FIELDS = (
    Field("Text__c", "a", Kind.TEXT, "character varying(5)"),
    Field("Number__c", "b", Kind.NUMBER, "numeric(4,1)"),
    Field("Check__c", "c", Kind.BOOLEAN, "boolean"),
    Field("Date__c", "d", Kind.DATE, "date"),
    Field("At__c", "e", Kind.DATETIME, "timestamp with time zone"),
    Field("Picked__c", "f", Kind.MULTI, "text[]"),
    Field("Parent__c", "g", Kind.REFERENCE, "bigint", parent="thing"),
    Field("Full__c", "h", Kind.NUMBER, "integer", nullable=False),
)
UNIT = Unit("all", tuple(field.name for field in FIELDS))
THING = ObjectMapping("thing", "Thing__c", "public.thing", ("id",), ("bigint",), FIELDS, (UNIT,))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Text__c=a=b", "a=b"),
        ("Text__c=", None),
        ("Number__c=07.50", "7.5"),
        ("Number__c=", None),
        ("Check__c=true", True),
        ("Check__c=False", False),
        ("Date__c=2026-11-24", "2026-11-24"),
        ("At__c=2026-11-24T06:06:07+01:00", "2026-11-24T05:06:07Z"),
        ("Picked__c=b;a", "a;b"),
        (f"Parent__c={ID15}", f"{ID15}AAA"),
    ],
)
def test_a_text_becomes_its_field_s_value(text: str, value: Value) -> None:
    """In the one form that both sides are compared in; nothing is null."""
    assert parsed(THING, UNIT, [text]) == {text.partition("=")[0]: value}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Number__c=seven", "Number__c: the text is no number"),
        ("Number__c=12345.6", "Number__c: "),
        ("Text__c=too long", "Text__c: "),
        ("Check__c=maybe", "Check__c: the text is neither true nor false"),
        ("Check__c=", "Check__c: a checkbox is true or false"),
        ("Date__c=24.11.2026", "Date__c: the text is not a date such as 2026-11-24"),
        ("At__c=2026-11-24T06:06:07", "At__c: the text is not a date and time with a zone"),
        ("Date__c=1600-01-01", "Date__c: "),
        ("Parent__c=17", "Parent__c: a Salesforce id has 15 or 18"),
        ("Full__c=", "Full__c: the column takes no NULL"),
    ],
)
def test_a_text_that_is_no_value_of_its_field_is_refused(text: str, reason: str) -> None:
    """Or one that either side could not hold: before anything is decided."""
    with pytest.raises(Rejected, match=reason):
        parsed(THING, UNIT, [text])
