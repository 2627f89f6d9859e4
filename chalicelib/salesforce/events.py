"""Events that say "this record changed": the JSON contract for flows and Apex.

One object, or a list of up to 100:

    {"object": "Contact", "record_id": "003...", "change": "updated", "event_id": "a-unique-text",
     "occurred_at": "2026-11-24T05:06:07Z"}

``change`` is created, updated, deleted or undeleted. ``event_id`` is the same when the event is sent again.
``occurred_at`` is ISO 8601 with a zone, and may be left out. Other members are ignored.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.core.errors import Rejected
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.core.values import id18
from chalicelib.salesforce.malformed import HALF, LONGEST, MalformedMessage

MOST_EVENTS = 100
MOST_BYTES = 256 * 1024


def parse_events(body: bytes) -> tuple[Hint, ...]:
    """Read a request's body.

    Args:
        body: of at most ``MOST_BYTES``, which the caller has seen to.

    Raises:
        MalformedMessage: something in it is wrong: the text names the element and the remedy. Nothing of it is used.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("the body is no JSON: send an object or a list of objects") from error
    items = found if isinstance(found, list) else [found]
    if not 1 <= len(items) <= MOST_EVENTS:
        raise MalformedMessage(f"the list has {len(items)} events: send 1 to {MOST_EVENTS}")
    return tuple(
        _hint(item, f"event {at}" if isinstance(found, list) else "the event") for at, item in enumerate(items, 1)
    )


def _hint(item: object, place: str) -> Hint:
    if not isinstance(item, Mapping):
        raise MalformedMessage(f"{place} is no JSON object")
    record_id = _record_id(item, place)
    return Hint(
        identity=SalesforceId(_text(item, "object", place, "give the object's API name"), record_id),
        change=_change(item, place),
        hint_id=_text(item, "event_id", place, f"give a unique text of at most {LONGEST} characters"),
        occurred_at=_occurred_at(item, place),
        sfid=record_id,
    )


def _text(item: Mapping[str, Any], name: str, place: str, remedy: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or HALF.search(value):
        raise MalformedMessage(f"{place}: {name} is {_state(item, name)}: {remedy}")
    return value.strip()


def _record_id(item: Mapping[str, Any], place: str) -> str:
    text = _text(item, "record_id", place, "give the record's id of 15 or 18 characters")
    try:
        return id18(text)
    except Rejected as error:
        raise MalformedMessage(f"{place}: record_id: {error}") from error


def _change(item: Mapping[str, Any], place: str) -> Change:
    known = ", ".join(Change)
    try:
        return Change(_text(item, "change", place, f"give one of {known}").lower())
    except ValueError as error:
        raise MalformedMessage(f"{place}: change is not known: give one of {known}") from error


def _occurred_at(item: Mapping[str, Any], place: str) -> float | None:
    value = item.get("occurred_at")
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise MalformedMessage(f"{place}: occurred_at is no ISO 8601 time such as 2026-11-24T05:06:07Z") from error
    if found.tzinfo is None:
        raise MalformedMessage(f"{place}: occurred_at has no zone: end it with Z or +00:00")
    return found.timestamp()


def _state(item: Mapping[str, Any], name: str) -> str:
    if name not in item:
        return "missing"
    value = item[name]
    if not isinstance(value, str):
        return "no text"
    if HALF.search(value):
        return "no Unicode text"
    return "too long" if value.strip() else "empty"
