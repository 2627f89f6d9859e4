"""What the Apex writer sends, and what it makes of answers that an org seldom gives."""

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
from chalicelib.core.ports import Failed, RecordQuery, RecordWritten, Stale, WriteKind
from chalicelib.salesforce.client import Client
from tests.contract.live_bench import Org
from tests.contract.record_bench import CONTACT
from tests.integration.salesforce.stub import Answer, Stub
from tests.integration.salesforce.writers_kit import (
    RECORD,
    ROW,
    apex_of,
    conditional_of,
    errors,
    results,
    write,
)


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
