"""How changes become messages: the outbox and its relays, outbound messages, the queue with its memory of ids.

    trigger -> outbox row -> relay: sends, then deletes; killed between, it sends again
    save -> outbound message: carries the record as it is when it is sent; may be lost, or come twice

The queue drops a message whose id it has accepted within five minutes, as a FIFO queue does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.core.model import Change, Hint, SalesforceId
from tests.fakes.rows import Captured

if TYPE_CHECKING:
    from tests.simulation.world import World

REMEMBERED = 300.0  # seconds that a queue knows an id


@dataclass
class Relay:
    """One process that drains the outbox.

    Attributes:
        sent: rows that it has sent, and not deleted yet; gone when it is killed.
    """

    sent: list[Captured] = field(default_factory=list)


@dataclass
class Post:
    """The ways of messages.

    Attributes:
        world: where they run.
        queue: messages that may be taken.
        hidden: messages that come again, and when.
        outbox: captured changes that no relay has deleted.
        relays: two, as when one takes over from the other.
        unsent: records of which an outbound message is to be sent.
        accepted: ids that the queue knows, and when it took them.
    """

    world: "World"
    queue: list[Hint] = field(default_factory=list)
    hidden: list[tuple[float, Hint]] = field(default_factory=list)
    outbox: list[Captured] = field(default_factory=list)
    relays: list[Relay] = field(default_factory=lambda: [Relay(), Relay()])
    unsent: list[SalesforceId] = field(default_factory=list)
    accepted: dict[str, float] = field(default_factory=dict)

    def send(self, *hints: Hint) -> None:
        """Put messages into the queue, but for those whose ids it knows."""
        now = self.world.clock.now()
        for hint in hints:
            if now - self.accepted.get(hint.hint_id, -REMEMBERED) >= REMEMBERED:
                self.accepted[hint.hint_id] = now
                self.queue.append(hint)

    def take(self, most: int) -> list[Hint]:
        """Up to so many messages, in any order."""
        return [self.queue.pop(self.world.random.randrange(len(self.queue))) for _ in range(min(most, len(self.queue)))]

    def come_again(self, hints: Sequence[Hint], after: float) -> None:
        """Messages that were not acknowledged."""
        self.hidden.extend((self.world.clock.now() + after, replace(hint, record=None)) for hint in hints)

    def reappear(self) -> None:
        """Messages whose time has come are in the queue again."""
        now = self.world.clock.now()
        self.queue.extend(hint for at, hint in self.hidden if at <= now)
        self.hidden = [item for item in self.hidden if item[0] > now]

    # --- Postgres

    def relay(self) -> None:
        """One of the relays sends a change, deletes what it has sent, or is killed."""
        relay, chance = self.world.random.choice(self.relays), self.world.random.random()
        if relay.sent and chance < 0.1 and not self.world.calm:
            self.world.count("relay killed between send and delete")
            relay.sent.clear()
        elif relay.sent and chance < 0.5:
            gone = relay.sent.pop(0)
            self.outbox = [captured for captured in self.outbox if captured is not gone]
        else:
            self._send_one(relay)

    def _send_one(self, relay: Relay) -> None:
        """The oldest change of some record, of which none is on its way."""
        on_their_way = {captured.hint.identity for captured in relay.sent}
        first: dict[object, Captured] = {}
        for captured in self.outbox:
            first.setdefault(captured.hint.identity, captured)
        ready = [captured for identity, captured in first.items() if identity not in on_their_way]
        if ready:
            captured = self.world.random.choice(ready)
            self.send(captured.hint)
            relay.sent.append(captured)

    # --- Salesforce

    def deliver(self) -> None:
        """Send an outbound message: it carries the record as it is now, and leaves out what is null."""
        if not self.unsent:
            return
        identity = self.unsent.pop(self.world.random.randrange(len(self.unsent)))
        record = self.world.records.peek(identity.id)
        if record is None or record.deleted:
            return
        left_out = {self.world.weather.hidden, self.world.weather.unconfigured}
        values = {name: value for name, value in record.values.items() if value is not None and name not in left_out}
        hint = Hint(identity, Change.UPDATED, f"om-{self.world.clock.new_id()}", record=replace(record, values=values))
        self.world.sent_messages[hint.hint_id] = self.world.as_read(identity, record)
        self.send(hint)
        if self.world.random.random() < 0.1:
            self.queue.append(hint)  # a queue delivers at least once

    def announce(self, identity: SalesforceId, change: Change) -> None:
        """A save was committed: a message is due, unless it is lost."""
        if self.world.random.random() < self.world.weather.lost:
            self.world.count("message lost")
        elif change in {Change.DELETED, Change.UNDELETED}:
            self.send(Hint(identity, change, f"cdc-{self.world.clock.new_id()}"))
        else:
            self.unsent.append(identity)

    # --- the end

    def all_sent(self) -> bool:
        """Send whatever is to be sent; whether something may still be worked off."""
        while self.unsent:
            self.deliver()
        while self.outbox:
            self.relay()
        return not self.queue and not self.hidden
