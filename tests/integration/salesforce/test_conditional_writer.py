"""What the conditional writer sends, and what it makes of answers that an org seldom gives."""

from typing import Any

import pytest

from chalicelib.core.errors import (
    ParentMissing,
    RecordLocked,
    Rejected,
    Unavailable,
)
from chalicelib.core.ports import Failed, RecordOutcome, RecordWrite, RecordWritten, Stale, WriteKind
from chalicelib.salesforce.client import Client
from tests.integration.salesforce.stub import Answer, Stub
from tests.integration.salesforce.writers_kit import ROW, composite, conditional_of, errors, write


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
