"""What one object's round costs, where it begins, and how it goes on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from chalicelib.aws.sweeps import Position
from chalicelib.core.errors import RetryLater
from chalicelib.core.model import Change, Hint
from chalicelib.jobs.rounds import AT_ONCE, FULL_SECONDS, OVERLAP_SECONDS, Means, Round, TakenOver
from chalicelib.salesforce.changes import DELETED_REACH, Found
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.sweeps import MemorySweeps
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.changing import Org

BEGIN = 1_790_000_040  # a whole minute


def name(number: int) -> str:
    """An id; ids sort by number."""
    return f"001{number:012d}AAA"


@dataclass
class Bench:
    """A round's world."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(float(BEGIN)))
    hints: MemoryHints = field(default_factory=MemoryHints)
    memory: MemorySweeps = field(default_factory=MemorySweeps)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)

    def __post_init__(self) -> None:
        self.org = Org(self.clock)
        self.memory.stored["Account"] = Position(BEGIN, BEGIN, version=1)

    @property
    def position(self) -> Position:
        """Where the sweep is."""
        return self.memory.stored["Account"]

    def round(self) -> Round:
        """The object's next round, or the rest of it."""
        return Round("Account", self.position, Means(self.org, self.memory, self.hints, self.clock, self.telemetry))

    def run(self, steps: int = 1_000_000) -> list[str]:
        """Make so many steps of it; the ids that were told of."""
        left = self.round().steps()
        for _ in range(steps):
            if not next(left, False):
                break
        return [hint.identity.id for hint in self.hints.take()]  # type: ignore[union-attr]

    def minutes(self, many: int) -> list[list[str]]:
        """A round a minute."""
        told = []
        for _ in range(many):
            self.clock.advance(60)
            told.append(self.run())
        return told


def test_a_change_is_told_of_once() -> None:
    """Though eleven rounds meet it."""
    bench = Bench()
    bench.org.save(name(1), BEGIN + 10)
    assert bench.minutes(15) == [[name(1)], *[[]] * 14]
    assert bench.telemetry.counts["Swept"] == 1
    assert bench.telemetry.counts["SweptBefore"] > 5


def test_a_change_of_this_second_is_told_of_at_once_and_when_it_is_over() -> None:
    """A second edit may still be given the same stamp."""
    bench = Bench()
    bench.org.save(name(1), BEGIN + 60)
    bench.org.save(name(1), BEGIN + 60.5)
    assert bench.minutes(4) == [[name(1)], [name(1)], [], []]


def test_a_late_commit_under_an_old_stamp_is_told_of_when_it_appears() -> None:
    """Of another record, or of one that was told of since; at once where its transaction took as long as one may."""
    bench = Bench()
    bench.org.save(name(1), BEGIN + 10)
    bench.org.save(name(1), BEGIN + 20, 100)
    bench.org.save(name(2), BEGIN + 20, OVERLAP_SECONDS - 20)
    told = bench.minutes(20)
    assert [minute for minute, names in enumerate(told, 1) if name(1) in names] == [1, 2, 10]
    assert [minute for minute, names in enumerate(told, 1) if name(2) in names] == [10]


def test_while_a_transaction_does_not_end_few_rounds_look_far_back() -> None:
    """What it commits is found within ten minutes; what others commit meanwhile, within a minute, and twice in all."""
    bench = Bench()
    bench.org.save(name(0), BEGIN + 20, 7200)
    for minute in range(1, 180):
        bench.org.save(name(minute), BEGIN + 60 * minute - 30)
    told = bench.minutes(180)
    assert all(name(minute) in told[minute - 1] for minute in range(1, 180))
    [found] = [minute for minute, names in enumerate(told, 1) if name(0) in names]
    assert 7220 <= found * 60 <= 7220 + FULL_SECONDS + 60
    assert max(Counter(record for names in told for record in names).values()) == 2
    far = [start for _, start, end, _ in bench.org.asked if end - start > 3600]
    assert 7200 / FULL_SECONDS - 7 < len(far) < 7200 / FULL_SECONDS + 1


