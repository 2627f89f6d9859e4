"""Which types pair, and which pairs cannot hold every value."""

import pytest

from chalicelib.core.catalog import Column, SalesforceField
from chalicelib.core.mapping import Field, Kind
from chalicelib.core.model import Side
from tests.unit.core.schema_sample import column, problems_of_one, resolved_one, sf_field


@pytest.mark.parametrize(
    ("salesforce", "postgres", "kind"),
    [
        ("string", "text", Kind.TEXT),
        ("string", "uuid", Kind.TEXT),
        ("textarea", "character varying(255)", Kind.TEXT),
        ("picklist", "character(255)", Kind.TEXT),
        ("combobox", "citext", Kind.TEXT),
        ("email", "text", Kind.TEXT),
        ("phone", "text", Kind.TEXT),
        ("url", "public.citext", Kind.TEXT),
        ("datacategorygroupreference", "text", Kind.TEXT),
        ("int", "integer", Kind.NUMBER),
        ("long", "bigint", Kind.NUMBER),
        ("double", "double precision", Kind.NUMBER),
        ("currency", "numeric", Kind.NUMBER),
        ("percent", "numeric(12,2)", Kind.NUMBER),
        ("boolean", "boolean", Kind.BOOLEAN),
        ("date", "date", Kind.DATE),
        ("datetime", "timestamp with time zone", Kind.DATETIME),
        ("datetime", "timestamp(0) without time zone", Kind.DATETIME),
        ("time", "time without time zone", Kind.TIME),
        ("time", "time(3) without time zone", Kind.TIME),
        ("multipicklist", "text", Kind.MULTI),
        ("multipicklist", "text[]", Kind.MULTI),
        ("multipicklist", "character varying(40)[]", Kind.MULTI),
        ("id", "character varying(18)", Kind.ID),
        ("reference", "text", Kind.ID),
    ],
)
def test_types_that_pair(salesforce: str, postgres: str, kind: Kind) -> None:
    """These pairs are the same on both sides, without a warning."""
    expected: tuple[Field, list[str]] = (Field("X__c", "x", kind, postgres), [])
    assert expected == resolved_one(sf_field("X__c", salesforce), column("x", postgres))


@pytest.mark.parametrize(
    ("salesforce", "postgres", "remedy"),
    [
        ("string", "integer", "use a column of type text, or map another column"),
        ("textarea", "uuid", "use a column of type text, or map another column"),
        ("string", "text[]", "use a column of type text, or map another column"),
        ("int", "text", "use a column of type integer, or map another column"),
        ("long", "text", "use a column of type bigint, or map another column"),
        ("double", "date", "use a column of type numeric, or map another column"),
        ("boolean", "integer", "use a column of type boolean, or map another column"),
        ("date", "timestamp with time zone", "use a column of type date, or map another column"),
        ("datetime", "date", "use a column of type timestamptz, or map another column"),
        ("multipicklist", "integer[]", "use a column of type text[], or map another column"),
        ("reference", "bigint", "use a column of type varchar(18), or map another column"),
    ],
)
def test_types_that_do_not_pair(salesforce: str, postgres: str, remedy: str) -> None:
    """These pairs cannot be kept the same; the remedy names the type that can."""
    expected = [f'[thing.fields] "X__c": a field of type {salesforce} cannot be kept in {postgres}; {remedy}']
    assert expected == problems_of_one(sf_field("X__c", salesforce), column("x", postgres))


