"""What no message told of gets a hint, whichever object it is of, as far as the time allows."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.core.errors import RetryLater, Unavailable
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.jobs.rounds import AT_ONCE, Means
from chalicelib.jobs.sweep import STRETCHED_SECONDS, Sweep, wake
from chalicelib.salesforce.changes import Found
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.sweeps import MemorySweeps
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ACCOUNT

NOW = 1_790_000_040.0
FOREVER = NOW + 1e9
CONTACT = replace(ACCOUNT, name="contact", object="Contact", table="public.contact")
LEAD = replace(ACCOUNT, name="lead", object="Lead", table="public.lead")
MAPPINGS = Mappings((ACCOUNT, CONTACT, LEAD))


@dataclass(frozen=True)
class Blocks:
    """So many blocks of one change each."""

    left: range
    covered: int = int(NOW)

    def after(self, last: str) -> list[Found]:
        """The next block."""
        return [Found(f"{number:018d}", int(NOW) - 5) for number in self.left if f"{number:018d}" > last][:1]


@dataclass
class Bench:
    """A sweep's world: every answer takes a second."""

    blocks: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    asked: list[tuple[str, int]] = field(default_factory=list)
    hints: MemoryHints = field(default_factory=MemoryHints)
    memory: MemorySweeps = field(default_factory=MemorySweeps)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    scarce: bool = False
    scarce_after: int | None = None

    def running_out(self) -> bool:
        """What the org has said of its API requests; perhaps only after so many of them."""
        return self.scarce or (self.scarce_after is not None and len(self.asked) >= self.scarce_after)

    def listed(self, object_name: str, start: int, end: int, now: float) -> Blocks:
        """Ask Salesforce."""
        self.asked.append((object_name, start))
        self.clock.advance(1)
        if object_name in self.broken:
            raise Unavailable
        return Blocks(range(self.blocks.get(object_name, 0)))

    def crowded(self, object_name: str, start: int, end: int, now: float) -> Blocks:
        """Never needed here."""
        raise AssertionError

    def send(self, hints: list[Hint]) -> None:
        """Send hints."""
        self.clock.advance(1)
        self.hints.send(hints)

    def sweep(self, seconds: float, objects: list[str] | None = None) -> list[str]:
        """One run; the objects of its hints in order."""
        means = Means(self, self.memory, self, self.clock, self.telemetry)  # type: ignore[arg-type]
        try:
            until = self.clock.now() + seconds
            Sweep(MAPPINGS, NOW - 100.5, means, self.running_out).salesforce(until, objects)
        finally:
            told = [hint.identity.object for hint in self.hints.take()]  # type: ignore[union-attr]
        return told


def test_the_first_sweep_begins_with_the_installation() -> None:
    """Less the overlap."""
    bench = Bench()
    bench.sweep(FOREVER)
    assert bench.asked == [(name, int(NOW) - 720) for name in ("Account", "Contact", "Lead")]


def test_objects_take_turns() -> None:
    """So that a large change of one is not in the way of another's small one."""
    bench = Bench({"Account": 4, "Contact": 1, "Lead": 2})
    assert bench.sweep(FOREVER) == ["Account", "Contact", "Lead", "Account", "Lead", "Account", "Account"]
    assert bench.telemetry.counts["SweepUnfinished"] == 0


def test_a_run_ends_in_time_and_the_next_one_begins_where_it_stopped() -> None:
    """With the object that waited longest; nothing is sent twice."""
    bench = Bench({"Account": 4, "Contact": 4, "Lead": 4})
    assert bench.sweep(3.5) == ["Account", "Contact"]
    assert bench.telemetry.counts["SweepUnfinished"] == 3
    assert bench.sweep(3.5) == ["Lead", "Account"]
    assert bench.sweep(1.5) == ["Contact"]
    assert bench.sweep(FOREVER).count("Lead") == 3
    assert bench.telemetry.counts["Swept"] == 12


def test_while_requests_run_out_an_object_waits_for_a_quarter_of_an_hour() -> None:
    """After its last turn; that is told, and it is no failure. Then it is swept from where it was."""
    bench = Bench(scarce=True)
    bench.sweep(FOREVER)
    assert [name for name, _ in bench.asked] == ["Account", "Contact", "Lead"]
    bench.clock.advance(60)
    bench.sweep(FOREVER)
    assert len(bench.asked) == 3
    assert bench.telemetry.counts["SweepStretched"] == 3
    assert "API requests are running out" in bench.telemetry.told[0]
    bench.clock.advance(STRETCHED_SECONDS - 60)
    bench.sweep(FOREVER)
    assert [name for name, _ in bench.asked[3:]] == ["Account", "Contact", "Lead"]
    bench.scarce = False
    bench.sweep(FOREVER)
    assert len(bench.asked) == 9


def test_a_round_that_was_begun_is_ended_though_requests_run_out() -> None:
    """Its position is kept all the same; but what is left for the next run waits."""
    bench = Bench({"Account": 4}, scarce=True)
    assert bench.sweep(FOREVER) == ["Account"] * 4
    bench = Bench({"Account": 4})
    assert bench.sweep(3.5) == ["Account"]
    bench.scarce = True
    assert bench.sweep(FOREVER) == []
    assert bench.telemetry.counts["SweepStretched"] == 3


