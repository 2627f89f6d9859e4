"""The commands of whoever looks after records: issues, what is known of a record, decisions, tries.

Each prints to the standard output, and gives the exit status; what cannot be done is a TwinledgerError.
"""

import argparse
import getpass
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from chalicelib import pages
from chalicelib.core.acts import Deed, Outcome, Wish
from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, IssueState, Wanted, place, state_of
from chalicelib.core.model import Fields, Side
from chalicelib.core.problems import choose
from chalicelib.jobs.deciding import Decision, End, Standing
from chalicelib.jobs.names import FORMS
from chalicelib.wiring import Wiring

S = TypeVar("S")

FAILED = 2
UNFINISHED = 3  # what was asked for is under way
RECORD = f"{FORMS}, such as public.account:17"
STATES = {
    "open": (IssueState.OPEN,),
    "closed": (IssueState.CLOSED,),
    "ignored": (IssueState.IGNORED,),
    "all": tuple(IssueState),
}  # the lists of `issues`, in the order in which they are printed
LONGEST_PAGE = 100  # issues that are read at once
LOOK_AGAIN = 0.2  # seconds between two looks at a decision


def settle(wiring: Wiring, options: argparse.Namespace) -> int:
    """Settle one record now, here."""
    hint = wiring.operators().hint_of(wiring.names().find(options.record))
    [outcome] = wiring.settler().settle([hint])
    reason = "" if outcome.error is None else f": {type(outcome.error).__name__}: {outcome.error}"
    lines([f"{outcome.result}{reason}"])
    return 0 if outcome.acknowledged else FAILED


def issues(wiring: Wiring, options: argparse.Namespace) -> None:
    """List issues: open ones, the oldest first; with --closed those that are over, the last one first."""
    mappings, now = wiring.installed().mappings, wiring.clock.now()
    if options.mapping is not None and options.mapping not in mappings.by_name:
        raise Rejected(f"no mapping {options.mapping}: {choose(options.mapping, mappings.by_name)}")
    after = wiring.archive.issue(options.after) if options.after else None
    if options.after and (after is None or state_of(after) not in STATES[options.which]):
        raise Rejected(f"there is no issue {options.after} to go on after")
    found = _listed(wiring, options, after)
    listed = list(islice(found, options.limit))
    more = next(found, None) is not None
    if options.json:
        lines([pages.as_json(listed)])
        return
    lines(pages.issue_line(issue, mappings, now) for issue in listed)
    if more:
        lines([f"there are more: --after {listed[-1].id}"])
    elif not listed and after is None:
        lines(["no issues" if options.which == "all" else f"no {options.which} issues"])


def issues_options(listing: argparse.ArgumentParser) -> None:
    """What `issues` may be told."""
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--closed", dest="which", action="store_const", const="closed", help="those that are over")
    which.add_argument("--ignored", dest="which", action="store_const", const="ignored", help="those that are ignored")
    which.add_argument("--all", dest="which", action="store_const", const="all", help="open ones, then closed ones")
    listing.set_defaults(which="open")
    listing.add_argument("--mapping", metavar="NAME", help="only of this mapping")
    listing.add_argument("--kind", type=str.upper, choices=list(IssueKind), help="only of this kind")
    listing.add_argument("--from", dest="since", metavar="MOMENT", help="only those opened (closed) since")
    listing.add_argument("--to", dest="until", metavar="MOMENT", help="only those opened (closed) before")
    listing.add_argument("--newest", action="store_true", help="the newest first, of open ones too")
    listing.add_argument("--limit", type=positive, default=50, help="how many at once (50)")
    listing.add_argument("--after", metavar="ID", help="go on after this issue")
    listing.add_argument("--json", action="store_true", help="in full, for machines")


