"""Outbound messages: queued at commit, sent soon after, repeated until they are acknowledged.

A message carries the record as it is when it is sent, not as it was when it was queued. Several messages are in
flight at once, so they may overtake each other, and a lost acknowledgement means that a message comes twice.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from infra.local.org.errors import OrgError
from infra.local.org.faults import Effects
from infra.local.org.outbound_xml import acknowledged, envelope
from infra.local.org.store import Row
from infra.local.org.transactions import Saved

if TYPE_CHECKING:
    from infra.local.org.state import Org

_KEYS = frozenset({"name", "object", "url", "fields", "when"})
_WHEN = {"CREATE": "create", "UPDATE": "update", "UNDELETE": "update"}


@dataclass(frozen=True, slots=True)
class Notification:
    """One record to tell about."""

    notification_id: str
    record_id: str
    queued_at: float


@dataclass(eq=False)
class Definition:
    """A WorkflowOutboundMessage and the flow that triggers it."""

    name: str
    object_name: str
    action_id: str
    url: str = ""
    fields: tuple[str, ...] = ()
    when: str = "both"
    pending: deque[Notification] = field(default_factory=deque)
    in_flight: int = 0
    waiting: int = 0
    corrected: asyncio.Event = field(default_factory=asyncio.Event)


class Outbound:
    """All definitions with their queues."""

    def __init__(self, org: "Org") -> None:
        self._org = org
        self._client: aiohttp.ClientSession | None = None
        self.definitions: dict[str, Definition] = {}

    def start(self, definitions: list[dict[str, Any]]) -> None:
        """Begin with these definitions and empty queues.

        Raises:
            ValueError: a definition cannot be used.
        """
        self.definitions = {}
        for raw in definitions:
            self.define(raw)

    def stop(self) -> None:
        """Forget every queue."""
        self.definitions = {}

    async def close(self) -> None:
        """Close the HTTP client."""
        if self._client is not None:
            await self._client.close()

    def define(self, raw: dict[str, Any]) -> Definition:
        """Add or change a definition ``{name?, object, url, fields, when?}``; a change keeps the queue.

        What waits for its next attempt is sent to the changed address at once, as by "Retry" in the set-up.

        Raises:
            ValueError: a key or a field is unknown, or the object or the URL is missing.
        """
        kind = self._org.schema.find(str(raw.get("object")))
        unknown = set(raw) - _KEYS
        if unknown or kind is None or not raw.get("url"):
            raise ValueError(f"unknown keys {sorted(unknown)}, unknown object {raw.get('object')!r}, or no url")
        wrong = [name for name in raw.get("fields", []) if name not in kind.fields]
        if wrong:
            raise ValueError(f"{kind.name} has no field {wrong}")
        name = raw.get("name", f"Twinledger_{kind.name}")
        definition = self.definitions.get(name)
        if definition is None or definition.object_name != kind.name:
            definition = self.definitions[name] = Definition(name, kind.name, self._org.ids.next("04k"))
        definition.url = raw["url"]
        definition.fields = tuple(f for f in raw.get("fields", []) if kind.fields[f].type != "address")
        definition.when = raw.get("when", "both")
        definition.corrected.set()
        definition.corrected = asyncio.Event()
        return definition

    def restore(self, name: str, notification_id: str, record_id: str, queued_at: float) -> None:
        """Queue what an earlier process had queued."""
        if name in self.definitions:
            self.definitions[name].pending.append(Notification(notification_id, record_id, queued_at))

    def restore_sent(self, notifications: frozenset[str]) -> None:
        """Take from the queues what an earlier process had delivered, or given up."""
        for definition in self.definitions.values():
            kept = [one for one in definition.pending if one.notification_id not in notifications]
            definition.pending = deque(kept)

    def resume(self) -> None:
        """Send what an earlier process had not sent."""
        for definition in self.definitions.values():
            self._pump(definition)

    def enqueue(self, saved: list[Saved]) -> None:
        """Queue a notification for every created or updated record that a definition is about."""
        for definition in self.definitions.values():
            for change in saved:
                kind = _WHEN.get(change.kind)
                if change.object_name == definition.object_name and kind and definition.when in {"both", kind}:
                    self._queue(definition, change.record_id)
            self._pump(definition)

    def _queue(self, definition: Definition, record_id: str) -> None:
        self._org.stats.outbound["queued"] += 1
        one = Notification(self._org.ids.next("04l"), record_id, self._org.clock.now())
        definition.pending.append(one)
        self._org.journal.note(queued=[definition.name, one.notification_id, record_id, one.queued_at])

    def _pump(self, definition: Definition) -> None:
        settings = self._org.settings
        while definition.pending and definition.in_flight < settings.outbound_concurrency:
            size = min(len(definition.pending), settings.outbound_batch, 100)
            batch = [definition.pending.popleft() for _ in range(size)]
            definition.in_flight += 1
            self._org.spawn(self._deliver(definition, batch))

    async def _deliver(self, definition: Definition, batch: list[Notification], attempt: int = 0) -> None:
        stats, settings = self._org.stats.outbound, self._org.settings
        try:
            done = await self._attempt(definition, batch)
        finally:
            definition.in_flight -= 1
        if done:
            self._note_done(batch)
            self._pump(definition)
            return
        delay = min(settings.outbound_retry_seconds * 2**attempt, settings.outbound_retry_cap_seconds)
        self._pump(definition)
        definition.waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(definition.corrected.wait(), delay)
        finally:
            definition.waiting -= 1
        oldest = self._org.clock.now() - settings.outbound_lifetime_seconds
        kept = [n for n in batch if n.queued_at > oldest]
        stats["expired"] += len(batch) - len(kept)
        self._note_done([n for n in batch if n not in kept])
        if kept:
            stats["retries"] += 1
            definition.in_flight += 1
            await self._deliver(definition, kept, attempt + 1)

    def _note_done(self, batch: list[Notification]) -> None:
        if batch:
            self._org.journal.note(sent=[one.notification_id for one in batch])
            self._org.journal.flush()

    async def _attempt(self, definition: Definition, batch: list[Notification]) -> bool:
        stats = self._org.stats.outbound
        effects = Effects()
        try:
            self._org.faults.strike(effects, "outbound", definition.object_name, "")
        except OrgError:
            stats["refused by fault"] += 1
            return False
        if effects.drop:
            stats["dropped by fault"] += len(batch)
            return True
        if effects.latency_ms:
            await asyncio.sleep(effects.latency_ms / 1000)
        sent = await self._post(definition, batch)
        if effects.duplicate:
            sent = await self._post(definition, batch) and sent
        if effects.lost_answer:
            stats["answers lost by fault"] += 1
            return False
        if sent:
            stats["delivered"] += len(batch)
        return sent

    async def _post(self, definition: Definition, batch: list[Notification]) -> bool:
        stats = self._org.stats.outbound
        body = envelope(
            self._org.org_id,
            definition.action_id,
            definition.object_name,
            definition.fields,
            [(n.notification_id, self._row(n.record_id)) for n in batch],
        )
        stats["posts"] += 1
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        timeout = aiohttp.ClientTimeout(total=self._org.settings.outbound_timeout_seconds)
        try:
            async with self.client().post(definition.url, data=body, headers=headers, timeout=timeout) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            stats["unreachable"] += 1
            return False
        if acknowledged(answer.status, content):
            return True
        stats["not acknowledged"] += 1
        return False

    def _row(self, record_id: str) -> Row:
        """The record as it is now; one that was deleted by then has no fields."""
        row = self._org.store.get(record_id)
        if row is None or row["IsDeleted"]:
            return {"Id": record_id} if self._org.settings.outbound_deleted_id else {}
        return row

    def client(self) -> aiohttp.ClientSession:
        """The HTTP client of all deliveries."""
        if self._client is None or self._client.closed:
            self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        return self._client

    def as_json(self) -> list[dict[str, Any]]:
        """The definitions and the lengths of their queues."""
        return [
            {
                "name": d.name,
                "object": d.object_name,
                "url": d.url,
                "fields": list(d.fields),
                "when": d.when,
                "pending": len(d.pending),
                "inFlight": d.in_flight,
                "waitingForRetry": d.waiting,
            }
            for d in self.definitions.values()
        ]
