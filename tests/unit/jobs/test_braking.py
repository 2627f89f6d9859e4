"""The brake: what it counts, what it holds, and what a person's word lets pass."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from chalicelib.aws.pauses import Pause
from chalicelib.core.errors import MappingPaused
from chalicelib.core.model import RowState, Side
from chalicelib.core.ports import Failed, RowWrite, WriteKind
from chalicelib.jobs.braking import WINDOW_SECONDS, Brake, Limits
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ACCOUNT


@dataclass
class Counts:
    """Counts in memory."""

    counted: Counter[tuple[str, Side, str, float]] = field(default_factory=Counter)
    pauses: list[Pause] = field(default_factory=list)
    passing: bool = False

    def count(self, mapping: str, side: Side, kind: str, window: tuple[float, float], number: int) -> int:
        """Count more."""
        assert window[1] - window[0] == WINDOW_SECONDS
        self.counted[mapping, side, kind, window[0]] += number
        return self.counted[mapping, side, kind, window[0]]

    def lifted(self, mapping: str, now: float) -> bool:
        """Whether everything passes."""
        return self.passing

    def pause(self, pause: Pause) -> None:
        """Pause a mapping."""
        self.pauses.append(pause)


@dataclass
class Track:
    """A brake, and what passed it."""

    limits: Limits = field(default_factory=lambda: Limits(deletions=2))
    counts: Counts = field(default_factory=Counts)
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    written: list[RowWrite] = field(default_factory=list)

    def write(self, *kinds: WriteKind) -> list[str | Failed]:
        """Write some rows; the outcome of each."""
        writes = [RowWrite(ACCOUNT, kind, f"k{n}", "op", RowState(None, None), {}) for n, kind in enumerate(kinds)]
        brake = Brake(self.counts, self.limits, self.clock, self.telemetry)
        return list(brake.write(writes, Side.POSTGRES, self._call))

    def _call(self, writes: Sequence[RowWrite]) -> list[str | Failed]:
        self.written += writes
        return [write.key for write in writes]


DELETE, UPDATE, CREATE = WriteKind.DELETE, WriteKind.UPDATE, WriteKind.CREATE


def test_a_few_deletions_pass() -> None:
    """Other writes cost no count where they have no limit."""
    track = Track()
    assert track.write(DELETE, UPDATE, DELETE, CREATE) == ["k0", "k1", "k2", "k3"]
    assert list(track.counts.counted.values()) == [2]
    assert track.counts.pauses == []


def test_too_many_deletions_pause_the_mapping() -> None:
    """None of the batch is written that went over the limit; what is no deletion is."""
    track = Track()
    track.write(DELETE, DELETE)

    outcomes = track.write(DELETE, UPDATE, DELETE)

    held = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert (outcomes[1], len(held), type(held[0].error)) == ("k1", 2, MappingPaused)
    (pause,) = track.counts.pauses
    assert (pause.scope, pause.actor, pause.at) == ("account", "", track.clock.now())
    assert "4 deletions in Postgres within ten minutes, and 2 are the limit" in pause.reason
    assert "resume account --let-pass" in pause.reason
    assert track.telemetry.counts == {"Braked": 2}


def test_where_all_is_held_nothing_is_called() -> None:
    """No empty call."""
    track = Track()
    outcomes = track.write(DELETE, DELETE, DELETE)
    assert (track.written, all(isinstance(outcome, Failed) for outcome in outcomes)) == ([], True)


def test_another_window_counts_anew() -> None:
    """A few an hour are no mass change."""
    track = Track()
    track.write(DELETE, DELETE)
    track.clock.advance(WINDOW_SECONDS)
    assert track.write(DELETE, DELETE) == ["k0", "k1"]


def test_what_a_person_lets_pass_passes() -> None:
    """They are counted, and written."""
    track = Track(counts=Counts(passing=True))
    assert track.write(DELETE, DELETE, DELETE) == ["k0", "k1", "k2"]
    assert track.counts.pauses == []


@pytest.mark.parametrize(("kind", "passes"), [(UPDATE, False), (CREATE, False), (DELETE, True)])
def test_changes_have_a_limit_of_their_own(kind: WriteKind, passes: bool) -> None:
    """Nought is no limit."""
    track = Track(Limits(deletions=0, changes=1))
    outcomes = track.write(kind, kind)
    assert (len(track.written) == 2) is passes
    assert [isinstance(outcome, Failed) for outcome in outcomes] == [not passes] * 2