def _listed(wiring: Wiring, options: argparse.Namespace, after: Issue | None) -> Iterator[Issue]:
    """Open issues, closed ones, or both, after one of them."""
    names = (options.mapping,) if options.mapping else (*wiring.installed().mappings.by_name, "")
    wanted = Wanted(
        mappings=names if options.mapping or options.kind else (),
        kinds=(options.kind,) if options.kind else (),
        since=moment(options.since) if options.since else None,
        until=moment(options.until) if options.until else None,
    )
    cursor = None if after is None else Cursor(place(after))
    states = STATES[options.which]
    for state in states if after is None else states[states.index(state_of(after)) :]:
        newest = options.newest or state is not IssueState.OPEN
        yield from _pages(wiring, replace(wanted, state=state, newest_first=newest), cursor, options.limit)
        cursor = None


def _pages(wiring: Wiring, wanted: Wanted, cursor: Cursor | None, limit: int) -> Iterator[Issue]:
    """The issues of a list, read page by page as far as they are asked for."""
    while True:
        page = wiring.archive.page(wanted, min(limit + 1, LONGEST_PAGE), cursor)
        yield from page.issues
        cursor = page.next
        if cursor is None:
            return


def positive(text: str) -> int:
    """A number of things on the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 at least")
    return number


def show(wiring: Wiring, options: argparse.Namespace) -> None:
    """Show an issue, or a record with its issues and history."""
    mappings, now = wiring.installed().mappings, wiring.clock.now()
    named = wiring.names().known(options.record)
    if named.issue is not None:
        issue = named.issue
        page = pages.issue_page(issue, mappings.by_name.get(issue.mapping), now)
        lines([pages.as_json(issue)] if options.json else page)
        return
    key = named.key or ""
    entry = wiring.ledger.read([key]).get(key)
    if entry is None:
        raise Rejected(f"the ledger does not know {options.record} any more")
    found, past = wiring.archive.issues_of(key), wiring.archive.history(key, options.limit)
    if options.json:
        lines([pages.as_json({"entry": entry, "issues": found, "history": past})])
    else:
        lines(pages.record_page(entry, mappings.by_name.get(entry.mapping), found, past, now))


def resolve(wiring: Wiring, options: argparse.Namespace) -> int:
    """Decide a conflict: take one side's values, or give others; and wait until that is carried out."""
    operators = wiring.operators()
    if options.take:
        decision = operators.take(options.id, Side(options.take), options.actor)
    else:
        decision = operators.give(options.id, options.value, options.actor)
    lines([f"decided by {options.actor}: {_assigned(decision.values)}"])
    if options.no_wait:
        lines(["it is being carried out"])
        return 0
    found = _awaited(wiring, options.wait, lambda: operators.standing(decision), lambda it: it.end is End.PENDING)
    return _told(wiring, decision, found, options.wait)


def _awaited(wiring: Wiring, seconds: float, look: Callable[[], S], pending: Callable[[S], bool]) -> S:
    """How something stands once it is not pending any more, or when the time is over."""
    until = wiring.clock.now() + seconds
    while pending(found := look()) and wiring.clock.now() < until:
        wiring.clock.sleep(LOOK_AGAIN)
    return found


def _told(wiring: Wiring, decision: Decision, found: Standing, waited: float) -> int:
    """Print how a decision stands; the exit status."""
    match found.end:
        case End.SETTLED:
            lines([f"settled: both sides hold {_assigned(decision.values)}"])
            return 0
        case End.PENDING:
            lines([f"not carried out within {waited:g} s; `show {decision.issue.id}` tells what comes of it"])
            return UNFINISHED
        case End.OVERTAKEN:
            lines([f"not carried out: {found.text}"])
        case End.REFUSED:
            lines([f"refused: {found.text}", "the conflict is open, and may be decided anew"])
        case _:
            lines([f"not carried out: {found.text}"])
            mapping = wiring.installed().mappings.by_name.get(found.issue.mapping)
            lines(pages.issue_page(found.issue, mapping, wiring.clock.now()))
    return FAILED


