"""The settle step alone, in this process, on the stack's real Postgres, its DynamoDB emulator and its simulated org.

The stack's own settle functions take no message meanwhile. Edits are made by the sides' public APIs; the hints that
they cause are taken from the queues, so that each is what the functions would have got.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from chalicelib.aws.queues import hints_of
from chalicelib.core.model import Change, Hint, RowId, SalesforceId, Side
from chalicelib.core.settle import Settler
from chalicelib.core.work import Result
from chalicelib.settings import Lane
from tests.bench.counting import Counting, Trips
from tests.bench.figures import middle_and_most, milliseconds, table
from tests.bench.records import Pair, pairs
from tests.bench.stack import Stack

PATIENCE_SECONDS = 60.0
SILENCE_SECONDS = 0.4  # without a message: nothing more is coming
WARM_UP = 5
FEW = 20  # of each kind that has no target
AT_ONCE = 10

FROM_SALESFORCE = "edit in Salesforce, told by outbound message"
ITS_ECHO = "  its echo from Postgres"
BY_EVENT = "edit in Salesforce, told by event"
FROM_POSTGRES = "edit in Postgres"
ECHO_MESSAGE = "  its echo by outbound message"
MERGED = "an edit on each side, of two fields"
CONFLICT = "an edit on each side, of one field (held)"
CREATE_SALESFORCE = "creation in Salesforce"
CREATE_POSTGRES = "creation in Postgres"
DELETE_SALESFORCE = "deletion in Salesforce, told by event"
DELETE_POSTGRES = "deletion in Postgres"

NEW = {
    "FirstName": "New",
    "Phone": "+44 20 1",
    "Title": "Title",
    "Birthdate": "1990-01-01",
    "MailingStreet": "1 Mill Lane",
    "MailingCity": "Leeds",
    "MailingPostalCode": "LS1",
    "MailingCountry": "United Kingdom",
}
Matches = Callable[[Hint], bool]


class Unexpected(RuntimeError):
    """A settle step ended otherwise than the kind of change that was to be measured."""


@dataclass
class Kind:
    """Settle steps of one kind.

    Attributes:
        seconds: how long each took.
        trips: round trips of each.
    """

    seconds: list[float] = field(default_factory=list)
    trips: list[Trips] = field(default_factory=list)

    @property
    def row(self) -> list[str]:
        """Cells."""
        return [
            str(len(self.seconds)),
            *milliseconds(self.seconds),
            middle_and_most([trips.dynamodb.total() for trips in self.trips]),
            middle_and_most([trips.exchanges for trips in self.trips]),
            middle_and_most([trips.statements for trips in self.trips]),
            middle_and_most([trips.salesforce for trips in self.trips]),
        ]

    @property
    def operations(self) -> str:
        """DynamoDB's calls of the most common settle step by operation."""
        found = Counter(", ".join(f"{n} {name}" for name, n in sorted(one.dynamodb.items())) for one in self.trips)
        return found.most_common(1)[0][0] or "none"


class Mailbox:
    """Takes hints from the stack's queues in the functions' place."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._aside: list[Hint] = []

    def take(self, side: Side, matches: Matches) -> Hint:
        """The next hint of a side that fits; others are put aside.

        Raises:
            TimeoutError: none came.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            for hint in self._aside:
                if hint.side is side and matches(hint):
                    self._aside.remove(hint)
                    return hint
            if time.monotonic() > deadline:
                raise TimeoutError(f"no such hint came from {side} in {PATIENCE_SECONDS:.0f} s")
            self._aside += self._receive(side, wait=1)

    def rest(self) -> Iterator[Hint]:
        """All that is aside or still comes, until a while has passed without a message."""
        silent_since = time.monotonic()
        while time.monotonic() - silent_since < SILENCE_SECONDS:
            self._aside += [hint for side in Side for hint in self._receive(side, wait=0)]
            if self._aside:
                silent_since = time.monotonic()
            while self._aside:
                yield self._aside.pop()
            time.sleep(0.05)

    def _receive(self, side: Side, wait: int) -> list[Hint]:
        url = self._stack.queue_of(Lane(side))
        found = self._stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=wait)
        messages = found.get("Messages", [])
        if messages:
            entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
            self._stack.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return [hint for message in messages for hint in hints_of(message["Body"])]


