"""What every memory of backfills does, in memory and in DynamoDB."""

import uuid
from dataclasses import replace

import pytest

from chalicelib.aws import clients
from chalicelib.aws.backfills import Backfill, Backfills
from chalicelib.aws.table import Table
from chalicelib.core.model import Side
from tests.fakes.backfills import MemoryBackfills
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

NOW = 1_790_000_000.0


@pytest.fixture(params=["memory", "dynamodb"])
def backfills(request: pytest.FixtureRequest) -> MemoryBackfills | Backfills:
    """One of each kind."""
    if request.param == "memory":
        return MemoryBackfills()
    stage: Stage = request.getfixturevalue("aws")
    return Backfills(Table(clients.dynamodb(**stage.options), stage.outputs["LedgerTable"], FakeClock()))


@pytest.fixture
def begun() -> Backfill:
    """One of a mapping that no other test uses."""
    counts = {Side.SALESFORCE: 5, Side.POSTGRES: 7}
    return Backfill(f"mapping-{uuid.uuid4().hex}", "ann", NOW, totals=counts, seen=dict.fromkeys(Side, 0))


def test_a_backfill_comes_back_as_it_was_saved(backfills: MemoryBackfills | Backfills, begun: Backfill) -> None:
    """The last one of its mapping."""
    assert begun.mapping not in backfills.all()
    first = backfills.save(begun)
    assert first == replace(begun, version=1)
    further = replace(first, side=Side.POSTGRES, after=("1", "north"), seen={Side.SALESFORCE: 5, Side.POSTGRES: 1})
    second = backfills.save(replace(further, told=6, updated_at=NOW + 0.5, finished_at=NOW + 1))
    assert second is not None
    assert backfills.all()[begun.mapping] == second


def test_of_two_runs_one_goes_on(backfills: MemoryBackfills | Backfills, begun: Backfill) -> None:
    """Whoever writes first."""
    first = backfills.save(begun)
    assert backfills.save(begun) is None
    assert first is not None
    won = backfills.save(replace(first, told=1))
    assert backfills.save(replace(first, told=9)) is None
    assert backfills.all()[begun.mapping] == won