def _assigned(values: Fields) -> str:
    return ", ".join(f"{name} = {pages.value(value)}" for name, value in values.items())


def revert(wiring: Wiring, options: argparse.Namespace) -> int:
    """Put a record, or some of its fields, back to an earlier moment of its history; and wait until that is done."""
    named, reverting = wiring.names().known(options.record), wiring.reverting()
    take = Side(options.take) if options.take else None
    reversal = reverting.plan(named.key or "", _moment(options), options.actor, fields=options.field or (), take=take)
    for name, value in reversal.values.items():
        held = ", ".join(f"{side.title()} {pages.value(reversal.held[name][side])}" for side in Side)
        lines([f"{name}: {held} -> {pages.value(value)}"])
    if options.dry_run:
        return 0
    reverting.carry_out(reversal)
    end, text = _awaited(wiring, options.wait, lambda: reverting.standing(reversal), lambda it: it[0] is End.PENDING)
    if end is End.SETTLED:
        lines(["settled: both sides hold it"])
        return 0
    if end is End.PENDING:
        lines([f"not carried out within {options.wait:g} s; `show {options.record}` tells what comes of it"])
        return UNFINISHED
    lines([f"{'refused' if end is End.REFUSED else 'not carried out'}: {text}"])
    return FAILED


def revert_options(reverting: argparse.ArgumentParser) -> None:
    """What `revert` may be told."""
    reverting.add_argument("record", metavar="RECORD", help=RECORD)
    point = reverting.add_mutually_exclusive_group(required=True)
    point.add_argument("--before", metavar="MOMENT", help="as it was just before what `show` tells of this moment")
    point.add_argument("--to", metavar="MOMENT", help="as it was when this second was over")
    reverting.add_argument(
        "--field", metavar="NAME", action="append", help="only this field, and its group; again at will"
    )
    reverting.add_argument(
        "--take", choices=[str(side) for side in Side], help="whose value, of a conflict decided since"
    )
    reverting.add_argument("--dry-run", action="store_true", help="say what would be written, and do nothing")
    reverting.add_argument("--actor", default=getpass.getuser(), help="who does it (you)")
    reverting.add_argument("--wait", type=float, default=30.0, metavar="SECONDS", help="for how long at most (30)")


def _moment(options: argparse.Namespace) -> float:
    """The moment to go back to: when a second began, or when it was over.

    Raises:
        Rejected: it is no moment.
    """
    seconds = moment(options.before or options.to)
    return math.nextafter(seconds, 0.0) if options.before else math.nextafter(math.floor(seconds) + 1.0, 0.0)


def moment(text: str) -> float:
    """A moment on the command line, in UTC where it names no zone; seconds since the epoch.

    Raises:
        Rejected: it is no moment.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Rejected(f'"{text}" is no moment: write it as `show` does, 2026-11-24 10:11:44Z') from None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def ignore(wiring: Wiring, options: argparse.Namespace) -> int:
    """Leave an issue as it is: nothing is written, and it is closed until a side is edited again."""
    result = wiring.acting().act(Wish(options.id, "", Deed.IGNORE, reason=options.reason), options.actor)
    lines([result.text])
    return 0 if result.outcome in {Outcome.TAKEN, Outcome.DONE} else FAILED


def ignore_options(ignoring: argparse.ArgumentParser) -> None:
    """What `ignore` may be told."""
    ignoring.add_argument("id", metavar="ID", help="issue id")
    ignoring.add_argument("--reason", required=True, metavar="TEXT", help="why it may stay as it is")
    ignoring.add_argument("--actor", default=getpass.getuser(), help="who does it (you)")


def retry(wiring: Wiring, options: argparse.Namespace) -> None:
    """Have a refused write, or a record whose message was given up, tried once more."""
    lines([wiring.operators().retry(wiring.names().known(options.record))])


def lines(texts: Iterable[str]) -> None:
    """Print."""
    for text in texts:
        print(text)
