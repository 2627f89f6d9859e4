"""Many clients at once, and what they saw."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from tests.bench.flood.messages import MOST, Message, good, hostile
from tests.bench.records import Pair
from tests.bench.stack import API, Stack

ACK = b"<Ack>true</Ack>"
TIMEOUT = aiohttp.ClientTimeout(total=60)  # after that long Salesforce gives a delivery up


@dataclass(frozen=True, slots=True)
class Seen:
    """One request and its answer.

    Attributes:
        message: what was sent.
        status: of the answer; 0: there was none.
        acknowledged: whether it says so.
        seconds: from the request to the end of the answer.
    """

    message: Message
    status: int
    acknowledged: bool
    seconds: float

    @property
    def right(self) -> bool:
        """Whether this is the answer that the message is to get."""
        return self.status == self.message.status and self.acknowledged == (self.message.status == 200)


@dataclass
class Flood:
    """Clients of the webhook of one stack.

    Attributes:
        stack: where.
        found: the records that it tells of.
        draw: what is random.
        hostile: share of requests that are to be refused.
        hundreds: share of the good ones that tell of a hundred records.
        edited: share of those of one record before which the record is edited.
        values: the last value of each edited record, by Salesforce id.
        seen: every request.
    """

    stack: Stack
    found: Sequence[Pair]
    draw: random.Random
    hostile: float = 0.1
    hundreds: float = 0.04
    edited: float = 0.2
    values: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    _number: int = 0

    def __post_init__(self) -> None:
        self._sfids = [pair.sfid for pair in self.found]
        self._org = self.stack.wiring.installed().organization_id
        self._token = str(self.stack.content["webhook_token"])

    def pour(self, seconds: float, clients: int) -> float:
        """Send for so long by so many clients; the seconds that it took."""
        began = time.monotonic()
        asyncio.run(self._all(began + seconds, clients))
        return time.monotonic() - began

    def send(self, messages: Sequence[Message]) -> list[Seen]:
        """Send these, one after another; what came of them."""
        count = len(self.seen)
        asyncio.run(self._these(messages))
        return self.seen[count:]

    def some(self, count: int, *, hostile_ones: bool) -> list[Message]:
        """So many messages of one sort; of the good ones every fourth tells of a hundred records."""
        if hostile_ones:
            return [hostile(self.draw, self._token, self._org, self._sfids) for _ in range(count)]
        sizes = [MOST if at % 4 == 0 else 1 for at in range(count)]
        return [good(self._token, self._org, self.draw.choices(self._sfids, k=size)) for size in sizes]

    async def _all(self, until: float, clients: int) -> None:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
            await asyncio.gather(*(self._client(http, until) for _ in range(clients)))

    async def _these(self, messages: Sequence[Message]) -> None:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
            for message in messages:
                await self._post(http, message)

    async def _client(self, http: aiohttp.ClientSession, until: float) -> None:
        while time.monotonic() < until:
            sfid = self.draw.choice(self._sfids)
            if self.draw.random() < self.hostile:
                message = hostile(self.draw, self._token, self._org, self._sfids)
            elif self.draw.random() < self.hundreds:
                message = good(self._token, self._org, self.draw.choices(self._sfids, k=MOST))
            else:
                if self.draw.random() < self.edited:
                    await self._edit(http, sfid)
                message = good(self._token, self._org, [sfid])
            await self._post(http, message)

    async def _edit(self, http: aiohttp.ClientSession, sfid: str) -> None:
        """Edit a record, of which this client then tells: no edit is without a message after it."""
        self._number += 1
        url = f"{self.stack.org.url}/{API}/sobjects/Contact/{sfid}"
        headers = {"Authorization": f"Bearer {self.stack.org.token}"}
        self.values[sfid] = f"flood {self._number}"
        async with http.patch(url, headers=headers, json={"Phone": self.values[sfid]}) as answer:
            answer.raise_for_status()

    async def _post(self, http: aiohttp.ClientSession, message: Message) -> None:
        url = f"{self.stack.content['api_url']}/webhooks/outbound-messages/{message.token}"
        began = time.monotonic()
        try:
            async with http.post(url, data=message.body, headers=message.headers) as answer:
                status, acknowledged = answer.status, ACK in await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            status, acknowledged = 0, False
        self.seen.append(Seen(message, status, acknowledged, time.monotonic() - began))
