"""What the two writers send, how much it costs, and what they make of answers that an org seldom gives."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.errors import (
    ConfigurationError,
    ParentMissing,
    ProtocolError,
    RecordLocked,
    Rejected,
    Unavailable,
)
from chalicelib.core.mapping import Kind
from chalicelib.core.model import Record
from chalicelib.core.ports import Failed, RecordOutcome, RecordQuery, RecordWrite, RecordWritten, Stale, WriteKind
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.conditional_writer import ConditionalRecords
from chalicelib.salesforce.reader import Reader
from tests.contract.live_bench import Org
from tests.contract.record_bench import ACCOUNT, CONTACT, mapping
from tests.integration.salesforce.stub import Answer, Stub

RECORD = Record("003000000000001AAA", "key-1", False, {"LastName": "Old"}, "op-0", 1_790_000_000, None, False, False)
ROW = {
    "Id": "003000000000001AAA",
    "IsDeleted": False,
    "LastModifiedDate": "2026-09-21T16:53:20.000+0000",
    "LastModifiedById": "005000000000001AAA",
    "Twinledger_Key__c": "key-1",
    "Twinledger_Op__c": "op-1",
    "LastName": "New",
}


def write(kind: WriteKind, expected: Record | None = RECORD, **values: str) -> RecordWrite:
    """A write of a contact."""
    return RecordWrite(CONTACT, kind, "key-1", "op-1", expected, values)


def apex_of(client: Client) -> ApexRecords:
    """The Apex writer."""
    return ApexRecords(client, Reader(client))


def conditional_of(client: Client) -> ConditionalRecords:
    """The conditional writer."""
    return ConditionalRecords(client, Reader(client))


def errors(code: str, message: str = "m") -> list[dict[str, Any]]:
    """An error's body."""
    return [{"errorCode": code, "message": message}]


def composite(*parts: tuple[str, int, Any]) -> Answer:
    """A Composite answer of (reference, status, body)."""
    return Answer(
        body={
            "compositeResponse": [
                {"referenceId": name, "httpStatusCode": status, "body": body, "httpHeaders": {}}
                for name, status, body in parts
            ]
        }
    )


def results(*items: dict[str, Any]) -> Answer:
    """An answer of the Apex class."""
    return Answer(body={"contract": 1, "version": "1.0.0", "results": list(items)})


# --- cost


@pytest.mark.parametrize("make", [apex_of, conditional_of])
def test_a_change_costs_one_read_and_one_write(org: Org, make: Any) -> None:
    """Two calls, sign-ins aside, whichever writer."""
    record_id = org.user("POST", "sobjects/Contact", {"LastName": "Old"}).json()["id"]
    client = org.client()
    records = make(client)
    org.control("POST", "settings", {"clockOffsetSeconds": 3.0})
    seen = records.read([RecordQuery(CONTACT, record_id)])[0]
    outcome = records.write([write(WriteKind.UPDATE, seen, LastName="New")])[0]
    assert isinstance(outcome, RecordWritten)
    assert client.calls == 2


def test_records_of_many_objects_are_read_in_one_call(org: Org) -> None:
    """Objects do not cost a call each."""
    account = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    contact = org.user("POST", "sobjects/Contact", {"LastName": "C"}).json()["id"]
    client = org.client()
    found = Reader(client).read([RecordQuery(ACCOUNT, account), RecordQuery(CONTACT, contact)])
    assert ([account, contact], 1) == ([record and record.id for record in found], client.calls)


