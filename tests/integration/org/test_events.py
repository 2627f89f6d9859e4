"""Change events and platform events in EventBridge's form."""

import json
from typing import Any

import pytest

from tests.integration.org.support import OrgClient, eventually
from tests.integration.org.test_outbound import Listener


@pytest.fixture
def captured(org: OrgClient) -> OrgClient:
    """An org that captures contacts and accounts, without a sink."""
    org.control("cdc", {"entities": ["Contact", "Account"]})
    return org


def _events(org: OrgClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = org.control("events", method="GET")
    return found


def _header(event: dict[str, Any]) -> dict[str, Any]:
    header: dict[str, Any] = event["detail"]["payload"]["ChangeEventHeader"]
    return header


def test_an_update_event_has_the_relayed_form(captured: OrgClient) -> None:
    """Dotted names in the header, nested compounds in the payload, empty arrays left out."""
    values = {"LastName": "a", "FirstName": "b", "MailingCity": "Rome", "Phone": "1"}
    record = captured.call("POST", "sobjects/Contact", values).json()["id"]
    options = {"Sforce-Call-Options": "client=someone"}
    change = {"LastName": "c", "MailingCity": "Oslo", "Phone": None}
    captured.call("PATCH", f"sobjects/Contact/{record}", change, headers=options)
    create, update = _events(captured)
    assert set(update) == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}  # fmt: skip
    assert update["detail-type"] == "ContactChangeEvent"
    assert update["source"].startswith("aws.partner/salesforce.com/00Dxx0000001gPFEAY/0YL")
    payload, header = update["detail"]["payload"], _header(update)
    assert (payload["Name"], payload["MailingAddress"], payload["Phone"]) == (
        {"LastName": "c"}, {"City": "Oslo"}, None)  # fmt: skip
    assert header["changedFields"] == ["LastModifiedDate", "MailingAddress.City", "Name.LastName", "Phone"]
    assert (header["nulledFields"], header["recordIds"], header["changeType"]) == (["Phone"], [record], "UPDATE")
    assert header["changeOrigin"] == "com/salesforce/api/rest/66.0;client=someone"
    assert header["commitNumber"] > 2**53
    assert header["commitTimestamp"] % 1000 == 0
    assert payload["LastModifiedDate"].endswith(".000Z")
    assert {"changedFields", "nulledFields"} & set(_header(create)) == set()
    assert create["detail"]["payload"]["Name"] == {"LastName": "a", "FirstName": "b"}
    assert {"Id", "IsDeleted", "SystemModstamp"} & set(create["detail"]["payload"]) == set()


def test_delete_and_undelete_events(captured: OrgClient) -> None:
    """A delete has the header only, an undelete all fields."""
    record = captured.call("POST", "sobjects/Contact", {"LastName": "a"}).json()["id"]
    captured.call("DELETE", f"sobjects/Contact/{record}")
    captured.control("undelete", {"ids": [record]})
    _, delete, undelete = _events(captured)
    assert [_header(e)["changeType"] for e in (delete, undelete)] == ["DELETE", "UNDELETE"]
    assert list(delete["detail"]["payload"]) == ["ChangeEventHeader"]
    assert undelete["detail"]["payload"]["Name"] == {"LastName": "a"}


def test_identical_changes_share_an_event_and_automation_hides_in_it(captured: OrgClient) -> None:
    """Several ids in one event; one event per record with the final data of the save."""
    records = [{"attributes": {"type": "Account"}, "Name": n} for n in ("a", "b")]
    ids = [r["id"] for r in captured.call("POST", "composite/sobjects", {"records": records}).json()]
    captured.control("automation", {"object": "Account", "set": "Site", "action": "constant", "value": "flow"})
    captured.control("events", method="DELETE")
    same = [{"attributes": {"type": "Account"}, "id": i, "Phone": "1"} for i in ids]
    captured.call("PATCH", "composite/sobjects", {"records": same})
    events = _events(captured)
    assert [_header(event)["recordIds"] for event in events] == [ids]
    assert (events[0]["detail"]["payload"]["Phone"], events[0]["detail"]["payload"]["Site"]) == ("1", "flow")


def test_gap_events_hold_ids_only(captured: OrgClient) -> None:
    """By order, or in the place of the next event; an overflow names no record."""
    captured.control("faults", {"operation": "event", "gap": True, "object": "Account"})
    account = captured.call("POST", "sobjects/Account", {"Name": "a"}).json()["id"]
    captured.control("cdc/gap", {"object": "Contact", "changeType": "GAP_OVERFLOW", "recordIds": []})
    gap, overflow = _events(captured)
    assert (_header(gap)["changeType"], _header(gap)["recordIds"]) == ("GAP_CREATE", [account])
    assert (_header(overflow)["changeType"], _header(overflow)["recordIds"]) == ("GAP_OVERFLOW", ["000000000000000AAA"])
    assert list(gap["detail"]["payload"]) == ["ChangeEventHeader"]


def test_what_is_not_selected_or_hard_deleted_makes_no_event(captured: OrgClient) -> None:
    """A lead is not captured; a purge says nothing; a sixth object is refused."""
    captured.call("POST", "sobjects/Lead", {"LastName": "a", "Company": "c"})
    captured.control("purge", {})
    assert _events(captured) == []
    names = ["Account", "Contact", "Lead", "Case", "Task", "Opportunity"]
    answer = captured.http.post(f"{captured.url}/__org__/cdc", json={"entities": names})
    assert answer.status_code == 400


