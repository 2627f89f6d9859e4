"""Each message that was given up becomes an issue that a person sees."""

from collections.abc import Collection, Mapping

import pytest

from chalicelib.aws.queues import hints_of, message_of
from chalicelib.core.identity import record_key, row_key
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.model import Change, Hint, Identity, RecordKey, RowId, SalesforceId
from chalicelib.jobs.dead_letters import UNREADABLE, DeadLetters
from chalicelib.jobs.settling import Message
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ID, MAPPINGS, ORG

RECORD, ROW = SalesforceId("Account", ID), RowId("public.account", ("7",))


class Links:
    """The ledger's look-ups."""

    def __init__(self, links: Mapping[Identity, RecordKey]) -> None:
        self._links = links

    def find(self, identities: Collection[Identity]) -> Mapping[Identity, RecordKey]:
        """Look up record keys."""
        return {one: self._links[one] for one in identities if one in self._links}


def take(body: str, links: Mapping[Identity, RecordKey] | None = None) -> Issue:
    """The issue of a message."""
    issues: list[Issue] = []
    telemetry = MemoryTelemetry()
    DeadLetters(
        mappings=MAPPINGS,
        organization_id=ORG,
        ledger=Links(links or {}),
        report=issues.append,
        read=hints_of,
        clock=FakeClock(50.0),
        telemetry=telemetry,
    ).take([Message("m1", "r1", 1, body)])
    assert telemetry.counts == {"Undeliverable": 1}
    [issue] = issues
    assert (issue.id, issue.kind, issue.opened_at) == ("message-m1", IssueKind.UNDELIVERABLE, 50.0)
    return issue


@pytest.mark.parametrize(
    ("identity", "key", "named"),
    [(RECORD, record_key(ORG, ID), f"Account {ID}"), (ROW, row_key("public.account", ("7",)), "public.account 7")],
)
def test_a_message_names_its_record(identity: Identity, key: str, named: str) -> None:
    """By the key that the record would have, or by the one that the ledger knows."""
    message = message_of(Hint(identity, Change.UPDATED, "1"))
    issue = take(message)
    assert (issue.key, issue.mapping) == (key, "account")
    assert issue.text.endswith(named)
    assert take(message, {identity: "known"}).key == "known"


def test_both_names_are_shown_where_they_are_known() -> None:
    """A row's hint may know the Salesforce id."""
    issue = take(message_of(Hint(ROW, Change.UPDATED, "1", sfid=ID)))
    assert (issue.sfid, issue.pk) == (ID, ("7",))
    issue = take(message_of(Hint(RECORD, Change.UPDATED, "1")))
    assert (issue.sfid, issue.pk) == (ID, None)


def test_a_record_of_no_mapping_has_an_issue_too() -> None:
    """The mapping may have been removed since."""
    assert take(message_of(Hint(SalesforceId("Lead", ID), Change.UPDATED, "1"))).mapping == ""


def test_a_message_that_cannot_be_read_has_an_issue() -> None:
    """It says what is wrong with it."""
    issue = take("junk")
    assert issue.key == UNREADABLE
    assert "cannot be read" in issue.text
