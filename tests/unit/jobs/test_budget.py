"""The budget of API requests: what waits when, for how long, and that it goes on by itself."""

from dataclasses import dataclass, field

import pytest

from chalicelib.core.errors import QuotaExhausted, Unavailable
from chalicelib.core.ports import RecordQuery
from chalicelib.jobs.budget import WAIT_SECONDS, Budget, BudgetedRecords, Shares
from chalicelib.salesforce.client import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ACCOUNT, ID


@dataclass
class World:
    """An org that says how much is used, and may refuse."""

    usage: Usage | None = None
    error: QuotaExhausted | Unavailable | None = None
    calls: list[str] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    needs_closed_second: bool = True

    def __post_init__(self) -> None:
        self.budget = Budget(lambda: self, Shares(live=90, bulk=50), self.clock, self.telemetry)
        self.records = BudgetedRecords(self, self.budget)  # type: ignore[arg-type]

    def _called(self, name: str) -> list[str]:
        self.calls.append(name)
        if self.error is not None:
            raise self.error
        return [name]

    def read(self, _wanted: object) -> list[str]:
        """The port's."""
        return self._called("read")

    def match(self, _mapping: object, _wanted: object) -> list[str]:
        """The port's."""
        return self._called("match")

    def children(self, _references: object, _ids: object) -> list[str]:
        """The port's."""
        return self._called("children")

    def write(self, _writes: object) -> list[str]:
        """The port's."""
        return self._called("write")

    def look(self, *, bulk: bool) -> bool:
        """Whether a read of a lane is made."""
        self.budget.bulk = bulk
        try:
            self.records.read([RecordQuery(ACCOUNT, ID)])
        except QuotaExhausted:
            return False
        return True


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (True, True)),
        (Usage(0, 0), (True, True)),
        (Usage(49, 100), (True, True)),
        (Usage(50, 100), (True, False)),
        (Usage(89, 100), (True, False)),
        (Usage(90, 100), (False, False)),
        (Usage(101, 100), (False, False)),
    ],
)
def test_each_lane_has_its_share(usage: Usage | None, expected: tuple[bool, bool]) -> None:
    """The bulk lane stops first; what an answer does not say stops nothing."""
    world = World(usage)
    world.look(bulk=False)
    assert (world.look(bulk=False), world.look(bulk=True)) == expected
    assert world.telemetry.counts.get("CallsHeld", 0) == 2 - sum(expected)


def test_a_lane_that_waits_makes_no_call_and_says_until_when() -> None:
    """The time is what the hint is put off by."""
    world = World(Usage(95, 100))
    world.look(bulk=False)
    world.clock.advance(100.0)
    calls = len(world.calls)
    with pytest.raises(QuotaExhausted, match="goes on by itself") as error:
        world.records.match(ACCOUNT, [])
    assert (error.value.after, len(world.calls)) == (WAIT_SECONDS - 100.0, calls)
    with pytest.raises(QuotaExhausted):
        world.records.children([], [])


def test_it_goes_on_by_itself() -> None:
    """After the time one call is made; its answer says whether more are."""
    world = World(Usage(95, 100))
    assert [world.look(bulk=False) for _ in range(2)] == [True, False]
    world.clock.advance(WAIT_SECONDS)
    assert [world.look(bulk=False) for _ in range(2)] == [True, False]
    world.usage = Usage(10, 100)
    world.clock.advance(WAIT_SECONDS)
    assert [world.look(bulk=lane) for lane in (False, False, True)] == [True, True, True]


@pytest.mark.parametrize(("after", "seconds"), [(60.0, 60.0), (None, WAIT_SECONDS)])
def test_what_salesforce_refuses_stops_all(after: float | None, seconds: float) -> None:
    """For as long as the error says, whatever was known of the usage."""
    world = World(error=QuotaExhausted(after=after))
    assert not world.look(bulk=True)
    world.error = None
    world.clock.advance(seconds - 1.0)
    assert (world.look(bulk=False), len(world.calls)) == (False, 1)
    world.clock.advance(1.0)
    assert (world.look(bulk=False), world.look(bulk=True)) == (True, True)


def test_another_error_stops_nothing() -> None:
    """An org that does not answer has not said that the allowance is used."""
    world = World(error=Unavailable())
    for _ in range(2):
        with pytest.raises(Unavailable):
            world.records.read([RecordQuery(ACCOUNT, ID)])
    assert world.calls == ["read", "read"]


def test_what_was_begun_is_ended() -> None:
    """The write follows its read although the read's answer used the share up."""
    world = World(Usage(95, 100))
    assert world.look(bulk=False)
    assert world.records.write([]) == ["write"]
    assert world.records.needs_closed_second


def test_nothing_to_read_is_no_call() -> None:
    """Nor is it held."""
    world = World(Usage(95, 100))
    world.look(bulk=False)
    assert (world.records.read([]), world.telemetry.counts) == ([], {})
