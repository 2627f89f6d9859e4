"""Lists of issues: places, cursors, pages."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, IssueState, Page, Wanted, bounds, part, place, state_of

ISSUE = Issue("i-1", "key", "account", "Name", IssueKind.CONFLICT, 5.5, 6.0)
PLACE = "0000000005.500000#i-1"


def test_an_issue_stands_where_it_was_opened_or_closed() -> None:
    """Text order is time order, whatever the number of digits."""
    closed = replace(ISSUE, closed_at=12345.25)
    assert (place(ISSUE), state_of(ISSUE)) == (PLACE, IssueState.OPEN)
    assert (place(closed), state_of(closed)) == ("0000012345.250000#i-1", IssueState.CLOSED)
    assert place(ISSUE) < place(closed)


@pytest.mark.parametrize("cursor", [Cursor(PLACE), Cursor(PLACE, backward=True)])
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    """Whichever way it leads."""
    assert Cursor.of(cursor.text) == cursor


@pytest.mark.parametrize("text", ["", "x", "é", "####", Cursor("no place").text, Cursor(PLACE).text[:-4], "Pj8_"])
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    """Nobody reads from where they like."""
    with pytest.raises(Rejected, match="begin with the first one"):
        Cursor.of(text)


@pytest.mark.parametrize(
    ("wanted", "cursor", "expected"),
    [
        (Wanted(), None, ("0000000000.000000", "~", False)),
        (Wanted(newest_first=True), None, ("0000000000.000000", "~", True)),
        (Wanted(since=2.0, until=9.0), None, ("0000000002.000000", "0000000009.000000", False)),
        (Wanted(since=2.0, until=9.0), Cursor(PLACE), (PLACE, "0000000009.000000", False)),
        (Wanted(since=2.0, until=9.0), Cursor(PLACE, backward=True), ("0000000002.000000", PLACE, True)),
        (Wanted(newest_first=True), Cursor(PLACE), ("0000000000.000000", PLACE, True)),
        (Wanted(newest_first=True), Cursor(PLACE, backward=True), (PLACE, "~", False)),
        (Wanted(since=8.0), Cursor(PLACE), ("0000000008.000000", "~", False)),
        (Wanted(until=4.0, newest_first=True), Cursor(PLACE), ("0000000000.000000", "0000000004.000000", True)),
    ],
)
def test_a_page_is_read_from_its_cursor_to_the_end_of_the_list(
    wanted: Wanted, cursor: Cursor | None, expected: tuple[str, str, bool]
) -> None:
    """Never outside of the times that are wanted."""
    assert bounds(wanted, cursor) == expected


def test_a_first_page_leads_on_only() -> None:
    """Where more follow."""
    found = [("1", "a"), ("2", "b"), ("3", "c")]
    assert part(found, 2, None) == (["a", "b"], Page((), Cursor("2")))
    assert part(found, 3, None) == (["a", "b", "c"], Page(()))


def test_a_later_page_leads_both_ways() -> None:
    """The last one back only."""
    found = [("4", "d"), ("5", "e"), ("6", "f")]
    assert part(found, 2, Cursor("3")) == (["d", "e"], Page((), Cursor("5"), Cursor("4", backward=True)))
    assert part(found, 3, Cursor("3")) == (["d", "e", "f"], Page((), None, Cursor("4", backward=True)))


def test_a_page_before_is_turned_round() -> None:
    """It was read from its end; what it came from follows it."""
    found = [("3", "c"), ("2", "b"), ("1", "a")]
    back = Cursor("4", backward=True)
    assert part(found, 2, back) == (["b", "c"], Page((), Cursor("3"), Cursor("2", backward=True)))
    assert part(found, 3, back) == (["a", "b", "c"], Page((), Cursor("3")))


def test_nothing_leads_nowhere() -> None:
    """A list that became empty meanwhile is begun anew."""
    assert part([], 2, Cursor("4")) == ((), Page(()))
