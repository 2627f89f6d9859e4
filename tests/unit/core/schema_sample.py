"""A small org and a small database for tests of resolving: Account and Contact as the sample maps them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.catalog import Column, SalesforceField, SalesforceObject, Table
from chalicelib.core.errors import MappingError
from chalicelib.core.mapping import Field
from chalicelib.core.mapping_file import parse
from chalicelib.core.schema import resolve


def sf_field(name: str, kind: str = "string", **changes: Any) -> SalesforceField:
    """A field as describe tells of it: an editable one of 255 characters that may be empty."""
    field = SalesforceField(
        name=name,
        label=name.replace("_", " "),
        type=kind,
        length=255,
        precision=0,
        scale=0,
        nillable=True,
        createable=True,
        updateable=True,
        calculated=False,
        auto_number=False,
        external_id=False,
        unique=False,
        restricted_picklist=False,
        reference_to=(),
    )
    return replace(field, **changes)


def sf_object(name: str, *fields: SalesforceField) -> SalesforceObject:
    """An object with the fields of the sync and those given."""
    own = (
        sf_field("Id", "id", length=18, nillable=False, createable=False, updateable=False),
        sf_field("OwnerId", "reference", nillable=False, reference_to=("User", "Group"), defaulted_on_create=True),
        sf_field("IsActive__c", "boolean", nillable=False, defaulted_on_create=True),
        sf_field("Twinledger_Key__c", length=36, external_id=True, unique=True),
        sf_field("Twinledger_Op__c", length=36),
    )
    return SalesforceObject(name, {field.name: field for field in (*own, *fields)})


def column(name: str, kind: str = "text", **changes: Any) -> Column:
    """A plain column that takes NULL."""
    return replace(Column(name, kind, nullable=True, generated=False, has_default=False), **changes)


def table(
    name: str, *columns: Column, key: tuple[str, ...] = ("id",), foreign_keys: dict[str, tuple[str, str]] | None = None
) -> Table:
    """A table with the key ``id`` and the columns given, each of which has an index."""
    every = {each.name: each for each in (column("id", "bigint", nullable=False, has_default=True), *columns)}
    return Table(name, every, key, foreign_keys or {}, frozenset(every))


ACCOUNT = sf_object("Account", sf_field("Name", nillable=False), sf_field("AnnualRevenue", "currency", precision=18))
CONTACT = sf_object(
    "Contact",
    sf_field("FirstName", length=40),
    sf_field("LastName", length=80, nillable=False),
    sf_field("Title", length=128),
    sf_field("Email", "email", length=80),
    sf_field("MailingStreet", "textarea"),
    sf_field("MailingCity", length=40),
    sf_field("AccountId", "reference", length=18, reference_to=("Account",)),
)
OBJECTS = {"Account": ACCOUNT, "Contact": CONTACT}

ACCOUNTS = table("public.account", column("name"), column("annual_revenue", "numeric(20,2)"))
CONTACTS = table(
    "public.contact",
    column("first_name"),
    column("last_name", nullable=False),
    column("title"),
    column("email"),
    column("mailing_street"),
    column("mailing_city"),
    column("account_id", "bigint"),
    column("sfid", "character varying(18)"),
    foreign_keys={"account_id": ("public.account", "id")},
)
TABLES = {"public.account": ACCOUNTS, "public.contact": CONTACTS}

MAPPINGS = """
[account]
object = "Account"
table = "public.account"
key = "id"

[account.fields]
Name = "name"
AnnualRevenue = "annual_revenue"

[contact]
object = "Contact"
table = "public.contact"
key = "id"
lock_group = "AccountId"
match = ["Email"]
where = { soql = "IsActive__c = true", sql = "title <> ''" }

[contact.fields]
LastName = "last_name"
MailingStreet = "mailing_street"
Title = { column = "title", conflict = "newest_wins" }
MailingCity = "mailing_city"
Email = "email"
AccountId = { column = "account_id", references = "account" }

[contact.groups]
mailing_address = ["MailingStreet", "MailingCity"]
"""

ONE = """
[thing]
object = "Thing__c"
table = "public.thing"
key = "id"
{options}
[thing.fields]
{lines}
"""


def found(text: str, objects: Mapping[str, SalesforceObject], tables: Mapping[str, Table]) -> list[str]:
    """The problems of a mapping file, without the file's name."""
    with pytest.raises(MappingError) as caught:
        resolve(parse(text), objects, tables, "m.toml")
    assert all(line.startswith("m.toml: ") for line in caught.value.problems)
    return [line.removeprefix("m.toml: ") for line in caught.value.problems]


def one(
    field: SalesforceField,
    into: Column,
    line: str = 'X__c = "x"',
    options: str = "",
    foreign_keys: dict[str, tuple[str, str]] | None = None,
) -> tuple[str, dict[str, SalesforceObject], dict[str, Table]]:
    """A mapping of one field and one column, with its org and database."""
    return (
        ONE.format(options=options, lines=line),
        {"Thing__c": sf_object("Thing__c", field)},
        {"public.thing": table("public.thing", into, foreign_keys=foreign_keys)},
    )


def resolved_one(*args: Any, **kwargs: Any) -> tuple[Field, list[str]]:
    """The one field, resolved, and the warnings."""
    text, objects, tables = one(*args, **kwargs)
    resolved = resolve(parse(text), objects, tables, "m.toml")
    warnings = [line.removeprefix("m.toml: ") for line in resolved.warnings]
    return resolved.mappings.mappings[0].fields[0], warnings


def problems_of_one(*args: Any, **kwargs: Any) -> list[str]:
    """The problems of the one field's mapping."""
    return found(*one(*args, **kwargs))