def test_many_records_are_read_in_few_calls(org: Org) -> None:
    """A thousand ids and keys go as several queries, up to five in a call."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    client = org.client()
    asked = [RecordQuery(ACCOUNT, None, f"00000000-0000-0000-0000-{number:012d}") for number in range(1000)]
    found = Reader(client).read([*asked, RecordQuery(ACCOUNT, record_id)])
    assert [None] * 1000 + [record_id] == [record and record.id for record in found]
    assert client.calls == 1


def test_long_results_are_read_to_their_end(org: Org) -> None:
    """A query that comes in pages is read page by page."""
    ids = [org.user("POST", "sobjects/Account", {"Name": f"A{number}"}).json()["id"] for number in range(5)]
    org.control("POST", "settings", {"queryPageSize": 2})
    found = Reader(org.client()).read([RecordQuery(ACCOUNT, record_id) for record_id in ids])
    assert ids == [record and record.id for record in found]


def test_fifteen_character_ids_are_found(org: Org) -> None:
    """An id may be asked for in either length."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    found = Reader(org.client()).read([RecordQuery(ACCOUNT, record_id[:15])])[0]
    assert found is not None
    assert found.id == record_id


# --- reading


def test_hidden_fields_cost_one_look_and_are_then_left_out(org: Org) -> None:
    """The first read learns by describe which fields there are; the next ones ask for those."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A", "Phone": "1"}).json()["id"]
    user = {"name": "integration", "username": "integration@example.com", "readOnly": [], "hidden": ["Account.Phone"]}
    org.control("POST", "users", user)
    client = org.client()
    reader = Reader(client)
    for calls in (3, 4):
        record = reader.read([RecordQuery(ACCOUNT, record_id)])[0]
        assert record is not None
        assert ("Phone" not in record.values, calls) == (True, client.calls)
    assert "Phone" not in reader.fields(ACCOUNT)


def test_hidden_marker_stops_everything(org: Org) -> None:
    """Without the marker nothing can be synced; the error names object, field and remedy."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    hidden = {"hidden": ["*.Twinledger_Op__c"], "readOnly": []}
    org.control("POST", "users", {"name": "integration", "username": "integration@example.com", **hidden})
    with pytest.raises(ConfigurationError, match=r"Account.*Twinledger_Op__c.*permission set"):
        Reader(org.client()).read([RecordQuery(ACCOUNT, record_id)])


def test_unknown_objects_stop_everything(org: Org) -> None:
    """A mapping of an object that the user cannot see is a matter of configuration."""
    nowhere = mapping("nowhere", "Nowhere__c", {"Name": Kind.TEXT})
    with pytest.raises(ConfigurationError, match="Nowhere__c"):
        Reader(org.client()).read([RecordQuery(nowhere, "a00000000000001AAA")])


def test_a_failed_query_of_several_fails_the_read(stub: Stub, client: Client) -> None:
    """One query of a Composite that fails is the read's error: half a read would look like absence."""
    stub.say(composite(("read0", 200, {"done": True, "records": []}), ("read1", 400, errors("QUERY_TIMEOUT"))))
    with pytest.raises(Unavailable):
        Reader(client).read([RecordQuery(ACCOUNT, "001000000000001AAA"), RecordQuery(CONTACT, RECORD.id)])


def test_other_refusals_of_a_read_are_told(stub: Stub, client: Client) -> None:
    """Only a missing field leads to a second try."""
    stub.say(Answer(400, errors("SOMETHING_NEW")))
    with pytest.raises(Rejected, match="SOMETHING_NEW"):
        Reader(client).read([RecordQuery(CONTACT, RECORD.id)])
    assert len(stub.requests) == 1


