"""A mapping's table and object as wholes."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.catalog import Column, SalesforceField, SalesforceObject
from chalicelib.core.mapping import Kind
from chalicelib.core.mapping_file import parse
from chalicelib.core.schema import resolve
from tests.unit.core.schema_sample import (
    ONE,
    column,
    found,
    one,
    problems_of_one,
    resolved_one,
    sf_field,
    sf_object,
    table,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"primary_key": ()},
            '[thing] "key": public.thing has no primary key; ALTER TABLE public.thing ADD PRIMARY KEY (id)',
        ),
        ({"primary_key": ("x",)}, '[thing] "key": it is not the primary key of public.thing; write key = "x"'),
        (
            {"primary_key": ("id", "x")},
            '[thing] "key": it is not the primary key of public.thing; write key = ["id", "x"]',
        ),
    ],
)
def test_key_is_the_primary_key(changes: dict[str, Any], expected: str) -> None:
    """Rows are found by their primary key, and by nothing else."""
    text, objects, tables = one(sf_field("X__c"), column("x"))
    assert [expected] == found(text, objects, {"public.thing": replace(tables["public.thing"], **changes)})


def test_key_of_several_columns_keeps_the_order_of_the_file() -> None:
    """The mapping's order is the order of every key."""
    text = ONE.format(options="", lines='X__c = "x"').replace('"id"', '["part", "id"]')
    part = column("part", "uuid", nullable=False, has_default=True)
    tables = {"public.thing": table("public.thing", part, column("x"), key=("id", "part"))}
    mapping = resolve(parse(text), {"Thing__c": sf_object("Thing__c", sf_field("X__c"))}, tables).mappings.mappings[0]
    expected = (("part", "id"), ("uuid", "bigint"))
    assert expected == (mapping.key, mapping.key_types)


@pytest.mark.parametrize(
    "link",
    [
        column("sfid", "uuid"),
        column("sfid", "character varying(15)"),
        column("sfid", "text[]"),
        column("sfid", "text", nullable=False),
        column("sfid", "text", generated=True),
    ],
)
def test_link_column_must_hold_an_id(link: Column) -> None:
    """A column named sfid that cannot hold a Salesforce id, or cannot be without one, is in the way."""
    text, objects, _ = one(sf_field("X__c"), column("x"))
    expected = [
        f'[thing]: the column "sfid" of public.thing cannot hold the Salesforce id ({link.type}); '
        "make it a plain varchar(18) that takes NULL, or rename it and let install add its own"
    ]
    assert expected == found(text, objects, {"public.thing": table("public.thing", column("x"), link)})


_UNFILLED = 'public.thing needs a value in "{name}" (NOT NULL without a default), and no field brings one'


@pytest.mark.parametrize(
    ("extra", "line", "expected"),
    [
        (
            column("kind", nullable=False),
            'X__c = "x"',
            f"[thing]: {_UNFILLED.format(name='kind')}; "
            'map a field to it, give it a default, or write direction = "to_salesforce"',
        ),
        (
            column("id", "uuid", nullable=False),
            'X__c = "x"',
            f"[thing]: {_UNFILLED.format(name='id')}; "
            'give the key a default (gen_random_uuid()), or write direction = "to_salesforce"',
        ),
        (
            column("id", "bigint", nullable=False),
            'X__c = "x"',
            f"[thing]: {_UNFILLED.format(name='id')}; "
            'give the key a default (an identity or a sequence), or write direction = "to_salesforce"',
        ),
        (
            column("x", nullable=False),
            'X__c = { column = "x", direction = "to_salesforce" }',
            f"[thing]: {_UNFILLED.format(name='x')}; "
            'map a field to it, give it a default, or write direction = "to_salesforce"',
        ),
    ],
)
def test_column_that_an_insert_needs(extra: Column, line: str, expected: str) -> None:
    """A record of Salesforce could not become a row."""
    text, objects, _ = one(sf_field("X__c"), column("x"), line)
    assert [expected] == found(text, objects, {"public.thing": table("public.thing", column("x"), extra)})


def test_columns_that_an_insert_does_not_need() -> None:
    """Defaults, generated columns, and any column where no row is ever inserted."""
    text, objects, _ = one(sf_field("X__c"), column("x"))
    extras = (column("a", nullable=False, has_default=True), column("b", nullable=False, generated=True))
    tables = {"public.thing": table("public.thing", column("x"), *extras)}
    assert not resolve(parse(text), objects, tables).warnings
    text, objects, _ = one(sf_field("X__c"), column("x"), options='direction = "to_salesforce"')
    tables = {"public.thing": table("public.thing", column("x"), column("a", nullable=False))}
    assert not resolve(parse(text), objects, tables).warnings


