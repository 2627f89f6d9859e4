"""Whatever commits when, and wherever a run ends: every change is told of after its commit, and hardly ever twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import pytest

from chalicelib.aws.sweeps import Position, Told
from chalicelib.core.model import Hint, SalesforceId
from chalicelib.jobs.rounds import Means
from chalicelib.jobs.sweep import Sweep
from tests.fakes.clock import FakeClock
from tests.fakes.sweeps import MemorySweeps
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.changing import Crash, Org, Save
from tests.unit.jobs.sample import MAPPINGS

BEGIN = 1_790_000_000
MINUTES = 60
RECORDS = 24


@dataclass(frozen=True)
class Flaky:
    """The sweep's memory, whose calls may end the run before or after they took effect."""

    memory: MemorySweeps
    call: Callable[[], None]

    def positions(self, objects: Sequence[str]) -> Mapping[str, Position]:
        """Read."""
        self.call()
        return self.memory.positions(objects)

    def told(self, name: str, since: int) -> Mapping[str, Told]:
        """Read."""
        self.call()
        return self.memory.told(name, since)

    def save(self, name: str, position: Position) -> Position | None:
        """Write."""
        self.call()
        saved = self.memory.save(name, position)
        self.call()
        return saved

    def remember(self, name: str, told: Mapping[str, Told], now: float, part: str) -> None:
        """Write."""
        self.call()
        self.memory.remember(name, told, now, part)
        self.call()


class Chaos:
    """A seeded hour of saves and sweeps.

    Args:
        seed: of everything.
        crashes: how often a call ends the run, before or after it took effect.
        longest: seconds that the longest transaction takes.
        most: changes that are listed for a span.
    """

    def __init__(self, seed: int, *, crashes: float, longest: float, most: int = 600_000) -> None:
        self.random = Random(seed)  # noqa: S311 - a schedule is no secret
        self.clock = FakeClock(float(BEGIN))
        self.crashes = crashes
        self.org = Org(self.clock, most=most, block=5, before=self.call)
        self.memory = MemorySweeps()
        self.told: dict[str, list[float]] = {}
        for number in range(RECORDS):
            self.fill(f"001{number:012d}AAA", longest)

    def fill(self, record: str, longest: float) -> None:
        """One record's saves: many within a second of another, some that take long."""
        at = BEGIN + self.random.uniform(0, 600)
        while at < BEGIN + MINUTES * 60:
            lasts = self.random.choice([0.0, 0.0, 0.2, self.random.uniform(0, 60), self.random.uniform(0, longest)])
            save = self.org.save(record, at, lasts, deleted=self.random.random() < 0.1)
            at = save.committed + self.random.choice([0.0, 0.1, 0.3, self.random.expovariate(1 / 600)])

    def pass_time(self) -> None:
        """A call takes its time."""
        self.clock.advance(self.random.choice([0.0, 0.1, 1.0, 4.0]))

    def call(self) -> None:
        """A call takes its time, and the run may end there."""
        self.pass_time()
        self.maybe_crash()

    def maybe_crash(self) -> None:
        """Now and then."""
        if self.random.random() < self.crashes:
            raise Crash

    def send(self, hints: Sequence[Hint]) -> None:
        """Implements the queues: some or all hints may have been accepted when the call fails."""
        self.call()
        for hint in hints:
            assert isinstance(hint.identity, SalesforceId)
            self.told.setdefault(hint.identity.id, []).append(self.clock.now())
            self.maybe_crash()

    def run(self, seconds: float) -> None:
        """One run of the sweep."""
        means = Means(self.org, Flaky(self.memory, self.call), self, self.clock, MemoryTelemetry())
        try:
            Sweep(MAPPINGS, float(BEGIN), means).salesforce(self.clock.now() + seconds)
        except Crash:
            return

    def play(self) -> None:
        """An hour, and the time that its last transactions and the last sweeps need."""
        end = BEGIN + MINUTES * 60
        minute = BEGIN
        while minute < end + 3600:
            minute += 60
            self.clock.time = max(self.clock.time, minute + self.random.uniform(0, 5))
            self.run(self.random.choice([1.0, 10.0, 25.0]))
        self.crashes = 0.0
        for _ in range(40):
            self.clock.advance(60)
            self.run(1e9)

    def missed(self) -> list[Save]:
        """Saves that nobody was told of after their commit."""
        return [
            save
            for record, saves in self.org.saves.items()
            for save in saves
            if max(self.told.get(record, [0.0])) < save.committed
        ]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("crashes", "longest"), [(0.0, 500.0), (0.02, 500.0), (0.02, 2400.0), (0.1, 60.0)])
def test_nothing_is_missed(seed: int, crashes: float, longest: float) -> None:
    """Not even where a transaction takes far longer than the overlap: Salesforce says that it is under way."""
    chaos = Chaos(seed, crashes=crashes, longest=longest)
    chaos.play()
    assert chaos.missed() == []


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_missed_where_spans_are_too_full(seed: int) -> None:
    """They are halved down to a minute, and what is too full even then is queried."""
    chaos = Chaos(seed, crashes=0.02, longest=500.0, most=2)
    chaos.play()
    assert chaos.missed() == []
    assert {listed for *_, listed in chaos.org.asked} == {True, False}


@pytest.mark.parametrize("seed", range(12))
def test_a_change_is_told_of_at_most_twice(seed: int) -> None:
    """Once where its stamp was closed when it was first met."""
    chaos = Chaos(seed, crashes=0.0, longest=500.0)
    chaos.play()
    for record, saves in chaos.org.saves.items():
        stamps = {(save.stamp, save.deleted) for save in saves}
        assert len(chaos.told[record]) <= 2 * len(stamps)