def test_values_without_a_canonical_form_are_left_alone(
    stub: Stub, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The other fields of the record are read; the log names the field, and never the value."""
    stub.say(Answer(body={"done": True, "records": [{**ROW, "Email": "a\x00SECRET"}]}))
    record = Reader(client).read([RecordQuery(CONTACT, RECORD.id)])[0]
    assert record is not None
    assert record.values == {"LastName": "New"}
    assert "Email" in caplog.text
    assert "SECRET" not in caplog.text


def test_of_two_records_with_one_key_the_living_counts(stub: Stub, client: Client) -> None:
    """A record in the recycle bin does not hide the one that took its key."""
    gone = {**ROW, "IsDeleted": True, "LastModifiedDate": "2026-09-22T00:00:00.000+0000"}
    alive = {**ROW, "Id": "003000000000002AAA", "Twinledger_Key__c": "KEY-1"}
    stub.say(Answer(body={"done": True, "records": [gone, alive]}))
    record = Reader(client).read([RecordQuery(CONTACT, None, "key-1")])[0]
    assert record is not None
    assert record.id == "003000000000002AAA"


@pytest.mark.parametrize("answer", [Answer(body={}), Answer(body=[]), composite(("another", 200, {}))])
def test_composite_answers_that_are_none(stub: Stub, client: Client, answer: Answer) -> None:
    """An answer that lacks a part is a defect, not an absent record."""
    stub.say(answer, answer)
    asked = [RecordQuery(ACCOUNT, "001000000000001AAA"), RecordQuery(CONTACT, RECORD.id)]
    with pytest.raises(ProtocolError, match="of 2 subrequests"):
        Reader(client).read(asked)
    with pytest.raises(ProtocolError, match="of 2 subrequests"):
        conditional_of(client).write([write(WriteKind.UPDATE, LastName="New")])


def test_questions_without_id_and_key_have_no_answer(stub: Stub, client: Client) -> None:
    """Nothing is asked of the org for them."""
    assert Reader(client).read([RecordQuery(CONTACT, None)]) == [None]
    assert stub.requests == []


def test_a_field_that_went_away_while_all_others_are_there(stub: Stub, client: Client) -> None:
    """Where describe finds nothing hidden, the second try's error is the read's."""
    fields = [{"name": name, "type": "string", "label": name} for name in (*ROW, *CONTACT.names)]
    missing = Answer(400, errors("INVALID_FIELD", "No such column 'X'"))
    stub.say(missing, Answer(body={"name": "Contact", "fields": fields}), replace(missing))
    with pytest.raises(Rejected, match="INVALID_FIELD"):
        Reader(client).read([RecordQuery(CONTACT, RECORD.id)])


# --- the Apex writer


def test_apex_compares_what_was_read_to_the_letter(stub: Stub, client: Client) -> None:
    """The condition carries marker, stamp and the very spelling that was read, not our own form of it."""
    stub.say(
        Answer(body={"done": True, "records": [{**ROW, "LastName": "Line\r\nend", "Birthdate": None}]}),
        results({"status": "written", "record": ROW, "errors": []}),
    )
    records = apex_of(client)
    seen = records.read([RecordQuery(CONTACT, RECORD.id)])[0]
    assert seen is not None
    assert seen.values["LastName"] == "Line\nend"
    records.write([write(WriteKind.UPDATE, seen, Email="x@example.com")])
    sent = stub.requests[1].json
    assert sent == {
        "contract": 1,
        "operations": [
            {
                "kind": "update",
                "object": "Contact",
                "operation": "op-1",
                "returning": ["LastName", "Email", "Birthdate", "AccountId"],
                "values": {"Email": "x@example.com"},
                "id": RECORD.id,
                "expected": {
                    "marker": "op-1",
                    "stamp": "2026-09-21T16:53:20.000+0000",
                    "values": {"LastName": "Line\r\nend", "Birthdate": None},
                },
            }
        ],
    }


def test_apex_spells_records_that_it_did_not_read(stub: Stub, client: Client) -> None:
    """A record from elsewhere is compared by its canonical values; a link adds the key."""
    stub.say(results({"status": "written", "record": ROW, "errors": []}))
    apex_of(client).write([write(WriteKind.UPDATE, replace(RECORD, key=None), LastName="New")])
    operation = stub.requests[0].json["operations"][0]
    assert operation["values"] == {"LastName": "New", "Twinledger_Key__c": "key-1"}
    assert operation["expected"] == {
        "marker": "op-0",
        "stamp": "2026-09-21T14:13:20.000+0000",
        "values": {"LastName": "Old"},
    }


def test_apex_sends_no_value_that_salesforce_cannot_hold(stub: Stub, client: Client) -> None:
    """A date before 1700 is refused here, alone; the others go."""
    stub.say(results({"status": "written", "record": ROW, "errors": []}))
    refused, done = apex_of(client).write(
        [write(WriteKind.UPDATE, Birthdate="0001-01-01"), write(WriteKind.UPDATE, LastName="New")]
    )
    assert isinstance(refused, Failed)
    assert isinstance(refused.error, Rejected)
    assert isinstance(done, RecordWritten)
    assert len(stub.requests[0].json["operations"]) == 1


def test_nothing_is_sent_where_every_value_is_refused(stub: Stub, client: Client) -> None:
    """No empty call, with either writer."""
    bad = write(WriteKind.CREATE, None, Birthdate="0001-01-01")
    outcomes = [*apex_of(client).write([bad]), *conditional_of(client).write([bad])]
    assert [Failed, Failed] == [type(outcome) for outcome in outcomes]
    assert stub.requests == []


def test_apex_carries_two_hundred_a_call(stub: Stub, client: Client) -> None:
    """201 writes are two calls, and their outcomes stand in order."""
    written: dict[str, Any]
    stale: dict[str, Any]
    written, stale = (
        {"status": "written", "record": ROW, "errors": []},
        {"status": "absent", "record": None, "errors": []},
    )
    stub.say(results(*[written] * 200), results(stale))
    outcomes = apex_of(client).write([write(WriteKind.UPDATE, LastName="New")] * 201)
    assert [RecordWritten] * 200 + [Stale] == [type(outcome) for outcome in outcomes]


def test_one_record_that_breaks_the_call_is_found(stub: Stub, client: Client) -> None:
    """An exception in somebody's trigger rolls the call back: the others are written without it."""
    broken = Answer(500, errors("APEX_ERROR", "System.LimitException: too many queries"))
    written = {"status": "written", "record": ROW, "errors": []}
    stub.say(broken, results(written), broken, broken, results(written))
    outcomes = apex_of(client).write([write(WriteKind.UPDATE, LastName=name) for name in ("A", "B", "C")])
    assert [RecordWritten, Failed, RecordWritten] == [type(outcome) for outcome in outcomes]
    failed = outcomes[1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, Rejected)
    assert "too many queries" in str(failed.error)


def test_other_failures_of_the_call_are_open(stub: Stub, client: Client) -> None:
    """A server error says nothing of any record."""
    stub.say(Answer(503, "down"))
    with pytest.raises(Unavailable):
        apex_of(client).write([write(WriteKind.UPDATE, LastName="New")])


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, errors("NOT_FOUND", "Could not find a match for URL")),
        Answer(400, errors("TWINLEDGER_BAD_REQUEST", "this class speaks contract 2")),
        Answer(body={"contract": 2, "results": []}),
        Answer(body="<html/>"),
    ],
)
def test_class_that_is_missing_or_of_another_contract(stub: Stub, client: Client, answer: Answer) -> None:
    """A person has to deploy it: nothing is parked for that."""
    stub.say(answer, replace(answer))
    records = apex_of(client)
    with pytest.raises(ConfigurationError):
        records.write([write(WriteKind.UPDATE, LastName="New")])
    with pytest.raises(ConfigurationError):
        records.version()


