"""How the sweep's memory stands in the table."""

import uuid
from random import Random

import pytest

from chalicelib.aws import clients, items
from chalicelib.aws.sweeps import KEPT_SECONDS, SKEW_SECONDS, Sweeps, Told
from chalicelib.aws.table import Table
from chalicelib.core.errors import ProtocolError
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

NOW = 1_790_000_000.0


@pytest.fixture
def table(aws: Stage) -> Table:
    """The table."""
    return Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock())


@pytest.fixture
def name() -> str:
    """An object that no other test uses."""
    return f"Object_{uuid.uuid4().hex}__c"


def test_a_block_expires_and_is_far_from_the_limit(table: Table, name: str) -> None:
    """Even where a thousand ids have nothing in common; DynamoDB takes 400 KB an item."""
    random = Random(1)  # noqa: S311 - ids are no secret
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    block = {
        "".join(random.choices(signs, k=18)): Told(random.randrange(1_790_000_000), closed=True) for _ in range(1000)
    }
    Sweeps(table).remember(name, block, NOW, "1")
    [item] = table.query(f"sweep#{name}")
    assert items.size(item) < 50_000
    assert int(item["expires_at"]["N"]) == NOW + KEPT_SECONDS


def test_old_blocks_are_not_read(table: Table, name: str) -> None:
    """A change is told of after it was made, as far as the two clocks agree."""
    sweeps = Sweeps(table)
    for number in range(10):
        sweeps.remember(name, {str(number): Told(number, closed=True)}, NOW + 100 * number, str(number))
    assert list("3456789") == list(sweeps.told(name, int(NOW) + 300 + SKEW_SECONDS))


def test_a_damaged_position_is_a_defect(table: Table, name: str) -> None:
    """It is not taken for a sweep that never ran."""
    table.put_many([items.item((f"sweep#{name}", "position"), body={"S": "{}"})])
    with pytest.raises(ProtocolError, match="Position"):
        Sweeps(table).positions([name])
