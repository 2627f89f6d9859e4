"""What every ledger does, in memory and in DynamoDB."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.aws import clients
from chalicelib.aws.archive import Archive
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.table import Table
from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import (
    Answer,
    Base,
    BaseState,
    Cause,
    Entry,
    EntryChange,
    Existence,
    History,
    Intent,
    Issue,
    IssueKind,
    OpenIssue,
    Refusal,
)
from chalicelib.core.model import Change, Digest, Hint, Record, RowId, SalesforceId, Side
from chalicelib.core.ports import Kept, Moved, Stale, Waiter
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import MemoryLedger
from tests.integration.aws.stage import Stage

AnyLedger = MemoryLedger | DynamoLedger


@dataclass(frozen=True)
class Subject:
    """A ledger and how to look into it."""

    ledger: AnyLedger
    issue: Callable[[str], Issue | None]
    history: Callable[[str], list[History]]


def _memory() -> Subject:
    ledger = MemoryLedger()
    return Subject(ledger, ledger.issues.get, lambda key: [one for one in reversed(ledger.history) if one.key == key])


def _dynamo(stage: Stage) -> Subject:
    table = Table(clients.dynamodb(**stage.options), stage.outputs["LedgerTable"], FakeClock())
    archive = Archive(table)
    return Subject(DynamoLedger(table, archive, FakeClock()), archive.issue, lambda key: list(archive.history(key)))


@pytest.fixture(params=["memory", "dynamodb"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """One ledger of each kind."""
    return _memory() if request.param == "memory" else _dynamo(request.getfixturevalue("aws"))


@pytest.fixture
def ledger(subject: Subject) -> AnyLedger:
    """The ledger alone."""
    return subject.ledger


@pytest.fixture
def key() -> str:
    """A record key that no other test uses."""
    return str(uuid.uuid4())


def fresh(key: str, **parts: Any) -> Entry:
    """The first version of an entry."""
    return replace(Entry(key, "contact", version=1, updated_at=1.5), **parts)


def full(key: str) -> Entry:
    """An entry with something in every attribute."""
    base = Base(("Ann", True), ("Ann", None), (Digest("ab" * 32, 5000), False), BaseState.FORM)
    intent = Intent(
        operation="op-1",
        target={"Name": ("Ann",), "Note": (Digest("cd" * 32, 9),)},
        on_postgres=frozenset({"Name"}),
        on_salesforce=frozenset({"Note"}),
        seen_postgres={"Name": ("Bob",)},
        seen_salesforce={"Name": (None,)},
        existence=Existence.CREATE_SALESFORCE,
        alive=True,
        lease_until=17.25,
        failed=True,
        answers=frozenset({"answer-1"}),
    )
    return Entry(
        key=key,
        mapping="contact",
        version=1,
        alive=True,
        survivor=Side.SALESFORCE,
        sfid="003000000000001AAA",
        pk=("7", "käse"),
        bases={"Name": base, "Note": Base(None, None, None, BaseState.CONTESTED)},
        intent=intent,
        issues={"Name": OpenIssue("issue-1", IssueKind.CONFLICT, ("a",), None, 3.5)},
        answers={"Name": Answer("answer-1", ("b",), ("a",), (None,), "ann")},
        refusals={Side.POSTGRES: Refusal(True, {"Name": Digest("ef" * 32, 2)}, {"Name": None})},
        hops=2,
        echoes={(Side.SALESFORCE, "Name"): ("x", False), (Side.POSTGRES, "Note"): (None,)},
        salesforce_second=1_790_000_000,
        updated_at=1_790_000_000.123,
    )


def issue(key: str, issue_id: str, **parts: Any) -> Issue:
    """An open conflict."""
    made = Issue(
        issue_id,
        key,
        "contact",
        "Name",
        IssueKind.CONFLICT,
        5.0,
        5.0,
        fields=("Name",),
        base={"Name": Digest("ab" * 32, 4000)},
        postgres={"Name": "a"},
        salesforce={"Name": "b"},
        actors={Side.POSTGRES: "ann"},
        pk=("7",),
    )
    return replace(made, **parts)


def history(key: str, at: float, **parts: Any) -> History:
    """One overwritten value."""
    made = History(key, "contact", at, "op-1", Side.POSTGRES, Cause.EDIT, {"Name": "a"}, {"Name": "b"}, "ann")
    return replace(made, **parts)


def keep(ledger: AnyLedger, seen: Entry | None, entry: Entry, **parts: Any) -> Entry:
    """Write a change that has to succeed; the entry as it is then."""
    change = EntryChange(seen, entry, **parts)
    assert list(ledger.write([change])) == [Kept()]
    return entry


def test_an_entry_is_read_as_it_was_written(ledger: AnyLedger, key: str) -> None:
    """Every attribute comes back equal, texts by digest, sets and pairs included."""
    keep(ledger, None, full(key))
    assert ledger.read([key]) == {key: full(key)}


def test_a_key_without_an_entry_is_left_out(ledger: AnyLedger, key: str) -> None:
    """Reading asks for no more than there is."""
    keep(ledger, None, fresh(key))
    assert set(ledger.read([key, str(uuid.uuid4()), key])) == {key}
    assert ledger.read([]) == {}


def test_many_entries_are_read_at_once(ledger: AnyLedger) -> None:
    """A read is not limited to the hundred keys of one call."""
    keys = [str(uuid.uuid4()) for _ in range(130)]
    assert list(ledger.write([EntryChange(None, fresh(key)) for key in keys])) == [Kept()] * 130
    assert ledger.read(keys) == {key: fresh(key) for key in keys}


def test_a_first_entry_is_written_once(ledger: AnyLedger, key: str) -> None:
    """Of two workers that saw no entry the second is told what there is."""
    keep(ledger, None, fresh(key))
    assert list(ledger.write([EntryChange(None, fresh(key, hops=1))])) == [Moved(fresh(key))]
    assert ledger.read([key]) == {key: fresh(key)}


def test_a_newer_version_refuses_the_write(ledger: AnyLedger, key: str) -> None:
    """The condition is the version seen."""
    first = keep(ledger, None, fresh(key))
    second = keep(ledger, first, replace(first, version=2, hops=1))
    assert list(ledger.write([EntryChange(first, replace(first, version=2))])) == [Moved(second)]


def test_a_moved_dirty_counter_refuses_the_write(ledger: AnyLedger, key: str) -> None:
    """A message that met the lease sends its holder round again."""
    first = keep(ledger, None, fresh(key))
    assert list(ledger.disturb([first])) == [True]
    disturbed = replace(first, dirty=1)
    assert list(ledger.write([EntryChange(first, replace(first, version=2))])) == [Moved(disturbed)]
    keep(ledger, disturbed, replace(disturbed, version=2))


def test_an_entry_that_is_gone_refuses_the_write(ledger: AnyLedger, key: str) -> None:
    """What was seen has to be there still."""
    seen = fresh(key)
    assert list(ledger.write([EntryChange(seen, replace(seen, version=2))])) == [Moved(None)]


def test_changes_are_independent(ledger: AnyLedger) -> None:
    """One change that is refused keeps none of the others back; outcomes stand in the order asked."""
    keys = [str(uuid.uuid4()) for _ in range(3)]
    keep(ledger, None, fresh(keys[1]))
    outcomes = ledger.write([EntryChange(None, fresh(key, hops=9)) for key in keys])
    assert list(outcomes) == [Kept(), Moved(fresh(keys[1])), Kept()]
    assert list(ledger.write([])) == []


@pytest.mark.parametrize("parts", [{"version": 1}, {"version": 3}, {"version": 2, "dirty": 1}])
def test_a_change_that_breaks_the_count_is_a_defect(ledger: AnyLedger, key: str, parts: dict[str, Any]) -> None:
    """A version grows by one, and dirty belongs to others."""
    first = keep(ledger, None, fresh(key))
    with pytest.raises(ProtocolError, match=key):
        ledger.write([EntryChange(first, replace(first, **parts))])


def test_a_change_of_two_records_is_a_defect(ledger: AnyLedger, key: str) -> None:
    """What was seen is of the same record."""
    first = fresh(key)
    with pytest.raises(ProtocolError, match="one record"):
        ledger.write([EntryChange(first, replace(first, key="other", version=2))])


def test_only_the_version_seen_is_disturbed(ledger: AnyLedger, key: str) -> None:
    """Where the holder has written meanwhile, the message looks again."""
    first = keep(ledger, None, fresh(key))
    second = keep(ledger, first, replace(first, version=2))
    assert list(ledger.disturb([first, second, second, fresh(str(uuid.uuid4()))])) == [False, True, True, False]
    assert ledger.read([key])[key].dirty == 2


def test_no_disturbance_is_lost(ledger: AnyLedger, key: str) -> None:
    """Messages that meet one lease at once all count."""
    first = keep(ledger, None, fresh(key))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ledger.disturb([first]), range(12)))
    assert ledger.read([key])[key].dirty == 12


def test_look_ups_are_written_with_the_entry(ledger: AnyLedger, key: str) -> None:
    """Ids of both sides lead to the record, those of others do not."""
    account, row = SalesforceId("Account", key), RowId("public.account", (key, "2"))
    keep(ledger, None, fresh(key), links=(account, row))
    others = (SalesforceId("Contact", key), RowId("public.account", (key,)))
    assert ledger.find([account, row, *others]) == {account: key, row: key}
    assert ledger.find([]) == {}


def test_a_look_up_that_leads_elsewhere_refuses_everything(subject: Subject, key: str) -> None:
    """Two records never share an id, and nothing of a refused change is there."""
    ledger = subject.ledger
    shared, own = SalesforceId("Account", key), RowId("public.account", (key,))
    keep(ledger, None, fresh(key), links=(shared,))
    other = str(uuid.uuid4())
    change = EntryChange(None, fresh(other), (own, shared), (issue(other, f"{other}-1"),), (history(other, 1.0),))
    assert list(ledger.write([change])) == [Moved(None)]
    assert ledger.read([other]) == {}
    assert ledger.find([shared, own]) == {shared: key}
    assert subject.issue(f"{other}-1") is None
    assert subject.history(other) == []


def test_a_look_up_that_leads_elsewhere_shows_the_entry(ledger: AnyLedger, key: str) -> None:
    """Where only a look-up is in the way, the entry is the one seen."""
    shared, other = SalesforceId("Account", key), str(uuid.uuid4())
    keep(ledger, None, fresh(key), links=(shared,))
    first = keep(ledger, None, fresh(other))
    assert list(ledger.write([EntryChange(first, replace(first, version=2), (shared,))])) == [Moved(first)]


def test_a_look_up_that_is_taken_leads_here_whoever_had_it(ledger: AnyLedger, key: str) -> None:
    """A primary key that moved to another record's row; a change that is refused takes nothing."""
    row, other = RowId("public.account", (key,)), f"other-{key}"
    keep(ledger, None, fresh(key), links=(row,))
    first = keep(ledger, None, fresh(other))
    late = EntryChange(None, fresh(other), taken=(row,))

    assert [type(outcome) for outcome in ledger.write([late])] == [Moved]
    assert ledger.find([row]) == {row: key}
    keep(ledger, first, replace(first, version=2), taken=(row,))
    assert ledger.find([row]) == {row: other}


