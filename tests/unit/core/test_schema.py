"""The sample resolved, and what is not there at all."""

import pytest

from chalicelib.core.catalog import SalesforceObject, Table
from chalicelib.core.errors import MappingError
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, OnDelete, Policy, Unit
from chalicelib.core.mapping_file import parse
from chalicelib.core.model import Side
from chalicelib.core.schema import Names, Resolved, resolve
from tests.unit.core.schema_sample import (
    ACCOUNT,
    ACCOUNTS,
    CONTACT,
    CONTACTS,
    MAPPINGS,
    OBJECTS,
    ONE,
    TABLES,
    column,
    found,
    sf_field,
    sf_object,
    table,
)


def test_sample_resolves() -> None:
    """Both mappings with kinds, units, policies and the sides that are written."""
    both = frozenset(Side)
    account = ObjectMapping(
        name="account",
        object="Account",
        table="public.account",
        key=("id",),
        key_types=("bigint",),
        fields=(
            Field("Name", "name", Kind.TEXT, "text"),
            Field("AnnualRevenue", "annual_revenue", Kind.NUMBER, "numeric(20,2)"),
        ),
        units=(Unit("Name", ("Name",)), Unit("AnnualRevenue", ("AnnualRevenue",))),
    )
    contact = ObjectMapping(
        name="contact",
        object="Contact",
        table="public.contact",
        key=("id",),
        key_types=("bigint",),
        fields=(
            Field("LastName", "last_name", Kind.TEXT, "text", nullable=False),
            Field("MailingStreet", "mailing_street", Kind.TEXT, "text"),
            Field("Title", "title", Kind.TEXT, "text"),
            Field("MailingCity", "mailing_city", Kind.TEXT, "text"),
            Field("Email", "email", Kind.TEXT, "text"),
            Field("AccountId", "account_id", Kind.REFERENCE, "bigint", parent="account"),
        ),
        units=(
            Unit("LastName", ("LastName",)),
            Unit("mailing_address", ("MailingStreet", "MailingCity"), Policy.HOLD, both),
            Unit("Title", ("Title",), Policy.NEWEST_WINS),
            Unit("Email", ("Email",)),
            Unit("AccountId", ("AccountId",)),
        ),
        first_contact=Policy.HOLD,
        on_delete=OnDelete.PROPAGATE,
        creates=both,
        lock_group="AccountId",
        match=("Email",),
        soql="IsActive__c = true",
        sql="title <> ''",
    )
    assert Resolved(Mappings((account, contact)), ()) == resolve(parse(MAPPINGS), OBJECTS, TABLES)


@pytest.mark.parametrize(
    ("objects", "tables", "expected"),
    [
        (
            {"Acount": ACCOUNT, "Contact": CONTACT},
            TABLES,
            '[account] "object": the org has no object "Account", or it is hidden from the integration user; '
            'correct the name (did you mean "Acount"?), or grant read access to it in the permission set',
        ),
        (
            OBJECTS,
            {"public.accounts": ACCOUNTS, "public.contact": CONTACTS},
            '[account] "table": the database has no table "public.account", or the role may not see it; '
            'correct the name (did you mean "public.accounts"?), or grant SELECT, INSERT, UPDATE and DELETE on it',
        ),
        (
            {**OBJECTS, "Account": sf_object("Account", sf_field("Name"), sf_field("Revenue", "currency"))},
            TABLES,
            '[account.fields] "AnnualRevenue": Account has no such field, or it is hidden from the integration user; '
            'correct the name (did you mean "Revenue"?), or grant read access to it in the permission set',
        ),
        (
            OBJECTS,
            {**TABLES, "public.account": table("public.account", column("nome"), column("annual_revenue", "numeric"))},
            '[account.fields] "Name": public.account has no column "name"; did you mean "nome"?',
        ),
    ],
)
def test_what_is_missing_is_named_with_what_is_close(
    objects: dict[str, SalesforceObject], tables: dict[str, Table], expected: str
) -> None:
    """A missing object, table, field or column: a misspelling or a missing permission."""
    assert [expected] == found(MAPPINGS, objects, tables)


def test_nothing_is_there() -> None:
    """With an empty org and an empty database every mapping has both problems, and nothing else."""
    expected = [
        '[account] "object": the org has no object "Account", or it is hidden from the integration user; '
        "correct the name (there is none), or grant read access to it in the permission set",
        '[account] "table": the database has no table "public.account", or the role may not see it; '
        "correct the name (there is none), or grant SELECT, INSERT, UPDATE and DELETE on it",
    ]
    assert expected == found(MAPPINGS, {}, {})[:2]


def test_far_away_names_are_listed_shortly() -> None:
    """Where no name is close, the first dozen is shown."""
    objects = {f"Zzz{number:02}__c": sf_object("Zzz") for number in range(14)}
    (line,) = found(
        ONE.format(options="", lines='X__c = "x"'), objects, {"public.thing": table("public.thing", column("x"))}
    )
    assert "(there is Zzz00__c, Zzz01__c" in line
    assert "Zzz11__c and 2 more" in line


def test_a_remedy_knows_everything_that_is_there() -> None:
    """Not only what the file maps."""
    names = Names(("Account", "Contact", "Lead"), ("public.account", "public.contact", "crm.people"))
    text = MAPPINGS.replace('"Contact"', '"Leed"').replace('"public.contact"', '"crm.peple"')
    with pytest.raises(MappingError) as caught:
        resolve(parse(text), {"Account": ACCOUNT}, {"public.account": ACCOUNTS}, names=names)
    told = "\n".join(caught.value.problems)
    assert 'did you mean "Lead"?' in told
    assert 'did you mean "crm.people"?' in told


def test_an_object_is_named_as_the_org_names_it() -> None:
    """The org answers to any case; its messages do not."""
    text = MAPPINGS.replace('object = "Account"', 'object = "account"')
    expected = '[account] "object": its name is "Account" in the org; write object = "Account"'
    assert expected in found(text, {"account": ACCOUNT, "Contact": CONTACT}, TABLES)
