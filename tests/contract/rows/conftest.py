"""Each implementation of the port ``Rows`` in turn."""

from collections.abc import Iterator

import pytest

from infra.local.postgres import Cluster
from tests.contract.row_bench import Bench, FakeBench, LiveBench
from tests.integration.postgres.sample import create_database, open_database


@pytest.fixture(scope="module")
def database(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A database of the module's own; each test empties it."""
    return create_database(cluster, f"contract_{request.module.__name__.rpartition('.')[2]}")


@pytest.fixture(params=["fake", "live"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each implementation in turn, on empty tables."""
    if request.param == "fake":
        yield FakeBench()
        return
    dsn = request.getfixturevalue("database")
    with open_database(dsn) as user:
        live = LiveBench(dsn, user)
        yield live
        live.close()
