"""SOQL over REST: conditions, order, parents, pages, and the errors of a wrong query."""

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.integration.org.support import OrgClient


@pytest.fixture
def people(sf: Salesforce) -> Salesforce:
    """Four contacts, two of them of an account."""
    account = sf.Account.create({"Name": "Acme", "AnnualRevenue": 5000})["id"]
    sf.Contact.create({"LastName": "Ada", "Title": "Dr. O'Neil", "Birthdate": "1990-05-01", "AccountId": account})
    sf.Contact.create({"LastName": "bob", "Email": "bob@example.com", "DoNotCall": True, "AccountId": account})
    sf.Contact.create({"LastName": "Cy", "Phone": "100%", "Birthdate": "2001-02-03"})
    sf.Contact.create({"LastName": "dan_x", "Birthdate": "1980-12-31"})
    return sf


def test_a_table_is_gone_through_by_its_ids(people: Salesforce) -> None:
    """Each page begins after the last id of the one before (PK chunking does the same)."""
    everybody = [row["Id"] for row in people.query("SELECT Id FROM Contact ORDER BY Id")["records"]]
    found, last = [], ""
    while rows := people.query(f"SELECT Id FROM Contact {last} ORDER BY Id LIMIT 3")["records"]:  # noqa: S608
        found += [row["Id"] for row in rows]
        last = f"WHERE Id > '{found[-1]}'"
    assert found == everybody
    assert len(everybody) == 4


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("LastName = 'BOB'", ["bob"]),
        ("LastName != 'bob'", ["Ada", "Cy", "dan_x"]),
        ("LastName IN ('ada', 'cy')", ["Ada", "Cy"]),
        ("LastName NOT IN ('ada', 'cy')", ["bob", "dan_x"]),
        ("LastName LIKE '%A%'", ["Ada", "dan_x"]),
        ("LastName LIKE 'dan\\_x'", ["dan_x"]),
        ("LastName LIKE '_b_'", []),
        ("LastName LIKE '_o_'", ["bob"]),
        ("Phone LIKE '100\\%'", ["Cy"]),
        ("NOT LastName LIKE '%a%'", ["bob", "Cy"]),
        ("Title = 'Dr. O\\'Neil'", ["Ada"]),
        ("Email = null", ["Ada", "Cy", "dan_x"]),
        ("Email != NULL", ["bob"]),
        ("DoNotCall = TRUE", ["bob"]),
        ("Birthdate < 1990-05-01", ["dan_x"]),
        ("Birthdate >= 1990-05-01", ["Ada", "Cy"]),
        ("Birthdate <> 1990-05-01", ["bob", "Cy", "dan_x"]),
        ("CreatedDate = TODAY", ["Ada", "bob", "Cy", "dan_x"]),
        ("CreatedDate < LAST_N_DAYS:3", []),
        ("SystemModstamp >= 2026-01-01T00:00:00Z AND SystemModstamp < 2126-01-01T00:00:00+02:00",
         ["Ada", "bob", "Cy", "dan_x"]),
        ("CreatedDate >= LAST_WEEK AND CreatedDate <= THIS_YEAR AND CreatedDate != YESTERDAY",
         ["Ada", "bob", "Cy", "dan_x"]),
        ("CreatedDate > THIS_MONTH OR Birthdate > NEXT_N_DAYS:5", []),
        ("Birthdate < LAST_YEAR AND Birthdate < LAST_MONTH", ["Ada", "Cy", "dan_x"]),
        ("Contact.LastName = 'bob' AND AccountId != ''", ["bob"]),
        ("Account.Name = 'acme' AND (LastName = 'Ada' OR LastName = 'Cy')", ["Ada"]),
        ("Account.AnnualRevenue > 4999.5", ["Ada", "bob"]),
        ("NOT (LastName = 'Ada' OR DoNotCall = true) AND Birthdate != null", ["Cy", "dan_x"]),
    ],
)  # fmt: skip
def test_a_condition_selects(people: Salesforce, condition: str, expected: list[str]) -> None:
    """Text compares without case; null, dates, parents and negation as in SOQL."""
    query = f"SELECT LastName FROM Contact WHERE {condition} ORDER BY LastName"  # noqa: S608
    assert [record["LastName"] for record in people.query(query)["records"]] == expected


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("ORDER BY Birthdate", ["bob", "dan_x", "Ada", "Cy"]),
        ("ORDER BY Birthdate DESC NULLS LAST", ["Cy", "Ada", "dan_x", "bob"]),
        ("ORDER BY AccountId NULLS LAST, LastName DESC", ["bob", "Ada", "dan_x", "Cy"]),
        ("ORDER BY LastName LIMIT 2 OFFSET 1", ["bob", "Cy"]),
        ("ORDER BY LastName LIMIT 1 ALL ROWS", ["Ada"]),
    ],
)
def test_rows_come_in_order(people: Salesforce, rest: str, expected: list[str]) -> None:
    """Nulls first by default; LIMIT and OFFSET after the order."""
    query = f"SELECT LastName FROM Contact {rest}"  # noqa: S608
    assert [record["LastName"] for record in people.query(query)["records"]] == expected


