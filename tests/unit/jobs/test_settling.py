"""A batch of messages: what is deleted, what comes again and when, what is put off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.aws.codec import encode_hints
from chalicelib.aws.queues import hints_of, message_of
from chalicelib.core.errors import AccessDenied, RecordLocked, Rejected, RetryLater, Unavailable
from chalicelib.core.identity import row_key
from chalicelib.core.model import Change, Hint, RowId, SalesforceId, Side
from chalicelib.core.work import Outcome, Result
from chalicelib.jobs.settling import HALTED_PATIENCE, LONGEST_HIDDEN, PATIENCE, Batch, BatchIncomplete, Message
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ID


def hint(number: int) -> Hint:
    """The hint of one row."""
    return Hint(RowId("public.account", (str(number),)), Change.UPDATED, f"h{number}", occurred_at=1_789_999_998.0)


def message(number: int, receives: int = 1, body: str | None = None) -> Message:
    """The message of that hint."""
    return Message(f"m{number}", f"r{number}", receives, message_of(hint(number)) if body is None else body)


@dataclass
class Bench:
    """A batch's world: ``outcomes`` by hint id; what is not there was settled."""

    outcomes: dict[str, Callable[[Hint], Outcome]] = field(default_factory=dict)
    settled: list[Hint] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    hidden: dict[str, float] = field(default_factory=dict)
    postponed: dict[str, float] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    aside: list[str] = field(default_factory=list)
    denied: int = 0
    unchanged: bool = True
    drawn: float = 0.0
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)

    def settle(self, hints: Sequence[Hint]) -> Sequence[Outcome]:
        """The settle step."""
        self.settled += hints
        good: Callable[[Hint], Outcome] = lambda one: Outcome(one, Result.SETTLED, conflicts=1, merged=2)  # noqa: E731
        return [self.outcomes.get(one.hint_id, good)(one) for one in reversed(hints)]

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages."""
        self.deleted += receipts

    def hide(self, receipts: Mapping[str, float]) -> None:
        """Hide messages."""
        self.hidden |= receipts

    def postpone(self, hint: Hint, at: float) -> None:
        """Put a hint into the agenda."""
        self.postponed[hint.hint_id] = at - self.clock.now()

    def set_aside(self, hint: Hint, now: float) -> None:
        """Put a hint aside."""
        assert now == self.clock.now()
        self.aside.append(hint.hint_id)

    def work_off(self, *messages: Message) -> None:
        """Work off a batch."""
        Batch(
            settler=self,
            receipts=self,
            agenda=self,
            read=hints_of,
            clock=self.clock,
            telemetry=self.telemetry,
            denied=self.deny,
            unchanged=lambda: self.unchanged,
            paused=lambda hint: hint.hint_id in self.paused,
            draw=lambda: self.drawn,
        ).work_off(messages)

    def deny(self) -> None:
        """Read the credentials again."""
        self.denied += 1


def failing(error: RetryLater | AccessDenied | Rejected) -> Callable[[Hint], Outcome]:
    """The outcome of a hint that an error ended."""
    return lambda one: Outcome.of(one, error)


def test_a_batch_that_is_done_is_left_to_lambda() -> None:
    """A call that returns deletes its batch: nothing is called for that."""
    bench = Bench()
    bench.work_off(message(1), message(2))
    assert {one.hint_id for one in bench.settled} == {"h1", "h2"}
    assert (bench.deleted, bench.hidden) == ([], {})
    assert bench.telemetry.counts == {"Settled": 2, "Conflicts": 2, "Merged": 4}
    assert bench.telemetry.measured == {"SettleTime": [0.0], "Latency": [2.0, 2.0]}


def test_what_is_paused_is_put_aside() -> None:
    """Its messages are done with, beside others that are worked off, and that come again."""
    bench = Bench({"h3": failing(Unavailable())}, paused=frozenset({"h1"}))
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1), message(2), message(3))
    assert (bench.aside, [one.hint_id for one in bench.settled]) == (["h1"], ["h2", "h3"])
    assert (sorted(bench.deleted), list(bench.hidden)) == (["r1", "r2"], ["r3"])
    assert bench.telemetry.counts["Paused"] == 1


def test_a_batch_that_is_paused_as_a_whole_is_done() -> None:
    """Nothing is left to settle."""
    bench = Bench(paused=frozenset({"h1", "h2"}))
    bench.work_off(message(1), message(2))
    assert (bench.aside, bench.settled) == (["h1", "h2"], [])


def test_what_is_settled_is_told_by_direction() -> None:
    """And how long it took from its commit, where the message says when that was."""
    bench = Bench()
    undated = replace(hint(2), identity=SalesforceId("Account", ID), occurred_at=None)
    bench.work_off(message(1), Message("m2", "r2", 1, message_of(undated)))
    assert bench.telemetry.directed == {
        ("Settled", Side.POSTGRES): 1,
        ("Latency", Side.POSTGRES): 1,
        ("Settled", Side.SALESFORCE): 1,
    }


def test_echoes_and_locks_are_counted_among_the_others() -> None:
    """An echo is unchanged, and a lock is one reason of several for a message to come again."""
    bench = Bench(
        {
            "h1": failing(RecordLocked(after=7.0)),
            "h2": failing(Unavailable()),
            "h3": lambda one: Outcome(one, Result.UNCHANGED, echo=True),
            "h4": lambda one: Outcome(one, Result.UNCHANGED),
        }
    )
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1), message(2), message(3), message(4))
    assert bench.telemetry.counts == {"Retry": 2, "LockRetries": 1, "Unchanged": 2, "Echoes": 1}


@pytest.mark.parametrize("result", set(Result) - {Result.SETTLED, Result.RETRY, Result.HALTED})
def test_every_result_is_counted(result: Result) -> None:
    """By its own name."""
    bench = Bench({"h1": lambda one: Outcome(one, result)})
    bench.work_off(message(1))
    assert bench.telemetry.counts == {result.name.title().replace("_", ""): 1}


def test_what_is_done_is_deleted_before_the_call_fails() -> None:
    """Right without ReportBatchItemFailures, where a failed call deletes nothing, and with it."""
    bench = Bench({"h2": failing(RecordLocked(after=7.0)), "h3": failing(Rejected("too long"))})
    with pytest.raises(BatchIncomplete, match="1 of 3 messages"):
        bench.work_off(message(1), message(2), message(3))
    assert bench.deleted == ["r1", "r3"]
    assert bench.hidden == {"r2": 7.0}
    assert bench.telemetry.counts["Retry"] == 1
    assert bench.telemetry.counts["Parked"] == 1


def test_a_later_message_of_a_failed_one_s_group_may_be_deleted() -> None:
    """Hints need no order: the failed one comes again and says the same."""
    bench = Bench({"h1": failing(RecordLocked(after=1.0))})
    later = replace(hint(1), hint_id="h2")
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1), Message("m2", "r2", 1, message_of(later)))
    assert bench.deleted == ["r2"]


@pytest.mark.parametrize(("receives", "delay"), [(1, 2.0), (2, 4.0)])
def test_a_failure_without_a_time_comes_again_later_and_later(receives: int, delay: float) -> None:
    """The message's own visibility is the back-off."""
    bench = Bench({"h1": failing(Unavailable())})
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1, receives))
    assert bench.hidden == {"r1": delay}
    assert bench.postponed == {}


