"""Issues and history of a ledger in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.core.ledger import History, Issue, IssueKind
from chalicelib.core.listing import Cursor, Page, Wanted, at, place, state_of
from chalicelib.core.model import RecordKey
from tests.fakes.ledger import MemoryLedger


@dataclass
class MemoryArchive:
    """What :class:`chalicelib.aws.archive.Archive` reads, of a ledger in memory."""

    ledger: MemoryLedger

    def issue(self, issue_id: str) -> Issue | None:
        """An issue by its id."""
        return self.ledger.issues.get(issue_id)

    def issues_of(self, key: RecordKey) -> Sequence[Issue]:
        """All issues of a record, in order of opening."""
        return [issue for issue in self.ledger.issues.values() if issue.key == key]

    def page(self, wanted: Wanted, limit: int, cursor: Cursor | None = None) -> Page:
        """A page of a list."""
        found = sorted(
            (issue for issue in self.ledger.issues.values() if _is(issue, wanted)),
            key=place,
            reverse=wanted.newest_first,
        )
        first, last = 0, limit
        if cursor is not None:
            places = [place(issue) for issue in found]
            before = sum(one > cursor.place if wanted.newest_first else one < cursor.place for one in places)
            behind = before + (cursor.place in places)
            first, last = (max(0, before - limit), before) if cursor.backward else (behind, behind + limit)
        shown = found[first:last]
        if not shown:
            return Page(())
        following = (cursor is not None and cursor.backward) or last < len(found)
        preceding = first > 0 or (cursor is not None and not cursor.backward)
        return Page(
            tuple(shown),
            Cursor(place(shown[-1])) if following else None,
            Cursor(place(shown[0]), backward=True) if preceding else None,
        )

    def count_open(self, most: int, since: float = 0.0) -> int:
        """How many issues are open that were opened since, counted up to ``most``."""
        found = [issue for issue in self.ledger.issues.values() if issue.closed_at is None]
        return min(most, sum(issue.opened_at >= since for issue in found))

    def counts(self, mappings: Collection[str], most: int) -> Mapping[tuple[str, IssueKind], int]:
        """How many issues are open, by mapping and kind."""
        opened = (issue for issue in self.ledger.issues.values() if issue.closed_at is None)
        found = Counter((issue.mapping, issue.kind) for issue in opened if issue.mapping in mappings)
        return {pair: min(number, most) for pair, number in found.items()}

    def index_older(self) -> int:
        """There is no index that anything could be missing from."""
        return 0

    def history(self, key: RecordKey, limit: int | None = None) -> Sequence[History]:
        """Overwritten values of a record, the newest first."""
        return [one for one in reversed(self.ledger.history) if one.key == key][:limit]

    def report(self, issue: Issue) -> None:
        """Write an issue."""
        self.ledger.issues[issue.id] = issue


def _is(issue: Issue, wanted: Wanted) -> bool:
    """Whether an issue is wanted."""
    when = place(issue).partition("#")[0]
    return (
        state_of(issue) is wanted.state
        and (not wanted.mappings or issue.mapping in wanted.mappings)
        and (not wanted.kinds or issue.kind in wanted.kinds)
        and (wanted.since is None or when >= at(wanted.since))
        and (wanted.until is None or when < at(wanted.until))
    )
