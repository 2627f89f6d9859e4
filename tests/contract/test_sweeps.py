"""What every memory of the sweep does, in memory and in DynamoDB."""

import uuid
from dataclasses import replace

import pytest

from chalicelib.aws import clients
from chalicelib.aws.sweeps import Position, Span, Sweeps, Told
from chalicelib.aws.table import Table
from tests.fakes.clock import FakeClock
from tests.fakes.sweeps import MemorySweeps
from tests.integration.aws.stage import Stage

NOW = 1_790_000_000.0
SPAN = Span(1_789_999_200, 1_790_000_040, 1_790_000_040, 1_789_999_999, full=True, after="001000000000001AAA")


@pytest.fixture(params=["memory", "dynamodb"])
def sweeps(request: pytest.FixtureRequest) -> MemorySweeps | Sweeps:
    """One of each kind."""
    if request.param == "memory":
        return MemorySweeps()
    stage: Stage = request.getfixturevalue("aws")
    return Sweeps(Table(clients.dynamodb(**stage.options), stage.outputs["LedgerTable"], FakeClock()))


@pytest.fixture
def name() -> str:
    """An object that no other test uses."""
    return f"Object_{uuid.uuid4().hex}__c"


def test_positions_come_back_as_they_were_saved(sweeps: MemorySweeps | Sweeps, name: str) -> None:
    """With and without a round under way; an object that was never swept has none."""
    assert sweeps.positions([name]) == {}
    first = sweeps.save(name, Position(5, 5))
    assert first == Position(5, 5, version=1)
    under_way = Position(7, 9, full_at=NOW + 0.5, span=SPAN, turn=NOW + 0.25, version=1)
    second = sweeps.save(name, under_way)
    assert second == replace(under_way, version=2)
    other = f"{name[:-3]}_2__c"
    assert sweeps.positions([name, other]) == {name: second}


def test_of_two_runs_one_has_the_object(sweeps: MemorySweeps | Sweeps, name: str) -> None:
    """Whoever writes first; the other one's position does not count, not even where it is further on."""
    assert sweeps.save(name, Position(5, 5)) is not None
    assert sweeps.save(name, Position(9, 9)) is None
    won = sweeps.save(name, Position(6, 6, version=1))
    assert sweeps.save(name, Position(9, 9, version=1)) is None
    assert sweeps.positions([name]) == {name: won}


def test_what_was_told_of_last_counts(sweeps: MemorySweeps | Sweeps, name: str) -> None:
    """Whatever block it stands in, and whatever the order of stamps."""
    assert sweeps.told(name, 0) == {}
    newest = int(NOW)
    sweeps.remember(name, {"a": Told(newest - 9, closed=False), "b": Told(newest, closed=True)}, NOW, "1")
    sweeps.remember(name, {"a": Told(newest - 10, closed=True), "c": Told(newest, closed=False)}, NOW + 1, "2")
    expected = {"a": Told(newest - 10, closed=True), "b": Told(newest, closed=True), "c": Told(newest, closed=False)}
    assert sweeps.told(name, newest - 10) == expected


def test_a_block_of_a_thousand_is_remembered(sweeps: MemorySweeps | Sweeps, name: str) -> None:
    """As a bulk load leaves them: one after the other, within a few seconds."""
    block = {f"001{number:012d}AAA": Told(int(NOW) - number % 60, closed=True) for number in range(1000)}
    sweeps.remember(name, block, NOW, "1")
    assert sweeps.told(name, int(NOW) - 60) == block
