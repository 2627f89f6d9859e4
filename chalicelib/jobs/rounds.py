"""One object's round of the sweep: what changed since the last round, a little at a time, each change told of once.

**Nothing is missed.** Salesforce says until where its answer is complete (``covered``): a commit that is not in it yet
carries no earlier stamp, for its transaction was still under way. So the next round begins there, and for good measure
ten minutes before: the longest that a transaction of Apex may take.

**Nothing is told of ten times for that.** A change is a record with a stamp. It is remembered as *closed* where it was
told of while its stamp lay before ``covered``: whatever will ever carry that stamp had been committed, and the record
is read for the hint after that. A closed change is left out when it is met again. One that is still *open* (another
transaction may change the record in the same second, and commit later) is told of at once, and once more when it is
closed. What commits late under an old stamp is not a change that was told of: it has another stamp, or it was open.

**A round may take many runs.** Records are worked off in the order of their ids, and with every 100 hints it is written
down how far it has come:

    round             Salesforce         queue              table
      |== taken up, if still where it was ==================>|   a crash later: other objects have the next turn
      |-- changes? ------>|                |                 |
      |-- their stamps? ->|                |                 |
      |-- 100 hints ---------------------->|                 |   a crash before: nothing was done
      |== what was told of =================================>|   a crash before: these 100 are told of twice
      |== where, if still where it was =====================>|   a crash before: they are looked at twice
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.aws.sweeps import Position, Span, Told
from chalicelib.core.errors import Dropped
from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.core.ports import Clock, Hints
from chalicelib.jobs.telling import Telemetry
from chalicelib.salesforce.changes import DELETED_REACH, LONGEST_TRANSACTION, MINUTE, Changes, Found, SpanTooFull

AT_ONCE = 100  # hints of a send
OVERLAP_SECONDS = LONGEST_TRANSACTION
FULL_SECONDS = 600.0  # between rounds that begin at ``covered``, while that stays behind: it may for hours


class TakenOver(Dropped):
    """Another run sweeps the object."""


class Finder(Protocol):
    """Asks Salesforce for the changes of one object; see :class:`chalicelib.salesforce.changes.Finder`."""

    def listed(self, object_name: str, start: int, end: int, now: float, /) -> Changes:
        """Those of a span.

        Raises:
            SpanTooFull: ask for less at a time.
        """
        ...

    def crowded(self, object_name: str, start: int, end: int, now: float, /) -> Changes:
        """Those of a span that cannot be listed."""
        ...


class Memory(Protocol):
    """What the sweep remembers; see :class:`chalicelib.aws.sweeps.Sweeps`."""

    def positions(self, objects: Sequence[str], /) -> Mapping[str, Position]:
        """Where each object's sweep is; one that never ran is left out."""
        ...

    def save(self, name: str, position: Position, /) -> Position | None:
        """Write a position, where it still is what was read; None: another run has the object."""
        ...

    def told(self, name: str, since: int, /) -> Mapping[str, Told]:
        """What was told of last, by record id, with this stamp or a later one."""
        ...

    def remember(self, name: str, told: Mapping[str, Told], now: float, part: str, /) -> None:
        """Remember what was told of."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a round works with.

    Attributes:
        find: asks Salesforce.
        memory: where it is, and what it told of.
        hints: where to.
        clock: the time, and ids.
        telemetry: counts.
    """

    find: Finder
    memory: Memory
    hints: Hints
    clock: Clock
    telemetry: Telemetry


