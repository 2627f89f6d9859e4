"""What was given up, a message of ours or a change event, is told record by record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.aws.queues import hints_of, message_of
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ledger import Issue
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.jobs.dead_letters import DeadLetters
from chalicelib.jobs.failed_events import GivenUp
from chalicelib.jobs.settling import Message
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ID, MAPPINGS, ORG
from tests.unit.jobs.test_dead_letters import Links

OTHER = "001000000000002AAA"
READ = GivenUp(MAPPINGS, ORG, hints_of)


def event(name: str = "Account", ids: tuple[str, ...] = (ID,), kind: str = "UPDATE", org: str = ORG) -> dict[str, Any]:
    """A change event of these records."""
    header = {"entityName": name, "changeType": kind, "recordIds": list(ids), "transactionKey": "t"}
    source = f"aws.partner/salesforce.com/{org}/0YL"
    return {"id": "e", "source": source, "detail": {"payload": {"ChangeEventHeader": header}}}


def test_message_of_ours_is_read_as_ever() -> None:
    """The queue's dead letters come to the same function."""
    hint = Hint(SalesforceId("Account", ID), Change.UPDATED, "1")
    assert READ(message_of(hint)) == (hint,)


@pytest.mark.parametrize("body", ["junk", "[]", "{}", '{"requestPayload": 1}', '{"requestPayload": {}}'])
def test_anything_else_is_refused(body: str) -> None:
    """With the error of a message that cannot be read."""
    with pytest.raises(TwinledgerError):
        READ(body)


@pytest.mark.parametrize("wrapped", [True, False])
def test_event_names_its_records(wrapped: bool) -> None:
    """As Lambda gives it up, with the event in it, and as EventBridge does."""
    given = event(ids=(ID, OTHER))
    body = json.dumps({"version": "1.0", "requestPayload": given} if wrapped else given)
    assert [hint.identity for hint in READ(body)] == [SalesforceId("Account", ID), SalesforceId("Account", OTHER)]


@pytest.mark.parametrize("given", [event("Task"), event(org="00D000000000009AAA"), event("Task", kind="GAP_OVERFLOW")])
def test_what_is_not_kept_the_same_is_not_told(given: dict[str, Any]) -> None:
    """Records that no mapping has, and those of another org."""
    assert list(READ(json.dumps(given))) == []


def test_overflow_names_the_object() -> None:
    """Which records changed is not known."""
    with pytest.raises(TwinledgerError, match="an unknown number of records of Account changed: compare all of them"):
        READ(json.dumps(event(kind="GAP_OVERFLOW", ids=())))


def test_each_record_has_an_issue() -> None:
    """Of an id of its own, which is the same when the message comes again."""
    issues: list[Issue] = []
    letters = DeadLetters(
        mappings=MAPPINGS,
        organization_id=ORG,
        ledger=Links({}),
        report=issues.append,
        read=READ,
        clock=FakeClock(50.0),
        telemetry=MemoryTelemetry(),
    )
    letters.take([Message("m", "r", 1, json.dumps(event(ids=(ID, OTHER)))), Message("n", "r", 1, "junk")])
    assert [(issue.id, issue.sfid) for issue in issues] == [
        ("message-m", ID),
        ("message-m-1", OTHER),
        ("message-n", None),
    ]