@pytest.mark.parametrize(
    ("error", "receives", "expected"),
    [
        (Unavailable(after=LONGEST_HIDDEN + 1), 1, PATIENCE),
        (Unavailable(after=3600.0), 1, 3600.0),
        (Unavailable(), 3, PATIENCE),
        (Unavailable(after=5.0), 4, PATIENCE),
        (AccessDenied(), 3, HALTED_PATIENCE),
    ],
)
def test_a_message_never_dies_of_waiting(error: RetryLater | AccessDenied, receives: int, expected: float) -> None:
    """What has to wait long, or has failed a few times, goes into the agenda, and its message is done with."""
    bench = Bench({"h1": failing(error)})
    bench.work_off(message(1, receives))
    assert bench.postponed == {"h1": expected}
    assert bench.telemetry.counts["Postponed"] == 1


def test_credentials_that_were_refused_are_read_again() -> None:
    """Once for a batch; nothing else has them read again."""
    bench = Bench(dict.fromkeys(("h1", "h2"), failing(AccessDenied())))
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1), message(2))
    assert bench.denied == 1
    bench = Bench({"h1": failing(Unavailable())})
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1))
    assert bench.denied == 0


def test_a_message_that_cannot_be_read_becomes_a_dead_letter() -> None:
    """The others of its batch are done; it is received until its queue gives it up."""
    bench = Bench()
    with pytest.raises(BatchIncomplete, match="1 of 2"):
        bench.work_off(message(1), message(2, body="junk"))
    assert bench.deleted == ["r1"]
    assert bench.hidden == {}
    assert bench.telemetry.counts["UnreadableMessages"] == 1


def test_a_hint_without_an_outcome_comes_again() -> None:
    """Nothing is deleted of which it is not known what became of it."""
    bench = Bench({"h2": lambda one: Outcome(replace(one, hint_id="other"), Result.SETTLED)})
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1), message(2))
    assert bench.deleted == ["r1"]


def test_equal_messages_share_the_worst_outcome() -> None:
    """A message that came twice in one batch is done only if both of its outcomes say so."""
    outcomes = iter([Outcome(hint(1), Result.SETTLED), Outcome.of(hint(1), Unavailable(after=3.0))])
    bench = Bench({"h1": lambda _one: next(outcomes)})
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1), replace(message(1), receipt="r9"))
    assert bench.hidden == {"r1": 3.0, "r9": 3.0}


def test_what_was_settled_by_other_mappings_comes_again() -> None:
    """Whatever became of it: the new mappings may know more of its table; it is put off as any other."""
    bench = Bench({"h2": failing(Unavailable(after=3.0))}, unchanged=False)
    with pytest.raises(BatchIncomplete, match="3 of 4"):
        bench.work_off(message(1), message(2), message(3, receives=2), message(4, receives=3))
    assert (bench.deleted, bench.hidden) == (["r4"], {"r1": 2.0, "r2": 3.0, "r3": 4.0})
    assert bench.postponed == {"h4": PATIENCE}
    assert bench.telemetry.counts["Remapped"] == 4


