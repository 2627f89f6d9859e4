"""People act on issues: what they see is versioned, what they want is shown before it is done, and one of two wins.

    ann               ledger                          bob
      |-- sees version 5 --|                            |
      |                    |-- sees version 5 ----------|
      |== answer, if the issue shows 5 and has none ===>|   stored with the entry, under its version and dirty
      |                    |<== answer ... refused =====|   he is told that ann was faster, and what she decided
      |-- settled ---------|                            |

Nothing is written to a system from here: the settle step carries a decision out, if both sides are still as they were
shown.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.core.acts import Deed, Outcome, Preview, Result, View, Wish, becomes, version_of
from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Answer, Entry, History, Issue, IssueKind
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Fields, RecordKey, Side
from chalicelib.jobs.deciding import parsed
from chalicelib.jobs.names import Named
from chalicelib.jobs.operators import RETRIED, Operators

MOST = 25  # issues that are acted on in one request
PAST = 20  # items of a record's history beside its issue
LONGEST_REASON = 500  # characters


class Ledger(Protocol):
    """The entries."""

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        ...


class Archive(Protocol):
    """Issues and history."""

    def issue(self, issue_id: str) -> Issue | None:
        """An issue by its id."""
        ...

    def issues_of(self, key: RecordKey) -> Sequence[Issue]:
        """All issues of a record, open and closed."""
        ...

    def history(self, key: RecordKey, limit: int | None = None) -> Sequence[History]:
        """Overwritten values of a record, the newest first."""
        ...


class Acting:
    """What people do about issues.

    Args:
        mappings: what is kept the same.
        ledger: the entries.
        archive: issues and history.
        operators: a person's actions.
    """

    def __init__(self, *, mappings: Mappings, ledger: Ledger, archive: Archive, operators: Operators) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._archive = archive
        self._operators = operators

    def view(self, issue_id: str) -> View | None:
        """An issue with what stands around it; None: there is none.

        Raises:
            TwinledgerError: the ledger did not answer.
        """
        issue = self._archive.issue(issue_id)
        if issue is None:
            return None
        others = [one for one in self._archive.issues_of(issue.key) if one.closed_at is None and one.id != issue.id]
        return View(
            issue,
            version_of(issue),
            self._waiting(issue),
            others,
            self._archive.history(issue.key, PAST),
            self._deeds(issue),
        )

    def preview(self, wish: Wish) -> Preview:
        """What a wish would do; nothing is stored.

        Raises:
            Rejected: it cannot be done; the text says why.
            TwinledgerError: the ledger did not answer.
        """
        issue = self._open(wish.issue_id)
        told = replace(wish, version=version_of(issue))
        if wish.deed is Deed.RETRY:
            return Preview(told, issue, (), "What was refused is sent once more, as both sides hold it then.")
        if wish.deed is Deed.IGNORE:
            _reason(wish)
            return Preview(
                told, issue, (), "Nothing is written: both sides keep what they hold until somebody edits it again."
            )
        fields = becomes(issue, self._values(issue, wish))
        sides = [side.title() for side in Side if any(side in one.written for one in fields)]
        names = ", ".join(issue.fields)
        text = f"{names} is written in {' and in '.join(sides)}; every other field stays as it is."
        return Preview(told, issue, fields, text if sides else "Both sides hold it already; the issue is closed.")

    def act(self, wish: Wish, actor: str) -> Result:
        """Do what is wanted, provided that the issue still shows what the person saw.

        Raises:
            TwinledgerError: the ledger or the queue refused.
        """
        issue = self._archive.issue(wish.issue_id)
        if issue is None:
            return Result(wish.issue_id, Outcome.REFUSED, "there is no such issue", None)
        seen = self._overtaken(issue, wish)
        if seen is not None:
            return seen
        try:
            text = self._carry_out(issue, wish, actor)
        except Rejected as error:
            now = self._archive.issue(issue.id) or issue
            return self._overtaken(now, replace(wish, version=version_of(issue))) or Result(
                issue.id, Outcome.REFUSED, str(error), now
            )
        now = self._archive.issue(issue.id) or issue
        return Result(issue.id, Outcome.TAKEN if now.closed_at is None else Outcome.DONE, text, now)

    def act_on(self, wishes: Iterable[Wish], actor: str) -> list[Result]:
        """Do what is wanted of several, each for itself.

        Raises:
            Rejected: they are too many for one request.
            TwinledgerError: the ledger or the queue refused.
        """
        wanted = list(wishes)
        if len(wanted) > MOST:
            raise Rejected(f"{len(wanted)} issues at once: at most {MOST} in one request, the others in the next")
        return [self.act(wish, actor) for wish in wanted]

    def _carry_out(self, issue: Issue, wish: Wish, actor: str) -> str:
        deeds: Mapping[Deed, Callable[[], str]] = {
            Deed.RETRY: lambda: self._operators.retry(Named(issue.key, issue=issue)),
            Deed.IGNORE: lambda: self._operators.ignore(issue, _reason(wish), actor),
        }
        if wish.deed not in self._deeds(issue):
            raise Rejected(f"a {issue.kind} issue is not decided so")
        if wish.deed in deeds:
            return deeds[wish.deed]()
        self._operators.decide_shown(issue, self._values(issue, wish), actor)
        return "it is decided, and being written"

    def _values(self, issue: Issue, wish: Wish) -> Fields:
        """The values that both sides are to hold.

        Raises:
            Rejected: a field has none, or one that is none of its type.
        """
        if wish.deed in {Deed.SALESFORCE, Deed.POSTGRES}:
            held = issue.salesforce if wish.deed is Deed.SALESFORCE else issue.postgres
            return {name: held.get(name) for name in issue.fields}
        mapping = self._mappings.by_name.get(issue.mapping)
        unit = None if mapping is None else mapping.by_unit.get(issue.slot)
        if mapping is None or unit is None:
            raise Rejected(f"{issue.mapping} has no field or group {issue.slot} any more")
        values = parsed(mapping, unit, [f"{name}={text}" for name, text in wish.texts.items()])
        for name, side in wish.picks.items():
            held = issue.salesforce if side is Side.SALESFORCE else issue.postgres
            values.setdefault(name, held.get(name))
        missing = [name for name in unit.fields if name not in values]
        if missing:
            raise Rejected(f"choose a value for {', '.join(missing)}")
        return values

    def _overtaken(self, issue: Issue, wish: Wish) -> Result | None:
        """Whether the issue is not what the person saw any more, and who was faster; None: it is."""
        if issue.closed_at is not None:
            return Result(issue.id, Outcome.BEATEN, f"it is closed already: {issue.reason}", issue)
        waiting = self._waiting(issue)
        if waiting is not None:
            return Result(issue.id, Outcome.BEATEN, f"{waiting.actor} was faster: {_told(waiting, issue)}", issue)
        if wish.version and wish.version != version_of(issue):
            return Result(
                issue.id, Outcome.MOVED, "the record has moved since you looked: nothing was done, look again", issue
            )
        return None

    def _waiting(self, issue: Issue) -> Answer | None:
        entry = self._ledger.read([issue.key]).get(issue.key)
        return None if entry is None else entry.answers.get(issue.slot)

    def _deeds(self, issue: Issue) -> tuple[Deed, ...]:
        """What may be done about an issue."""
        if issue.closed_at is not None:
            return ()
        mapping = self._mappings.by_name.get(issue.mapping)
        unit = None if mapping is None else mapping.by_unit.get(issue.slot)
        deeds: list[Deed] = []
        if issue.kind is IssueKind.CONFLICT and unit is not None:
            deeds += [Deed.SALESFORCE, Deed.POSTGRES, Deed.VALUES]
        if issue.kind in RETRIED:
            deeds.append(Deed.RETRY)
        if self._operators.may_ignore(issue):
            deeds.append(Deed.IGNORE)
        return tuple(deeds)

    def _open(self, issue_id: str) -> Issue:
        issue = self._archive.issue(issue_id)
        if issue is None:
            raise Rejected("there is no such issue")
        if issue.closed_at is not None:
            raise Rejected(f"the issue is closed: {issue.reason}")
        return issue


def _reason(wish: Wish) -> str:
    reason = " ".join(wish.reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise Rejected(f"say why it may be ignored, in {LONGEST_REASON} characters at most")
    return reason


def _told(answer: Answer, issue: Issue) -> str:
    """A decision that is being carried out, in plain words."""
    if answer.ignores:
        return f"the issue is being closed as ignored ({answer.reason})"
    for side, held in ((Side.SALESFORCE, issue.salesforce), (Side.POSTGRES, issue.postgres)):
        if tuple(held.get(name) for name in issue.fields) == answer.value:
            return f"the values of {side.title()} are being taken"
    return "other values are being written"
