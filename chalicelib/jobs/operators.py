"""What a person does: look at issues, decide conflicts, have parked writes tried again.

A decision is never written to a system from here. It goes into the record's entry, and a hint has the record settled:
there is one path by which a value is written.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Protocol

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

    def take(self, issue_id: str, side: Side, actor: str) -> None:
        """Decide a conflict for one side's values, as the issue shows them.

        Raises:
            Rejected: it cannot be decided so; the text says why.
            TwinledgerError: the ledger or the queue refused.
        """
        issue = self._open(issue_id)
        self.decide(issue_id, issue.postgres if side is Side.POSTGRES else issue.salesforce, actor)

    def decide(self, issue_id: str, values: Fields, actor: str) -> None:
        """Decide a conflict for values of one's own.

        Args:
            issue_id: of an open conflict.
            values: canonical values of all fields of the issue's unit, by Salesforce name.
            actor: who decides.

        Raises:
            Rejected: it cannot be decided so; the text says why.
            TwinledgerError: the ledger or the queue refused.
        """
        issue = self._open(issue_id)
        unit = self._unit(issue)
        missing = [name for name in unit.fields if name not in values]
        if missing:
            raise Rejected(f"give a value for {', '.join(missing)}")
        answer = Answer(
            id=self._clock.new_id(),
            value=_values(unit, values),
            postgres=tuple(condense(value) for value in _values(unit, issue.postgres)),
            salesforce=tuple(condense(value) for value in _values(unit, issue.salesforce)),
            actor=actor,
        )
        if isinstance(self._ledger.answer(issue.key, unit.name, answer), Stale):
            raise Rejected("a side has moved since, or the issue is closed: look at it again")
        self.wake(issue.key)

    def retry(self, name: str) -> None:
        """Have a record tried again: by its key, or by the id of one of its issues.

        Raises:
            Rejected: there is no such record.
            TwinledgerError: the ledger or the queue refused.
        """
        issue = self._issues.issue(name)
        if issue is not None and issue.kind is IssueKind.UNDELIVERABLE:
            self._redeliver(issue)
            return
        key = name if issue is None else issue.key
        if isinstance(self._ledger.clear_refusals(key), Stale):
            raise Rejected(f"{name} is neither a record that the ledger knows nor an issue")
        self.wake(key)

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
        if issue.kind is not IssueKind.CONFLICT or unit is None:
            raise Rejected(f"a {issue.kind} issue is not decided by a value: mend the cause, or retry it")
        return unit


def _values(unit: Unit, fields: Fields) -> Values:
    return tuple(fields.get(name) for name in unit.fields)


def _identity(mapping: ObjectMapping, sfid: str | None, pk: tuple[str, ...] | None) -> Identity | None:
    if sfid is not None:
        return SalesforceId(mapping.object, sfid)
    return None if pk is None else RowId(mapping.table, pk)
