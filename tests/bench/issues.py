"""How long a page of a list of issues takes where there are 100,000: on an emulator of its own, in one process.

Each list is read page by page from its beginning, and from places drawn at random in it; deep pages take no longer.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping

from chalicelib.aws import clients
from chalicelib.aws.archive import Archive
from chalicelib.aws.table import Table
from chalicelib.clock import SystemClock
from chalicelib.core.ledger import Entry, EntryChange, Issue, IssueKind
from chalicelib.core.listing import Cursor, IssueState, Wanted, at
from chalicelib.core.model import Side
from tests.bench.figures import percentile, table
from tests.integration.aws.stage import stage

ISSUES = 100_000
PAGE = 50
PAGES = 30  # of each list, from its beginning, and as many from places drawn at random
START = 1_790_000_000.0  # seconds since the epoch; one issue a minute from then on
END = START + ISSUES * 60.0
MAPPINGS = ("account", "contact", "case", "opportunity")
KINDS = (*[IssueKind.CONFLICT] * 6, *[IssueKind.REJECTED] * 3, IssueKind.PARENT_MISSING)
WEEK = 7 * 86_400.0
LISTS: Mapping[str, Wanted] = {
    "all open, oldest first": Wanted(),
    "all open, newest first": Wanted(newest_first=True),
    "all closed, last closed first": Wanted(IssueState.CLOSED, newest_first=True),
    "open of one mapping": Wanted(mappings=("contact",)),
    "open of one kind": Wanted(mappings=(*MAPPINGS, ""), kinds=(IssueKind.REJECTED,)),
    "open of one mapping and kind": Wanted(mappings=("contact",), kinds=(IssueKind.CONFLICT,), newest_first=True),
    "a kind of which there is none": Wanted(mappings=(*MAPPINGS, ""), kinds=(IssueKind.ECHO_STORM,)),
    "one week of one mapping": Wanted(mappings=("case",), since=END - 2 * WEEK, until=END - WEEK),
}


def run() -> str:
    """Fill a table, and page through it."""
    draw = random.Random(1)  # noqa: S311 -- the same in every run
    with stage() as aws:
        ledger = Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], SystemClock())
        archive = Archive(ledger)
        began = time.monotonic()
        for change in _changes(draw):
            ledger.put_many([one.put.item for one in archive.prepare(change)])
        filled = time.monotonic() - began
        rows = [_row(name, _timed(archive, wanted, draw)) for name, wanted in LISTS.items()]
        counting = [_seconds(lambda: archive.counts((*MAPPINGS, ""), 1000)) for _ in range(PAGES)]
        rows.append(_row("open ones counted by mapping and kind, each to 1,000", counting))
    header = ("list", "pages", "p50 ms", "p95 ms", "most ms")
    return table(f"Pages of {PAGE} out of {ISSUES:,} issues (filled in {filled:.0f} s)", header, rows)


def _changes(draw: random.Random) -> Iterator[EntryChange]:
    """Issues of records with several each; four of five are open."""
    several = 100
    for first in range(0, ISSUES, several):
        key = str(uuid.UUID(int=first))
        issues = tuple(_issue(key, number, draw) for number in range(first, first + several))
        yield EntryChange(None, Entry(key, "contact", version=1), (), issues)


def _issue(key: str, number: int, draw: random.Random) -> Issue:
    opened_at = START + number * 60.0
    closed = number % 5 == 0
    return Issue(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        key=key,
        mapping=draw.choice(MAPPINGS),
        slot="Email",
        kind=draw.choice(KINDS),
        opened_at=opened_at,
        updated_at=opened_at,
        closed_at=opened_at + draw.random() * WEEK if closed else None,
        reason="a person decided: ann" if closed else "",
        fields=("Email",),
        base={"Email": f"before-{number}@example.com"},
        postgres={"Email": f"postgres-{number}@example.com"},
        salesforce={"Email": f"salesforce-{number}@example.com"},
        actors={Side.SALESFORCE: "005000000000001AAA"},
        sfid=f"003{number:012d}AAA",
        pk=(str(number),),
    )


def _timed(archive: Archive, wanted: Wanted, draw: random.Random) -> list[float]:
    """Seconds of each page."""
    took: list[float] = []
    cursor: Cursor | None = None
    for turn in range(2 * PAGES):
        if turn >= PAGES:
            cursor = Cursor(f"{at(draw.uniform(wanted.since or START, wanted.until or END))}#0", backward=turn % 3 == 0)
        began = time.monotonic()
        page = archive.page(wanted, PAGE, cursor)
        took.append(time.monotonic() - began)
        cursor = page.next
    return took


def _seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _row(name: str, took: list[float]) -> tuple[str, ...]:
    figures = (percentile(took, 50), percentile(took, 95), max(took))
    return name, str(len(took)), *(f"{seconds * 1000:.0f}" for seconds in figures)