def test_a_log_line_names_no_primary_key() -> None:
    """It may be an address: the Salesforce id stands there, or the record key that the row has for itself."""
    rows = [Hint(RowId("public.account", ("ann@example.com",)), Change.UPDATED, name) for name in ("h1", "h2")]
    hints = [replace(rows[0], sfid=ID), rows[1], Hint(SalesforceId("Account", ID), Change.UPDATED, "h3")]
    bench = Bench({one.hint_id: failing(Unavailable()) for one in hints})
    with pytest.raises(BatchIncomplete):
        bench.work_off(*(Message(f"m{n}", f"r{n}", 1, message_of(one)) for n, one in enumerate(hints)))
    own = f"public.account {row_key('public.account', ('ann@example.com',))}"
    for told, name in zip(bench.telemetry.told, (f"Account {ID}", own, f"public.account {ID}"), strict=True):
        assert name in told
        assert "ann@" not in told


def test_lambda_s_records_are_messages() -> None:
    """As "Using Lambda with Amazon SQS" shows them."""
    record = {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": "text",
        "attributes": {"ApproximateReceiveCount": "3", "MessageGroupId": "g"},
    }
    assert Message.of(record) == Message("m1", "r1", 3, "text")
    assert Message.of({**record, "attributes": {}}).receives == 1
    assert Message.of({**record, "attributes": {"SentTimestamp": "1789999997500"}}).sent_at == 1_789_999_997.5


def test_the_time_in_the_queue_is_told() -> None:
    """Beside the time of the work, so that a slow sync shows where it is slow."""
    bench = Bench()
    bench.work_off(replace(message(1), sent_at=bench.clock.now() - 1.5), replace(message(2), sent_at=None))
    assert bench.telemetry.measured["QueueTime"] == [1.5]


def bulk(*numbers: int, receives: int = 1) -> Message:
    """A message of the bulk lane with these hints."""
    hints = [replace(hint(number), bulk=True) for number in numbers]
    return Message("m1", "r1", receives, encode_hints(hints).decode(), sent_at=1_789_999_990.0)


def test_a_bulk_message_is_settled_at_once() -> None:
    """All its records in one step; its times are told apart from those that somebody waits for."""
    bench = Bench()
    bench.work_off(bulk(1, 2, 3))
    assert [one.hint_id for one in bench.settled] == ["h1", "h2", "h3"]
    assert bench.telemetry.measured == {"SettleTime": [0.0], "BulkLatency": [2.0, 2.0, 2.0]}


def test_a_bulk_message_is_done_when_all_of_it_is() -> None:
    """One hint that is to come again brings all of them again, after the longest of the times."""
    bench = Bench({"h2": failing(RecordLocked(after=7.0)), "h3": failing(Unavailable(after=9.0))})
    with pytest.raises(BatchIncomplete, match="1 of 2"):
        bench.work_off(bulk(1, 2, 3), replace(message(4), receipt="r2"))
    assert (bench.deleted, bench.hidden) == (["r2"], {"r1": 9.0})


def test_what_fails_again_and_again_of_a_bulk_message_is_put_off_alone() -> None:
    """Then the message is done with: the others of it were."""
    bench = Bench({"h2": failing(Unavailable())})
    bench.work_off(bulk(1, 2, 3, receives=3))
    assert bench.postponed == {"h2": PATIENCE}


def test_a_bulk_message_of_which_one_hint_has_no_outcome_comes_again() -> None:
    """Nothing is deleted of which it is not known what became of it."""
    bench = Bench({"h2": lambda one: Outcome(replace(one, hint_id="other"), Result.SETTLED)})
    with pytest.raises(BatchIncomplete):
        bench.work_off(bulk(1, 2))
    assert (bench.deleted, bench.hidden) == ([], {})


def test_what_is_paused_of_a_bulk_message_is_put_aside_alone() -> None:
    """The rest of it is settled, and comes again where that fails, without what was put aside."""
    bench = Bench({"h2": failing(Unavailable(after=3.0))}, paused=frozenset({"h1"}))
    with pytest.raises(BatchIncomplete):
        bench.work_off(bulk(1, 2, 3))
    assert (bench.aside, [one.hint_id for one in bench.settled]) == (["h1"], ["h2", "h3"])
    assert bench.hidden == {"r1": 3.0}


@pytest.mark.parametrize(("drawn", "delay"), [(0.0, 2.0), (0.25, 3.0), (1.0, 6.0)])
def test_what_met_a_lock_comes_again_at_a_time_of_its_own(drawn: float, delay: float) -> None:
    """By chance around the time that another failure waits; the others of its batch are done."""
    bench = Bench({"h1": failing(RecordLocked())}, drawn=drawn)
    with pytest.raises(BatchIncomplete):
        bench.work_off(message(1, receives=2), message(2))
    assert (bench.hidden, bench.deleted) == ({"r1": delay}, ["r2"])
