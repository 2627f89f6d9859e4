"""Events that come through EventBridge: Change Data Capture and the platform event ``Record_Change__e``.

Sources: Change Data Capture Developer Guide, "Change Event Header Fields", "Gap Events", "Overflow Events"; Salesforce
Help, "Event Relay to Amazon EventBridge". What the envelope holds beyond that is not documented: it is read
tolerantly, and no value in it is ever used, for an event of our own origin may hide what automation did.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.errors import Rejected
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.core.values import id18
from chalicelib.salesforce.malformed import HALF, LONGEST, MalformedMessage
from chalicelib.salesforce.stamps import seconds

RECORD_CHANGE = "Record_Change__e"
_SOURCE = "aws.partner/salesforce.com/"
_LAST_MILLISECOND = 253_402_300_800_000  # the end of the year 9999
_GAP = "GAP_"
_OVERFLOW = "GAP_OVERFLOW"
_CHANGES = {
    "CREATE": Change.CREATED,
    "UPDATE": Change.UPDATED,
    "DELETE": Change.DELETED,
    "UNDELETE": Change.UNDELETED,
}


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one event says.

    Attributes:
        organization_id: 18 characters, from the event's source.
        hints: records that changed.
        resync: objects of which an unknown number of records changed; the sweep is to read them anew.
        gap: Salesforce could not make the event itself, as where a change went past the application: no outbound
            message tells of it either.
        transaction: Salesforce's key of the transaction that changed them; empty: not told.
    """

    organization_id: str
    hints: tuple[Hint, ...] = ()
    resync: tuple[str, ...] = ()
    gap: bool = False
    transaction: str = ""


def parse_relayed(event: Mapping[str, Any]) -> Relayed:
    """Read an EventBridge event.

    Raises:
        MalformedMessage: it is no event of Salesforce's relay, or is of a kind that names no record.
    """
    organization_id = _organization(_text(event.get("source"), "source"))
    detail = event.get("detail")
    payload = detail.get("payload") if isinstance(detail, Mapping) else None
    if not isinstance(payload, Mapping):
        raise MalformedMessage("the event has no detail.payload")
    header = payload.get("ChangeEventHeader")
    if isinstance(header, Mapping):
        return _captured(organization_id, header, _text(event.get("id"), "id"))
    if event.get("detail-type") == RECORD_CHANGE:
        hint = _record_change(payload, _text(event.get("id"), "id"))
        return Relayed(organization_id, (hint,))
    raise MalformedMessage(f"the event is neither a change event nor {RECORD_CHANGE}")


def _organization(source: str) -> str:
    if not source.startswith(_SOURCE):
        raise MalformedMessage(f"the event's source does not begin with {_SOURCE}")
    return _id(source.removeprefix(_SOURCE).split("/")[0], "source")


def _captured(organization_id: str, header: Mapping[str, Any], event_id: str) -> Relayed:
    name, kind = _text(header.get("entityName"), "entityName"), _text(header.get("changeType"), "changeType")
    if not name:
        raise MalformedMessage("ChangeEventHeader has no entityName")
    listed = header.get("recordIds") or []
    if not isinstance(listed, list):
        raise MalformedMessage("recordIds is no list")
    ids = [_text(item, "recordIds") for item in listed]
    # "001*" stands for every record of the object, after a field's type was changed
    if kind == _OVERFLOW or not ids or any(item.endswith("*") for item in ids):
        return Relayed(organization_id, resync=(name,))
    hints = tuple(_change_hints(name, kind, ids, header, event_id))
    transaction = _text(header.get("transactionKey"), "transactionKey")
    return Relayed(organization_id, hints, gap=kind.startswith(_GAP), transaction=transaction)


def _change_hints(name: str, kind: str, ids: list[str], header: Mapping[str, Any], event_id: str) -> Iterator[Hint]:
    transaction = _text(header.get("transactionKey"), "transactionKey")
    about = f"{transaction}-{_text(header.get('sequenceNumber', 0), 'sequenceNumber')}" if transaction else event_id
    at = _milliseconds(header.get("commitTimestamp"))
    actor = _text(header.get("commitUser"), "commitUser") or None
    for item in ids:
        record_id = _id(item, "recordIds")
        yield Hint(
            identity=SalesforceId(name, record_id),
            change=_CHANGES.get(kind.removeprefix(_GAP), Change.UPDATED),
            hint_id=f"{about}-{record_id}",
            occurred_at=at,
            actor=actor,
            sfid=record_id,
        )


def _record_change(payload: Mapping[str, Any], event_id: str) -> Hint:
    """A platform event is published at least once; ``EventUuid`` stays the same, the replay id does not."""
    name = _text(payload.get("Object__c"), "Object__c")
    if not name:
        raise MalformedMessage(f"{RECORD_CHANGE} has no Object__c: set it to the object's API name")
    record_id = _id(_text(payload.get("Record_Id__c"), "Record_Id__c"), "Record_Id__c")
    try:
        change = Change((_text(payload.get("Change__c"), "Change__c") or Change.UPDATED).lower())
    except ValueError as error:
        known = ", ".join(Change)
        raise MalformedMessage(f"{RECORD_CHANGE}: Change__c is not known: set it to one of {known}") from error
    return Hint(
        identity=SalesforceId(name, record_id),
        change=change,
        hint_id=_text(payload.get("EventUuid"), "EventUuid") or event_id,
        occurred_at=_time(payload.get("CreatedDate")),
        actor=_text(payload.get("CreatedById"), "CreatedById") or None,
        sfid=record_id,
    )


def _text(value: object, place: str) -> str:
    """A text that names something; empty for null, and numbers as they are spelt.

    Raises:
        MalformedMessage: it cannot be one, or no queue would take it.
    """
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise MalformedMessage(f"{place} is no text")
    text = str(value)
    if len(text) > LONGEST or HALF.search(text):
        raise MalformedMessage(f"{place} is no Unicode text of at most {LONGEST} characters")
    return text


def _time(value: object) -> float | None:
    """REST spells a time, Event Relay gives milliseconds; what is neither says nothing."""
    if isinstance(value, int | float):
        return _milliseconds(value)
    try:
        return float(seconds(str(value)))
    except ValueError:
        return None


def _milliseconds(value: object) -> float | None:
    """Milliseconds since the epoch as seconds; None for what is no number, or none that a clock could show."""
    return value / 1000 if isinstance(value, int | float) and abs(value) < _LAST_MILLISECOND else None


def _id(text: str, place: str) -> str:
    try:
        return id18(text)
    except Rejected as error:
        raise MalformedMessage(f"{place}: {error}") from error
