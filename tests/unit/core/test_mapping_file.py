"""What a mapping file declares."""

from pathlib import Path

import pytest

import chalicelib
from chalicelib.core.declared import DeclaredField, DeclaredGroup, DeclaredMapping, Direction
from chalicelib.core.mapping import OnDelete, Policy
from chalicelib.core.mapping_file import parse
from chalicelib.core.model import Side

_HEAD = """
[account]
object = "Account"
table = "public.account"
key = "id"
"""
_ACCOUNT = f"""{_HEAD}
[account.fields]
Name = "name"
"""


def test_least_mapping_has_the_documented_defaults() -> None:
    """Object, table, key and one field are enough."""
    expected = DeclaredMapping(
        name="account",
        object="Account",
        table="public.account",
        key=("id",),
        fields=(DeclaredField("Name", "name"),),
        groups=(),
        direction=Direction.BOTH,
        conflict=Policy.HOLD,
        first_contact=Policy.HOLD,
        on_delete=OnDelete.PROPAGATE,
        lock_group=None,
        match=(),
        soql=None,
        sql=None,
    )
    assert (expected,) == parse(_ACCOUNT)


def test_every_key_is_read() -> None:
    """A mapping that uses all there is."""
    text = """
        [line_item]
        object = "Line__c"
        table = "shop.LineItem"
        key = ["order_id", "position"]
        direction = "to_postgres"
        conflict = "salesforce_wins"
        first_contact = "newest_wins"
        delete = "keep"
        lock_group = "Order__c"
        match = "Code__c"
        where = { soql = "Kind__c = 'a'", sql = "kind = 'a'" }

        [line_item.fields]
        Order__c = { column = "parent", references = "line_item" }
        Code__c = { column = "code", conflict = "hold", direction = "to_postgres" }
        Amount__c = "amount"
        Currency__c = "currency"
        Street__c = "street"
        City__c = "city"

        [line_item.groups]
        price = ["Amount__c", "Currency__c"]
        place = { fields = ["Street__c", "City__c"], conflict = "postgres_wins" }
    """
    expected = DeclaredMapping(
        name="line_item",
        object="Line__c",
        table="shop.LineItem",
        key=("order_id", "position"),
        fields=(
            DeclaredField("Order__c", "parent", references="line_item"),
            DeclaredField("Code__c", "code", Policy.HOLD, Direction.TO_POSTGRES),
            DeclaredField("Amount__c", "amount"),
            DeclaredField("Currency__c", "currency"),
            DeclaredField("Street__c", "street"),
            DeclaredField("City__c", "city"),
        ),
        groups=(
            DeclaredGroup("price", ("Amount__c", "Currency__c")),
            DeclaredGroup("place", ("Street__c", "City__c"), Policy.POSTGRES_WINS),
        ),
        direction=Direction.TO_POSTGRES,
        conflict=Policy.SALESFORCE_WINS,
        first_contact=Policy.NEWEST_WINS,
        on_delete=OnDelete.KEEP,
        lock_group="Order__c",
        match=("Code__c",),
        soql="Kind__c = 'a'",
        sql="kind = 'a'",
    )
    assert (expected,) == parse(text)


def test_the_sample_file_declares_two_mappings() -> None:
    """The file that comes with the project: hold, one field that the newest wins, an address, a parent."""
    account, contact = parse((Path(chalicelib.__file__).parent / "mappings.toml").read_text(encoding="utf-8"))
    expected = (
        ("account", "contact"),
        {"Title": Policy.NEWEST_WINS},
        {"AccountId": "account"},
        (("MailingStreet", "MailingCity", "MailingPostalCode", "MailingCountry"),),
        ("Email",),
        "AccountId",
    )
    assert expected == (
        (account.name, contact.name),
        {field.name: field.conflict for field in (*account.fields, *contact.fields) if field.conflict},
        {field.name: field.references for field in contact.fields if field.references},
        tuple(group.fields for group in contact.groups),
        contact.match,
        contact.lock_group,
    )


def test_references_may_go_in_a_circle() -> None:
    """Two objects that point to each other, and one that points to itself, are fine."""
    text = """
        [a]
        object = "A__c"
        table = "public.a"
        key = "id"
        [a.fields]
        B__c = { column = "b", references = "b" }
        Parent__c = { column = "parent", references = "a" }
        [b]
        object = "B__c"
        table = "public.b"
        key = "id"
        [b.fields]
        A__c = { column = "a", references = "a" }
    """
    assert [field.references for mapping in parse(text) for field in mapping.fields] == ["b", "a", "a"]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        (Direction.BOTH, {Side.SALESFORCE, Side.POSTGRES}),
        (Direction.TO_POSTGRES, {Side.POSTGRES}),
        (Direction.TO_SALESFORCE, {Side.SALESFORCE}),
    ],
)
def test_direction_says_which_sides_are_written(direction: Direction, expected: set[Side]) -> None:
    """A direction names the side that receives."""
    assert expected == direction.sides


def test_one_group_of_one_policy_is_no_conflict() -> None:
    """Members may repeat the group's policy."""
    text = (
        f'{_HEAD}[account.fields]\nA = {{ column = "a", conflict = "hold" }}\nB = "b"\n'
        '[account.groups]\nab = { fields = ["A", "B"], conflict = "hold" }'
    )
    assert (DeclaredGroup("ab", ("A", "B"), Policy.HOLD),) == parse(text)[0].groups


def test_a_key_may_go_to_salesforce() -> None:
    """The primary key can be shown in Salesforce, where it is only ever written."""
    text = f'{_HEAD}[account.fields]\nRow__c = {{ column = "id", direction = "to_salesforce" }}'
    assert (DeclaredField("Row__c", "id", direction=Direction.TO_SALESFORCE),) == parse(text)[0].fields