def test_look_ups_may_be_written_again(ledger: AnyLedger, key: str) -> None:
    """A change may name links that are there."""
    link = SalesforceId("Account", key)
    first = keep(ledger, None, fresh(key), links=(link,))
    keep(ledger, first, replace(first, version=2), links=(link,))
    assert ledger.find([link]) == {link: key}


def test_what_a_change_names_twice_is_written_once(subject: Subject, key: str) -> None:
    """The last state of an issue counts."""
    link = SalesforceId("Account", key)
    issues = (issue(key, f"{key}-1"), issue(key, f"{key}-1", text="later"))
    keep(subject.ledger, None, fresh(key), links=(link, link), issues=issues)
    assert subject.ledger.find([link]) == {link: key}
    assert subject.issue(f"{key}-1") == issues[1]


def test_a_very_long_primary_key_has_a_look_up(ledger: AnyLedger, key: str) -> None:
    """Two long keys with the same beginning are told apart."""
    long, longer = (RowId("public.note", (key + "ß" * 2000 + end,)) for end in ("", "x"))
    keep(ledger, None, fresh(key), links=(long,))
    assert ledger.find([long, longer]) == {long: key}


def test_issues_and_history_are_written_with_the_entry(subject: Subject, key: str) -> None:
    """An issue is updated in place; history grows, the newest first."""
    ledger = subject.ledger
    opened = issue(key, f"{key}-1")
    first = keep(ledger, None, fresh(key), issues=(opened,), history=(history(key, 1.0), history(key, 1.0)))
    closed = replace(opened, closed_at=9.0, updated_at=9.0, reason="both sides agree")
    late = history(key, 2_000_000_000.5, cause=Cause.DELETE, after={}, actor=None)
    keep(ledger, first, replace(first, version=2), issues=(closed,), history=(late,))
    assert subject.issue(f"{key}-1") == closed
    assert subject.history(key) == [late, history(key, 1.0), history(key, 1.0)]