class Round:
    """One object's round, or what is left of it.

    Args:
        name: API name of the object.
        position: where its sweep is.
        means: what it works with.
    """

    def __init__(self, name: str, position: Position, means: Means) -> None:
        self._name = name
        self._position = position
        self._means = means
        self._told: dict[str, Told] = {}

    def steps(self) -> Iterator[Literal[True]]:
        """Work it off, and stop after each hundred hints.

        Raises:
            TakenOver: it is left to another run.
            TwinledgerError: a call failed; what was written down stays.
        """
        span: Span | None = self._taken_up()
        while span is not None:
            changes, span = self._changes(span)
            while block := changes.after(span.after):
                for part in self._parts(block, changes.covered):
                    self._tell(part, changes.covered, span.covers - OVERLAP_SECONDS - 2 * MINUTE)
                    span = self._at(replace(span, after=part[-1].id))
                    yield True
            span = self._through(span)
            if span is not None:
                yield True

    def _taken_up(self) -> Span:
        """Begin a round where none is under way; and write that down, so that it is another object's turn next."""
        now = self._means.clock.now()
        position = self._position
        span = position.span or _begun(position, now)
        if position.span is None:
            position = replace(position, full_at=now if span.full else position.full_at)
            if span.start < now - DELETED_REACH:
                self._means.telemetry.count(Metric.SWEEP_INCOMPLETE)
                self._means.telemetry.info(
                    "the sweep did not reach back to its last run: compare the object in full", object=self._name
                )
        self._save(replace(position, span=span))
        self._told = dict(self._means.memory.told(self._name, span.start - MINUTE))
        return span

    def _changes(self, span: Span) -> tuple[Changes, Span]:
        """Ask for a span, or for as much of it as Salesforce lists."""
        find, now = self._means.find, self._means.clock.now()
        try:
            changes = find.listed(self._name, span.start, span.end, now)
        except SpanTooFull:
            if span.end - span.start > MINUTE:
                half = (span.end - span.start) // 2 // MINUTE * MINUTE
                return self._changes(self._at(replace(span, end=span.start + half)))
            self._means.telemetry.count(Metric.SWEEP_CROWDED)
            self._means.telemetry.info(
                "more records changed in one minute than Salesforce lists: they are queried instead",
                object=self._name,
                minute=span.start,
            )
            changes = find.crowded(self._name, span.start, span.end, now)
        if changes.covered < span.end:
            span = replace(span, covers=min(span.covers, changes.covered))
        return changes, span

    def _parts(self, block: Sequence[Found], covered: int) -> Iterator[Sequence[Found]]:
        """A block in parts with as many hints as are sent at once; a block with none of them is one part."""
        begin = due = 0
        for end, found in enumerate(block, 1):
            due += self._is_due(found, covered)
            if due == AT_ONCE or end == len(block):
                yield block[begin:end]
                begin, due = end, 0

    def _tell(self, part: Sequence[Found], covered: int, since: int) -> None:
        """Send hints of the changes that were not told of; remember those from ``since`` on.

        No other round will meet what has an earlier stamp.
        """
        means = self._means
        due = [found for found in part if self._is_due(found, covered)]
        if due:
            name = means.clock.new_id()  # the queue must not take a later hint of the same record for this one
            means.hints.send([_hint(self._name, found, name) for found in due])
            told = {
                found.id: Told(found.stamp, closed=found.stamp < covered) for found in due if found.stamp is not None
            }
            self._told |= told
            lasting = {record: one for record, one in told.items() if one.stamp >= since}
            if lasting:
                means.memory.remember(self._name, lasting, means.clock.now(), name)
        means.telemetry.count(Metric.SWEPT, len(due))
        means.telemetry.count(Metric.SWEPT_BEFORE, len(part) - len(due))

    def _is_due(self, found: Found, covered: int) -> bool:
        """Whether a change is to be told of.

        A stamp says enough: where a record was changed and deleted within one second, that second is closed for both.
        """
        told = self._told.get(found.id)
        if told is None or found.stamp is None or told.stamp != found.stamp:
            return True
        return not told.closed and found.stamp < covered

    def _through(self, span: Span) -> Span | None:
        """The span after this one; None: the round is through."""
        if span.end < span.until:
            end = min(span.until, span.end + 2 * (span.end - span.start))
            return self._at(replace(span, start=span.end, end=end, after=""))
        position = self._position
        covered = max(position.covered, span.covers) if span.full else position.covered
        looked = max(position.looked, span.until - MINUTE)
        self._save(replace(position, covered=covered, looked=looked, span=None))
        return None

    def _at(self, span: Span) -> Span:
        self._save(replace(self._position, span=span))
        return span

    def _save(self, position: Position) -> None:
        saved = self._means.memory.save(self._name, replace(position, turn=self._means.clock.now()))
        if saved is None:
            raise TakenOver
        self._position = saved


def _begun(position: Position, now: float) -> Span:
    """A new round, from where everything is covered; or now and then only, while that lies far back.

    run        1                    2                    3 ...           FULL_SECONDS after 1
    covered    |                    |                    |               |
    looked     |                    |                    |               |
    round      |<== full =========  |           <== === |      <== ===  |<== full ======================
    """
    behind = position.looked - position.covered > OVERLAP_SECONDS
    full = not behind or now - position.full_at >= FULL_SECONDS
    until = _minute(now) + MINUTE
    start = _minute((position.covered if full else position.looked) - OVERLAP_SECONDS)
    return Span(min(start, until - MINUTE), until, until, covers=until, full=full)


def _minute(at: float) -> int:
    return int(at) // MINUTE * MINUTE


def _hint(name: str, found: Found, block: str) -> Hint:
    change, at = (Change.DELETED, found.stamp) if found.deleted else (Change.UPDATED, None)
    identity = SalesforceId(name, found.id)
    name = f"sweep-{block}-{found.id}"
    return Hint(identity, change, name, None if at is None else float(at), sfid=found.id, bulk=True)
