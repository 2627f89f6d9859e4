"""Issues for the console, on the real settle step between two systems in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.core.acts import Preview, Result, View, Wish
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, Page, Wanted
from chalicelib.jobs.acting import Acting
from chalicelib.jobs.auditing import Auditor
from chalicelib.jobs.names import Names, name_of
from chalicelib.jobs.operators import Operators
from tests.fakes.archive import MemoryArchive
from tests.fakes.audit import MemoryAudit
from tests.unit.core.scene import Scene


@dataclass
class MemoryDesk:
    """Implements :class:`chalicelib.console.issues.Desk`.

    Attributes:
        scene: both systems, and the ledger.
        audit: what was written down.
    """

    scene: Scene = field(default_factory=Scene)
    audit: MemoryAudit = field(default_factory=MemoryAudit)

    @property
    def archive(self) -> MemoryArchive:
        """Issues and history."""
        return MemoryArchive(self.scene.ledger)

    @property
    def acting(self) -> Acting:
        """What people do about issues."""
        scene, archive = self.scene, self.archive
        operators = Operators(
            mappings=scene.mappings, ledger=scene.ledger, issues=archive, hints=scene.hints, clock=scene.clock
        )
        return Acting(mappings=scene.mappings, ledger=scene.ledger, archive=archive, operators=operators)

    def mappings(self) -> Sequence[str]:
        """Names of the mappings."""
        return tuple(self.scene.mappings.by_name)

    def page(self, wanted: Wanted, limit: int, cursor: Cursor | None) -> Page:
        """A page of a list."""
        return self.archive.page(wanted, limit, cursor)

    def counts(self) -> Mapping[tuple[str, IssueKind], int]:
        """How many issues are open."""
        return self.archive.counts((*self.mappings(), ""), 1000)

    def find(self, text: str) -> Sequence[Issue]:
        """The issues of what a person names."""
        named = Names(self.scene.mappings, self.scene.ledger, self.archive).known(text)
        return [named.issue] if named.issue is not None else self.archive.issues_of(named.key or "")

    def name(self, issue: Issue) -> str:
        """The record of an issue, as people name it."""
        return name_of(self.scene.mappings.by_name.get(issue.mapping), issue.sfid, issue.pk) or issue.key

    def view(self, issue_id: str) -> View | None:
        """An issue with what stands around it."""
        return self.acting.view(issue_id)

    def preview(self, wish: Wish) -> Preview:
        """What a wish would do."""
        return self.acting.preview(wish)

    def act(self, wish: Wish, actor: str, role: str) -> Result:
        """Do what is wanted, and write it down."""
        with Auditor(self.audit, self.scene.clock).noted(actor, role, f"issue {wish.deed}", [wish.issue_id]) as note:
            result = self.acting.act(wish, actor)
            note.outcome = str(result.outcome)
        return result