def test_class_says_its_version(org: Org) -> None:
    """Contract, version, org and user."""
    client = org.client()
    found = apex_of(client).version()
    assert (1, client.organization_id, client.user_id) == (found["contract"], found["organizationId"], found["userId"])


@pytest.mark.parametrize(
    "answer",
    [
        results(),
        results({"status": "maybe", "record": None, "errors": []}),
    ],
)
def test_answers_that_the_contract_excludes(stub: Stub, client: Client, answer: Answer) -> None:
    """A defect is told, not guessed at."""
    stub.say(answer)
    with pytest.raises(ProtocolError):
        apex_of(client).write([write(WriteKind.UPDATE, LastName="New")])


def test_apex_refusals(stub: Stub, client: Client) -> None:
    """The errors of each record are sorted; one without a reason parks."""
    stub.say(
        results(
            {"status": "refused", "record": None, "errors": errors("UNABLE_TO_LOCK_ROW")},
            {"status": "refused", "record": None, "errors": errors("ENTITY_IS_DELETED")},
            {"status": "refused", "record": None, "errors": []},
        )
    )
    found = apex_of(client).write([write(WriteKind.UPDATE, LastName="New")] * 3)
    assert [RecordLocked, ParentMissing, Rejected] == [
        type(outcome.error) for outcome in found if isinstance(outcome, Failed)
    ]


