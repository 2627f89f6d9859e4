"""The dead-letter queue is not a place where edits lie: each message becomes an issue that a person sees."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.identity import record_key, row_key
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint, Identity, RecordKey, RowId, SalesforceId
from chalicelib.core.ports import Clock
from chalicelib.jobs.settling import Message
from chalicelib.jobs.telling import Telemetry

UNREADABLE = "unreadable"  # record key of a message that names no record
SLOT = "*message"


class Finds(Protocol):
    """Looks record keys up."""

    def find(self, identities: Collection[Identity]) -> Mapping[Identity, RecordKey]:
        """See :class:`chalicelib.core.ports.Ledger`."""
        ...


class DeadLetters:
    """Makes issues of messages.

    Args:
        mappings: what is kept the same.
        organization_id: 18 characters.
        ledger: for the records' keys.
        report: writes an issue; the same issue again changes nothing.
        read: how a message's text becomes hints.
        clock: the time.
        telemetry: counts them; the alarm is on that count.
    """

    def __init__(
        self,
        *,
        mappings: Mappings,
        organization_id: str,
        ledger: Finds,
        report: Callable[[Issue], None],
        read: Callable[[str], Sequence[Hint]],
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._mappings = mappings
        self._organization_id = organization_id
        self._ledger = ledger
        self._report = report
        self._read = read
        self._clock = clock
        self._telemetry = telemetry

    def take(self, messages: Sequence[Message]) -> None:
        """Make an issue of each message; when this returns, they may be deleted.

        Raises:
            TwinledgerError: the ledger refused; all of them come again.
        """
        for issue in (issue for message in messages for issue in self._issues(message)):
            self._report(issue)
            self._telemetry.count(Metric.UNDELIVERABLE)

    def _issues(self, message: Message) -> Iterator[Issue]:
        now = self._clock.now()
        text = f"message {message.id} was received too often without being worked off"
        issue = Issue(
            id=f"message-{message.id}",
            key=UNREADABLE,
            mapping="",
            slot=SLOT,
            kind=IssueKind.UNDELIVERABLE,
            opened_at=now,
            updated_at=now,
            text=text,
        )
        try:
            hints = self._read(message.body)
        except TwinledgerError as error:
            yield replace(issue, text=f"{text}: {error}")
            return
        for place, hint in enumerate(hints):
            numbered = issue.id if place == 0 else f"{issue.id}-{place}"
            yield self._about(hint, replace(issue, id=numbered))

    def _about(self, hint: Hint, issue: Issue) -> Issue:
        identity = hint.identity
        return replace(
            issue,
            key=self._key(identity),
            mapping=self._mapping(identity),
            sfid=identity.id if isinstance(identity, SalesforceId) else hint.sfid,
            pk=identity.key if isinstance(identity, RowId) else None,
            text=f"{issue.text}: {_named(identity)}",
        )

    def _key(self, identity: Identity) -> RecordKey:
        known = self._ledger.find([identity]).get(identity)
        if known is not None:
            return known
        if isinstance(identity, SalesforceId):
            return record_key(self._organization_id, identity.id)
        return row_key(identity.table, identity.key)

    def _mapping(self, identity: Identity) -> str:
        found = self._mappings.of(identity)
        return "" if found is None else found.name


def _named(identity: Identity) -> str:
    if isinstance(identity, SalesforceId):
        return f"{identity.object} {identity.id}"
    return f"{identity.table} {', '.join(identity.key)}"
