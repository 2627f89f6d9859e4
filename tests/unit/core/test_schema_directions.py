"""Which sides a field may be written on, and groups of such fields."""

import pytest

from chalicelib.core.catalog import Column, SalesforceField
from chalicelib.core.mapping import Policy, Unit
from chalicelib.core.mapping_file import parse
from chalicelib.core.model import Side
from chalicelib.core.schema import resolve
from tests.unit.core.schema_sample import (
    ONE,
    column,
    found,
    problems_of_one,
    resolved_one,
    sf_field,
    sf_object,
    table,
)

_FORMULA = sf_field("X__c", calculated=True, createable=False, updateable=False)
_COMPOUND = sf_field("X__c", compound=True, createable=False, updateable=False)
_NUMBERED = sf_field("X__c", auto_number=True, nillable=False, createable=False, updateable=False)
_FORBIDDEN = sf_field("X__c", createable=False, updateable=False)
_GENERATED = column("x", generated=True)


@pytest.mark.parametrize(
    ("salesforce", "into", "line", "writable", "warning"),
    [
        (_FORMULA, column("x"), 'X__c = { column = "x", direction = "to_postgres" }', {Side.POSTGRES}, None),
        (
            _FORMULA,
            column("x"),
            'X__c = "x"',
            {Side.POSTGRES},
            'it is a formula or roll-up in Salesforce, so it goes one way; say so: direction = "to_postgres"',
        ),
        (
            _NUMBERED,
            column("x"),
            'X__c = "x"',
            {Side.POSTGRES},
            'it is an auto number in Salesforce, so it goes one way; say so: direction = "to_postgres"',
        ),
        (
            _FORBIDDEN,
            column("x"),
            'X__c = "x"',
            {Side.POSTGRES},
            "it is read-only for the integration user in Salesforce, so it goes one way; "
            'say so: direction = "to_postgres"',
        ),
        (
            _COMPOUND,
            column("x"),
            'X__c = "x"',
            {Side.POSTGRES},
            'it is made up of other fields in Salesforce, so it goes one way; say so: direction = "to_postgres"',
        ),
        (
            sf_field("X__c"),
            _GENERATED,
            'X__c = "x"',
            {Side.SALESFORCE},
            'it is a generated column in Postgres, so it goes one way; say so: direction = "to_salesforce"',
        ),
        (
            sf_field("X__c", updateable=False),
            column("x"),
            'X__c = "x"',
            {Side.SALESFORCE, Side.POSTGRES},
            "in Salesforce it can only be set when a record is created; "
            "any other write becomes an issue; check the permission set",
        ),
        (
            sf_field("X__c", createable=False),
            column("x"),
            'X__c = "x"',
            {Side.SALESFORCE, Side.POSTGRES},
            "in Salesforce it can only be changed once the record is there; "
            "any other write becomes an issue; check the permission set",
        ),
    ],
)
def test_field_that_one_side_does_not_let_be_written(
    salesforce: SalesforceField, into: Column, line: str, writable: set[Side], warning: str | None
) -> None:
    """It goes the other way only, and a warning says so unless the file does."""
    field, warnings = resolved_one(salesforce, into, line)
    expected = [f'[thing.fields] "X__c": {warning}'] if warning else []
    assert (frozenset(writable), expected) == (field.writable, warnings)


@pytest.mark.parametrize(
    ("salesforce", "into", "options", "expected"),
    [
        (
            _FORMULA,
            column("x"),
            'direction = "to_salesforce"',
            "it is a formula or roll-up in Salesforce, and goes nowhere else; "
            'write direction = "to_postgres", or remove the line of "X__c"',
        ),
        (
            _COMPOUND,
            column("x"),
            'direction = "to_salesforce"',
            "it is made up of other fields in Salesforce, and goes nowhere else; map the fields that make it up",
        ),
        (
            sf_field("X__c"),
            _GENERATED,
            'direction = "to_postgres"',
            "it is a generated column in Postgres, and goes nowhere else; "
            'write direction = "to_salesforce", or remove the line of "X__c"',
        ),
        (
            _FORMULA,
            _GENERATED,
            "",
            "it is a generated column in Postgres and a formula or roll-up in Salesforce, and goes nowhere else; "
            "remove the line",
        ),
    ],
)
def test_field_that_cannot_go_where_it_should(
    salesforce: SalesforceField, into: Column, options: str, expected: str
) -> None:
    """A direction that the systems do not allow is a problem."""
    assert [f'[thing.fields] "X__c": {expected}'] == problems_of_one(salesforce, into, options=options)


def test_group_of_fields_that_go_different_ways() -> None:
    """A group merges as one, so a read-only member would make all of it read-only."""
    text = ONE.format(options="", lines='X__c = "x"\nY__c = "y"\n[thing.groups]\nxy = ["X__c", "Y__c"]')
    objects = {"Thing__c": sf_object("Thing__c", _FORMULA, sf_field("Y__c"))}
    tables = {"public.thing": table("public.thing", column("x"), column("y"))}
    expected = [
        '[thing.groups] "xy": "Y__c" can be written in Postgres and Salesforce, others of the group cannot; '
        "give the group only fields that go the same ways"
    ]
    assert expected == found(text, objects, tables)


@pytest.mark.parametrize(
    ("first", "group", "expected"),
    [
        ('"x"', '["X__c", "Y__c"]', Policy.POSTGRES_WINS),
        ('{ column = "x", conflict = "newest_wins" }', '["X__c", "Y__c"]', Policy.NEWEST_WINS),
        ('"x"', '{ fields = ["X__c", "Y__c"], conflict = "salesforce_wins" }', Policy.SALESFORCE_WINS),
    ],
)
def test_policy_of_a_group(first: str, group: str, expected: Policy) -> None:
    """The group's own, else its members', else the mapping's."""
    text = ONE.format(
        options='conflict = "postgres_wins"', lines=f'X__c = {first}\nY__c = "y"\n[thing.groups]\nxy = {group}'
    )
    objects = {"Thing__c": sf_object("Thing__c", sf_field("X__c"), sf_field("Y__c"))}
    tables = {"public.thing": table("public.thing", column("x"), column("y"))}
    units = resolve(parse(text), objects, tables).mappings.mappings[0].units
    assert (Unit("xy", ("X__c", "Y__c"), expected),) == units
