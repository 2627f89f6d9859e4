"""What has to hold after a soak, as a pure function of what was done and of what is seen from outside.

- both sides are equal, but for the fields of an open conflict, and that issue shows both live values;
- every value that was written is there, was replaced by a user of its own side, or stands in the history or an issue;
- no value is there that nobody wrote;
- there is no other issue, no message under way and none given up.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.core.ledger import History, Issue, IssueKind
from chalicelib.core.model import Side

Contact = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Written:
    """One field that one edit wrote.

    Attributes:
        number: the edit's place in the soak; on one side and record, later edits have higher ones.
        side: where.
        record: which record.
        field: Salesforce's name.
        value: what.
        replaced: what stood there; None where null did, or where the side does not tell.
        knows: whether ``replaced`` is told.
        certain: whether the user got an answer; without one the value may never have been there.
    """

    number: int
    side: Side
    record: int
    field: str
    value: str | None
    replaced: str | None = None
    knows: bool = False
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One record from outside.

    Attributes:
        before: what both sides held before the soak.
        sides: what each side holds now; None: no record.
        history: what was overwritten since the beginning of the soak.
        issues: open ones, and those closed since.
    """

    before: Contact
    sides: Mapping[Side, Contact | None]
    history: Sequence[History] = ()
    issues: Sequence[Issue] = ()

    @property
    def open(self) -> list[Issue]:
        """Open issues."""
        return [issue for issue in self.issues if issue.closed_at is None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found.

    Attributes:
        differences: what does not hold, a line each; empty: everything holds.
        counts: what became of the written values, and of the issues.
    """

    differences: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def check(written: Sequence[Written], seen: Mapping[int, Seen], busy: Mapping[str, int]) -> Found:
    """Check everything."""
    found = Found()
    found.differences.extend(f"{count} on their way in {name}" for name, count in busy.items())
    by_place: dict[tuple[int, str], list[Written]] = {}
    for one in written:
        by_place.setdefault((one.record, one.field), []).append(one)
    for record, contact in seen.items():
        found.differences.extend(f"record {record}: {text}" for text in _both_sides(contact))
        found.differences.extend(f"record {record}: {text}" for text in _issues(record, contact, by_place))
        found.differences.extend(f"record {record}: {text}" for text in _phantoms(record, contact, by_place))
        _count(found, "open conflicts", len(contact.open))
    for (record, _), place in by_place.items():
        for one in place:
            fate = fate_of(one, place, seen[record])
            _count(found, fate or ("LOST" if one.certain else "not answered, and nowhere"), 1)
            if fate is None and one.certain:
                found.differences.append(
                    f"record {record}: edit {one.number} in {one.side} of {one.field} is lost: {one.value!r}"
                )
    return found


def differing(contact: Seen) -> list[str]:
    """The fields in which the sides differ without an open conflict about them."""
    ours, theirs = contact.sides[Side.POSTGRES], contact.sides[Side.SALESFORCE]
    if ours is None or theirs is None:
        return [] if ours is theirs else ["(one side has no record)"]
    held = {name for issue in contact.open if issue.kind is IssueKind.CONFLICT for name in issue.fields}
    return [name for name in ours if ours[name] != theirs[name] and name not in held]


def fate_of(one: Written, place: Iterable[Written], contact: Seen) -> str | None:
    """What became of a written value; None: it is lost."""
    if any(side is not None and side[one.field] == one.value for side in contact.sides.values()):
        return "current"
    if any(one.field in past.before and past.before[one.field] == one.value for past in contact.history):
        return "in the history"
    for issue in contact.issues:
        for shown in (issue.postgres, issue.salesforce, issue.base):
            if one.field in shown and shown[one.field] == one.value:
                return "in an issue"
    later = [other for other in place if other.side is one.side and other.number > one.number]
    if any(not other.knows or other.replaced == one.value for other in later):
        return "replaced by its own side's user"
    return None


def _both_sides(contact: Seen) -> Iterator[str]:
    for name in differing(contact):
        values = [(side or {}).get(name) for side in (contact.sides[Side.SALESFORCE], contact.sides[Side.POSTGRES])]
        yield f"{name} is {values[0]!r} in Salesforce and {values[1]!r} in Postgres"


def _issues(record: int, contact: Seen, by_place: Mapping[tuple[int, str], Sequence[Written]]) -> Iterator[str]:
    for issue in contact.open:
        if issue.kind is not IssueKind.CONFLICT:
            yield f"an issue {issue.kind} of {issue.slot} is open: {issue.code} {issue.text}"
            continue
        wrote = {one.side for name in issue.fields for one in by_place.get((record, name), ())}
        if len(wrote) < 2:
            yield f"a conflict of {issue.slot} is open, which only {' and '.join(sorted(wrote)) or 'nobody'} edited"
        for side, shown in ((Side.POSTGRES, issue.postgres), (Side.SALESFORCE, issue.salesforce)):
            live = contact.sides[side] or {}
            for name in issue.fields:
                if name not in shown or shown[name] != live.get(name):
                    yield f"the issue shows {name} of {side} as {shown.get(name)!r}, which is {live.get(name)!r}"


def _phantoms(record: int, contact: Seen, by_place: Mapping[tuple[int, str], Sequence[Written]]) -> Iterator[str]:
    for side, held in contact.sides.items():
        for name, value in (held or {}).items():
            known = {contact.before[name], *(one.value for one in by_place.get((record, name), ()))}
            if value not in known:
                yield f"{name} is {value!r} in {side}, which nobody wrote"


def _count(found: Found, name: str, count: int) -> None:
    found.counts[name] = found.counts.get(name, 0) + count
