"""What a person does: look at issues, decide conflicts, have parked writes tried again.

A decision is never written to a system from here. It goes into the record's entry, and a hint has the record settled:
there is one path by which a value is written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.core.answers import IGNORED
from chalicelib.core.errors import Rejected
from chalicelib.core.ledger import Answer, Entry, Issue, IssueKind
from chalicelib.core.mapping import Mappings, ObjectMapping, Unit, Values
from chalicelib.core.model import (
    Change,
    Fields,
    Hint,
    Identity,
    RecordKey,
    RowId,
    SalesforceId,
    Side,
    condense,
)
from chalicelib.core.ports import Clock, Hints, Kept, Stale
from chalicelib.jobs.deciding import Decision, Standing, parsed, refusals, standing, told_so_far
from chalicelib.jobs.names import Named

RETRIED = frozenset({IssueKind.REJECTED, IssueKind.PARENT_MISSING, IssueKind.CHILDREN_LEFT, IssueKind.UNDELIVERABLE})
REMEDIES = {
    IssueKind.CONFLICT: "both sides keep theirs until somebody decides it with `resolve`",
    IssueKind.DELETE_EDIT: "the record was kept; delete it again where that was right",
    IssueKind.REJECTED: "mend the value on either side, or what refuses it, and `retry` the issue",
    IssueKind.PARENT_MISSING: "make the parent, or `retry` the issue once it is there",
    IssueKind.CHILDREN_LEFT: "delete what refers to it or give it to another parent, or undelete the record",
    IssueKind.ECHO_STORM: "end the automation that changes the value back, then edit the value on either side",
    IssueKind.UNDELIVERABLE: "`retry` the issue",
}  # what a person does about an issue


class Ledger(Protocol):
    """The ledger, as far as a person's actions need it."""

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        ...

    def answer(self, key: RecordKey, unit: str, answer: Answer) -> Kept | Stale:
        """Store a person's decision."""
        ...

    def clear_refusals(self, key: RecordKey) -> Kept | Stale:
        """Have parked writes tried once more."""
        ...


class Issues(Protocol):
    """The issues."""

    def issue(self, issue_id: str) -> Issue | None:
        """An issue by its id."""
        ...

    def issues_of(self, key: RecordKey) -> Sequence[Issue]:
        """All issues of a record, open and closed."""
        ...

    def report(self, issue: Issue) -> None:
        """Write an issue that belongs to no entry."""
        ...


