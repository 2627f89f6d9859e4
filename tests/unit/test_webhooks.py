"""What Salesforce calls: who may, what is taken, and what the caller is told."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from chalicelib.aws.state import Installation
from chalicelib.callers import ASKED_EVERY, WINDOW, Callers, signature_of
from chalicelib.core.errors import ConfigurationError, Unavailable
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, SalesforceId
from chalicelib.jobs.bursts import Bursts
from chalicelib.salesforce import events, outbound_message
from chalicelib.webhook_secret import WebhookSecret
from chalicelib.webhooks import Answer, Webhooks
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ID, MAPPINGS, ORG

OLD, NEW, KEY = "old-token-0123456789", "new-token-0123456789", "api-key-0123456789"
SIGNING = "hmac-key-0123456789"
CONTENT = {"tokens": [OLD, NEW], "api_keys": [KEY], "hmac_keys": [SIGNING]}
USER = "005000000000001AAA"
ACK, NACK = "<Ack>true</Ack>", "<Ack>false</Ack>"


@dataclass
class Bench:
    """The endpoints in their world."""

    hints: MemoryHints = field(default_factory=MemoryHints)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    installation: Installation | None = field(
        default_factory=lambda: Installation(MAPPINGS, "f", ORG, USER, "database", 1.0)
    )
    later: Installation | None = None
    reads: int = 0
    secret: Callable[..., Mapping[str, Any]] = lambda **_: CONTENT
    clock: FakeClock = field(default_factory=FakeClock)

    @cached_property
    def webhooks(self) -> Webhooks:
        """The endpoints."""
        callers = Callers(self.known, self.clock, self.telemetry)
        return Webhooks(
            callers=callers,
            installed=self.installed,
            hints=self.hints,
            bursts=Bursts(self.clock),
            telemetry=self.telemetry,
        )

    def known(self, *, fresh: bool = False) -> WebhookSecret:
        """What callers have to know."""
        return WebhookSecret.of(self.secret(fresh=fresh), "webhooks")

    def installed(self, *, fresh: bool = False) -> Installation:
        """The installation; ``later`` is how it is by now."""
        self.reads += fresh
        installation = self.later if fresh and self.later is not None else self.installation
        if installation is None:
            raise ConfigurationError("nothing is installed yet: run `python manage.py install`")
        return installation

    def deliver(self, body: str, token: str = NEW) -> Answer:
        """Deliver an outbound message."""
        return self.webhooks.outbound_message(token, body.encode())

    def tell(self, body: object, key: str = KEY) -> Answer:
        """Tell of events."""
        return self.webhooks.events({"x-api-key": key}, json.dumps(body).encode())

    def tell_signed(self, body: bytes, at: str, signature: str, **other: str) -> Answer:
        """Tell of events with a signature."""
        headers = {"x-twinledger-timestamp": at, "x-twinledger-signature": signature}
        return self.webhooks.events(headers | other, body)


def notification(number: int = 1, name: str = "Account", user: str = USER) -> str:
    """One notification."""
    return (
        f'<Notification><Id>04l{number:012d}AAA</Id><sObject xsi:type="sf:{name}" '
        'xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>001{number:012d}AAA</sf:Id><sf:LastModifiedById>{user}</sf:LastModifiedById>"
        "<sf:LastModifiedDate>2026-11-24T05:06:07.000Z</sf:LastModifiedDate>"
        f"<sf:Name>Acme {number}</sf:Name><sf:Phone>1</sf:Phone></sObject></Notification>"
    )


def message(*notifications: str, org: str = ORG) -> str:
    """An outbound message."""
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>04k000000000001AAA</ActionId>"
        f"{''.join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>"
    )


def event(number: int = 1, name: str = "Account") -> dict[str, str]:
    """One event of a flow."""
    return {"object": name, "record_id": f"001{number:012d}AAA", "change": "deleted", "event_id": f"e{number}"}


# --- outbound messages


def test_a_message_is_acknowledged_once_it_is_in_the_queue() -> None:
    """Each notification is a hint that carries the record's content."""
    bench = Bench()
    answer = bench.deliver(message(notification(1), notification(2, user="005000000000002AAA")))
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert ACK in answer.body
    assert [one.identity for one in bench.hints.sent] == [
        SalesforceId("Account", "001000000000001AAA"),
        SalesforceId("Account", "001000000000002AAA"),
    ]
    records = [one.record for one in bench.hints.sent]
    assert [record is not None and record.ours for record in records] == [True, False]
    assert bench.telemetry.counts == {"Received": 2}


