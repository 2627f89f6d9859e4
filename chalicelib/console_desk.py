"""Issues for the console: the real parts behind :class:`chalicelib.console.issues.Desk`."""
# ruff: noqa: PLC0415

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, Page, Wanted
from chalicelib.systems import Systems

if TYPE_CHECKING:
    from chalicelib.core.acts import Preview, Result, View, Wish
    from chalicelib.jobs.acting import Acting

MOST = 1000  # issues of one mapping and kind that are counted


class ConsoleDesk:
    """Issues, and what people do about them.

    Args:
        systems: what is asked.
    """

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    def mappings(self) -> Sequence[str]:
        """Names of the mappings."""
        return tuple(self._systems.installed().mappings.by_name)

    def page(self, wanted: Wanted, limit: int, cursor: Cursor | None) -> Page:
        """A page of a list."""
        return self._systems.archive.page(wanted, limit, cursor)

    def counts(self) -> Mapping[tuple[str, IssueKind], int]:
        """How many issues are open, by mapping and kind."""
        return self._systems.archive.counts((*self.mappings(), ""), MOST)

    def find(self, text: str) -> Sequence[Issue]:
        """The issues of what a person names, the open ones first, then the last closed."""
        from chalicelib.jobs.names import Names

        systems = self._systems
        named = Names(systems.installed().mappings, systems.ledger, systems.archive).known(text)
        if named.issue is not None:
            return [named.issue]
        found = systems.archive.issues_of(named.key or "")
        return sorted(found, key=lambda one: (one.closed_at is not None, -(one.closed_at or one.opened_at)))[:100]

    def name(self, issue: Issue) -> str:
        """The record of an issue, as people name it."""
        from chalicelib.jobs.names import name_of

        mapping = self._systems.installed().mappings.by_name.get(issue.mapping)
        return name_of(mapping, issue.sfid, issue.pk) or issue.key

    def view(self, issue_id: str) -> "View | None":
        """An issue with what stands around it."""
        return self._acting().view(issue_id)

    def preview(self, wish: "Wish") -> "Preview":
        """What a wish would do."""
        return self._acting().preview(wish)

    def act(self, wish: "Wish", actor: str, role: str) -> "Result":
        """Do what is wanted, if the issue still shows what the person saw, and write it down."""
        from chalicelib.jobs.auditing import Auditor

        systems = self._systems
        issue = systems.archive.issue(wish.issue_id)
        subjects = [wish.issue_id] if issue is None else [issue.id, issue.key]
        fields = () if issue is None else issue.fields
        auditor = Auditor(systems.audit, systems.clock)
        with auditor.noted(actor, role, f"issue {wish.deed}", subjects, fields) as note:
            result = self._acting().act(wish, actor)
            note.outcome = str(result.outcome)
        return result

    def _acting(self) -> "Acting":
        from chalicelib.jobs.acting import Acting
        from chalicelib.jobs.operators import Operators

        systems = self._systems
        mappings = systems.installed().mappings
        operators = Operators(
            mappings=mappings,
            ledger=systems.ledger,
            issues=systems.archive,
            hints=systems.hints,
            clock=systems.clock,
        )
        return Acting(mappings=mappings, ledger=systems.ledger, archive=systems.archive, operators=operators)