def test_events_reach_an_http_sink_in_order_and_again_until_taken(captured: OrgClient) -> None:
    """The first try is refused; nothing overtakes."""
    listener = Listener()
    try:
        captured.control("settings", {"eventRetrySeconds": 0.02})
        captured.control("cdc", {"sink": {"type": "http", "url": listener.url}})
        listener.answers = [(500, b"")]
        for name in "abc":
            captured.call("POST", "sobjects/Account", {"Name": name})
        eventually(lambda: captured.stats()["events"].get("delivered") == 3)
    finally:
        listener.close()
    names = [json.loads(body)["detail"]["payload"]["Name"] for body in listener.bodies]
    assert names == ["a", "a", "b", "c"]


def test_events_reach_an_event_bus(captured: OrgClient) -> None:
    """The sink speaks PutEvents to an endpoint of AWS's form."""
    listener = Listener()
    try:
        sink = {"type": "eventbridge", "busName": "partner", "endpointUrl": listener.url.removesuffix("/hook")}
        keys = {"accessKeyId": "test", "secretAccessKey": "test"}
        listener.answers = [(200, b'{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}')]
        captured.control("cdc", {"sink": sink | keys})
        captured.call("POST", "sobjects/Account", {"Name": "a"})
        eventually(lambda: captured.stats()["events"].get("delivered"), 15)
    finally:
        listener.close()
    entry = json.loads(listener.bodies[0])["Entries"][0]
    assert (entry["DetailType"], entry["EventBusName"]) == ("AccountChangeEvent", "partner")
    assert json.loads(entry["Detail"])["payload"]["Name"] == "a"


def test_a_platform_event_is_published_and_never_stored(org: OrgClient) -> None:
    """201 with OPERATION_ENQUEUED and the event's uuid, which the payload repeats."""
    fields = {"Record_Id__c": {"type": "string", "length": 18, "required": True}}
    org.control("objects", {"name": "Record_Change__e", "fields": fields})
    answer = org.call("POST", "sobjects/Record_Change__e", {"Record_Id__c": "003xx000004TmiQAAS"})
    queued = answer.json()["errors"][0]
    assert (answer.status_code, queued["statusCode"]) == (201, "OPERATION_ENQUEUED")
    event = _events(org)[0]
    payload = event["detail"]["payload"]
    assert (event["detail-type"], payload["EventUuid"]) == ("Record_Change__e", queued["message"])
    assert payload["Record_Id__c"] == "003xx000004TmiQAAS"
    refused = org.call("POST", "sobjects/Record_Change__e", {})
    assert refused.json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert org.call("GET", "query?q=SELECT+Id+FROM+Record_Change__e").json()[0]["errorCode"] == "INVALID_TYPE"


def test_a_flow_calls_out_once_per_change(org: OrgClient) -> None:
    """Its body says what happened; a refused callout is not repeated."""
    listener = Listener()
    try:
        listener.answers = [(500, b"")]
        callout = {"url": listener.url, "headers": {"X-Api-Key": "k"}}
        org.control("flows", {"object": "Contact", "changes": ["created", "deleted"], "callout": callout})
        record = org.call("POST", "sobjects/Contact", {"LastName": "a"}).json()["id"]
        eventually(lambda: org.stats()["events"].get("callouts refused"))
        org.call("PATCH", f"sobjects/Contact/{record}", {"LastName": "b"})
        org.call("DELETE", f"sobjects/Contact/{record}")
        eventually(lambda: org.stats()["events"].get("callouts answered"))
    finally:
        listener.close()
    bodies = [json.loads(body) for body in listener.bodies]
    assert [(b["object"], b["record_id"], b["change"]) for b in bodies] == [
        ("Contact", record, "created"), ("Contact", record, "deleted")]  # fmt: skip
    assert len({body["event_id"] for body in bodies}) == 2
    assert bodies[0]["occurred_at"].endswith("Z")


def test_a_flow_publishes_a_platform_event(org: OrgClient) -> None:
    """After the commit, with the record's id."""
    fields = {"Record_Id__c": {"type": "string", "length": 18}, "Change__c": {"type": "string"}}
    org.control("objects", {"name": "Record_Change__e", "fields": fields})
    publish = {"event": "Record_Change__e", "values": {"Record_Id__c": "$recordId", "Change__c": "$change"}}
    org.control("flows", {"object": "Contact", "publish": publish})
    record = org.call("POST", "sobjects/Contact", {"LastName": "a"}).json()["id"]
    payload = _events(org)[0]["detail"]["payload"]
    assert (payload["Record_Id__c"], payload["Change__c"]) == (record, "created")


def test_a_flow_whose_address_is_not_there_fails_silently(org: OrgClient) -> None:
    """The save is not touched; an event's sink that is not there is tried again."""
    address = "http://127.0.0.1:9/"
    org.control("settings", {"eventRetrySeconds": 0.02})
    org.control("flows", {"object": "Contact", "callout": {"url": address}})
    org.control("cdc", {"entities": ["Contact"], "sink": {"type": "http", "url": address}})
    assert org.call("POST", "sobjects/Contact", {"LastName": "a"}).status_code == 201
    eventually(lambda: org.stats()["events"].get("callouts failed") and org.stats()["events"].get("retries", 0) > 1)
    assert org.control("cdc", method="GET") == {"entities": ["Contact"], "pending": 1}
