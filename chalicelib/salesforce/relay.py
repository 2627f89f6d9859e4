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
from chalicelib.salesforce.malformed import MalformedMessage
from chalicelib.salesforce.stamps import seconds

RECORD_CHANGE = "Record_Change__e"
_SOURCE = "aws.partner/salesforce.com/"
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
    """

    organization_id: str
    hints: tuple[Hint, ...] = ()
    resync: tuple[str, ...] = ()
    gap: bool = False


def parse_relayed(event: Mapping[str, Any]) -> Relayed:
    """Read an EventBridge event.

    Raises:
        MalformedMessage: it is no event of Salesforce's relay, or is of a kind that names no record.
    """
    organization_id = _organization(str(event.get("source", "")))
    detail = event.get("detail")
    payload = detail.get("payload") if isinstance(detail, Mapping) else None
    if not isinstance(payload, Mapping):
        raise MalformedMessage("the event has no detail.payload")
    header = payload.get("ChangeEventHeader")
    if isinstance(header, Mapping):
        return _captured(organization_id, header, str(event.get("id", "")))
    if event.get("detail-type") == RECORD_CHANGE:
        hint = _record_change(payload, str(event.get("id", "")))
        return Relayed(organization_id, (hint,))
    raise MalformedMessage(f"the event is neither a change event nor {RECORD_CHANGE}")


def _organization(source: str) -> str:
    if not source.startswith(_SOURCE):
        raise MalformedMessage(f"the event's source does not begin with {_SOURCE}")
    return _id(source.removeprefix(_SOURCE).split("/")[0], "source")


def _captured(organization_id: str, header: Mapping[str, Any], event_id: str) -> Relayed:
    name, kind = str(header.get("entityName") or ""), str(header.get("changeType") or "")
    if not name:
        raise MalformedMessage("ChangeEventHeader has no entityName")
    ids = [str(item) for item in header.get("recordIds") or ()]
    # "001*" stands for every record of the object, after a field's type was changed
    if kind == _OVERFLOW or not ids or any(item.endswith("*") for item in ids):
        return Relayed(organization_id, resync=(name,))
    hints = tuple(_change_hints(name, kind, ids, header, event_id))
    return Relayed(organization_id, hints, gap=kind.startswith(_GAP))


def _change_hints(name: str, kind: str, ids: list[str], header: Mapping[str, Any], event_id: str) -> Iterator[Hint]:
    transaction = header.get("transactionKey")
    about = f"{transaction}-{header.get('sequenceNumber', 0)}" if transaction else event_id
    at = header.get("commitTimestamp")
    for item in ids:
        record_id = _id(item, "recordIds")
        yield Hint(
            identity=SalesforceId(name, record_id),
            change=_CHANGES.get(kind.removeprefix(_GAP), Change.UPDATED),
            hint_id=f"{about}-{record_id}",
            occurred_at=at / 1000 if isinstance(at, int | float) else None,
            actor=str(header["commitUser"]) if header.get("commitUser") else None,
            sfid=record_id,
        )


def _record_change(payload: Mapping[str, Any], event_id: str) -> Hint:
    """A platform event is published at least once; ``EventUuid`` stays the same, the replay id does not."""
    name = payload.get("Object__c")
    if not isinstance(name, str) or not name:
        raise MalformedMessage(f"{RECORD_CHANGE} has no Object__c: set it to the object's API name")
    record_id = _id(str(payload.get("Record_Id__c") or ""), "Record_Id__c")
    try:
        change = Change(str(payload.get("Change__c") or Change.UPDATED).lower())
    except ValueError as error:
        known = ", ".join(Change)
        raise MalformedMessage(f"{RECORD_CHANGE}: Change__c is not known: set it to one of {known}") from error
    return Hint(
        identity=SalesforceId(name, record_id),
        change=change,
        hint_id=str(payload.get("EventUuid") or event_id),
        occurred_at=_time(payload.get("CreatedDate")),
        actor=str(payload["CreatedById"]) if payload.get("CreatedById") else None,
        sfid=record_id,
    )


def _time(value: object) -> float | None:
    """REST spells a time, Event Relay gives milliseconds; what is neither says nothing."""
    if isinstance(value, int | float):
        return value / 1000
    try:
        return float(seconds(str(value)))
    except ValueError:
        return None


def _id(text: str, place: str) -> str:
    try:
        return id18(text)
    except Rejected as error:
        raise MalformedMessage(f"{place}: {error}") from error