def test_every_current_token_is_good() -> None:
    """So that a token can be changed without losing a message."""
    assert [Bench().deliver(message(notification()), token).status for token in (OLD, NEW)] == [200, 200]


@pytest.mark.parametrize("token", ["", "wrong", NEW[:-1], f"{NEW}x", "ünïcode", "\ud800"])
def test_a_wrong_token_is_refused(token: str) -> None:
    """Nothing of the message is read, let alone sent on."""
    bench = Bench()
    answer = bench.deliver("junk", token)
    assert answer.status == 403
    assert "token" in json.loads(answer.body)["error"]
    assert bench.hints.sent == []
    assert bench.telemetry.counts == {"Refused": 1}


def test_a_message_of_another_org_is_refused() -> None:
    """A token that leaked, or a sandbox that was copied with its settings."""
    bench = Bench()
    answer = bench.deliver(message(notification(), org="00D000000000002EAA"))
    assert answer.status == 403
    assert "00D000000000002EAA" in json.loads(answer.body)["error"]
    assert bench.hints.sent == []


BOMB = '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "well-formed"),
        ("<a", "well-formed"),
        ("<a/>", "Envelope"),
        (BOMB + message(notification()), "entity"),
        (OUTSIDE + message(notification()), "entity"),
        (message(), "0 Notification"),
        (message(*(notification(number) for number in range(101))), "101 Notification"),
        (message(notification(), "<Notification/>"), "sObject"),
    ],
)
def test_what_is_no_outbound_message_is_refused_whole(body: str, reason: str) -> None:
    """The answer names the reason, and not even the good notifications before it are in the queue."""
    bench = Bench()
    answer = bench.deliver(body)
    assert answer.status == 400
    assert reason in json.loads(answer.body)["error"]
    assert bench.hints.sent == []
    assert bench.telemetry.counts == {"Malformed": 1}


def test_an_object_that_is_not_mapped_is_acknowledged() -> None:
    """And counted: Salesforce would send it again for a day."""
    bench = Bench()
    answer = bench.deliver(message(notification(1, "Lead"), notification(2)))
    assert ACK in answer.body
    assert len(bench.hints.sent) == 1
    assert bench.telemetry.counts == {"NotMapped": 1, "Received": 1}


def test_a_record_that_was_deleted_before_delivery_is_acknowledged() -> None:
    """It arrives without a single field, so that nobody knows which it was; the sweep finds the deletion."""
    bench = Bench()
    empty = '<Notification><Id>04l000000000001AAA</Id><sObject xsi:type="sf:Account"/></Notification>'
    assert ACK in bench.deliver(message(empty)).body
    assert bench.telemetry.counts == {"Nameless": 1}


def test_a_message_that_the_queue_does_not_take_comes_again() -> None:
    """Ack false for all of it, although a part is in the queue already."""
    bench = Bench(MemoryHints(room=1))
    answer = bench.deliver(message(notification(1), notification(2)))
    assert answer.status == 503
    assert NACK in answer.body
    assert len(bench.telemetry.failures) == 1
    assert bench.telemetry.counts == {"WebhookErrors": 1}


def test_a_message_before_the_installation_comes_again() -> None:
    """Nobody knows yet what is mapped."""
    answer = Bench(installation=None).deliver(message(notification()))
    assert (answer.status, NACK in answer.body) == (503, True)


def test_a_message_comes_again_while_the_secret_cannot_be_read() -> None:
    """Neither let in nor turned away."""

    def away(*, fresh: bool) -> Mapping[str, Any]:
        raise Unavailable

    answer = Bench(secret=away).deliver(message(notification()))
    assert (answer.status, NACK in answer.body) == (503, True)


# --- events


def test_events_are_accepted_once_they_are_in_the_queue() -> None:
    """One or many; those of other objects are counted."""
    bench = Bench()
    answer = bench.tell([event(1), event(2, "Lead")])
    assert (answer.status, json.loads(answer.body)) == (202, {"accepted": 1, "not_mapped": 1})
    [hint] = bench.hints.sent
    assert (hint.identity, hint.change) == (SalesforceId("Account", ID), Change.DELETED)
    assert bench.telemetry.counts == {"Received": 1, "NotMapped": 1}