def test_deletions_are_told_of_with_their_time() -> None:
    """Once, as a change is."""
    bench = Bench()
    bench.org.save(name(1), BEGIN + 10, deleted=True)
    bench.clock.advance(60)
    list(bench.round().steps())
    [hint] = bench.hints.take()
    assert (hint.change, hint.occurred_at, hint.sfid) == (Change.DELETED, BEGIN + 10, name(1))
    assert bench.minutes(3) == [[], [], []]


def test_no_hint_is_taken_for_an_earlier_one() -> None:
    """A queue leaves out what has an id that it knows."""
    bench = Bench()
    sent: list[Hint] = []
    for second in range(5):
        bench.org.save(name(1), BEGIN + 60 + second)
        bench.clock.time = BEGIN + 60.5 + second
        list(bench.round().steps())
        sent += bench.hints.take()
    assert len({hint.hint_id for hint in sent}) == len(sent) >= 5


def test_a_round_begins_where_the_last_one_was_covered() -> None:
    """Less the overlap, and at a whole minute; the first one where the position says."""
    bench = Bench()
    bench.clock.advance(59)
    bench.run()
    bench.minutes(1)
    first, second = (span[1:3] for span in bench.org.asked)
    assert first == (BEGIN - OVERLAP_SECONDS, BEGIN + 60)
    assert second == (BEGIN - OVERLAP_SECONDS, BEGIN + 120)
    assert (bench.position.covered, bench.position.looked) == (BEGIN + 119, BEGIN + 60)


def test_a_clock_that_went_back_asks_for_a_minute() -> None:
    """There is no span that ends before it begins."""
    bench = Bench()
    bench.clock.advance(-7200)
    bench.run()
    assert [span[1:3] for span in bench.org.asked] == [(BEGIN - 7200, BEGIN - 7140)]
    assert bench.position.covered == BEGIN


def test_a_round_goes_on_where_it_stopped() -> None:
    """Each block once, by however many runs; the next round begins where the first answer ended."""
    bench = Bench()
    bench.org.block = 100
    expected = [name(number) for number in range(1000)]
    for record in expected:
        bench.org.save(record, BEGIN + 30)
    told: list[str] = []
    while bench.position.span is not None or not told:
        bench.clock.advance(60)
        told += bench.run(3)
    assert told == expected
    assert bench.position.covered == BEGIN + 60
    assert bench.minutes(15) == [[]] * 15


def test_what_commits_behind_a_long_round_is_found_by_the_next() -> None:
    """Its id was passed long ago, and its stamp lies further back than the overlap reaches from the round's end."""
    bench = Bench()
    bench.org.block = 10
    for number in range(100, 300):
        bench.org.save(name(number), BEGIN + 30)
    bench.org.save(name(1), BEGIN + 50, 100)
    while bench.position.span is not None or bench.position.covered == BEGIN:
        bench.clock.advance(60)
        assert name(1) not in bench.run(1)
    assert bench.clock.now() > BEGIN + 50 + OVERLAP_SECONDS + 60
    assert [name(1)] == bench.run()


def test_what_no_other_round_will_meet_is_not_remembered() -> None:
    """After a pause of a day, what happened before its last ten minutes."""
    bench = Bench()
    for hour in range(24):
        bench.org.save(name(hour), BEGIN + 3600 * hour)
    bench.org.save(name(99), BEGIN + 86_400 - OVERLAP_SECONDS)
    bench.clock.advance(86_400)
    assert len(bench.run()) == 25
    assert [list(part) for part in bench.memory.blocks["Account"]] == [[name(99)]]


