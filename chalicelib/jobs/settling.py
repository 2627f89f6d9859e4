"""A batch of messages from a queue: settle what they hint at, delete what is done, and let the rest come again.

The messages that are done with are deleted here, one by one, and the call fails for the rest. That is right on any
deployment: without ReportBatchItemFailures Lambda deletes nothing of a batch whose call failed; with it, a failed call
counts all of its messages as failed; either way those that are deleted are gone, and those that are not come again.

A message may be deleted although an earlier one of its group (its record) failed: hints need no order among
themselves. The earlier one comes again, and says no more than that the record may differ.

Nothing is deleted that was settled by mappings which are no longer those installed: such a message may tell of a table
or a column that only the new ones know. The installation is read again after the work, so that it delays nothing.

A bulk message has many hints. It is done with when all of them are; until then it comes again as a whole, for a record
that was settled costs a look at its row the second time, and no write. What fails again and again of it goes into the
agenda hint by hint, as below, and the message is done with.

Nothing is left to the count of receives for long. What has to wait, or has failed a few times, goes into the agenda and
its message is done with; the dead-letter queue gets only what ends the function itself, or cannot be read.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from chalicelib.aws.metrics import Metric
from chalicelib.core.errors import AccessDenied, Halted, RecordLocked, RetryLater, TwinledgerError
from chalicelib.core.model import Hint, Identity
from chalicelib.core.ports import Clock
from chalicelib.core.work import Outcome, Result
from chalicelib.jobs.telling import Telemetry, record_of

LONGEST_HIDDEN = 30.0  # seconds that a message waits in its queue; longer waits go into the agenda
MOST_RECEIVES = 3  # of the five after which a message is a dead letter
PATIENCE = 60.0  # seconds in the agenda where the error names no time
HALTED_PATIENCE = 300.0  # seconds in the agenda where a person has to act

_METRICS = {
    Result.UNCHANGED: Metric.UNCHANGED,
    Result.HANDED_OVER: Metric.HANDED_OVER,
    Result.WAITING: Metric.WAITING,
    Result.PARKED: Metric.PARKED,
    Result.RETRY: Metric.RETRY,
    Result.HALTED: Metric.HALTED,
}

_Name: TypeAlias = tuple[Identity, str]


class BatchIncomplete(RetryLater):
    """Some messages of the batch are to come again."""


class Settles(Protocol):
    """The settle step."""

    def settle(self, hints: Sequence[Hint]) -> Sequence[Outcome]:
        """See :class:`chalicelib.core.settle.Settler`."""
        ...


class Receipts(Protocol):
    """The queue that the batch came from."""

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages for good."""
        ...

    def hide(self, receipts: Mapping[str, float]) -> None:
        """Have messages come again after a number of seconds each."""
        ...


class Agenda(Protocol):
    """Hints for later."""

    def postpone(self, hint: Hint, at: float) -> None:
        """Keep a hint until ``at``, seconds since the epoch."""
        ...

    def set_aside(self, hint: Hint, now: float) -> None:
        """Keep a hint until a pause is over."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One received message.

    Attributes:
        id: SQS's id of it.
        receipt: by which it is deleted or hidden.
        receives: how often it was received, this time included.
        body: its text.
        sent_at: when the queue accepted it, seconds since the epoch; None where the record does not say.
    """

    id: str
    receipt: str
    receives: int
    body: str
    sent_at: float | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """A record of Lambda's SQS event ("Using Lambda with Amazon SQS")."""
        told = record.get("attributes", {})
        sent_at = int(told["SentTimestamp"]) / 1000 if "SentTimestamp" in told else None
        receives = int(told.get("ApproximateReceiveCount", "1"))
        return cls(record["messageId"], record["receiptHandle"], receives, record["body"], sent_at)


class Reads(Protocol):
    """How a message's text becomes hints."""

    def __call__(self, body: str, /) -> Sequence[Hint]:
        """The hints; a ProtocolError where it is none of ours."""
        ...