@pytest.mark.parametrize(
    ("salesforce", "postgres", "expected"),
    [
        (
            sf_field("X__c", "currency", precision=16, scale=2),
            "real",
            "a field of type currency cannot be kept in real, for it keeps only six digits; "
            "use a column of type numeric(16,2), or map another column",
        ),
        (
            sf_field("X__c", "percent"),
            "money",
            "a field of type percent cannot be kept in money, for its form hangs on the server's locale; "
            "use a column of type numeric, or map another column",
        ),
        (
            sf_field("X__c", "textarea"),
            "jsonb",
            "a field of type textarea cannot be kept in jsonb, for it does not keep a text as it was written; "
            "use a column of type text, or map another column",
        ),
        (
            sf_field("X__c", "address"),
            "text",
            "a field of type address has no counterpart in Postgres; "
            "map its parts, such as BillingStreet and BillingCity, and put them into a group",
        ),
        (
            sf_field("X__c", "anyType"),
            "text",
            "a field of type anyType has no counterpart in Postgres; remove the line",
        ),
    ],
)
def test_reason_why_types_do_not_pair(salesforce: SalesforceField, postgres: str, expected: str) -> None:
    """Where a type looks as if it could do, the problem says why it cannot."""
    assert [f'[thing.fields] "X__c": {expected}'] == problems_of_one(salesforce, column("x", postgres))


@pytest.mark.parametrize(
    ("salesforce", "into", "expected"),
    [
        (
            sf_field("X__c", length=80),
            column("x", "character varying(40)"),
            "the column takes 40 characters, the field 80",
        ),
        (sf_field("X__c", "reference"), column("x", "character(15)"), "the column takes 15 characters, the field 18"),
        (
            sf_field("X__c", "double", precision=18, scale=3),
            column("x", "numeric(18,2)"),
            "the column keeps 2 decimals, the field 3",
        ),
        (
            sf_field("X__c", "double", precision=18, scale=2),
            column("x", "numeric(17,2)"),
            "the column takes 15 digits before the point, the field 16",
        ),
        (
            sf_field("X__c", "double", precision=4, scale=1),
            column("x", "smallint"),
            "the column keeps 0 decimals, the field 1",
        ),
        (sf_field("X__c", "int"), column("x", "smallint"), "the column takes 4 digits before the point, the field 9"),
        (
            sf_field("X__c", "time"),
            column("x", "time(0) without time zone"),
            "the column keeps 0 decimals of a second, the field 3",
        ),
        (
            sf_field("X__c", "date"),
            column("x", "date", nullable=False),
            "the column takes no NULL, the field may be empty",
        ),
        (sf_field("X__c"), column("x", "uuid", nullable=False), "the column takes no NULL, the field may be empty"),
    ],
)
def test_value_that_may_not_fit_is_a_warning(salesforce: SalesforceField, into: Column, expected: str) -> None:
    """A column that is too small for some values is allowed: the misfit is refused when it comes."""
    _, warnings = resolved_one(salesforce, into)
    assert [
        f'[thing.fields] "X__c": {expected}; such a value becomes an issue; alter the column if they are to fit'
    ] == warnings


@pytest.mark.parametrize(
    ("salesforce", "into"),
    [
        (sf_field("X__c"), column("x", "text", nullable=False)),
        (sf_field("X__c", "boolean"), column("x", "boolean", nullable=False)),
        (sf_field("X__c", "multipicklist"), column("x", "text[]", nullable=False)),
        (sf_field("X__c", "date", nillable=False), column("x", "date", nullable=False)),
    ],
)
def test_column_without_null_that_has_an_empty_form(salesforce: SalesforceField, into: Column) -> None:
    """Texts, arrays and booleans have a form for an empty field, and a field that is never empty needs none."""
    field, warnings = resolved_one(salesforce, into)
    expected: tuple[bool, list[str]] = (False, [])
    assert expected == (field.nullable, warnings)


def test_column_that_is_only_read_may_be_small() -> None:
    """What goes to Salesforce only cannot misfit its column."""
    field, warnings = resolved_one(
        sf_field("X__c"), column("x", "character varying(3)"), options='direction = "to_salesforce"'
    )
    assert (frozenset({Side.SALESFORCE}), []) == (field.writable, warnings)


def test_encrypted_field_is_a_warning() -> None:
    """A mask that is read in place of a value would be written over the value."""
    _, warnings = resolved_one(sf_field("X__c", "encryptedstring"), column("x"))
    expected = [
        '[thing.fields] "X__c": without the permission View Encrypted Data the field reads as a mask, which would be '
        "stored; give the integration user that permission"
    ]
    assert expected == warnings