class Operators:
    """A person's actions.

    Args:
        mappings: what is kept the same.
        ledger: the entries.
        issues: the issues.
        hints: the queues.
        clock: time and ids.
    """

    def __init__(self, *, mappings: Mappings, ledger: Ledger, issues: Issues, hints: Hints, clock: Clock) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._issues = issues
        self._hints = hints
        self._clock = clock

    # --- decisions

    def take(self, issue_id: str, side: Side, actor: str) -> Decision:
        """Decide a conflict for one side's values, as the issue shows them.

        Raises:
            Rejected: it cannot be decided so; the text says why.
            TwinledgerError: the ledger or the queue refused.
        """
        issue = self._open(issue_id)
        return self._decide(issue, issue.postgres if side is Side.POSTGRES else issue.salesforce, actor)

    def give(self, issue_id: str, texts: Iterable[str], actor: str) -> Decision:
        """Decide a conflict for values of one's own.

        Args:
            issue_id: of an open conflict.
            texts: ``FIELD=VALUE`` for each field of the issue's unit; nothing after the "=" is null.
            actor: who decides.

        Raises:
            Rejected: it cannot be decided so; the text says why.
            TwinledgerError: the ledger or the queue refused.
        """
        issue = self._open(issue_id)
        unit = self._unit(issue)
        return self._decide(issue, parsed(self._mappings.by_name[issue.mapping], unit, texts), actor)

    def decide(self, issue_id: str, values: Fields, actor: str) -> Decision:
        """Decide a conflict for values of one's own.

        Args:
            issue_id: of an open conflict.
            values: canonical values of all fields of the issue's unit, by Salesforce name.
            actor: who decides.

        Raises:
            Rejected: it cannot be decided so; the text says why.
            TwinledgerError: the ledger or the queue refused.
        """
        return self._decide(self._open(issue_id), values, actor)

    def decide_shown(self, issue: Issue, values: Fields, actor: str) -> Decision:
        """The same of a conflict as a person was shown it."""
        return self._decide(issue, values, actor)

    def ignore(self, issue: Issue, reason: str, actor: str) -> str:
        """Leave an issue as it is, as a person was shown it: nothing is written, and it is closed.

        Returns:
            What is being done, in plain words.

        Raises:
            Rejected: it cannot be ignored, or is not what it was any more; the text says why.
            TwinledgerError: the ledger or the queue refused.
        """
        unit = self._unit(issue) if issue.kind is IssueKind.CONFLICT else None
        if not self.may_ignore(issue):
            raise Rejected(f"this {issue.kind} issue is not ignored: {REMEDIES[issue.kind]}")
        answer = Answer(
            id=self._clock.new_id(),
            value=(),
            postgres=() if unit is None else tuple(condense(value) for value in _values(unit, issue.postgres)),
            salesforce=() if unit is None else tuple(condense(value) for value in _values(unit, issue.salesforce)),
            actor=actor,
            ignores=True,
            reason=reason,
        )
        if isinstance(self._ledger.answer(issue.key, issue.slot, answer), Stale):
            raise Rejected("a side has moved since, or the issue is closed, or half of a decision has to be completed")
        self.wake(issue.key)
        return "the issue is being closed as ignored; both sides stay as they are"

    def may_ignore(self, issue: Issue) -> bool:
        """Whether an issue may be left as it is: not what waits for a parent, and no column that cannot be read."""
        mapping = self._mappings.by_name.get(issue.mapping)
        unreadable = issue.kind is IssueKind.REJECTED and mapping is not None and issue.slot in mapping.by_unit
        return issue.kind in IGNORED and not unreadable

    def _decide(self, issue: Issue, values: Fields, actor: str) -> Decision:
        """Decide an open conflict as it was read; see :meth:`decide`."""
        unit = self._unit(issue)
        missing = [name for name in unit.fields if name not in values]
        if missing:
            raise Rejected(f"a value is missing for {', '.join(missing)}: {', '.join(unit.fields)} merge as one")
        entry = self._ledger.read([issue.key]).get(issue.key)
        earlier = entry.answers.get(unit.name) if entry is not None else None
        if earlier is not None:
            raise Rejected(f"{earlier.actor} has decided it already, and that is being carried out: look again soon")
        answer = Answer(
            id=self._clock.new_id(),
            value=_values(unit, values),
            postgres=tuple(condense(value) for value in _values(unit, issue.postgres)),
            salesforce=tuple(condense(value) for value in _values(unit, issue.salesforce)),
            actor=actor,
        )
        parked = told_so_far(self._issues.issues_of(issue.key))
        if isinstance(self._ledger.answer(issue.key, unit.name, answer), Stale):
            raise Rejected("a side has moved since, or the issue is closed: look at it again")
        self.wake(issue.key)
        return Decision(issue, answer, parked)

    def standing(self, decision: Decision) -> Standing:
        """How a decision stands.

        Raises:
            TwinledgerError: the ledger did not answer.
        """
        issue = decision.issue
        entry = self._ledger.read([issue.key]).get(issue.key)
        return standing(
            decision, entry, self._issues.issue(issue.id) or issue, refusals(self._issues.issues_of(issue.key))
        )

    # --- tries

    def retry(self, named: Named) -> str:
        """Have what a person named tried again.

        Returns:
            What is being done, in plain words.

        Raises:
            Rejected: there is nothing to try again; the text says what to do instead.
            TwinledgerError: the ledger or the queue refused.
        """
        if named.issue is not None:
            _check_retried(named.issue)
            if named.issue.kind is IssueKind.UNDELIVERABLE:
                self._redeliver(named.issue)
                return "the message's record is sent to be settled again, and the issue is closed"
        if named.key is None:
            raise Rejected("the ledger does not know this record: `settle` it")
        entry = self._ledger.read([named.key]).get(named.key)
        parked = entry.refusals if entry is not None else {}
        if isinstance(self._ledger.clear_refusals(named.key), Stale):
            raise Rejected(f"the ledger does not know a record {named.key}")
        self.wake(named.key)
        if parked:
            refused = " and ".join(side.title() for side in sorted(parked))
            return f"what {refused} refused is being sent once more; `show {named.key}` tells what comes of it"
        if named.issue is not None:
            return "the record is being settled once more, and looks for its parent"
        return "nothing of this record was refused: both sides are being compared once more"

    def wake(self, key: RecordKey) -> None:
        """Have a record settled.

        Raises:
            Rejected: there is no such record.
            TwinledgerError: the queue refused.
        """
        self._hints.send([self.hint(key)])

    def hint(self, key: RecordKey) -> Hint:
        """The hint by which a record is settled.

        Raises:
            Rejected: there is no such record, or it is linked to nothing.
        """
        entry = self._ledger.read([key]).get(key)
        mapping = None if entry is None else self._mappings.by_name.get(entry.mapping)
        identity = None if entry is None or mapping is None else _identity(mapping, entry.sfid, entry.pk)
        if entry is None or identity is None:
            raise Rejected(f"{key} is no record that the ledger knows")
        return self._told(identity, entry.sfid)

    def _redeliver(self, issue: Issue) -> None:
        mapping = self._mappings.by_name.get(issue.mapping)
        identity = None if mapping is None else _identity(mapping, issue.sfid, issue.pk)
        if identity is None:
            raise Rejected("the message names no record of a mapping: nothing can be tried again")
        self._hints.send([self._told(identity, issue.sfid)])
        now = self._clock.now()
        self._issues.report(replace(issue, closed_at=now, updated_at=now, reason="the record was sent again"))

    def hint_of(self, named: Named) -> Hint:
        """The hint by which a record is settled that was named, and that the ledger may not know.

        Raises:
            Rejected: it is linked to nothing.
        """
        if named.key is None and named.identity is not None:
            return self._told(named.identity, None)
        return self.hint(named.key or "")

    def _told(self, identity: Identity, sfid: str | None) -> Hint:
        return Hint(identity, Change.UPDATED, f"operator-{self._clock.new_id()}", self._clock.now(), sfid=sfid)

    def _open(self, issue_id: str) -> Issue:
        issue = self._issues.issue(issue_id)
        if issue is None:
            raise Rejected(f"there is no issue {issue_id}")
        if issue.closed_at is not None:
            raise Rejected(f"the issue is closed: {issue.reason}")
        return issue

    def _unit(self, issue: Issue) -> Unit:
        mapping = self._mappings.by_name.get(issue.mapping)
        unit = None if mapping is None else mapping.by_unit.get(issue.slot)
        if issue.kind is not IssueKind.CONFLICT:
            raise Rejected(f"a {issue.kind} issue is not decided by a value: {REMEDIES[issue.kind]}")
        if unit is None:
            raise Rejected(f"{issue.mapping} has no field or group {issue.slot} any more: it is not decided by a value")
        return unit


def _check_retried(issue: Issue) -> None:
    """Refuse to try what no try would change."""
    if issue.closed_at is not None:
        raise Rejected(f"the issue is closed ({issue.reason}): there is nothing to try again")
    if issue.kind not in RETRIED:
        raise Rejected(f"a {issue.kind} issue is not tried again: {REMEDIES[issue.kind]}")


def _values(unit: Unit, fields: Fields) -> Values:
    return tuple(fields.get(name) for name in unit.fields)


def _identity(mapping: ObjectMapping, sfid: str | None, pk: tuple[str, ...] | None) -> Identity | None:
    if sfid is not None:
        return SalesforceId(mapping.object, sfid)
    return None if pk is None else RowId(mapping.table, pk)