def test_the_first_answer_says_that_requests_run_out() -> None:
    """A fresh container knows nothing of it before: one request is spent, and no more."""
    bench = Bench()
    bench.sweep(FOREVER)
    bench.scarce_after = 4
    bench.sweep(FOREVER)
    assert len(bench.asked) == 4
    assert bench.telemetry.counts["SweepStretched"] == 2


def test_an_object_that_is_named_is_swept_though_requests_run_out() -> None:
    """Its messages are known to be lost."""
    bench = Bench()
    bench.sweep(FOREVER)
    bench.scarce = True
    bench.sweep(FOREVER, ["Contact"])
    assert len(bench.asked) == 4


def test_no_time_is_no_turn() -> None:
    """Nothing is begun that could not be ended."""
    bench = Bench()
    bench.sweep(0.0)
    assert bench.asked == []


def test_an_object_that_fails_is_not_first_again() -> None:
    """Else it might end every run before the others. The error is raised at the end, so that the alarm sees it."""
    bench = Bench({"Contact": 1, "Lead": 1}, {"Account"})
    with pytest.raises(Unavailable):
        bench.sweep(0.5)
    assert bench.sweep(1.5) == ["Contact"]
    with pytest.raises(Unavailable):
        bench.sweep(FOREVER)
    assert [name for name, _ in bench.asked][:3] == ["Account", "Contact", "Lead"]
    assert len(bench.telemetry.failures) == 2


def test_an_object_that_another_run_has_is_left_to_it() -> None:
    """That is no failure."""
    bench = Bench({"Account": 1})
    other = Bench(memory=bench.memory)

    def listed(object_name: str, start: int, end: int, now: float) -> Blocks:
        bench.clock.advance(1)
        if object_name == "Account":
            other.sweep(FOREVER, ["Account"])
        return Blocks(range(1))

    bench.listed = listed  # type: ignore[method-assign]
    assert bench.sweep(FOREVER) == ["Account", "Contact", "Lead"]
    assert any("another run" in line and "Account" in line for line in bench.telemetry.told)
    assert bench.telemetry.failures == []


def test_some_objects_may_be_swept_alone() -> None:
    """Those that no mapping names are left out, and one that is named twice is swept once."""
    bench = Bench()
    bench.sweep(FOREVER, ["Case", "Lead", "Lead"])
    assert [name for name, _ in bench.asked] == ["Lead"]


def hint(number: int) -> Hint:
    """A changed record."""
    return Hint(SalesforceId("Account", f"{number:018d}"), Change.UPDATED, f"due-{number}")


@dataclass(frozen=True)
class Due:
    """A hint whose time has come."""

    hint: Hint


@dataclass
class Agenda:
    """Hints for later, each of which takes a second to be found."""

    waiting: list[Due]
    clock: FakeClock
    finished: list[Due] = field(default_factory=list)

    def due(self, now: float) -> Iterator[Due]:
        """Hints whose time has come."""
        assert now == NOW
        for due in self.waiting:
            self.clock.advance(1)
            yield due

    def done(self, due: Due, now: float) -> None:
        """A hint was sent."""
        assert now == NOW
        self.finished.append(due)


def test_due_hints_are_sent_in_blocks_and_then_removed() -> None:
    """A block that was not accepted in full stays where it is."""
    clock, telemetry = FakeClock(NOW), MemoryTelemetry()
    agenda, hints = Agenda([Due(hint(number)) for number in range(AT_ONCE + 2)], clock), MemoryHints(room=AT_ONCE + 1)
    with pytest.raises(RetryLater):
        wake(agenda, hints, clock, telemetry, FOREVER)
    assert len(hints.sent) == AT_ONCE + 1
    assert agenda.finished == agenda.waiting[:AT_ONCE]
    assert telemetry.counts == {"Woken": AT_ONCE}


def test_waking_ends_in_time() -> None:
    """What is left is due still; an agenda that is too full must not keep the sweep back."""
    clock, hints, telemetry = FakeClock(NOW), MemoryHints(), MemoryTelemetry()
    agenda = Agenda([Due(hint(number)) for number in range(5 * AT_ONCE)], clock)
    wake(agenda, hints, clock, telemetry, NOW + AT_ONCE + 1)
    assert len(agenda.finished) == 2 * AT_ONCE == len(hints.sent)
    assert [one.bulk for one in hints.sent] == [False] * AT_ONCE + [True] * AT_ONCE  # so many are an outage's


def test_nothing_due_is_nothing_sent() -> None:
    """Nor counted."""
    clock, hints, telemetry = FakeClock(NOW), MemoryHints(), MemoryTelemetry()
    wake(Agenda([Due(hint(1))], clock), hints, clock, telemetry, FOREVER)
    assert (hints.sent, telemetry.counts) == ([hint(1)], {"Woken": 1})
    wake(Agenda([], FakeClock(NOW)), hints, FakeClock(NOW), telemetry, FOREVER)
    assert telemetry.counts == {"Woken": 1}
