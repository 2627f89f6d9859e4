"""An org whose transactions take their time, as the sweep sees it."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.core.errors import TwinledgerError
from chalicelib.salesforce.changes import LONGEST_TRANSACTION, MINUTE, Found, SpanTooFull
from tests.fakes.clock import FakeClock


@dataclass(frozen=True)
class Save:
    """A change of a record: stamped with the second in which it was made, and seen from its commit on."""

    record: str
    made: float
    committed: float
    deleted: bool = False

    @property
    def stamp(self) -> int:
        """Whole seconds."""
        return int(self.made)


@dataclass
class Org:
    """Changes over time, those of the future included. A record's saves follow one another, for they lock it.

    Attributes:
        clock: the time; Salesforce's and ours.
        saves: of every record in order.
        most: changes that are listed for a span.
        block: changes of a block.
        asked: the spans asked for, with whether they were listed.
        before: called before every answer.
    """

    clock: FakeClock
    saves: dict[str, list[Save]] = field(default_factory=dict)
    most: int = 600_000
    block: int = 1000
    asked: list[tuple[str, int, int, bool]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def save(self, record: str, made: float, lasts: float = 0.0, *, deleted: bool = False) -> Save:
        """A record is changed."""
        one = Save(record, made, made + lasts, deleted)
        self.saves.setdefault(record, []).append(one)
        return one

    def listed(self, object_name: str, start: int, end: int, now: float) -> "Answer":
        """See :class:`chalicelib.jobs.rounds.Finder`."""
        self.before()
        self.asked.append((object_name, start, end, True))
        ids = tuple(sorted(save.record for save in self._seen() if start - MINUTE <= save.stamp < end))
        if len(ids) > self.most:
            raise SpanTooFull(code="EXCEEDED_ID_LIMIT")
        at = self.clock.now()
        under_way = [save.made for saves in self.saves.values() for save in saves if save.made <= at < save.committed]
        return Answer(self, ids, int(min([at, end, *under_way])))

    def crowded(self, object_name: str, start: int, end: int, now: float) -> "Answer":
        """See :class:`chalicelib.jobs.rounds.Finder`."""
        self.before()
        self.asked.append((object_name, start, end, False))
        ids = tuple(sorted(save.record for save in self._seen() if start <= save.stamp < end))
        return Answer(self, ids, end if end <= now - LONGEST_TRANSACTION else start)

    def _seen(self) -> Iterator[Save]:
        return filter(None, map(self._last, self.saves))

    def _last(self, record: str) -> Save | None:
        """A record's last save that is committed."""
        at = self.clock.now()
        return next((save for save in reversed(self.saves[record]) if save.committed <= at), None)

    def found(self, record: str) -> Found:
        """A record as it is now."""
        save = self._last(record)
        return Found(record, None) if save is None else Found(record, save.stamp, save.deleted)


@dataclass(frozen=True)
class Answer:
    """The changes of a span."""

    org: Org
    ids: tuple[str, ...]
    covered: int

    def after(self, last: str) -> Sequence[Found]:
        """The next block."""
        self.org.before()
        place = bisect_right(self.ids, last)
        return [self.org.found(record) for record in self.ids[place : place + self.org.block]]


class Crash(TwinledgerError):
    """The function ended here."""
