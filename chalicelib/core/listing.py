"""Lists of issues: which ones are wanted, in which order, and how one page leads to the next.

The place of an issue in every list is one text, its time and its id, so that the lists of several indexes are merged by
comparing it. A cursor is the place at which a page begins or ends: an issue that was closed meanwhile, or opened, moves
nothing that stands before or behind it.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Issue, IssueKind

T = TypeVar("T")

_DIGITS = 17  # of a time in a place: seconds with microseconds, until the year 2286
_PLACE = re.compile(r"[0-9.]{17}#[0-9A-Za-z_-]{1,100}")


class IssueState(StrEnum):
    """Which list an issue is in."""

    OPEN = "open"
    CLOSED = "closed"
    IGNORED = "ignored"  # closed, because a person leaves it as it is


def state_of(issue: Issue) -> IssueState:
    """The list that an issue is in."""
    if issue.closed_at is None:
        return IssueState.OPEN
    return IssueState.IGNORED if issue.ignored else IssueState.CLOSED


def at(seconds: float) -> str:
    """A time as text: text order is time order."""
    return f"{seconds:0{_DIGITS}.6f}"


def place(issue: Issue) -> str:
    """An issue's place in its list: open ones by when they were opened, others by when they were closed."""
    return f"{at(issue.opened_at if issue.closed_at is None else issue.closed_at)}#{issue.id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which issues are wanted.

    Attributes:
        state: which list.
        mappings: only of these; empty: of all.
        kinds: only these; empty: all. Kinds are looked for in ``mappings``, so these have to be named then.
        since: opened at this time or later, or closed of closed ones; seconds since the epoch.
        until: before this time.
        newest_first: the other way round.
    """

    state: IssueState = IssueState.OPEN
    mappings: tuple[str, ...] = ()
    kinds: tuple[IssueKind, ...] = ()
    since: float | None = None
    until: float | None = None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins.

    Attributes:
        place: the place that it comes next to; that one is not on it.
        backward: the page ends there instead.
    """

    place: str
    backward: bool = False

    @property
    def text(self) -> str:
        """As it is handed out; it holds a time and an issue's id, and nothing of a record."""
        plain = f"{'<' if self.backward else '>'}{self.place}"
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, text: str) -> "Cursor":
        """A cursor that was handed out.

        Raises:
            Rejected: it was not.
        """
        try:
            plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, ValueError):
            plain = ""
        if plain[:1] not in {"<", ">"} or not _PLACE.fullmatch(plain[1:]):
            raise Rejected("this is no page of the list: begin with the first one")
        return cls(plain[1:], plain[0] == "<")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        issues: in the order wanted. They may be fewer than asked for although more follow: what the index lists and
            is not so any more is left out.
        next: the cursor of what follows; None: nothing does.
        previous: the cursor of what stands before; None: nothing does.
    """

    issues: tuple[Issue, ...]
    next: Cursor | None = None
    previous: Cursor | None = None


def bounds(wanted: Wanted, cursor: Cursor | None) -> tuple[str, str, bool]:
    """Between which places a page is looked for, these included, and whether it is read from the higher one down."""
    descending = wanted.newest_first != (cursor is not None and cursor.backward)
    low, high = at(wanted.since or 0.0), "~" if wanted.until is None else at(wanted.until)
    if cursor is not None:
        low, high = (low, min(high, cursor.place)) if descending else (max(low, cursor.place), high)
    return low, high, descending


def part(found: Sequence[tuple[str, T]], limit: int, cursor: Cursor | None) -> tuple[Sequence[T], Page]:
    """The page of what was found, and an empty one with the cursors around it.

    Args:
        found: things by their places, one more than the limit where there are more, as they were read.
        limit: how many a page has.
        cursor: where it begins.
    """
    more, backward = len(found) > limit, cursor is not None and cursor.backward
    listed = list(found[:limit])
    if backward:
        listed.reverse()
    if not listed:
        return (), Page(())
    before = more if backward else cursor is not None
    after = True if backward else more
    following = Cursor(listed[-1][0]) if after else None
    preceding = Cursor(listed[0][0], backward=True) if before else None
    return [thing for _, thing in listed], Page((), following, preceding)