class Batch:
    """Works off batches of one queue.

    Args:
        settler: the settle step.
        receipts: the queue.
        agenda: for what has to wait.
        read: how a message's text becomes hints.
        clock: for the time in the agenda.
        telemetry: for counts and failures.
        denied: called where a system did not let us in: the credentials may have been changed since they were read.
        paused: whether what a hint tells of is not to be settled for now.
        draw: a number from 0 to 1 by chance.
        unchanged: asks whether the installation that the settle step works with is still the one that counts.
    """

    def __init__(
        self,
        *,
        settler: Settles,
        receipts: Receipts,
        agenda: Agenda,
        read: Reads,
        clock: Clock,
        telemetry: Telemetry,
        denied: Callable[[], None],
        unchanged: Callable[[], bool],
        paused: Callable[[Hint], bool] = lambda _: False,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settler = settler
        self._receipts = receipts
        self._agenda = agenda
        self._read = read
        self._clock = clock
        self._telemetry = telemetry
        self._denied = denied
        self._unchanged = unchanged
        self._paused = paused
        self._draw = draw

    def work_off(self, messages: Sequence[Message]) -> None:
        """Work off a batch; when this returns, every message of it may be deleted.

        Raises:
            BatchIncomplete: some messages are to come again; the others are deleted.
            TwinledgerError: the queue or the ledger refused; whatever is not deleted comes again.
        """
        began = self._clock.now()
        hints = self._hints(messages)
        for message in messages:
            live = not all(hint.bulk for hint in hints.get(message.receipt, ()))
            if live and message.sent_at is not None:
                self._telemetry.measure(Metric.QUEUE_TIME, max(0.0, began - message.sent_at))
        self._set_aside(hints)
        outcomes = self._settler.settle([hint for some in hints.values() for hint in some])
        self._tell(outcomes, began)
        if any(isinstance(outcome.error, AccessDenied) for outcome in outcomes):
            self._denied()
        unchanged = self._unchanged()
        if not unchanged:
            self._telemetry.count(Metric.REMAPPED, len(messages))
        worst = {_name(outcome.hint): outcome for outcome in sorted(outcomes, key=lambda one: not one.acknowledged)}
        done: list[str] = []
        hidden: dict[str, float] = {}
        for message in messages:
            some = hints.get(message.receipt)
            if some is None or not all(_name(hint) in worst for hint in some):
                continue  # it comes again when its visibility ends, and is a dead letter in the end
            left = [one for hint in some if not ((one := worst[_name(hint)]).acknowledged and unchanged)]
            left = [one for one in left if not self._postponed(message, one)]
            if left:
                hidden[message.receipt] = max(_delay(message, one, self._draw) for one in left)
            else:
                done.append(message.receipt)
        if len(done) == len(messages):
            return
        self._receipts.delete(done)
        self._receipts.hide(hidden)
        raise BatchIncomplete(f"{len(messages) - len(done)} of {len(messages)} messages are to come again")

    def _set_aside(self, hints: dict[str, Sequence[Hint]]) -> None:
        """Put aside what is paused, and take it out: it is done with."""
        for receipt, some in hints.items():
            aside = [hint for hint in some if self._paused(hint)]
            for hint in aside:
                self._agenda.set_aside(hint, self._clock.now())
            hints[receipt] = [hint for hint in some if hint not in aside]
            self._telemetry.count(Metric.PAUSED, len(aside))

    def _hints(self, messages: Sequence[Message]) -> dict[str, Sequence[Hint]]:
        hints: dict[str, Sequence[Hint]] = {}
        for message in messages:
            try:
                hints[message.receipt] = self._read(message.body)
            except TwinledgerError as error:
                self._telemetry.failure("a message that cannot be read", error, message_id=message.id)
                self._telemetry.count(Metric.UNREADABLE)
        return hints

    def _postponed(self, message: Message, outcome: Outcome) -> bool:
        """Put a hint into the agenda where its message would wait too long, or too often."""
        waits = outcome.after is not None and outcome.after > LONGEST_HIDDEN
        if not waits and message.receives < MOST_RECEIVES:
            return False
        patience = HALTED_PATIENCE if isinstance(outcome.error, Halted) else PATIENCE
        after = max(patience, outcome.after or 0.0)
        self._agenda.postpone(outcome.hint, self._clock.now() + after)
        self._telemetry.count(Metric.POSTPONED)
        return True

    def _tell(self, outcomes: Sequence[Outcome], began: float) -> None:
        now = self._clock.now()
        self._telemetry.measure(Metric.SETTLE_TIME, now - began)
        for outcome in outcomes:
            if outcome.result is Result.SETTLED:
                self._tell_settled(outcome.hint, now)
            else:
                self._telemetry.count(_METRICS[outcome.result])
            if outcome.error is not None:
                record = record_of(outcome.hint)
                self._telemetry.failure("a record could not be settled", outcome.error, record=record)
        locked = [outcome for outcome in outcomes if isinstance(outcome.error, RecordLocked)]
        self._telemetry.count(Metric.LOCK_RETRIES, len(locked))
        self._telemetry.count(Metric.ECHOES, sum(outcome.echo for outcome in outcomes))
        self._telemetry.count(Metric.CONFLICTS, sum(outcome.conflicts for outcome in outcomes))
        self._telemetry.count(Metric.MERGED, sum(outcome.merged for outcome in outcomes))

    def _tell_settled(self, hint: Hint, now: float) -> None:
        self._telemetry.count(Metric.SETTLED, side=hint.side)
        if hint.occurred_at is not None:
            seconds = max(0.0, now - hint.occurred_at)
            if hint.bulk:
                self._telemetry.measure(Metric.BULK_LATENCY, seconds, hint.side)
            else:
                self._telemetry.measure(Metric.LATENCY, seconds, hint.side)


def _name(hint: Hint) -> _Name:
    return hint.identity, hint.hint_id


def _delay(message: Message, outcome: Outcome, draw: Callable[[], float]) -> float:
    """Seconds until a message comes again: what the error says, else longer with every receive.

    Those that met a lock come again at different times: together they would meet each other.
    """
    if outcome.after is not None:
        return outcome.after
    longest = 2.0**message.receives
    return longest * (0.5 + draw()) if isinstance(outcome.error, RecordLocked) else longest