_DEPLOY = "deploy the metadata of infra/salesforce and assign its permission set to the integration user"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (
            {"Twinledger_Key__c": None},
            "Thing__c has no field Twinledger_Key__c, or it is hidden from the integration user",
        ),
        (
            {"Twinledger_Op__c": None},
            "Thing__c has no field Twinledger_Op__c, or it is hidden from the integration user",
        ),
        ({"Twinledger_Key__c": {"unique": False}}, "Thing__c.Twinledger_Key__c is not a unique external id"),
        ({"Twinledger_Key__c": {"external_id": False}}, "Thing__c.Twinledger_Key__c is not a unique external id"),
        (
            {"Twinledger_Op__c": {"updateable": False}},
            "Thing__c.Twinledger_Op__c is too short, or the integration user may not edit it",
        ),
        (
            {"Twinledger_Key__c": {"createable": False}},
            "Thing__c.Twinledger_Key__c is too short, or the integration user may not edit it",
        ),
        (
            {"Twinledger_Op__c": {"length": 35}},
            "Thing__c.Twinledger_Op__c is too short, or the integration user may not edit it",
        ),
    ],
)
def test_fields_of_the_sync_itself(own: dict[str, dict[str, Any] | None], expected: str) -> None:
    """Without its key and marker fields the sync cannot write to an object."""
    text, objects, tables = one(sf_field("X__c"), column("x"))
    fields = dict(objects["Thing__c"].fields)
    for name, changes in own.items():
        field = fields.pop(name)
        if changes is not None:
            fields[name] = replace(field, **changes)
    changed = {"Thing__c": SalesforceObject("Thing__c", fields)}
    assert [f"[thing]: {expected}; {_DEPLOY}"] == found(text, changed, tables)
    text = one(sf_field("X__c"), column("x"), options='direction = "to_postgres"')[0]
    assert not resolve(parse(text), changed, tables).warnings


def test_field_that_a_create_needs() -> None:
    """A row could not become a record: a field without a default that no column brings is a problem."""
    text, objects, tables = one(sf_field("X__c"), column("x"))
    needed = {
        "Name": sf_field("Name", nillable=False),
        "Stage": sf_field("Stage", "picklist", nillable=False, defaulted_on_create=True),
        "Number": sf_field("Number", nillable=False, createable=False, updateable=False),
    }
    fields = {**objects["Thing__c"].fields, **needed}
    remedy = 'map it, or write direction = "to_postgres"'
    expected = [f"[thing]: Thing__c needs a value in Name (Name), and no column brings one; {remedy}"]
    assert expected == found(text, {"Thing__c": SalesforceObject("Thing__c", fields)}, tables)


def test_required_field_that_goes_to_postgres_only_is_not_brought() -> None:
    """Being mapped is not enough: the value has to come from Postgres."""
    text, objects, tables = one(
        sf_field("X__c", "url"), column("x"), 'X__c = "x"\nName = { column = "name", direction = "to_postgres" }'
    )
    fields = {**objects["Thing__c"].fields, "Name": sf_field("Name", nillable=False)}
    tables = {"public.thing": table("public.thing", column("x"), column("name"))}
    (line,) = found(text, {"Thing__c": SalesforceObject("Thing__c", fields)}, tables)
    assert line.startswith("[thing]: Thing__c needs a value in Name (Name)")


def test_lock_group_is_a_lookup() -> None:
    """Only a lookup has a parent to lock; one that is kept as a plain id will do."""
    options = 'lock_group = "X__c"'
    expected = ['[thing] "lock_group": "X__c" is no lookup field (string); name a lookup field']
    assert expected == problems_of_one(sf_field("X__c"), column("x"), options=options)
    field, _ = resolved_one(sf_field("X__c", "reference", reference_to=("User",)), column("x"), options=options)
    assert Kind.ID is field.kind


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            sf_field("X__c", "textarea", length=32000),
            'Salesforce cannot search by "X__c" (textarea, 32000 characters)',
        ),
        (
            sf_field("X__c", "encryptedstring", length=175),
            'Salesforce cannot search by "X__c" (encryptedstring, 175 characters)',
        ),
    ],
)
def test_match_field_can_be_searched(field: SalesforceField, expected: str) -> None:
    """First contact looks records up by their match fields."""
    lines = problems_of_one(field, column("x"), options='match = "X__c"')
    assert [f'[thing] "match": {expected}; match by a shorter, unencrypted field'] == lines
    assert not resolved_one(sf_field("X__c", "textarea"), column("x"), options='match = "X__c"')[1]


def test_match_field_identifies_records() -> None:
    """A yes or no, or a moment that one side keeps to the second, makes no two halves one."""
    expected = (
        '[thing] "match": values of "X__c" (boolean) tell no record from another, or not to the same precision; '
        "match by a text, a number, a date or a lookup"
    )
    assert [expected] == problems_of_one(sf_field("X__c", "boolean"), column("x", "boolean"), options='match = "X__c"')


def test_match_column_without_an_index() -> None:
    """It works, and is told of."""
    text, objects, tables = one(sf_field("X__c"), column("x"), options='match = "X__c"')
    bare = {name: replace(each, indexed=frozenset({"id"})) for name, each in tables.items()}
    expected = (
        'm.toml: [thing] "match": no index of public.thing begins with "x": each new record of Salesforce reads the '
        'whole table; CREATE INDEX CONCURRENTLY ON public.thing ("x")'
    )
    assert (expected,) == resolve(parse(text), objects, bare, "m.toml").warnings