@pytest.mark.parametrize("make", [apex_of, conditional_of])
def test_write_without_a_record_is_a_defect(client: Client, make: Any) -> None:
    """Only a create may name no record."""
    with pytest.raises(ProtocolError):
        make(client).write([write(WriteKind.UPDATE, None, LastName="New")])


# --- the conditional writer


def test_conditional_update_says_its_condition(stub: Stub, client: Client) -> None:
    """PATCH under the stamp that was seen, then a look; in order, and each with its headers."""
    stub.say(composite(("write0", 204, None), ("seen0", 200, ROW)))
    outcome = conditional_of(client).write([write(WriteKind.UPDATE, LastName="New")])[0]
    assert isinstance(outcome, RecordWritten)
    assert outcome.record.second_open  # the answer had no date
    sent = stub.requests[0].json
    assert (sent["allOrNone"], sent["collateSubrequests"]) == (False, False)
    patch, look = sent["compositeRequest"]
    assert (patch["method"], patch["body"]) == ("PATCH", {"LastName": "New", "Twinledger_Op__c": "op-1"})
    assert patch["httpHeaders"] == {
        "Sforce-Duplicate-Rule-Header": "allowSave=true",
        "Sforce-Auto-Assign": "FALSE",
        "If-Unmodified-Since": "Mon, 21 Sep 2026 14:13:20 GMT",
    }
    assert ("GET", patch["url"]) == (look["method"], look["url"].split("?")[0])


def one(stub: Stub, client: Client, change: RecordWrite, *parts: tuple[str, int, Any]) -> RecordOutcome:
    """The outcome of one write that gets this answer."""
    stub.say(composite(*parts))
    return conditional_of(client).write([change])[0]


UPDATE = write(WriteKind.UPDATE, LastName="New")
CREATE = write(WriteKind.CREATE, None, LastName="New")
DELETE = write(WriteKind.DELETE)
HALTED = errors("PROCESSING_HALTED")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (UPDATE, [("write0", 412, None), ("seen0", 200, ROW)]),
        (UPDATE, [("write0", 404, errors("ENTITY_IS_DELETED")), ("seen0", 404, errors("ENTITY_IS_DELETED"))]),
        (UPDATE, [("write0", 404, errors("INVALID_CROSS_REFERENCE_KEY")), ("seen0", 404, errors("NOT_FOUND"))]),
        (UPDATE, [("write0", 204, None), ("seen0", 404, errors("ENTITY_IS_DELETED"))]),
        (
            CREATE,
            [
                ("write0", 400, errors("DUPLICATE_VALUE", "Twinledger_Key__c duplicates value on record with id: 003")),
                ("seen0", 400, HALTED),
            ],
        ),
        (DELETE, [("marked", 412, None), ("deleted", 400, HALTED), ("seen", 400, HALTED)]),
        (DELETE, [("marked", 400, HALTED), ("deleted", 404, errors("ENTITY_IS_DELETED")), ("seen", 400, HALTED)]),
        (DELETE, [("marked", 204, None), ("deleted", 204, None), ("seen", 200, {"done": True, "records": []})]),
    ],
)
def test_somebody_was_faster(
    stub: Stub, client: Client, change: RecordWrite, parts: list[tuple[str, int, Any]]
) -> None:
    """Every way in which the record is not what was seen."""
    assert Stale() == one(stub, client, change, *parts)


