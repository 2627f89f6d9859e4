"""Pauses: what they cover, who is told what, and how what was put aside comes back."""

from dataclasses import dataclass, field

import pytest

from chalicelib.aws.pauses import EVERYTHING, Pause
from chalicelib.core.errors import Rejected, Unavailable
from chalicelib.core.model import Change, Hint, RowId, SalesforceId
from chalicelib.jobs.pausing import LIFTED_SECONDS, Pausing, covers, send_back
from chalicelib.jobs.rounds import AT_ONCE
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.unit.jobs.sample import ID, MAPPINGS

NOW = FakeClock().now()
RECORD = Hint(SalesforceId("Account", ID), Change.UPDATED, "h")


@dataclass
class Memory:
    """Pauses in memory, and the mappings that may pass the brake."""

    paused: dict[str, Pause] = field(default_factory=dict)
    let_pass: dict[str, float] = field(default_factory=dict)

    def all(self) -> dict[str, Pause]:
        """By scope."""
        return dict(self.paused)

    def pause(self, pause: Pause) -> None:
        """Pause something."""
        self.paused[pause.scope] = pause

    def resume(self, scope: str) -> None:
        """End a pause."""
        del self.paused[scope]

    def lift(self, mapping: str, until: float) -> None:
        """Let changes pass."""
        self.let_pass[mapping] = until


@pytest.mark.parametrize("scope", ["account", EVERYTHING])
def test_what_is_paused_is_resumed(scope: str) -> None:
    """And it is told who had paused it, and why."""
    memory = Memory()
    pausing = Pausing(MAPPINGS, memory, FakeClock())

    pausing.pause(scope, "moving house", "ann")
    was = pausing.resume(scope, let_pass=False)

    assert was == Pause(scope, "moving house", "ann", NOW)
    assert (memory.paused, memory.let_pass) == ({}, {})


@pytest.mark.parametrize("scope", ["account", EVERYTHING])
def test_a_mass_change_that_is_right_is_let_pass(scope: str) -> None:
    """For an hour, of every mapping that is resumed."""
    memory = Memory({scope: Pause(scope, "too many", "", 1.0)})
    Pausing(MAPPINGS, memory, FakeClock()).resume(scope, let_pass=True)
    assert memory.let_pass == {"account": NOW + LIFTED_SECONDS}


def test_a_slip_of_the_pen_is_told() -> None:
    """With what there is."""
    pausing = Pausing(MAPPINGS, Memory({EVERYTHING: Pause(EVERYTHING, "", "ann", 1.0)}), FakeClock())
    with pytest.raises(Rejected, match=r"no mapping acount.*account"):
        pausing.pause("acount", "", "ann")
    with pytest.raises(Rejected, match="no mapping acount"):
        pausing.resume("acount", let_pass=False)
    with pytest.raises(Rejected, match=r"account is not paused: \*"):
        pausing.resume("account", let_pass=False)
    with pytest.raises(Rejected, match="everything is not paused: nothing is"):
        Pausing(MAPPINGS, Memory(), FakeClock()).resume(EVERYTHING, let_pass=False)


def test_a_pause_covers_its_mapping_on_both_sides() -> None:
    """And that of everything covers what no mapping names, too."""
    one, all_ = Pause("account", "", "ann", 1.0), Pause(EVERYTHING, "", "ann", 1.0)
    row = Hint(RowId("public.account", ("1",)), Change.UPDATED, "h")
    other = Hint(RowId("public.other", ("1",)), Change.UPDATED, "h")

    assert [covers({"account": one}, MAPPINGS, hint) for hint in (RECORD, row, other)] == [one, one, None]
    assert [covers({EVERYTHING: all_}, MAPPINGS, hint) for hint in (RECORD, other)] == [all_, all_]
    assert covers({}, MAPPINGS, RECORD) is None


@dataclass
class Kept:
    """A hint that was put aside."""

    hint: Hint


@dataclass
class Agenda:
    """Hints that were put aside."""

    kept: list[Kept]

    def aside(self) -> list[Kept]:  # type: ignore[override]
        """All of them."""
        return list(self.kept)

    def back(self, aside: Kept) -> None:
        """One was sent again."""
        self.kept.remove(aside)


def agenda(count: int) -> Agenda:
    """An agenda with so many hints."""
    return Agenda([Kept(Hint(RowId("public.account", (str(n),)), Change.UPDATED, f"h{n}")) for n in range(count)])


def test_what_no_pause_covers_comes_back() -> None:
    """What one covers still stays."""
    kept, hints = agenda(3), MemoryHints()
    sent = send_back(kept, hints, FakeClock(), NOW + 9.0, paused=lambda hint: hint.hint_id == "h1")
    assert (sent, [one.hint_id for one in hints.sent], len(kept.kept)) == (2, ["h0", "h2"], 1)
    assert all(one.bulk for one in hints.sent)  # whoever edits now does not wait for them


def test_what_is_left_when_the_time_is_over_comes_next_time() -> None:
    """A block that was begun is ended."""
    kept, hints = agenda(2 * AT_ONCE + 1), MemoryHints()
    assert send_back(kept, hints, FakeClock(), NOW, paused=lambda _: False) == AT_ONCE
    assert send_back(kept, hints, FakeClock(), NOW + 9.0, paused=lambda _: False) == AT_ONCE + 1
    assert (len(hints.sent), kept.kept) == (2 * AT_ONCE + 1, [])


def test_a_queue_that_takes_nothing_loses_nothing() -> None:
    """The hints stay."""

    class Full(MemoryHints):
        """A queue that does not answer."""

        def send(self, hints: object) -> None:
            """Take nothing."""
            raise Unavailable

    kept = agenda(2)
    with pytest.raises(Unavailable):
        send_back(kept, Full(), FakeClock(), NOW, paused=lambda _: False)
    assert len(kept.kept) == 2
