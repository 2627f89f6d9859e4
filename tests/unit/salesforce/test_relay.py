"""Events that come through EventBridge."""

from typing import Any

import pytest

from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.salesforce.malformed import MalformedMessage
from chalicelib.salesforce.relay import Relayed, parse_relayed
from tests.unit.salesforce.samples import event

ORGANIZATION = "00D5f000005KcCnEAK"
FIRST, SECOND = "003ak00000IiFInAAN", "003ak00000IiFIoAAN"
AT = 1_778_192_986.0


def captured(**header: Any) -> dict[str, Any]:
    """A change event with another header."""
    found: dict[str, Any] = event("relay_change_event.json")
    kept = found["detail"]["payload"]["ChangeEventHeader"]
    found["detail"]["payload"]["ChangeEventHeader"] = {
        name: value for name, value in {**kept, **header}.items() if value is not None
    }
    return found


def platform(**payload: Any) -> dict[str, Any]:
    """A platform event with other fields."""
    found: dict[str, Any] = event("relay_record_change.json")
    kept = found["detail"]["payload"]
    found["detail"]["payload"] = {name: value for name, value in {**kept, **payload}.items() if value is not None}
    return found


def test_an_event_of_several_records_is_a_hint_for_each() -> None:
    """Identical changes within a second share one event; one of our own origin is not dropped."""
    found = parse_relayed(event("relay_change_event.json"))
    actor, about = "005ak00000EpjsfAAB", "0000be70-0000-0000-0000-000000000000-1"
    assert found == Relayed(
        ORGANIZATION,
        tuple(
            Hint(SalesforceId("Contact", record_id), Change.UPDATED, f"{about}-{record_id}", AT, actor, sfid=record_id)
            for record_id in (FIRST, SECOND)
        ),
        transaction="0000be70-0000-0000-0000-000000000000",
    )


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("CREATE", Change.CREATED),
        ("UPDATE", Change.UPDATED),
        ("DELETE", Change.DELETED),
        ("UNDELETE", Change.UNDELETED),
        ("GAP_CREATE", Change.CREATED),
        ("GAP_UPDATE", Change.UPDATED),
        ("GAP_DELETE", Change.DELETED),
        ("GAP_UNDELETE", Change.UNDELETED),
        ("SNAPSHOT", Change.UPDATED),
    ],
)
def test_change_types(kind: str, change: Change) -> None:
    """Gap events are hints like the others; an unknown type is an update, for the record is read anyway."""
    assert {change} == {hint.change for hint in parse_relayed(captured(changeType=kind)).hints}


def test_gap_event() -> None:
    """Header and ids only is all that is ever used."""
    found = parse_relayed(event("relay_gap_event.json"))
    assert [(hint.change, hint.sfid) for hint in found.hints] == [(Change.DELETED, FIRST)]


@pytest.mark.parametrize(
    "relayed",
    [
        event("relay_gap_overflow.json"),
        captured(recordIds=["003*"]),
        captured(recordIds=None),
    ],
)
def test_changes_of_unknown_records_ask_for_a_resync(relayed: dict[str, Any]) -> None:
    """Overflow, a wildcard and no ids at all: the object is to be read anew."""
    assert Relayed(ORGANIZATION, resync=("Contact",)) == parse_relayed(relayed)


def test_events_without_a_transaction_are_told_apart_by_their_envelope() -> None:
    """What may be missing is missing without harm."""
    hint = parse_relayed(captured(transactionKey=None, commitUser=None, commitTimestamp=None)).hints[0]
    assert (f"5c42b99e-c214-4a9c-8fbd-1a41e5faa44a-{FIRST}", None, None) == (hint.hint_id, hint.actor, hint.occurred_at)


def test_platform_event() -> None:
    """``Record_Change__e`` names object, record and change; its uuid is the same when it comes again."""
    identity = SalesforceId("Account", "001xx000003DGb0AAG")
    uuid, actor = "e981b488-81f3-4fcc-bd6f-f7033c9d7ac3", "005ak00000EpjsfAAB"
    expected = Hint(identity, Change.UNDELETED, uuid, AT, actor, sfid=identity.id)
    assert Relayed(ORGANIZATION, (expected,)) == parse_relayed(event("relay_record_change.json"))


@pytest.mark.parametrize(("date", "at"), [("2026-05-07T22:29:46.000Z", AT), ("soon", None), (None, None)])
def test_platform_event_with_little_in_it(date: str | None, at: float | None) -> None:
    """A date in either spelling, or none; no change means updated; no uuid leaves the envelope's id."""
    sent = platform(CreatedDate=date, Change__c=None, EventUuid=None, CreatedById=None)
    hint = parse_relayed(sent).hints[0]
    assert (at, Change.UPDATED, None) == (hint.occurred_at, hint.change, hint.actor)
    assert hint.hint_id == "b7a1f7de-8a57-4d2c-9fd4-2d3a5b1f0001"


@pytest.mark.parametrize(
    ("relayed", "reason"),
    [
        ({}, "source does not begin with aws.partner"),
        ({"source": "aws.partner/salesforce.com/x/y"}, "source: a Salesforce id"),
        ({**captured(), "detail": None}, "no detail.payload"),
        ({**captured(), "detail": {"payload": "x"}}, "no detail.payload"),
        ({**platform(), "detail-type": "Order__e"}, "neither a change event nor Record_Change__e"),
        (captured(entityName=""), "no entityName"),
        (captured(recordIds=["003"]), "recordIds: a Salesforce id"),
        (platform(Object__c=None), "no Object__c: set it"),
        (platform(Record_Id__c=None), "Record_Id__c: a Salesforce id"),
        (platform(Change__c="moved"), "Change__c is not known: set it to one of created"),
    ],
)
def test_what_is_no_event_of_ours_is_refused(relayed: dict[str, Any], reason: str) -> None:
    """The text says what is missing."""
    with pytest.raises(MalformedMessage, match=reason):
        parse_relayed(relayed)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"recordIds": 5}, "recordIds is no list"),
        ({"recordIds": [{}]}, "recordIds is no text"),
        ({"commitUser": "\ud800"}, "commitUser is no Unicode text"),
        ({"transactionKey": "x" * 101}, "transactionKey is no Unicode text of at most 100 characters"),
        ({"sequenceNumber": 10**400}, "sequenceNumber is no Unicode text of at most 100"),
        ({"entityName": ["Contact"]}, "entityName is no text"),
    ],
)
def test_what_no_queue_would_take_is_malformed(header: dict[str, Any], reason: str) -> None:
    """It is refused here, for it would be an error on its way."""
    with pytest.raises(MalformedMessage, match=reason):
        parse_relayed(captured(**header))


@pytest.mark.parametrize("at", [10**400, -(10**400), float("nan"), float("inf"), "noon", 253_402_300_800_000])
def test_a_moment_that_no_clock_shows_is_none(at: object) -> None:
    """The hint is as good without it."""
    assert {hint.occurred_at for hint in parse_relayed(captured(commitTimestamp=at)).hints} == {None}
    [hint] = parse_relayed(platform(CreatedDate=at)).hints
    assert hint.occurred_at is None