@pytest.mark.parametrize(
    ("change", "parts", "expected"),
    [
        (UPDATE, [("write0", 404, errors("ENTITY_IS_DELETED")), ("seen0", 200, ROW)], ParentMissing),
        (UPDATE, [("write0", 400, errors("UNABLE_TO_LOCK_ROW")), ("seen0", 200, ROW)], RecordLocked),
        (UPDATE, [("write0", 400, errors("STRING_TOO_LONG")), ("seen0", 200, ROW)], Rejected),
        (CREATE, [("write0", 404, errors("ENTITY_IS_DELETED")), ("seen0", 400, HALTED)], ParentMissing),
        (
            CREATE,
            [("write0", 400, errors("DUPLICATE_VALUE", "Email duplicates value on record")), ("seen0", 400, HALTED)],
            Rejected,
        ),
        (DELETE, [("marked", 204, HALTED), ("deleted", 400, errors("DELETE_FAILED")), ("seen", 400, HALTED)], Rejected),
        (DELETE, [("marked", 400, HALTED), ("deleted", 400, HALTED), ("seen", 400, HALTED)], Unavailable),
    ],
)
def test_the_org_refused(
    stub: Stub, client: Client, change: RecordWrite, parts: list[tuple[str, int, Any]], expected: type[Exception]
) -> None:
    """Errors about the record, its parent or the moment."""
    outcome = one(stub, client, change, *parts)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, expected)


@pytest.mark.parametrize(("rows", "expected"), [([ROW], Stale), ([], Failed)])
def test_duplicate_without_a_name_is_looked_up(
    stub: Stub, client: Client, rows: list[Any], expected: type[RecordOutcome]
) -> None:
    """Salesforce sometimes says <unknown>: our own key is asked for, and only where it exists is the create stale."""
    unnamed = errors(
        "DUPLICATE_VALUE", "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
    )
    stub.say(
        composite(("write0", 400, unnamed), ("seen0", 400, HALTED)),
        Answer(body={"done": True, "records": rows}),
    )
    assert isinstance(conditional_of(client).write([CREATE])[0], expected)


def test_conditional_sends_no_value_that_salesforce_cannot_hold(stub: Stub, client: Client) -> None:
    """A date before 1700 is refused here, alone; the others go."""
    stub.say(composite(("write1", 204, None), ("seen1", 200, ROW)))
    bad = write(WriteKind.CREATE, None, Birthdate="0001-01-01")
    refused, done = conditional_of(client).write([bad, UPDATE])
    assert [Failed, RecordWritten] == [type(refused), type(done)]


def test_conditional_carries_twelve_a_call(stub: Stub, client: Client) -> None:
    """Thirteen writes are two calls of at most 25 subrequests; a delete has its own; the order is kept."""
    done = [(("write" if half == 0 else "seen") + str(at), 200, ROW) for at in range(12) for half in (0, 1)]
    deleted = composite(("marked", 204, None), ("deleted", 204, None), ("seen", 200, {"done": True, "records": [ROW]}))
    stub.say(deleted, composite(*done), composite(("write0", 412, None), ("seen0", 200, ROW)))
    outcomes = conditional_of(client).write([*[UPDATE] * 12, DELETE, UPDATE])
    assert [RecordWritten] * 13 + [Stale] == [type(outcome) for outcome in outcomes]
    assert max(len(request.json["compositeRequest"]) for request in stub.requests) == 24


def test_conditional_delete_is_all_or_none(stub: Stub, client: Client) -> None:
    """The marker's PATCH bears the condition, and the deletion stands or falls with it."""
    assert Stale() == one(stub, client, DELETE, ("marked", 412, None), ("deleted", 400, HALTED), ("seen", 400, HALTED))
    sent = stub.requests[0].json
    assert sent["allOrNone"]
    assert [request["method"] for request in sent["compositeRequest"]] == ["PATCH", "DELETE", "GET"]
    assert "If-Unmodified-Since" in sent["compositeRequest"][0]["httpHeaders"]
