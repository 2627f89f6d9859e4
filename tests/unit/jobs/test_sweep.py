"""What no message told of gets a hint, once and in order."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.core.errors import RetryLater, Unavailable
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.jobs.sweep import Sweep, wake
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ACCOUNT, MAPPINGS


def hint(number: int) -> Hint:
    """A changed record."""
    return Hint(SalesforceId("Account", f"{number:018d}"), Change.UPDATED, f"sweep-{number}")


@dataclass(frozen=True)
class Found:
    """What Salesforce says of one object."""

    hints: tuple[Hint, ...] = ()
    covered: int = 2000
    complete: bool = True


@dataclass
class Bench:
    """A sweep's world."""

    found: dict[str, Found | Unavailable] = field(default_factory=dict)
    hints: MemoryHints = field(default_factory=MemoryHints)
    checkpoints: dict[str, float] = field(default_factory=dict)
    asked: list[tuple[str, int, float]] = field(default_factory=list)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)

    def find(self, object_name: str, since: int, now: float) -> Found:
        """Ask Salesforce."""
        self.asked.append((object_name, since, now))
        found = self.found.get(object_name, Found())
        if isinstance(found, Unavailable):
            raise found
        return found

    def checkpoint(self, name: str) -> float | None:
        """How far a job has come."""
        return self.checkpoints.get(name)

    def save_checkpoint(self, name: str, at: float) -> None:
        """Remember."""
        self.checkpoints[name] = at

    def sweep(self, mappings: Mappings = MAPPINGS) -> Sweep:
        """The sweep in this world."""
        return Sweep(
            mappings=mappings,
            installed_at=1000.5,
            find=self.find,
            checkpoints=self,
            hints=self.hints,
            clock=FakeClock(5000.0),
            telemetry=self.telemetry,
        )


def test_the_first_sweep_begins_with_the_installation() -> None:
    """The next where the last one ended."""
    bench = Bench()
    bench.sweep().salesforce()
    bench.sweep().salesforce()
    assert bench.asked == [("Account", 1000, 5000.0), ("Account", 2000, 5000.0)]


def test_every_changed_record_gets_a_hint() -> None:
    """However many there are."""
    hints = tuple(hint(number) for number in range(250))
    bench = Bench({"Account": Found(hints)})
    bench.sweep().salesforce()
    assert bench.hints.sent == list(hints)
    assert bench.telemetry.counts == {"Swept": 250}


def test_a_sweep_that_could_not_send_is_made_again() -> None:
    """The checkpoint moves only after every hint was accepted."""
    bench = Bench({"Account": Found((hint(1), hint(2)))}, MemoryHints(room=1))
    with pytest.raises(RetryLater):
        bench.sweep().salesforce()
    assert bench.checkpoints == {}


def test_one_object_that_fails_keeps_none_of_the_others_back() -> None:
    """The error is raised at the end, so that the alarm sees it."""
    contact = replace(ACCOUNT, name="contact", object="Contact", table="public.contact")
    bench = Bench({"Account": Unavailable()})
    with pytest.raises(Unavailable):
        bench.sweep(Mappings((ACCOUNT, contact))).salesforce()
    assert bench.checkpoints == {"sweep#Contact": 2000.0}
    assert len(bench.telemetry.failures) == 1


def test_a_gap_that_is_too_long_is_told_of() -> None:
    """Salesforce reaches back a few weeks only."""
    bench = Bench({"Account": Found(complete=False)})
    bench.sweep().salesforce()
    assert bench.telemetry.counts == {"SweepIncomplete": 1}
    assert "compare the object in full" in bench.telemetry.told[0]


def test_some_objects_may_be_swept_alone() -> None:
    """Those that no mapping names are left out."""
    bench = Bench()
    bench.sweep().salesforce(["Lead", "Account"])
    assert [name for name, _, _ in bench.asked] == ["Account"]


@dataclass(frozen=True)
class Due:
    """A hint whose time has come."""

    hint: Hint


@dataclass
class Agenda:
    """Hints for later."""

    waiting: list[Due]
    finished: list[Due] = field(default_factory=list)

    def due(self, now: float) -> Iterator[Due]:
        """Hints whose time has come."""
        assert now == 5000.0
        yield from self.waiting

    def done(self, due: Due, now: float) -> None:
        """A hint was sent."""
        assert now == 5000.0
        self.finished.append(due)


def test_due_hints_are_sent_and_then_removed() -> None:
    """One that was not accepted stays where it is."""
    agenda, hints, telemetry = Agenda([Due(hint(1)), Due(hint(2))]), MemoryHints(room=1), MemoryTelemetry()
    with pytest.raises(RetryLater):
        wake(agenda, hints, FakeClock(5000.0), telemetry)
    assert hints.sent == [hint(1)]
    assert agenda.finished == [Due(hint(1))]
    assert telemetry.counts == {"Woken": 1}
