"""Each implementation of the port ``Records`` in turn."""

from collections.abc import Iterator

import pytest

from tests.contract.live_bench import LiveBench, Org, running_org
from tests.contract.record_bench import Bench, FakeBench

FLAVOURS = ["fake-apex", "fake-conditional", "live-apex", "live-conditional"]


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """A simulated org for the whole module; each test resets it."""
    with running_org() as org:
        yield org


@pytest.fixture(params=FLAVOURS)
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each implementation in turn, on an empty org."""
    kind, flavour = request.param.split("-")
    if kind == "fake":
        return FakeBench(apex=flavour == "apex")
    return LiveBench(request.getfixturevalue("org"), apex=flavour == "apex")
