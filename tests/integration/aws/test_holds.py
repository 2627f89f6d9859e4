"""Short leases on names, in the table."""

import uuid

import pytest

from chalicelib.aws import clients
from chalicelib.aws.holds import Holds
from chalicelib.aws.table import Table
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

NOW = 1_790_000_000.0


@pytest.fixture
def holds(aws: Stage) -> Holds:
    """The leases."""
    return Holds(Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock()))


@pytest.fixture
def names() -> list[str]:
    """Names that no other test uses."""
    return [f"{number}{uuid.uuid4().hex}" for number in range(3)]


def test_one_holds_what_another_has_to_leave(holds: Holds, names: list[str]) -> None:
    """Until it is given back."""
    first, second, third = names
    assert holds.take([first, second], "w1", NOW, NOW + 30) == {first, second}
    assert holds.take([second, third], "w2", NOW + 1, NOW + 31) == {third}
    holds.give_back([first, second], "w1")
    assert holds.take([second], "w2", NOW + 2, NOW + 32) == {second}


def test_a_lease_of_a_worker_that_died_ends(holds: Holds, names: list[str]) -> None:
    """And what it gives back late is its successor's."""
    name = names[0]
    holds.take([name], "w1", NOW, NOW + 30)
    assert holds.take([name], "w2", NOW + 29, NOW + 60) == set()
    assert holds.take([name], "w2", NOW + 30, NOW + 60) == {name}
    holds.give_back([name], "w1")
    assert holds.take([name], "w3", NOW + 31, NOW + 61) == set()


def test_nothing_is_held_of_nothing(holds: Holds) -> None:
    """No call is made."""
    assert holds.take([], "w1", NOW, NOW + 30) == set()
    holds.give_back([], "w1")
