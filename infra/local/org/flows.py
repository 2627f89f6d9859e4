"""Flows and triggers that tell the outside after a commit: an HTTP callout, or a platform event.

A callout is made once; what fails is lost, as in a flow without a fault path.
"""

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from infra.local.org.store import Row
from infra.local.org.transactions import Saved
from infra.local.org.values import normalise

if TYPE_CHECKING:
    from infra.local.org.state import Org

_CHANGES = {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted", "UNDELETE": "undeleted"}
_TIMEOUT = aiohttp.ClientTimeout(total=120)
_DEFAULT_BODY = {
    "object": "$object",
    "record_id": "$recordId",
    "change": "$change",
    "event_id": "$eventId",
    "occurred_at": "$occurredAt",
}


@dataclass(frozen=True, slots=True)
class Flow:
    """What to tell when a record of an object was changed; ``template`` is a callout's body or an event's fields."""

    object_name: str
    changes: frozenset[str]
    url: str | None
    event: str | None
    template: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def parse_flow(org: "Org", raw: dict[str, Any]) -> Flow:
    """Read ``{object, changes?, callout: {url, headers?, body?}}`` or ``{object, changes?, publish: {event, values}}``.

    Raises:
        ValueError: the object, the event or a change is unknown, or there is nothing to do.
    """
    kind = org.schema.find(str(raw.get("object")))
    changes = frozenset(raw.get("changes", _CHANGES.values()))
    callout, publish = raw.get("callout") or {}, raw.get("publish") or {}
    event = org.schema.find(str(publish.get("event"))) if publish else None
    if kind is None or not changes <= set(_CHANGES.values()):
        raise ValueError(f"unknown object {raw.get('object')!r}, or changes other than {sorted(_CHANGES.values())}")
    if bool(callout.get("url")) is (event is not None and event.is_event):
        raise ValueError("a flow has either a callout with a url or a platform event to publish")
    template = publish.get("values", {}) if publish else callout.get("body", _DEFAULT_BODY)
    name = event.name if event else None
    return Flow(kind.name, changes, callout.get("url"), name, template, callout.get("headers", {}))


def run_flows(org: "Org", saved: list[Saved]) -> None:
    """Start what the flows say about the records of a commit."""
    for change in saved:
        what = _CHANGES.get(change.kind)
        for flow in org.flows:
            if flow.object_name == change.object_name and what in flow.changes:
                body = _fill(flow.template, _places(org, change, what))
                if flow.url is not None:
                    org.spawn(_call_out(org, flow.url, flow.headers, body))
                elif flow.event is not None:
                    _publish(org, flow.event, body, change.after or {})


def _places(org: "Org", change: Saved, what: str) -> dict[str, str]:
    return {
        "$object": change.object_name,
        "$recordId": change.record_id,
        "$change": what,
        "$eventId": str(uuid.uuid4()),
        "$occurredAt": org.clock.stamp().replace("+0000", "Z"),
    }


def _fill(template: Any, places: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {key: _fill(value, places) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, places) for value in template]
    return places.get(template, template) if isinstance(template, str) else template


def _publish(org: "Org", name: str, body: dict[str, Any], row: Row) -> None:
    kind = org.schema.objects[name]
    payload = {"CreatedDate": org.clock.stamp().replace("+0000", "Z"), "CreatedById": row.get("LastModifiedById")}
    payload |= {key: normalise(kind.fields[key], value) for key, value in body.items() if key in kind.fields}
    org.events.publish(name, payload, str(uuid.uuid4()))


async def _call_out(org: "Org", url: str, headers: dict[str, str], body: Any) -> None:
    stats = org.stats.events
    stats["callouts"] += 1
    try:
        async with org.outbound.client().post(url, json=body, headers=headers, timeout=_TIMEOUT) as answer:
            await answer.read()
    except (aiohttp.ClientError, TimeoutError, OSError):
        stats["callouts failed"] += 1
        return
    stats["callouts answered" if answer.status // 100 == 2 else "callouts refused"] += 1