def test_issues_of_a_record_are_read_by_id(ledger: AnyLedger, key: str) -> None:
    """Those that are not there, and those of another record, are left out."""
    keep(ledger, None, fresh(key), issues=(issue(key, f"{key}-1"), issue(key, f"{key}-2")))
    assert ledger.read_issues(key, [f"{key}-1", f"{key}-3"]) == {f"{key}-1": issue(key, f"{key}-1")}
    assert ledger.read_issues("other", [f"{key}-1"]) == {}
    assert ledger.read_issues(key, []) == {}


def test_a_change_larger_than_a_transaction_is_kept_whole(subject: Subject, key: str) -> None:
    """More issues and history than a transaction takes still come with their entry, or not at all."""
    ledger = subject.ledger
    issues = tuple(issue(key, f"{key}-{number:03d}", slot=f"f{number}") for number in range(70))
    overwritten = tuple(history(key, float(number)) for number in range(70))
    first = keep(ledger, None, fresh(key), issues=issues, history=overwritten, links=(SalesforceId("Account", key),))
    assert [subject.issue(one.id) for one in issues] == list(issues)
    assert subject.history(key) == list(reversed(overwritten))
    stale = EntryChange(None, fresh(key), issues=tuple(replace(one, reason="stale") for one in issues))
    assert list(ledger.write([stale])) == [Moved(first)]
    assert subject.issue(issues[0].id) == issues[0]


