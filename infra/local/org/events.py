"""Change events and platform events, relayed in order to a sink and kept for a look."""

import asyncio
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from infra.local.org.change_events import change_payloads, gap_payload
from infra.local.org.errors import OrgError
from infra.local.org.faults import Effects
from infra.local.org.ids import to18
from infra.local.org.sinks import Sink, make_sink
from infra.local.org.transactions import Saved, Transaction

if TYPE_CHECKING:
    from infra.local.org.state import Org

_KEYS = frozenset({"entities", "sink", "maxEntities"})
RELAY_ID = to18("0YLxx0000000Cab")


class Events:
    """The event bus of the org with its relay."""

    def __init__(self, org: "Org") -> None:
        self._org = org
        self._queue: deque[dict[str, Any]] = deque()
        self._relay: asyncio.Task[None] | None = None
        self._sink: Sink | None = None
        self.entities: frozenset[str] = frozenset()
        self.log: deque[dict[str, Any]] = deque(maxlen=2000)

    def start(self, raw: dict[str, Any]) -> None:
        """Begin with an empty queue and this configuration."""
        self.stop()
        self.log.clear()
        self._sink = None
        self.entities = frozenset()
        self.configure(raw)

    def stop(self) -> None:
        """Forget what is not sent yet."""
        self._queue.clear()
        self._relay = None

    def configure(self, raw: dict[str, Any]) -> None:
        """Choose the objects captured (five at most, as by default in an org) and the sink.

        Raises:
            ValueError: a key or an object is unknown, there are too many objects, or the sink cannot be used.
        """
        unknown = set(raw) - _KEYS
        entities = raw.get("entities")
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(_KEYS)}")
        if entities is not None:
            wrong = [name for name in entities if name not in self._org.schema.objects]
            if wrong or len(entities) > int(raw.get("maxEntities", 5)):
                raise ValueError(f"unknown objects {wrong}, or more than five objects")
            self.entities = frozenset(entities)
        if "sink" in raw:
            self._sink = make_sink(raw["sink"], self._org.outbound)

    def captured(self, tx: Transaction, saved: list[Saved]) -> None:
        """Queue the change events of a committed transaction."""
        if not self.entities or tx.silent:
            return
        for payload in change_payloads(self._org, tx, saved, self.entities):
            header = payload["ChangeEventHeader"]
            effects = self._effects(header["entityName"])
            if effects.gap:
                kind = f"GAP_{header['changeType']}"
                payload = gap_payload(header["entityName"], kind, header["recordIds"], header["commitUser"])  # noqa: PLW2901
            self._publish(change_event_name(header["entityName"]), payload, effects)

    def gap(self, entity: str, change_type: str, record_ids: list[str]) -> None:
        """Publish a gap event."""
        admin = next(iter(self._org.users.values())).user_id
        self._publish(change_event_name(entity), gap_payload(entity, change_type, record_ids, admin), Effects())

    def publish(self, name: str, payload: dict[str, Any], event_uuid: str) -> None:
        """Publish a platform event."""
        body = payload | {"EventUuid": event_uuid}
        self._publish(name, body, self._effects(name))

    def _effects(self, name: str) -> Effects:
        effects = Effects()
        try:
            self._org.faults.strike(effects, "event", name, "")
        except OrgError:
            effects.drop = True
        return effects

    def _publish(self, name: str, payload: dict[str, Any], effects: Effects) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": name,
            "source": f"aws.partner/salesforce.com/{self._org.org_id}/{RELAY_ID}",
            "account": "123456789012",
            "time": self._org.clock.stamp().replace(".000+0000", "Z"),
            "region": "us-east-1",
            "resources": [],
            "detail": {"payload": payload},
        }
        stats = self._org.stats.events
        stats["published"] += 1
        if effects.drop:
            stats["dropped by fault"] += 1
            return
        for _ in range(2 if effects.duplicate else 1):
            self.log.append(event)
            if self._sink is not None:
                self._queue.append(event)
                self._org.journal.note(event=event)
        self.resume()

    def restore(self, event: dict[str, Any]) -> None:
        """Queue what an earlier process had queued."""
        self._queue.append(event)

    def restore_relayed(self, event_id: str) -> None:
        """Take from the queue what an earlier process had relayed: always its first."""
        if self._queue and self._queue[0]["id"] == event_id:
            self._queue.popleft()

    def resume(self) -> None:
        """Relay what is queued."""
        if self._relay is None or self._relay.done():
            self._relay = self._org.spawn(self._relay_queued())

    async def _relay_queued(self) -> None:
        stats = self._org.stats.events
        while self._queue and self._sink is not None:
            event = self._queue[0]
            if await self._sink.send(event):
                if self._queue and self._queue[0] is event:
                    self._queue.popleft()
                    self._org.journal.note(relayed=event["id"])
                    self._org.journal.flush()
                stats["delivered"] += 1
            else:
                stats["retries"] += 1
                await asyncio.sleep(self._org.settings.event_retry_seconds)

    @property
    def pending(self) -> int:
        """How many events are not delivered yet; without a sink none ever is."""
        return len(self._queue)


def change_event_name(entity: str) -> str:
    """The API name of an object's change event."""
    return f"{entity.removesuffix('__c')}__ChangeEvent" if entity.endswith("__c") else f"{entity}ChangeEvent"