def test_a_block_that_could_not_be_sent_is_sent_again() -> None:
    """The hints of one block at most go twice."""
    bench = Bench()
    bench.org.block = 150
    for number in range(400):
        bench.org.save(name(number), BEGIN + 30)
    bench.clock.advance(60)
    bench.hints.room = 370
    with pytest.raises(RetryLater):
        bench.run()
    bench.hints.room = None
    first = [hint.sfid for hint in bench.hints.take()]
    assert (len(first), bench.run()[0]) == (370, name(300))
    assert bench.telemetry.counts["Swept"] == 400


def test_hints_are_sent_in_blocks() -> None:
    """A send is a few calls, and one that fails repeats few hints."""
    sizes: list[int] = []

    class Hints(MemoryHints):
        """Counts."""

        def send(self, hints: Sequence[Hint]) -> None:
            """Note how many."""
            sizes.append(len(hints))

    bench = Bench(hints=Hints())
    for number in range(250):
        bench.org.save(name(number), BEGIN + 30)
    bench.minutes(1)
    assert sizes == [AT_ONCE, AT_ONCE, 50]


def test_a_span_that_is_too_full_is_halved() -> None:
    """And what follows is asked for in spans that grow again."""
    bench = Bench()
    bench.org.most = 10
    expected = [name(number) for number in range(60)]
    for number, record in enumerate(expected):
        bench.org.save(record, BEGIN + 20 * number)
    bench.clock.advance(86_400)
    assert sorted(bench.run()) == expected
    assert all(listed for *_, listed in bench.org.asked)
    spans = [(start, end) for _, start, end, _ in bench.org.asked]
    assert len(spans) < 50
    assert spans[0] == (BEGIN - OVERLAP_SECONDS, BEGIN + 86_460)
    assert spans[-1][1] == BEGIN + 86_460
    assert bench.position.covered == BEGIN + 86_400
    assert bench.telemetry.counts["SweepCrowded"] == 0


def test_a_minute_that_is_too_full_is_told_of_and_queried() -> None:
    """No record of it is left out; it is covered when the longest transaction would have ended."""
    bench = Bench()
    bench.org.most, bench.org.block = 10, 4
    expected = [name(number) for number in range(12)]
    for record in expected:
        bench.org.save(record, BEGIN + 30)
    told = bench.minutes(15)
    assert expected == told[0]
    assert sorted(expected * 2) == sorted(record for names in told for record in names)
    assert bench.telemetry.counts["SweepCrowded"] > 1
    assert any(str(BEGIN) in line and "Account" in line for line in bench.telemetry.told)
    assert bench.position.covered == BEGIN + 15 * 60


def test_a_record_without_a_stamp_is_told_of() -> None:
    """It was there a moment ago."""

    class Vague(Org):
        """Whoever looks finds nothing."""

        def found(self, record: str) -> Found:
            """Not there."""
            return Found(record, None)

    bench = Bench()
    bench.org = Vague(bench.clock)
    bench.org.save(name(1), BEGIN + 10)
    assert bench.minutes(2) == [[name(1)]] * 2
    assert bench.memory.blocks == {}


def test_a_run_leaves_an_object_that_another_one_took_up() -> None:
    """Both have told of a block; nothing is lost, and the position is the other one's."""
    bench = Bench()
    bench.org.block = 10
    for number in range(30):
        bench.org.save(name(number), BEGIN + 30)
    bench.clock.advance(60)
    left = bench.round().steps()
    assert next(left)
    assert len(bench.run()) == 30
    with pytest.raises(TakenOver):
        next(left)
    assert bench.position.span is None


def test_a_gap_that_is_too_long_is_told_of() -> None:
    """Salesforce knows of deletions for a few weeks only. It is told once, by the run that begins the round."""
    bench = Bench()
    bench.org.block = 1
    for number in range(3):
        bench.org.save(name(number), BEGIN + 30)
    bench.clock.advance(DELETED_REACH + OVERLAP_SECONDS)
    while bench.run(1):
        pass
    assert bench.telemetry.counts["SweepIncomplete"] == 1
    assert "compare the object in full" in bench.telemetry.told[0]
