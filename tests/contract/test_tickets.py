"""What expires by itself: memory and DynamoDB keep the same promises."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from chalicelib.aws import clients
from chalicelib.aws.table import Table
from chalicelib.aws.tickets import Tickets as DynamoTickets
from tests.fakes.clock import FakeClock
from tests.fakes.tickets import MemoryTickets

if TYPE_CHECKING:
    from chalicelib.console.sessions import Tickets
    from tests.integration.aws.stage import Stage

NOW = 1_790_000_000.0
CONTENT = {"actor": "ann", "role": "operator"}


@pytest.fixture(params=["memory", "dynamodb"])
def tickets(request: pytest.FixtureRequest) -> Tickets:
    """Each implementation."""
    if request.param == "memory":
        return MemoryTickets()
    aws: Stage = request.getfixturevalue("aws")
    return DynamoTickets(Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock()))


@pytest.fixture
def key() -> str:
    """A key of the test's own."""
    return uuid.uuid4().hex


def test_it_is_read_until_it_expires(tickets: Tickets, key: str) -> None:
    """At its end it is there no more, whether it was deleted or not."""
    tickets.put("session", key, CONTENT, NOW + 60)
    assert tickets.get("session", key, NOW + 59) == CONTENT
    assert tickets.get("session", key, NOW + 60) is None


def test_kinds_are_apart(tickets: Tickets, key: str) -> None:
    """The same key of another kind is another thing."""
    tickets.put("session", key, CONTENT, NOW + 60)
    assert tickets.get("sign-in", key, NOW) is None


def test_it_is_prolonged(tickets: Tickets, key: str) -> None:
    """With a new content and a new end."""
    tickets.put("session", key, CONTENT, NOW + 60)
    assert tickets.prolong("session", key, {"actor": "bob"}, NOW + 120)
    assert tickets.get("session", key, NOW + 100) == {"actor": "bob"}


def test_what_was_dropped_is_not_prolonged(tickets: Tickets, key: str) -> None:
    """A session that was ended does not come back by a request that had read it before."""
    tickets.put("session", key, CONTENT, NOW + 60)
    tickets.drop("session", key)
    assert not tickets.prolong("session", key, CONTENT, NOW + 120)
    assert tickets.get("session", key, NOW) is None


def test_one_gets_it(tickets: Tickets, key: str) -> None:
    """What is taken is taken once."""
    tickets.put("sign-in", key, CONTENT, NOW + 60)
    assert [tickets.take("sign-in", key, NOW), tickets.take("sign-in", key, NOW)] == [CONTENT, None]


def test_what_has_expired_is_not_taken(tickets: Tickets, key: str) -> None:
    """Nor is it there afterwards."""
    tickets.put("sign-in", key, CONTENT, NOW + 60)
    assert tickets.take("sign-in", key, NOW + 61) is None


def test_dropping_what_is_not_there_is_no_error(tickets: Tickets, key: str) -> None:
    """Signing out twice is signing out."""
    tickets.drop("session", key)
    assert tickets.get("session", key, NOW) is None


def test_it_counts(tickets: Tickets, key: str) -> None:
    """One by one, each key for itself."""
    assert [tickets.count("attempts", key, NOW + 60) for _ in range(3)] == [1, 2, 3]
    assert tickets.count("attempts", f"{key}-other", NOW + 60) == 1