def hint(**parts: Any) -> Hint:
    """A child's hint."""
    made = Hint(RowId("public.contact", ("1",)), Change.CREATED, "17", 5.5, "ann", sfid="003000000000001AAA")
    return replace(made, **parts)


def test_waiters_are_found_by_parent_and_by_child(ledger: AnyLedger, key: str) -> None:
    """A child may wait for several parents, under either of a parent's names."""
    account, row = SalesforceId("Account", key), RowId("public.account", (key,))
    ledger.wait_for([Waiter(account, f"{key}-b", hint()), Waiter(row, f"{key}-b", hint())])
    ledger.wait_for([Waiter(account, f"{key}-a", hint(hint_id="18"))])
    waiter = Waiter(account, f"{key}-a", hint(hint_id="18"))
    assert list(ledger.waiters([account, row])) == [
        waiter,
        Waiter(account, f"{key}-b", hint()),
        Waiter(row, f"{key}-b", hint()),
    ]
    assert {waiter.parent for waiter in ledger.waits(f"{key}-b")} == {account, row}
    assert list(ledger.waits(f"{key}-a")) == [waiter]
    assert list(ledger.waiters([])) == []


def test_a_waiter_is_registered_once(ledger: AnyLedger, key: str) -> None:
    """The same child again replaces its hint, and keeps no content of the record."""
    parent = SalesforceId("Account", key)
    content = Record("003", None, False, {"Name": "a"}, None, 1, None, False, False)
    ledger.wait_for([Waiter(parent, key, hint())])
    ledger.wait_for([Waiter(parent, key, hint(hint_id="19", record=content))])
    assert list(ledger.waiters([parent])) == [Waiter(parent, key, hint(hint_id="19"))]


