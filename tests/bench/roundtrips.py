"""Round trips on the running stack, one at a time: from the commit on one side until the other side shows it.

The hops come from the functions' logs; see :mod:`tests.bench.invocations`. Clocks need no comparison: it is one
machine. An edit's hops are those of the first settle step that wrote something after it was committed.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.bench.figures import middle_and_most, milliseconds, table
from tests.bench.invocations import Invocation, invocations
from tests.bench.records import Pair, pairs
from tests.bench.stack import Stack

PAUSE_SECONDS = 0.2  # after an edit has arrived: its echo is over before the next one
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 60.0
WARM_UP = 5
CLOCK_SECONDS = 0.005  # what rounding to milliseconds may do
OWN_CALLS = frozenset({"read", "update", "token"})  # of the user who edits and looks; the sync makes no such calls
SWEEP_CALLS = frozenset({"replication"})
SWEEP_SECONDS = 10.0  # for which a sweep has records read again, which no edit asked for


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit that arrived; seconds since the epoch."""

    committed: float
    visible: float


@dataclass
class Direction:
    """What was measured in one direction.

    Attributes:
        edits: in order.
        hops: seconds by the hop's name.
        calls: API calls of the sync in Salesforce, by edit.
    """

    edits: list[Edit] = field(default_factory=list)
    hops: dict[str, list[float]] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    @property
    def whole(self) -> list[float]:
        """Seconds from commit to visible."""
        return [edit.visible - edit.committed for edit in self.edits]

    def add(self, hop: str, seconds: float) -> None:
        """Note one hop."""
        self.hops.setdefault(hop, []).append(seconds)


def run(stack: Stack, edits: int) -> str:
    """Measure both directions; the tables."""
    found = pairs(stack, edits)
    with stack.app() as app:
        for edit in (_from_postgres(stack, app), _from_salesforce(stack, app)):
            for pair in found[:WARM_UP]:
                _measure(edit, pair, "warm")
        to_salesforce = _direction(stack, _from_postgres(stack, app), found)
        to_postgres = _direction(stack, _from_salesforce(stack, app), found)
    logs = stack.client("logs")
    since = to_salesforce.edits[0].committed - 1

    def ran(name: str) -> list[Invocation]:
        return invocations(logs, stack.function(name), since)

    hops_to_salesforce(to_salesforce, ran("settle_postgres_changes"))
    by_message = hops_to_postgres(to_postgres, ran("settle_salesforce_changes"), ran(""))
    return "\n".join(
        [
            _table("Postgres to Salesforce", to_salesforce),
            _table("Salesforce to Postgres", to_postgres),
            f"Edits whose hops were found and that an outbound message carried: {by_message}",
        ]
    )


def _from_postgres(stack: Stack, app: psycopg.Connection[tuple[Any, ...]]) -> Callable[[Pair, str], Callable[[], bool]]:
    def edit(pair: Pair, value: str) -> Callable[[], bool]:
        app.execute("UPDATE public.contact SET phone = %s WHERE id = %s", (value, pair.pk))
        return lambda: stack.org.field(pair.sfid, "Phone") == value

    return edit


def _from_salesforce(
    stack: Stack, app: psycopg.Connection[tuple[Any, ...]]
) -> Callable[[Pair, str], Callable[[], bool]]:
    def edit(pair: Pair, value: str) -> Callable[[], bool]:
        stack.org.edit(pair.sfid, {"Phone": value})

        def arrived() -> bool:
            return app.execute("SELECT phone FROM public.contact WHERE id = %s", (pair.pk,)).fetchone() == (value,)

        return arrived

    return edit


def _measure(edit: Callable[[Pair, str], Callable[[], bool]], pair: Pair, name: str) -> Edit:
    arrived = edit(pair, f"{name} {time.time_ns():x}")
    committed = time.time()
    while not arrived():
        if time.time() - committed > PATIENCE_SECONDS:
            raise TimeoutError(f"an edit of {pair.sfid} did not arrive in {PATIENCE_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    measured = Edit(committed, time.time())
    time.sleep(PAUSE_SECONDS)
    return measured


def _direction(stack: Stack, edit: Callable[[Pair, str], Callable[[], bool]], found: Sequence[Pair]) -> Direction:
    direction = Direction()
    stack.calm()
    before, swept = stack.org.calls(), 0.0
    for pair in found:
        direction.edits.append(_measure(edit, pair, "trip"))
        after, now = stack.org.calls(), time.time()
        if calls_between(before, after, SWEEP_CALLS):
            swept = now
        if now - swept > SWEEP_SECONDS:
            direction.calls.append(calls_between(before, after, after.keys() - OWN_CALLS))
        before = after
    return direction


def calls_between(before: Mapping[str, int], after: Mapping[str, int], kinds: Iterable[str]) -> int:
    """API calls of some kinds between two counts."""
    return sum(after.get(kind, 0) - before.get(kind, 0) for kind in kinds)


def hops_to_salesforce(direction: Direction, settling: Sequence[Invocation]) -> None:
    """Find the hops of edits in Postgres."""
    for edit, settle, sent in _settled(direction.edits, settling):
        direction.add("commit -> in the queue (trigger, outbox, NOTIFY, relay)", sent - edit.committed)
        _settle_hops(direction, edit, settle, sent)


def hops_to_postgres(direction: Direction, settling: Sequence[Invocation], webhooks: Sequence[Invocation]) -> int:
    """Find the hops of edits in Salesforce; how many of them were carried by an outbound message."""
    by_message = 0
    for edit, settle, sent in _settled(direction.edits, settling):
        webhook = next(
            (one for one in webhooks if one.began - CLOCK_SECONDS <= sent <= one.ended + CLOCK_SECONDS), None
        )
        if webhook is None or webhook.began < edit.committed - 1:
            direction.add("commit -> in the queue (sweep or event)", sent - edit.committed)
        else:
            by_message += 1
            direction.add("commit -> webhook begins (delivery, API Gateway)", webhook.began - edit.committed)
            direction.add("webhook begins -> in the queue", sent - webhook.began)
        _settle_hops(direction, edit, settle, sent)
    return by_message


def _settled(edits: Iterable[Edit], settling: Sequence[Invocation]) -> Iterable[tuple[Edit, Invocation, float]]:
    """Each edit with the first settle step that wrote something for it, and when its message was in the queue."""
    for edit in edits:
        for one in settling:
            sent = one.sent_at
            # The message of a commit may be in the queue before its client has the answer.
            if sent is not None and "Settled" in one.metrics and edit.committed - 0.05 <= sent <= edit.visible:
                yield edit, one, sent
                break


def _settle_hops(direction: Direction, edit: Edit, settle: Invocation, sent: float) -> None:
    since = settle.settling_since or settle.began
    direction.add("in the queue -> function begins", settle.began - sent)
    direction.add("function begins -> settle step begins", since - settle.began)
    direction.add("settle step begins -> visible", edit.visible - since)
    direction.add("(the whole settle step, result in the ledger)", settle.metrics["SettleTime"][0])


def _table(name: str, direction: Direction) -> str:
    rows = [["end to end", str(len(direction.edits)), *milliseconds(direction.whole)]]
    rows += [[hop, str(len(seconds)), *milliseconds(seconds)] for hop, seconds in direction.hops.items()]
    calls = f"Salesforce calls of the sync for an edit and its echo: {middle_and_most(direction.calls)}"
    return f"{table(name, ['from commit to visible', 'edits', 'p50 ms', 'p99 ms'], rows)}\n\n{calls}"
