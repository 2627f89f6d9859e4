"""The JSON contract for flows and Apex."""

import json
from typing import Any

import pytest

from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.salesforce.events import parse_events
from chalicelib.salesforce.malformed import MalformedMessage
from tests.unit.salesforce.samples import payload

EVENT: dict[str, Any] = {
    "object": "Contact",
    "record_id": "003xx000004TmiQAAS",
    "change": "created",
    "event_id": "e-1",
    "occurred_at": "2026-11-24T05:06:07Z",
}
AT = 1_795_496_767.0


def body(item: object) -> bytes:
    """As JSON."""
    return json.dumps(item).encode()


def test_reads_a_list() -> None:
    """Ids of either length, any case of the change, a time or none, and members that are not known."""
    contact, account = SalesforceId("Contact", "003xx000004TmiQAAS"), SalesforceId("Account", "001xx000003DGb0AAG")
    assert parse_events(payload("record_change_request.json")) == (
        Hint(contact, Change.UPDATED, "0Fo-1", AT, sfid=contact.id),
        Hint(account, Change.DELETED, "0Fo-2", None, sfid=account.id),
    )


@pytest.mark.parametrize("change", list(Change))
def test_reads_one_event(change: Change) -> None:
    """A single object is as good as a list of one."""
    one = {**EVENT, "change": change.value}
    assert parse_events(body(one)) == parse_events(body([one]))
    assert [change] == [hint.change for hint in parse_events(body(one))]


@pytest.mark.parametrize("time", ["2026-11-24T05:06:07Z", "2026-11-24T06:06:07+01:00", "2026-11-24T05:06:07.000+0000"])
def test_times_of_any_zone(time: str) -> None:
    """ISO 8601 with a zone."""
    assert parse_events(body({**EVENT, "occurred_at": time}))[0].occurred_at == AT


def test_a_hundred_events_are_read() -> None:
    """The most at once."""
    assert len(parse_events(body([EVENT] * 100))) == 100


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "no JSON: send an object or a list"),
        (b"\xff", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"1" * 5000, "no JSON"),
        (body([]), "0 events: send 1 to 100"),
        (body([EVENT] * 101), "101 events: send 1 to 100"),
        (body("text"), "the event is no JSON object"),
        (body([EVENT, 3]), "event 2 is no JSON object"),
        (body([EVENT, {**EVENT, "object": ""}]), "event 2: object is empty: give the object's API name"),
        (body({**EVENT, "object": 3}), "the event: object is no text"),
        (body({**EVENT, "event_id": "\ud800"}), "event_id is no Unicode text"),
        (body({**EVENT, "event_id": "x" * 101}), "event_id is too long: give a unique text of at most 100"),
        (body({key: value for key, value in EVENT.items() if key != "event_id"}), "event_id is missing"),
        (body({**EVENT, "record_id": "003"}), "record_id: a Salesforce id has 15 or 18"),
        (body({**EVENT, "change": "moved"}), "change is not known: give one of created, updated, deleted, undeleted"),
        (body({**EVENT, "change": None}), "change is no text"),
        (body({**EVENT, "occurred_at": "noon"}), "occurred_at is no ISO 8601 time such as"),
        (body({**EVENT, "occurred_at": 5}), "occurred_at is no ISO 8601"),
        (body({**EVENT, "occurred_at": "2026-11-24T05:06:07"}), "occurred_at has no zone: end it with Z"),
    ],
)
def test_mistakes_are_named_with_a_remedy(sent: bytes, reason: str) -> None:
    """The text says which element is wrong, and what to send instead; nothing of the body is used."""
    with pytest.raises(MalformedMessage, match=reason):
        parse_events(sent)