def test_parent_fields_are_nested_records(people: Salesforce) -> None:
    """A missing parent is null; a polymorphic parent has its own type."""
    query = "SELECT LastName, Account.Name, Account.Owner.Username FROM Contact WHERE LastName IN ('Ada', 'Cy')"
    first, second = people.query(query)["records"]
    assert (first["Account"]["Name"], first["Account"]["attributes"]["type"]) == ("Acme", "Account")
    assert first["Account"]["Owner"]["Username"] == "integration@example.com"
    assert second["Account"] is None
    contact = people.query("SELECT Id FROM Contact LIMIT 1")["records"][0]["Id"]
    people.Task.create({"Subject": "call", "WhoId": contact})
    task = people.query("SELECT Who.Name FROM Task")["records"][0]
    assert (task["Who"]["Name"], task["Who"]["attributes"]["type"]) == ("Ada", "Contact")


def test_deleted_rows_are_seen_by_query_all_only(people: Salesforce) -> None:
    """``queryAll`` and ALL ROWS include the bin."""
    ada = people.query("SELECT Id FROM Contact WHERE LastName = 'Ada'")["records"][0]["Id"]
    people.Contact.delete(ada)
    counts = [
        people.query("SELECT COUNT() FROM Contact")["totalSize"],
        people.query("SELECT COUNT() FROM Contact", include_deleted=True)["totalSize"],
        people.query("SELECT COUNT() FROM Contact ALL ROWS")["totalSize"],
        people.query("SELECT COUNT() FROM Contact WHERE IsDeleted = true ALL ROWS")["totalSize"],
    ]
    assert counts == [3, 4, 4, 1]


def test_a_long_result_comes_in_pages(org: OrgClient, people: Salesforce) -> None:
    """The total stands on every page, and a page is a snapshot."""
    org.control("settings", {"queryPageSize": 3})
    first = people.query("SELECT LastName FROM Contact ORDER BY LastName")
    assert (first["totalSize"], first["done"], len(first["records"])) == (4, False, 3)
    last = people.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert ([r["LastName"] for r in last["records"]], last["done"]) == (["dan_x"], True)
    assert "nextRecordsUrl" not in last
    assert len(people.query_all("SELECT Id FROM Contact")["records"]) == 4


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FORM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'a' AND Title = 'b' OR Phone = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id, (SELECT Id FROM Cases) FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT Nope__r.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Nope = 1", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id = 'short'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Contact WHERE LastName LIKE 5", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = TODAY", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE DoNotCall > true", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id, Id FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName ( 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = #", "MALFORMED_QUERY"),
        ("SELECT Id FROM Nothing__c", "INVALID_TYPE"),
    ],
)
def test_a_wrong_query_is_refused(sf: Salesforce, query: str, code: str) -> None:
    """400 with Salesforce's code."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.query(query)
    assert (refused.value.status, refused.value.content[0]["errorCode"]) == (400, code)


def test_a_malformed_query_shows_the_place(sf: Salesforce) -> None:
    """Row and column of the token that was not expected."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.query("SELECT Id FORM Contact")
    assert "ERROR at Row:1:Column:11\nunexpected token: 'FORM'" in refused.value.content[0]["message"]


def test_users_and_the_organization_can_be_queried(sf: Salesforce) -> None:
    """A sync checks which org it talks to, and who it is."""
    organization = sf.query("SELECT Id, IsSandbox FROM Organization")["records"][0]
    assert (organization["Id"], organization["IsSandbox"]) == ("00Dxx0000001gPFEAY", False)
    names = {u["Username"] for u in sf.query("SELECT Username FROM User")["records"]}
    assert {"alice@example.com", "bob@example.com", "integration@example.com"} <= names


def test_a_multi_select_field_includes_and_excludes(org: OrgClient, sf: Salesforce) -> None:
    """``'a;c'`` asks for both, a list for any."""
    tags = {"type": "multipicklist", "picklist": ["a", "b", "c"]}
    org.control("objects", {"name": "Item__c", "fields": {"Tags__c": tags}})
    for name, chosen in (("1", "a;c"), ("2", "b"), ("3", None)):
        sf.Item__c.create({"Name": name, "Tags__c": chosen})
    found = [
        [r["Name"] for r in sf.query(f"SELECT Name FROM Item__c WHERE Tags__c {test} ORDER BY Name")["records"]]  # noqa: S608
        for test in ("INCLUDES ('a;c', 'b')", "INCLUDES ('a;b')", "EXCLUDES ('b')")
    ]
    assert found == [["1", "2"], [], ["1", "3"]]


def test_pages_follow_the_batch_size_of_the_header(org: OrgClient, sf: Salesforce) -> None:
    """From 200 to 2,000 rows; a foreign locator is refused."""
    sf.bulk2.Lead.insert(records=[{"LastName": f"l{n}", "Company": "c"} for n in range(250)], wait=0.02)
    options = {"Sforce-Query-Options": "batchSize=10"}
    page = org.call("GET", "query?q=SELECT+Id+FROM+Lead", headers=options).json()
    assert (len(page["records"]), page["totalSize"]) == (200, 250)
    wrong = org.call("GET", "query/01gxx0000000001AAA-2000")
    empty = org.call("GET", "query")
    assert [a.json()[0]["errorCode"] for a in (wrong, empty)] == ["INVALID_QUERY_LOCATOR", "MALFORMED_QUERY"]
