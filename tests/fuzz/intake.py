"""The way of a message from its bytes into a queue that is as strict as SQS, and what must hold of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from chalicelib.aws import codec, queues
from chalicelib.aws.queues import SqsHints, hints_of
from chalicelib.aws.state import Installation
from chalicelib.callers import Callers
from chalicelib.core.mapping import Kind, Mappings
from chalicelib.core.model import Side
from chalicelib.jobs.bursts import Bursts
from chalicelib.jobs.change_events import ChangeEvents
from chalicelib.webhook_secret import Shared, WebhookSecret
from chalicelib.webhooks import Answer, Webhooks
from tests.contract.record_bench import mapping
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry

SECRET = "a-secret-of-the-fuzzed-webhooks"
ORGANIZATION = "00Dxx0000001gPFEAY"  # of the messages in tests/events
RELAYED = "00D5f000005KcCnEAK"  # of the relayed events there
MAPPINGS = Mappings(
    (
        mapping(
            "contact",
            "Contact",
            {
                "LastName": Kind.TEXT,
                "Email": Kind.TEXT,
                "Birthdate": Kind.DATE,
                "AccountId": Kind.REFERENCE,
                "CreatedDate": Kind.DATETIME,
                "LastModifiedById": Kind.ID,
                "Twinledger_Op__c": Kind.NUMBER,
                "Twinledger_Key__c": Kind.MULTI,
            },
        ),
        mapping("account", "Account", {"Name": Kind.TEXT, "Phone": Kind.BOOLEAN, "Website": Kind.TIME}),
    )
)
INSTALLATION = Installation(MAPPINGS, "f", ORGANIZATION, "005xx000001TT96AAG", "database", 1.0)

# Amazon SQS API Reference, SendMessage and SendMessageBatch.
_NAMES = re.compile(r"[a-zA-Z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_TEXT = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
_BYTES = 262_144


@dataclass
class StrictQueue:
    """An SQS client that refuses what SQS refuses.

    Attributes:
        taken: bodies of the messages that it has.
    """

    taken: list[str] = field(default_factory=list)

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        """Take a batch."""
        assert 1 <= len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= _BYTES
        for entry in Entries:
            assert _NAMES.fullmatch(entry["MessageGroupId"])
            assert _NAMES.fullmatch(entry["MessageDeduplicationId"])
            assert _TEXT.fullmatch(entry["MessageBody"])
        self.taken += [entry["MessageBody"] for entry in Entries]
        return {}


class Intake:
    """Webhooks and the consumer of relayed events, in front of one strict queue."""

    def __init__(self) -> None:
        self.queue = StrictQueue()
        self.telemetry = MemoryTelemetry()
        self._hints = SqsHints(cast("Any", self.queue), dict.fromkeys(Side, "queue"), "queue")
        shared = (Shared(SECRET),)
        secret = WebhookSecret(shared, shared, shared)
        self._webhooks = Webhooks(
            callers=Callers(lambda *, fresh=False: secret, FakeClock(), self.telemetry),
            installed=lambda *, fresh=False: INSTALLATION,
            hints=self._hints,
            bursts=Bursts(FakeClock()),
            telemetry=self.telemetry,
        )
        self.resynced: list[str] = []

    def outbound_message(self, body: bytes) -> Answer:
        """Deliver an outbound message, and check what must hold of every one: see :meth:`_checked`."""
        return self._checked(self._webhooks.outbound_message(SECRET, body), 200)

    def events(self, body: bytes) -> Answer:
        """Tell of events, and check what must hold of all."""
        return self._checked(self._webhooks.events({"x-api-key": SECRET}, body), 202)

    def relayed(self, event: Mapping[str, Any]) -> None:
        """Take a relayed event, which is refused by letting it go."""
        ChangeEvents(
            mappings=MAPPINGS,
            renewed=lambda: MAPPINGS,
            organization_id=RELAYED,
            hints=self._hints,
            bursts=Bursts(FakeClock()),
            only_existence=False,
            resync=self.resynced.extend,
            telemetry=self.telemetry,
        ).take(event)
        self._check_queue()
        assert {type(error).__name__ for error in self.telemetry.failures} <= {"MalformedMessage"}

    def _checked(self, answer: Answer, good: int) -> Answer:
        """It is taken whole or refused by us; refused, it left nothing; taken, its consumer can read all of it."""
        assert answer.status in {good, 400, 403, 413}, answer
        assert self.telemetry.failures == []
        assert len(answer.body) < 1000
        if answer.status != good:
            assert set(json.loads(answer.body)) == {"error"}
            assert self.queue.taken == []
        self._check_queue()
        return answer

    def _check_queue(self) -> None:
        for body in self.queue.taken:
            assert codec.encode_hints(hints_of(body)).decode().translate(queues._FORBIDDEN) == body