def test_forgotten_waiters_are_gone(ledger: AnyLedger, key: str) -> None:
    """From both directions; and a waiter that is gone may be forgotten again."""
    parent, other = SalesforceId("Account", key), SalesforceId("Account", f"{key}-2")
    ledger.wait_for([Waiter(parent, key, hint()), Waiter(other, key, hint())])
    waiters = ledger.waiters([parent])
    ledger.forget(waiters)
    ledger.forget(waiters)
    assert list(ledger.waiters([parent])) == []
    assert list(ledger.waits(key)) == [Waiter(other, key, hint())]


def test_a_waiter_that_has_registered_anew_is_not_forgotten(ledger: AnyLedger, key: str) -> None:
    """Whoever forgets the earlier registration knows nothing of what the child waits for by now."""
    parent = SalesforceId("Account", key)
    ledger.wait_for([Waiter(parent, key, hint())])
    known = ledger.waits(key)
    ledger.wait_for([Waiter(parent, key, hint(hint_id="19"))])
    ledger.forget(known)
    anew = Waiter(parent, key, hint(hint_id="19"))
    assert (list(ledger.waiters([parent])), list(ledger.waits(key))) == ([anew], [anew])


def conflict(key: str) -> Entry:
    """An entry with one open conflict."""
    shown = OpenIssue("issue-1", IssueKind.CONFLICT, ("a",), ("b",), 3.5)
    return fresh(key, issues={"Name": shown}, intent=full(key).intent)


def test_an_answer_stands_in_the_entry_and_disturbs_it(ledger: AnyLedger, key: str) -> None:
    """A person's answer is there for the next pass, and sends a holder round again."""
    first = keep(ledger, None, conflict(key))
    answer = Answer("answer-1", ("c",), ("a",), ("b",), "ann")
    assert ledger.answer(key, "Name", answer) == Kept()
    assert ledger.read([key]) == {key: replace(first, dirty=1, answers={"Name": answer})}


@pytest.mark.parametrize(
    ("unit", "postgres", "salesforce"), [("Name", "x", "b"), ("Name", "a", "x"), ("Phone", "a", "b")]
)
def test_an_answer_to_something_else_is_refused(
    ledger: AnyLedger, key: str, unit: str, postgres: str, salesforce: str
) -> None:
    """Where a side has moved since, or the issue is gone, the person looks again."""
    first = keep(ledger, None, conflict(key))
    assert ledger.answer(key, unit, Answer("answer-1", ("c",), (postgres,), (salesforce,), "ann")) == Stale()
    assert ledger.read([key]) == {key: first}
    assert ledger.answer("none", unit, Answer("answer-1", ("c",), ("a",), ("b",), "ann")) == Stale()


def test_a_conflict_is_decided_once(ledger: AnyLedger, key: str) -> None:
    """Of two persons one is told that the other was faster."""
    keep(ledger, None, conflict(key))
    first, second = (Answer(f"answer-{name}", (name,), ("a",), ("b",), name) for name in ("ann", "bob"))
    assert (ledger.answer(key, "Name", first), ledger.answer(key, "Name", second)) == (Kept(), Stale())
    assert ledger.read([key])[key].answers == {"Name": first}


def test_earlier_values_stand_in_the_entry_and_disturb_it(ledger: AnyLedger, key: str) -> None:
    """All units of them, or none where one is not as the person saw it."""
    base = Base(("a",), ("a",), ("b",))
    first = keep(ledger, None, fresh(key, alive=True, bases={"Name": base, "Phone": base}))
    answer = Answer("answer-1", ("c",), ("a",), ("b",), "ann", reverts=True)
    other = replace(answer, postgres=("x",))
    assert ledger.revert(key, {"Name": answer, "Phone": other}) == Stale()
    assert ledger.read([key]) == {key: first}
    assert ledger.revert(key, {"Name": answer, "Phone": answer}) == Kept()
    assert ledger.read([key]) == {key: replace(first, dirty=1, answers={"Name": answer, "Phone": answer})}
    assert ledger.revert("none", {"Name": answer}) == Stale()


def test_refusals_are_cleared_by_an_operator(ledger: AnyLedger, key: str) -> None:
    """A retry is a disturbance too."""
    first = keep(ledger, None, full(key))
    assert ledger.clear_refusals(key) == Kept()
    assert ledger.read([key]) == {key: replace(first, dirty=1, refusals={})}
    assert ledger.clear_refusals("none") == Stale()
