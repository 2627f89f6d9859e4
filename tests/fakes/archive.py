"""Issues and history of a ledger in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.core.ledger import History, Issue
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

    def listed(self, *, closed: bool = False, after: str = "") -> Iterator[Issue]:
        """Open issues, the oldest first, or closed ones, the last closed first; those after one of them."""
        found = [issue for issue in self.ledger.issues.values() if (issue.closed_at is not None) is closed]
        found.sort(key=lambda issue: (-(issue.closed_at or 0.0), issue.opened_at, issue.id))
        start = next((place + 1 for place, issue in enumerate(found) if issue.id == after), 0)
        yield from found[start:]

    def count_open(self, most: int, since: float = 0.0) -> int:
        """How many issues are open that were opened since, counted up to ``most``."""
        return min(most, sum(issue.opened_at >= since for issue in self.listed()))

    def history(self, key: RecordKey, limit: int | None = None) -> Sequence[History]:
        """Overwritten values of a record, the newest first."""
        return [one for one in reversed(self.ledger.history) if one.key == key][:limit]

    def report(self, issue: Issue) -> None:
        """Write an issue."""
        self.ledger.issues[issue.id] = issue
