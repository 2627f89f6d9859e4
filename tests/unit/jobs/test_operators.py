"""A person's decisions: where they go, and when they are refused."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.errors import Rejected, RetryLater
from chalicelib.core.ledger import Answer, Entry, EntryChange, Issue, IssueKind, OpenIssue, Refusal
from chalicelib.core.model import LONG_TEXT, Change, RowId, SalesforceId, Side, condense
from chalicelib.jobs.names import Named
from chalicelib.jobs.operators import Operators
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.ledger import MemoryLedger
from tests.unit.jobs.sample import ID, MAPPINGS

KEY = "11111111-2222-3333-4444-555555555555"
LONG = "x" * (LONG_TEXT + 1)


class Bench:
    """An operator, a ledger with one conflict, and a queue."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.hints = MemoryHints()
        shown = OpenIssue("i1", IssueKind.CONFLICT, (condense(LONG),), ("b",), 1.0)
        entry = Entry(KEY, "account", 1, sfid=ID, pk=("7",), issues={"Name": shown})
        refusal = Refusal(named=True, items={"Phone": "x"}, seen={})
        self.ledger.write([EntryChange(None, replace(entry, refusals={Side.POSTGRES: refusal}))])
        self.put("i1", postgres={"Name": LONG}, salesforce={"Name": "b"})

    def put(self, issue_id: str, **parts: Any) -> Issue:
        """An issue of the record."""
        issue = replace(Issue(issue_id, KEY, "account", "Name", IssueKind.CONFLICT, 1.0, 1.0), **parts)
        self.ledger.issues[issue_id] = issue
        return issue

    def issue(self, issue_id: str) -> Issue | None:
        """An issue by its id."""
        return self.ledger.issues.get(issue_id)

    def issues_of(self, key: str) -> list[Issue]:
        """The issues of a record."""
        return [issue for issue in self.ledger.issues.values() if issue.key == key]

    def report(self, issue: Issue) -> None:
        """Write an issue."""
        self.ledger.issues[issue.id] = issue

    @property
    def operators(self) -> Operators:
        """The operator."""
        return Operators(mappings=MAPPINGS, ledger=self.ledger, issues=self, hints=self.hints, clock=FakeClock(50.0))

    @property
    def answer(self) -> Answer:
        """The decision that waits in the entry."""
        return self.ledger.entries[KEY].answers["Name"]


@pytest.mark.parametrize(("side", "value"), [(Side.POSTGRES, LONG), (Side.SALESFORCE, "b")])
def test_a_side_s_value_is_taken(side: Side, value: str) -> None:
    """The decision says what was shown, long texts by their digest, and the record is settled."""
    bench = Bench()
    bench.operators.take("i1", side, "ann")
    assert (bench.answer.value, bench.answer.actor) == ((value,), "ann")
    assert (bench.answer.postgres, bench.answer.salesforce) == ((condense(LONG),), ("b",))
    [hint] = bench.hints.sent
    assert (hint.identity, hint.change) == (SalesforceId("Account", ID), Change.UPDATED)


def test_a_value_of_one_s_own_is_taken() -> None:
    """Neither side's."""
    bench = Bench()
    bench.operators.decide("i1", {"Name": "c"}, "ann")
    assert bench.answer.value == ("c",)


def test_a_decision_needs_every_field_of_the_unit() -> None:
    """Missing is not null."""
    with pytest.raises(Rejected, match="Name"):
        Bench().operators.decide("i1", {"Phone": "c"}, "ann")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"closed_at": 2.0, "reason": "both sides agree"}, "both sides agree"),
        ({"kind": IssueKind.REJECTED}, "not decided by a value"),
        ({"slot": "*delete", "kind": IssueKind.DELETE_EDIT}, "not decided by a value"),
        ({"mapping": "gone"}, "not decided by a value"),
        ({"salesforce": {"Name": "older"}}, "moved since"),
    ],
)
def test_a_decision_that_fits_nothing_is_refused(parts: dict[str, Any], reason: str) -> None:
    """The person is told why; nothing is sent."""
    bench = Bench()
    bench.put("i1", **{"postgres": {"Name": LONG}, "salesforce": {"Name": "b"}, **parts})
    with pytest.raises(Rejected, match=reason):
        bench.operators.take("i1", Side.POSTGRES, "ann")
    assert bench.hints.sent == []


def test_a_decision_of_no_issue_is_refused() -> None:
    """An id that was mistyped."""
    with pytest.raises(Rejected, match="no issue i9"):
        Bench().operators.take("i9", Side.POSTGRES, "ann")


@pytest.mark.parametrize("by_issue", [True, False])
def test_a_parked_record_is_tried_again(by_issue: bool) -> None:
    """By its key or by one of its issues; it is told who refused it."""
    bench = Bench()
    issue = bench.put("i2", kind=IssueKind.REJECTED) if by_issue else None
    assert "what Postgres refused" in bench.operators.retry(Named(KEY, issue=issue))
    assert bench.ledger.entries[KEY].refusals == {}
    assert len(bench.hints.sent) == 1


def test_a_record_that_is_not_known_cannot_be_tried() -> None:
    """The person is told so."""
    with pytest.raises(Rejected, match="does not know a record none"):
        Bench().operators.retry(Named("none"))
    with pytest.raises(Rejected, match="settle"):
        Bench().operators.retry(Named(None, SalesforceId("Account", ID)))
    with pytest.raises(Rejected, match="no record"):
        Bench().operators.wake("none")


@pytest.mark.parametrize(
    ("parts", "identity"),
    [({"sfid": ID, "pk": None}, SalesforceId("Account", ID)), ({"pk": ("7",)}, RowId("public.account", ("7",)))],
)
def test_a_message_that_was_given_up_is_sent_again(parts: dict[str, Any], identity: SalesforceId | RowId) -> None:
    """And its issue is closed, after that."""
    bench = Bench()
    bench.put("m1", kind=IssueKind.UNDELIVERABLE, **parts)
    bench.operators.retry(Named(KEY, issue=bench.issue("m1")))
    assert [hint.identity for hint in bench.hints.sent] == [identity]
    assert bench.ledger.issues["m1"].closed_at == 50.0
    bench.put("m2", kind=IssueKind.UNDELIVERABLE, **parts)
    bench.hints.room = 0
    with pytest.raises(RetryLater):
        bench.operators.retry(Named(KEY, issue=bench.issue("m2")))
    assert bench.ledger.issues["m2"].closed_at is None


@pytest.mark.parametrize("parts", [{"mapping": ""}, {"sfid": None, "pk": None}])
def test_a_message_that_names_nothing_cannot_be_sent_again(parts: dict[str, Any]) -> None:
    """It stays, for a person to look into."""
    bench = Bench()
    bench.put("m1", **{"kind": IssueKind.UNDELIVERABLE, "sfid": ID, **parts})
    with pytest.raises(Rejected, match="names no record"):
        bench.operators.retry(Named(KEY, issue=bench.issue("m1")))
    assert bench.ledger.issues["m1"].closed_at is None


def test_a_record_without_a_link_has_no_hint() -> None:
    """There is nothing to read it by."""
    bench = Bench()
    bench.ledger.entries[KEY] = replace(bench.ledger.entries[KEY], sfid=None, pk=None)
    with pytest.raises(Rejected, match="no record"):
        bench.operators.hint(KEY)
    bench.ledger.entries[KEY] = replace(bench.ledger.entries[KEY], pk=("7",))
    assert bench.operators.hint(KEY).identity == RowId("public.account", ("7",))
    with pytest.raises(Rejected, match="no record"):
        bench.operators.hint_of(Named(None))
