"""How people name records: what is understood, and what is said where it is not."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Entry, EntryChange, Issue, IssueKind
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import PrimaryKey, RowId, SalesforceId
from chalicelib.jobs.names import Named, Names, name_of, row_name
from tests.fakes.archive import MemoryArchive
from tests.fakes.ledger import MemoryLedger
from tests.unit.jobs.sample import ACCOUNT, ID

KEY, LINE_KEY = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
LINE = replace(ACCOUNT, name="line", object="Line__c", table="shop.line", key=("a", "b"), key_types=("uuid", "text"))
OTHER = replace(ACCOUNT, name="other", object="Other__c", table="shop.account")
UUID = "aaaaaaaa-2222-3333-4444-555555555555"


def names() -> Names:
    """An account and a line that the ledger knows, and an issue of the account."""
    ledger = MemoryLedger()
    ledger.write(
        [
            EntryChange(
                None,
                Entry(KEY, "account", 1, sfid=ID, pk=("17",)),
                (SalesforceId("Account", ID), RowId("public.account", ("17",))),
                (issue(),),
            ),
            EntryChange(None, Entry(LINE_KEY, "line", 1, pk=(UUID, "x,y")), (RowId("shop.line", (UUID, "x,y")),)),
        ]
    )
    return Names(Mappings((ACCOUNT, LINE)), ledger, MemoryArchive(ledger))


def issue() -> Issue:
    """An issue of the account."""
    return Issue("i1", KEY, "account", "Name", IssueKind.CONFLICT, 1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i1", Named(KEY, issue=issue())),
        (KEY, Named(KEY)),
        (KEY.upper(), Named(KEY)),
        (ID, Named(KEY, SalesforceId("Account", ID))),
        (ID[:15], Named(KEY, SalesforceId("Account", ID))),
        (f"Account:{ID[:15]}", Named(KEY, SalesforceId("Account", ID))),
        (f"account:{ID}", Named(KEY, SalesforceId("Account", ID))),
        ("public.account:17", Named(KEY, RowId("public.account", ("17",)))),
        ("account:17", Named(KEY, RowId("public.account", ("17",)))),
        (f'shop.line:["{UUID.upper()}","x,y"]', Named(LINE_KEY, RowId("shop.line", (UUID, "x,y")))),
        (f"shop.line:{UUID}, z", Named(None, RowId("shop.line", (UUID, "z")))),
        ("public.account:a,b:c", Named(None, RowId("public.account", ("a,b:c",)))),
        ("Account:001000000000002AAA", Named(None, SalesforceId("Account", "001000000000002AAA"))),
    ],
)
def test_a_name_stands_for_a_record(text: str, expected: Named) -> None:
    """By issue, key, id or row; what the ledger does not know is named by its side."""
    assert names().find(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("junk", "junk names nothing: give an issue id, a record key"),
        (LINE_KEY.replace("2", "3"), "neither an issue nor a record 33333333"),
        ("001000000000002AAA", "does not know 001000000000002AAA: name its object, Account:0010.* or Line__c:0010"),
        ("public.acount:17", r'no mapping has public.acount: did you mean "public.account"'),
        ("Account:17", "a Salesforce id has 15 or 18"),
        ("shop.line:17", "the key of shop.line is a, b: give shop.line:A,B"),
        ("public.account:", "the key of public.account is id: give public.account:ID"),
        ('shop.line:["a"', "no JSON array"),
    ],
)
def test_a_name_of_nothing_is_explained(text: str, reason: str) -> None:
    """With what could be meant."""
    with pytest.raises(Rejected, match=reason):
        names().find(text)


def test_a_table_of_several_schemas_is_to_be_named_in_full() -> None:
    """Or by its mapping."""
    ledger = MemoryLedger()
    several = Names(Mappings((replace(ACCOUNT, name="firm"), OTHER)), ledger, MemoryArchive(ledger))
    with pytest.raises(Rejected, match=r"several schemas: public\.account, shop\.account"):
        several.find("account:17")
    assert several.find("other:17") == Named(None, RowId("shop.account", ("17",)))


def test_a_record_that_has_to_be_known_is_known() -> None:
    """What was never settled has nothing to show."""
    assert names().known("account:17").key == KEY
    with pytest.raises(Rejected, match="does not know account:18: `settle account:18`"):
        names().known("account:18")


@pytest.mark.parametrize("key", [("17",), ("a,b",), ('["a"]',), (UUID, "z"), (UUID, "x,y"), (UUID, "[")])
def test_a_row_is_named_as_it_is_understood(key: PrimaryKey) -> None:
    """What a command prints can be given to the next one."""
    mapping = ACCOUNT if len(key) == 1 else LINE
    assert names().find(row_name(mapping, key)).identity == RowId(mapping.table, key)
    assert name_of(mapping, None, key) == row_name(mapping, key)
    assert name_of(mapping, ID, key) == ID


def test_a_row_of_no_mapping_is_named_by_its_key() -> None:
    """The mapping may be gone."""
    assert row_name(None, ("17",)) == "17"
    assert row_name(ACCOUNT, None) == ""
