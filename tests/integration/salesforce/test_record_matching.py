"""What it costs to look records up by their match fields, and what an org may say to it."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from chalicelib.core.errors import ConfigurationError, ProtocolError, Unavailable
from chalicelib.core.model import Fields
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.reader import Reader
from chalicelib.salesforce.soql import ALIKE_LIMIT
from tests.contract.live_bench import USERNAME, Org
from tests.contract.record_bench import ACCOUNT, CONTACT
from tests.integration.salesforce.stub import Answer, Stub

BY_EMAIL = replace(CONTACT, match=("Email",))
BY_NAME = replace(ACCOUNT, match=("Name",))
ROW = {
    "Id": "003000000000001AAA",
    "IsDeleted": False,
    "LastModifiedDate": "2026-09-21T16:53:20.000+0000",
    "LastModifiedById": "005000000000001AAA",
    "Twinledger_Key__c": None,
    "Twinledger_Op__c": None,
    "LastName": "Poe",
}


def rows(count: int, email: str) -> list[dict[str, Any]]:
    """So many contacts with one e-mail."""
    return [{**ROW, "Id": f"003{number:012d}AAA", "Email": email} for number in range(count)]


def answer(found: list[dict[str, Any]]) -> dict[str, Any]:
    """A query's answer."""
    return {"done": True, "records": found}


def composite(*found: list[dict[str, Any]]) -> Answer:
    """The answers of several queries in one."""
    parts = [
        {"referenceId": f"read{place}", "httpStatusCode": 200, "body": answer(some)} for place, some in enumerate(found)
    ]
    return Answer(body={"compositeResponse": parts})


def emails(*names: str) -> list[Fields]:
    """What is wanted."""
    return [{"Email": f"{name}@x.example"} for name in names]


def test_many_values_go_in_one_call(org: Org) -> None:
    """A thousand e-mails go as several queries, up to five in a call."""
    record_id = org.user("POST", "sobjects/Contact", {"LastName": "Poe", "Email": "7@x.example"}).json()["id"]
    client = org.client()
    found = Reader(client).match(BY_EMAIL, emails(*map(str, range(1000))))
    assert [place for place, records in enumerate(found) if records] == [7]
    assert [record_id] == [record.id for record in found[7]]
    assert client.calls == 1


def test_equal_questions_are_asked_once(stub: Stub, client: Client) -> None:
    """And a record in the bin is not asked for."""
    stub.say(Answer(body=answer(rows(1, "a@x.example"))))
    found = Reader(client).match(BY_EMAIL, emails("a", "a"))
    assert [record.id for records in found for record in records] == ["003000000000000AAA"] * 2
    [request] = stub.requests
    where = parse_qs(urlsplit(request.path).query)["q"][0].partition(" WHERE ")[2]
    assert (f"(Email = 'a@x.example') LIMIT {ALIKE_LIMIT}", True) == (where, "/query/?" in request.path)


def test_nothing_to_ask_costs_no_call(stub: Stub, client: Client) -> None:
    """A null matches nothing."""
    assert Reader(client).match(BY_EMAIL, [{"Email": None}]) == [[]]
    assert stub.requests == []


def test_a_crowd_is_asked_for_by_itself(stub: Stub, client: Client) -> None:
    """An e-mail that hundreds have does not hide the others: they are asked for again, without it."""
    crowd = rows(ALIKE_LIMIT, "none@x.example")
    stub.say(Answer(body=answer(crowd)), composite(crowd, rows(1, "a@x.example")))
    found = Reader(client).match(BY_EMAIL, emails("none", "a"))
    assert [len(records) for records in found] == [2, 1]
    asked = [unquote(part["url"]) for part in stub.requests[1].json["compositeRequest"]]
    assert [f"'{name}@x.example'" in url for name, url in zip(("none", "a"), asked, strict=True)] == [True, True]


def test_a_crowd_that_differs_in_case_only_is_ambiguous(stub: Stub, client: Client) -> None:
    """Whether one of those beyond the limit is the same to the letter is not known, so nothing is guessed."""
    stub.say(Answer(body=answer(rows(ALIKE_LIMIT, "A@x.example"))))
    [found] = Reader(client).match(BY_EMAIL, emails("a"))
    assert len(found) == 2


def test_only_records_of_the_filter_are_found(org: Org) -> None:
    """A record that the mapping leaves out is no half of anything."""
    made = [org.user("POST", "sobjects/Account", {"Name": "Acme", "Phone": phone}).json()["id"] for phone in "12"]
    filtered = replace(BY_NAME, soql="Phone = '2' OR Phone = '3'")
    [found] = Reader(org.client()).match(filtered, [{"Name": "Acme"}])
    assert made[1:] == [record.id for record in found]


def test_a_hidden_field_is_left_out(org: Org) -> None:
    """As in every read."""
    org.user("POST", "sobjects/Account", {"Name": "Acme", "Phone": "1"})
    hide(org, "Account.Phone")
    [[record]] = Reader(org.client()).match(BY_NAME, [{"Name": "Acme"}])
    assert set(ACCOUNT.names) - {"Phone"} == set(record.values)


def test_a_hidden_match_field_stops_everything(org: Org) -> None:
    """Without it every record would be made twice."""
    hide(org, "Contact.Email")
    with pytest.raises(ConfigurationError, match="Contact cannot be searched by Email"):
        Reader(org.client()).match(BY_EMAIL, emails("a"))


def test_a_filter_that_cannot_be_read_stops_everything(org: Org) -> None:
    """It is in the mapping file, and no message's fault."""
    with pytest.raises(ConfigurationError, match=r"filter: MALFORMED_QUERY") as caught:
        Reader(org.client()).match(replace(BY_NAME, soql="Phone ="), [{"Name": "Acme"}])
    assert "Acme" not in str(caught.value)


def test_an_answer_that_is_none_is_a_defect(stub: Stub, client: Client) -> None:
    """It is no matter of the mapping file."""
    stub.say(Answer(body={"compositeResponse": []}))
    with pytest.raises(ProtocolError, match="Composite answered 0"):
        Reader(client).match(BY_EMAIL, emails(*map(str, range(500))))


def test_a_failed_search_says_nothing(stub: Stub, client: Client) -> None:
    """It is tried again later."""
    stub.say(Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]))
    with pytest.raises(Unavailable):
        Reader(client).match(BY_EMAIL, emails("a"))


def hide(org: Org, field: str) -> None:
    """Take a field from the integration user."""
    org.control("POST", "users", {"name": "integration", "username": USERNAME, "readOnly": [], "hidden": [field]})
