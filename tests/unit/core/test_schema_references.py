"""References: lookups that are foreign keys."""

import pytest

from chalicelib.core.catalog import SalesforceField
from chalicelib.core.mapping import Field, Kind
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

_PARENT_LINE = 'X__c = { column = "x", references = "thing" }'
_LOOKUP = sf_field("X__c", "reference", reference_to=("Thing__c",))
_PLAIN = "remove references and keep the plain id in a column of type varchar(18)"
_TO_ITSELF = {"x": ("public.thing", "id")}


def test_reference_to_the_own_object() -> None:
    """A parent of the same object is a parent like any other."""
    field, warnings = resolved_one(_LOOKUP, column("x", "bigint"), _PARENT_LINE, foreign_keys=_TO_ITSELF)
    assert (Field("X__c", "x", Kind.REFERENCE, "bigint", parent="thing"), []) == (field, warnings)


def test_reference_that_may_be_empty_in_a_column_that_may_not() -> None:
    """There is no empty form of a foreign key."""
    _, warnings = resolved_one(_LOOKUP, column("x", "text", nullable=False), _PARENT_LINE, foreign_keys=_TO_ITSELF)
    expected = [
        '[thing.fields] "X__c": the column takes no NULL, the field may be empty; '
        "such a value becomes an issue; alter the column if they are to fit"
    ]
    assert expected == warnings


@pytest.mark.parametrize(
    ("field", "foreign_keys", "expected"),
    [
        (
            sf_field("X__c"),
            _TO_ITSELF,
            "it references thing, but is no lookup field (string); remove references",
        ),
        (
            sf_field("X__c", "reference", reference_to=("Contact", "Lead")),
            _TO_ITSELF,
            f"it can point to Contact, Lead, not to Thing__c alone; {_PLAIN}",
        ),
        (
            _LOOKUP,
            {},
            '"x" has no foreign key to public.thing (id); '
            f"ALTER TABLE public.thing ADD FOREIGN KEY (x) REFERENCES public.thing (id), or {_PLAIN}",
        ),
        (
            _LOOKUP,
            {"x": ("public.thing", "sfid")},
            '"x" has no foreign key to public.thing (id); '
            f"ALTER TABLE public.thing ADD FOREIGN KEY (x) REFERENCES public.thing (id), or {_PLAIN}",
        ),
    ],
)
def test_reference_that_does_not_lead_to_the_parent(
    field: SalesforceField, foreign_keys: dict[str, tuple[str, str]], expected: str
) -> None:
    """A reference is a lookup to one object and a foreign key to that object's table."""
    lines = problems_of_one(field, column("x", "bigint"), _PARENT_LINE, foreign_keys=foreign_keys)
    assert [f'[thing.fields] "X__c": {expected}'] == lines


def test_reference_to_a_key_of_two_columns() -> None:
    """One column cannot name such a row."""
    text = ONE.format(options="", lines=_PARENT_LINE).replace('"id"', '["id", "part"]')
    part = column("part", "bigint", nullable=False, has_default=True)
    tables = {"public.thing": table("public.thing", column("x", "bigint"), part, key=("id", "part"))}
    expected = [f'[thing.fields] "X__c": [thing] has a key of 2 columns; one is supported; {_PLAIN}']
    assert expected == found(text, {"Thing__c": sf_object("Thing__c", _LOOKUP)}, tables)


def test_foreign_key_without_a_reference() -> None:
    """Who maps a lookup to a foreign key and forgets to say so is told."""
    expected = ['[thing.fields] "X__c": a field of type reference cannot be kept in bigint; add references = "thing"']
    assert expected == problems_of_one(_LOOKUP, column("x", "bigint"), foreign_keys=_TO_ITSELF)


def test_reference_is_judged_without_its_table() -> None:
    """A table that is not there is one problem, not one more for each of its foreign keys."""
    text, objects, _ = one(_LOOKUP, column("x", "bigint"), _PARENT_LINE)
    (line,) = found(text, objects, {})
    assert line.startswith('[thing] "table": ')


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (
            ("Contact", "Lead"),
            "it can point to Contact, Lead, so it is kept as a plain id, whose first three characters tell the object; "
            "no parent is waited for: in Postgres set it once the parent is in Salesforce",
        ),
        (
            ("User",),
            "no mapping keeps User, so it is kept as a plain id; "
            "map User, make the column a foreign key and add references, if its rows are to be referred to",
        ),
        (
            ("Thing__c",),
            "it is kept as a plain id, though [thing] keeps Thing__c: no parent is waited for; "
            'make the column a foreign key and add references = "thing", if its rows are to be referred to',
        ),
    ],
)
def test_a_lookup_that_is_no_foreign_key_is_told_of(targets: tuple[str, ...], expected: str) -> None:
    """It is kept all the same, as the text that it is."""
    lookup = sf_field("X__c", "reference", reference_to=targets)
    field, warnings = resolved_one(lookup, column("x", "character varying(18)"))
    assert (field.kind, [f'[thing.fields] "X__c": {expected}']) == (Kind.ID, warnings)


@pytest.mark.parametrize("nillable", [True, False])
def test_a_required_reference_is_known_as_one(nillable: bool) -> None:
    """Of records that wait for each other, Salesforce makes none without it."""
    lookup = sf_field("X__c", "reference", reference_to=("Thing__c",), nillable=nillable)
    field, _ = resolved_one(lookup, column("x", "bigint"), _PARENT_LINE, foreign_keys=_TO_ITSELF)
    assert field.required is not nillable
