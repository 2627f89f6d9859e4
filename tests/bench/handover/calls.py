"""What the calls of several relays say of their hand-overs, of what waited meanwhile, and of their order."""

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the queue that was accepted. All times are seconds of one clock.

    Attributes:
        shift: number of the relay that made it.
        begun: when it began.
        ended: when it was accepted.
        sent: what it carried: records, and outbox ids of their newest change.
    """

    shift: int
    begun: float
    ended: float
    sent: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, shift: int, line: str) -> "Call":
        """Read a line of a relay's output."""
        told = json.loads(line)
        sent = tuple((record, int(hint_id.partition("-")[0])) for record, hint_id in told["sent"])
        return cls(shift, told["begun"], told["ended"], sent)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that a user has committed.

    Attributes:
        record: which record.
        id: outbox id.
        committed: when.
    """

    record: str
    id: int
    committed: float


@dataclass(frozen=True, slots=True)
class Handover:
    """The time between the last call of a relay and the first one of the next.

    Attributes:
        shift: the relay that took over.
        last: when the last call of the one before was accepted.
        first: when the first one of the next began.
    """

    shift: int
    last: float
    first: float

    @property
    def gap(self) -> float:
        """Seconds in which nothing was sent."""
        return self.first - self.last


def handovers(calls: Iterable[Call]) -> list[Handover]:
    """Each change from one relay to the next, in order."""
    by_shift: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        by_shift[call.shift].append(call)
    found = []
    for before, after in zip(sorted(by_shift), sorted(by_shift)[1:], strict=False):
        last = max(call.ended for call in by_shift[before])
        found.append(Handover(after, last, min(call.begun for call in by_shift[after])))
    return found


def waits(edits: Sequence[Edit], calls: Iterable[Call]) -> dict[int, float]:
    """How long each change was committed and in no call, by outbox id; one that none carried is left out.

    A hint stands for all changes of its record up to its own.
    """
    begun: dict[str, dict[int, float]] = defaultdict(dict)
    for call in calls:
        for record, outbox_id in call.sent:
            begun[record][outbox_id] = min(call.begun, begun[record].get(outbox_id, call.begun))
    known = {record: sorted(ids) for record, ids in begun.items()}
    found = {}
    for edit in edits:
        ids = known.get(edit.record, [])
        later = ids[bisect.bisect_left(ids, edit.id) :]
        if later:
            found[edit.id] = max(0.0, min(begun[edit.record][each] for each in later) - edit.committed)
    return found


def at_handovers(edits: Sequence[Edit], waited: Mapping[int, float], changes: Iterable[Handover]) -> set[int]:
    """Outbox ids of the changes that waited while nobody sent, at a hand-over."""
    spans = [(change.last, change.first) for change in changes]
    return {
        edit.id
        for edit in edits
        if edit.id in waited
        for last, first in spans
        if edit.committed <= first and edit.committed + waited[edit.id] >= last
    }


def sent_again(calls: Iterable[Call]) -> int:
    """How many hints were sent more than once."""
    seen: dict[tuple[str, int], int] = defaultdict(int)
    for call in calls:
        for sent in call.sent:
            seen[sent] += 1
    return sum(times - 1 for times in seen.values())


def out_of_order(calls: Iterable[Call]) -> int:
    """How many hints of a record began before an earlier one of it was accepted, or came after a newer one."""
    last: dict[str, tuple[int, float]] = {}
    wrong = 0
    for call in sorted(calls, key=lambda call: call.begun):
        for record, outbox_id in call.sent:
            newest, accepted = last.get(record, (outbox_id, call.begun))
            wrong += outbox_id < newest or call.begun < accepted
            last[record] = (max(newest, outbox_id), max(accepted, call.ended))
    return wrong