class Measuring:
    """Makes edits and measures the settle steps that they cause."""

    def __init__(self, stack: Stack, app: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.kinds: dict[str, Kind] = {}
        self._counting = Counting(stack.wiring)  # before the settle step's clients are made
        self._stack = stack
        self._app = app
        self._settler: Settler = stack.wiring.settler()
        self._mailbox = Mailbox(stack)

    def settle(self, kind: str, hint: Hint, expected: Result = Result.SETTLED) -> None:
        """Settle one hint, timed and counted.

        Raises:
            Unexpected: it ended otherwise.
        """
        began = time.perf_counter()
        outcomes, trips = self._counting.during(lambda: self._settler.settle([hint]))
        took = time.perf_counter() - began
        for outcome in outcomes:
            if outcome.result is not expected:
                raise Unexpected(f"{kind.strip()}: {outcome.result}, not {expected}: {outcome.error!r}")
        noted = self.kinds.setdefault(kind, Kind())
        noted.seconds.append(took)
        noted.trips.append(trips)

    def rest(self) -> None:
        """Settle what is left, unmeasured."""
        for hint in self._mailbox.rest():
            self._settler.settle([hint])

    def from_salesforce(self, pair: Pair) -> None:
        """An edit in Salesforce, by its outbound message, and its echo."""
        self._stack.org.edit(pair.sfid, {"Phone": _value()})
        self.settle(FROM_SALESFORCE, self._mailbox.take(Side.SALESFORCE, _told(pair, content=True)))
        self.settle(ITS_ECHO, self._mailbox.take(Side.POSTGRES, _row(pair)), Result.UNCHANGED)

    def by_event(self, pair: Pair) -> None:
        """An edit in Salesforce, by an event of a flow, which says no more than that there was one."""
        self._stack.org.edit(pair.sfid, {"Phone": _value()})
        self._mailbox.take(Side.SALESFORCE, _told(pair, content=True))
        self._stack.tell(pair.sfid)
        self.settle(BY_EVENT, self._mailbox.take(Side.SALESFORCE, _told(pair, content=False)))
        self._mailbox.take(Side.POSTGRES, _row(pair))

    def from_postgres(self, pair: Pair) -> None:
        """An edit in Postgres, and its echo."""
        self._update(pair, "phone")
        self.settle(FROM_POSTGRES, self._mailbox.take(Side.POSTGRES, _row(pair)))
        self.settle(ECHO_MESSAGE, self._mailbox.take(Side.SALESFORCE, _told(pair, content=True)), Result.UNCHANGED)

    def merged(self, pair: Pair) -> None:
        """An edit on each side before anything is settled."""
        self._update(pair, "phone")
        self._stack.org.edit(pair.sfid, {"FirstName": _value()})
        self.settle(MERGED, self._mailbox.take(Side.POSTGRES, _row(pair)))
        self.rest()

    def conflict(self, pair: Pair) -> None:
        """The same field on each side; afterwards both come to one value, which closes the issue."""
        self._update(pair, "phone")
        self._stack.org.edit(pair.sfid, {"Phone": _value()})
        self.settle(CONFLICT, self._mailbox.take(Side.POSTGRES, _row(pair)), Result.UNCHANGED)
        self._stack.org.edit(pair.sfid, {"Phone": "agreed"})
        self._app.execute("UPDATE public.contact SET phone = 'agreed' WHERE id = %s", (pair.pk,))
        self.rest()

    def created_in_salesforce(self) -> None:
        """A new record, and its end."""
        name = _value()
        sfid = self._stack.org.create({**NEW, "LastName": name, "Email": f"{name}@example.com"})
        pair = Pair("", sfid)
        self.settle(CREATE_SALESFORCE, self._mailbox.take(Side.SALESFORCE, _told(pair, content=True)))
        self.rest()
        self._stack.org.delete(sfid)
        self.settle(DELETE_SALESFORCE, self._mailbox.take(Side.SALESFORCE, _told(pair, content=False)))
        self.rest()

    def created_in_postgres(self) -> None:
        """A new row, and its end."""
        name = _value()
        columns = "first_name, last_name, email, phone, title, birthdate, mailing_street, mailing_city"
        (pk,) = self._app.execute(
            f"INSERT INTO public.contact ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id::text",  # noqa: S608
            ("New", name, f"{name}@example.com", "+44 20 1", "Title", "1990-01-01", "1 Mill Lane", "Leeds"),
        ).fetchone() or ("",)
        pair = Pair(pk, "")
        self.settle(CREATE_POSTGRES, self._mailbox.take(Side.POSTGRES, _row(pair)))
        self.rest()
        self._app.execute("DELETE FROM public.contact WHERE id = %s", (pk,))
        self.settle(DELETE_POSTGRES, self._mailbox.take(Side.POSTGRES, _row(pair)))
        self.rest()

    def _update(self, pair: Pair, column: str) -> None:
        self._app.execute(f"UPDATE public.contact SET {column} = %s WHERE id = %s", (_value(), pair.pk))  # noqa: S608


def run(stack: Stack, edits: int) -> str:
    """Measure; the tables."""
    found = pairs(stack, max(edits, FEW))
    stack.calm()
    with stack.app() as app, stack.paused():
        measuring = Measuring(stack, app)
        try:
            _measure(measuring, found, edits)
        finally:
            measuring.rest()
    return _tables(measuring.kinds)


def _measure(measuring: Measuring, found: Sequence[Pair], edits: int) -> None:
    for pair in found[-WARM_UP:]:  # not the first to be measured: a message of the second just settled is not trusted
        measuring.from_salesforce(pair)
        measuring.from_postgres(pair)
    measuring.kinds.clear()
    for pair in found[:edits]:
        measuring.from_salesforce(pair)
    for pair in found[:edits]:
        measuring.from_postgres(pair)
    few = found[: min(edits, FEW)]
    for pair in few:
        measuring.by_event(pair)
        measuring.merged(pair)
        measuring.conflict(pair)
    for _ in few:
        measuring.created_in_salesforce()
        measuring.created_in_postgres()


def _tables(kinds: dict[str, Kind]) -> str:
    header = ["settle()", "n", "p50 ms", "p99 ms", "DynamoDB calls", "SQL exchanges", "SQL statements", "Salesforce"]
    rows = [[name, *kind.row] for name, kind in kinds.items()]
    whole = kinds[FROM_POSTGRES].trips, kinds[ECHO_MESSAGE].trips
    both = [sum(one.salesforce for one in each) for each in zip(*whole, strict=True)]
    there, back = (statistics.median(kinds[name].seconds) for name in (FROM_SALESFORCE, FROM_POSTGRES))
    return "\n".join(
        [
            table("One record a call, in one process", header, rows),
            "",
            f"Salesforce calls of an edit in Postgres with its echo: {middle_and_most(both)}",
            f"An edit in Postgres takes {back / there:.1f} times as long as one in Salesforce.",
            table("DynamoDB calls by operation", ["settle()", "calls"], [[n, k.operations] for n, k in kinds.items()]),
        ]
    )


def _value() -> str:
    return f"v{time.time_ns():x}"


def _told(pair: Pair, *, content: bool) -> Matches:
    def matches(hint: Hint) -> bool:
        named = isinstance(hint.identity, SalesforceId) and hint.identity.id == pair.sfid
        return named and (hint.record is not None) is content and hint.change is not Change.UNDELETED

    return matches


def _row(pair: Pair) -> Matches:
    return lambda hint: isinstance(hint.identity, RowId) and hint.identity.key == (pair.pk,)