@pytest.mark.parametrize("key", ["", "wrong", NEW])
def test_a_wrong_key_is_refused(key: str) -> None:
    """A token of the outbound messages is no API key."""
    bench = Bench()
    answer = bench.tell(event(), key)
    assert answer.status == 403
    assert "x-api-key" in json.loads(answer.body)["error"]
    assert bench.hints.sent == []


def test_malformed_events_are_refused_whole() -> None:
    """The answer names the element."""
    bench = Bench()
    answer = bench.tell([event(), {**event(2), "change": "exploded"}])
    assert answer.status == 400
    assert "event 2" in json.loads(answer.body)["error"]
    assert bench.hints.sent == []


def test_events_that_the_queue_does_not_take_are_to_be_sent_again() -> None:
    """The caller is told so."""
    bench = Bench(MemoryHints(room=0))
    answer = bench.tell(event())
    assert answer.status == 503
    assert bench.telemetry.counts == {"WebhookErrors": 1}
    assert "again" in json.loads(answer.body)["error"]


def test_whoever_knows_an_api_key_may_look_deeper() -> None:
    """The health of what is behind is for those."""
    webhooks = Bench().webhooks
    assert [webhooks.authorized(key) for key in (KEY, "", OLD)] == [True, False, False]


def test_mappings_of_nothing_take_nothing() -> None:
    """Acknowledged and counted, as any object that is not mapped."""
    bench = Bench(installation=Installation(Mappings(()), "f", ORG, USER, "database", 1.0))
    assert ACK in bench.deliver(message(notification())).body
    assert bench.hints.sent == []


def test_an_object_that_was_mapped_a_moment_ago_is_taken() -> None:
    """Nothing passes for not mapped before the installation was read again; what is mapped costs no read."""
    bench = Bench(installation=Installation(Mappings(()), "f", ORG, USER, "database", 1.0))
    bench.later = Installation(MAPPINGS, "g", ORG, USER, "database", 1.0)
    assert ACK in bench.deliver(message(notification())).body
    assert json.loads(bench.tell(event()).body) == {"accepted": 1, "not_mapped": 0}
    assert (len(bench.hints.sent), bench.reads) == (2, 2)
    assert bench.telemetry.counts["NotMapped"] == 0
    known = Bench()
    known.deliver(message(notification()))
    known.tell(event())
    assert known.reads == 0


# --- requests that are refused before anything is read


@pytest.mark.parametrize(
    ("size", "status"), [(outbound_message.MOST_BYTES + 1, 413), (outbound_message.MOST_BYTES, 400)]
)
def test_a_message_that_is_too_large_is_not_read(size: int, status: int) -> None:
    """In one line that names both sizes, whoever sends it."""
    bench = Bench()
    answer = bench.deliver(" " * size)
    assert answer.status == status
    assert "\n" not in answer.body
    assert (str(size) in answer.body) == (status == 413)
    assert bench.deliver(" " * (size + 1), "wrong").status == 413


@pytest.mark.parametrize(("size", "status"), [(events.MOST_BYTES + 1, 413), (events.MOST_BYTES, 400)])
def test_events_that_are_too_large_are_not_read(size: int, status: int) -> None:
    """Nor is their signature."""
    bench = Bench()
    assert bench.webhooks.events({"x-api-key": KEY}, b" " * size).status == status
    assert bench.webhooks.events({}, b" " * size).status == {413: 413, 400: 403}[status]
    assert bench.hints.sent == []


def test_events_may_be_signed() -> None:
    """In place of an API key; a second time within five minutes is as good, for a message is only a hint."""
    bench, body = Bench(), json.dumps(event()).encode()
    at = str(int(bench.clock.now()))
    signature = signature_of(SIGNING, at, body)
    assert [bench.tell_signed(body, at, signature).status for _ in range(2)] == [202, 202]
    first, second = bench.hints.sent
    assert first == second
    bench.clock.advance(WINDOW + 1)
    assert bench.tell_signed(body, at, signature).status == 403
    assert len(bench.hints.sent) == 2


def test_a_token_that_was_changed_a_moment_ago_is_taken() -> None:
    """The secret is read once more for it."""
    bench = Bench()
    bench.secret = lambda *, fresh: CONTENT if fresh else {**CONTENT, "tokens": [OLD]}
    assert bench.deliver(message(notification())).status == 200
    assert bench.deliver(message(notification())).status == 403, "remembered is what the secret's own cache says"
    bench.clock.advance(ASKED_EVERY)
    assert bench.deliver(message(notification())).status == 200
