"""What only DynamoDB can get wrong: limits, lost answers, crashes between two calls, workers side by side."""

import random
import string
import uuid
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws import clients, codec, items
from chalicelib.aws.archive import RETENTION, Archive
from chalicelib.aws.bodies import DAY
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.table import Table
from chalicelib.core.errors import ConfigurationError, ProtocolError, RecordLocked, Superseded, Unavailable
from chalicelib.core.ledger import Answer, EntryChange, IssueKind, OpenIssue
from chalicelib.core.listing import IssueState, Wanted
from chalicelib.core.model import SalesforceId
from chalicelib.core.ports import Failed, Kept, Moved
from tests.contract.test_ledger import fresh, history, issue
from tests.fakes.clock import FakeClock
from tests.integration.aws.stage import Stage

LONG = 131_072  # characters of the longest long text area
FIELDS = 100


class Client:
    """A client whose calls can be watched and disturbed: ``before`` and ``after`` get each call by its name."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        self.twice: set[str] = set()
        self.crash_at: tuple[str, int] | None = None

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def watched(**request: Any) -> Any:
            self.calls.append(name)
            if self.crash_at == (name, self.calls.count(name)):
                raise ConnectionResetError(f"the worker ends before {name}")
            if name in self.twice:
                call(**request)  # its answer is lost, and the client library sends the same again
            return call(**request)

        return watched


@pytest.fixture
def client(aws: Stage) -> Client:
    """A client that can be disturbed."""
    return Client(clients.dynamodb(**aws.options))


@pytest.fixture
def table(aws: Stage, client: Client) -> Table:
    """The table through that client."""
    return Table(client, aws.outputs["LedgerTable"], FakeClock())  # type: ignore[arg-type]


@pytest.fixture
def archive(table: Table) -> Archive:
    """Issues and history."""
    return Archive(table)


@pytest.fixture
def ledger(table: Table, archive: Archive) -> DynamoLedger:
    """The ledger."""
    return DynamoLedger(table, archive, FakeClock())


@pytest.fixture
def key() -> str:
    """A record key that no other test uses."""
    return str(uuid.uuid4())


def text(seed: int, length: int = LONG) -> str:
    """A text that hardly compresses."""
    letters = string.ascii_letters + string.digits + "äöü€"
    return "".join(random.Random(seed).choices(letters, k=length))  # noqa: S311 -- the same in every run


def chunks(table: Table, key: str) -> list[str]:
    """Sort keys of a record's chunks."""
    return [items.key_of(item)[1] for item in table.query(f"record#{key}", ("chunk#", "chunk$"))]


def test_a_record_of_a_hundred_long_texts_is_kept(
    ledger: DynamoLedger, archive: Archive, table: Table, key: str
) -> None:
    """Issue and history of 100 long text areas outgrow item and transaction, and come back whole."""
    one = text(1)
    ours = {f"Note{number}__c": f"{number}{one[number:]}" for number in range(FIELDS)}
    theirs = {name: value[::-1] for name, value in ours.items()}
    wide = issue(key, f"{key}-1", fields=tuple(ours), postgres=ours, salesforce=theirs)
    overwritten = history(key, 1.0, before=ours, after={})
    change = EntryChange(None, fresh(key), (SalesforceId("Case", key),), (wide,), (overwritten,))
    assert list(ledger.write([change])) == [Kept()]
    assert archive.issue(wide.id) == wide
    assert list(archive.history(key)) == [overwritten]
    assert len(chunks(table, key)) > 2


def test_an_entry_with_long_answers_is_kept(ledger: DynamoLedger, table: Table, key: str) -> None:
    """Answers hold full values; an entry that outgrows its item stands in chunks, those of older versions go."""
    shown = OpenIssue("i", IssueKind.CONFLICT, ("a",), ("b",), 1.0)
    answers = {f"Note{number}": Answer("a", (text(number),), ("a",), ("b",), "ann") for number in range(4)}
    first = fresh(key, issues={"Name": shown}, answers=answers)
    assert list(ledger.write([EntryChange(None, first)])) == [Kept()]
    assert ledger.read([key]) == {key: first}
    second = replace(first, version=2, hops=1)
    assert list(ledger.write([EntryChange(first, second)])) == [Kept()]
    assert ledger.read([key]) == {key: second}
    assert {name.split("#")[2] for name in chunks(table, key)} == {f"{2:012d}"}
    assert ledger.answer(key, "Name", answers["Note0"]) == Kept()
    assert ledger.read([key]) == {key: replace(second, dirty=1, answers={**answers, "Name": answers["Note0"]})}


def test_a_reader_meets_chunks_that_were_removed(ledger: DynamoLedger, table: Table, client: Client, key: str) -> None:
    """Between the item and its chunks a newer version may take their place: the item is read again."""
    wide = fresh(key, answers={str(n): Answer("a", (text(n),), ("a",), ("b",), "ann") for n in range(4)})
    ledger.write([EntryChange(None, wide)])
    old = table.get(items.entry_key(key))
    newer = replace(wide, version=2)
    ledger.write([EntryChange(wide, newer)])
    assert old is not None
    assert ledger._entry(old) == newer


def test_chunks_that_are_gone_for_good_are_reported(ledger: DynamoLedger, table: Table, key: str) -> None:
    """A damaged table is no endless loop."""
    wide = fresh(key, answers={str(n): Answer("a", (text(n),), ("a",), ("b",), "ann") for n in range(4)})
    ledger.write([EntryChange(None, wide)])
    table.delete_many([(f"record#{key}", name) for name in chunks(table, key)])
    with pytest.raises(ProtocolError, match="chunks that are not there"):
        ledger.read([key])


@pytest.mark.parametrize("links", [(), (SalesforceId("Account", "001"),)])
def test_a_write_whose_answer_was_lost_is_kept(
    ledger: DynamoLedger, client: Client, key: str, links: tuple[SalesforceId, ...]
) -> None:
    """The client library sends a put again when its answer is lost; the condition then fails on our own write."""
    client.twice = {"put_item", "transact_write_items"}
    named = tuple(replace(link, id=key) for link in links)
    assert list(ledger.write([EntryChange(None, fresh(key), named)])) == [Kept()]
    second = fresh(key, version=2)
    assert list(ledger.write([EntryChange(fresh(key), second)])) == [Kept()]
    assert ledger.read([key]) == {key: second}


def test_an_answer_that_was_lost_is_kept(ledger: DynamoLedger, client: Client, key: str) -> None:
    """The same for an operator's action: it disturbs once."""
    ledger.write([EntryChange(None, fresh(key))])
    client.twice = {"put_item"}
    assert ledger.clear_refusals(key) == Kept()
    assert ledger.read([key]) == {key: fresh(key, dirty=1)}


def test_the_same_write_of_another_worker_is_no_own_write(ledger: DynamoLedger, key: str) -> None:
    """Two workers that write equal entries are told apart."""
    ledger.write([EntryChange(None, fresh(key))])
    assert list(ledger.write([EntryChange(None, fresh(key))])) == [Moved(fresh(key))]


def test_a_plain_change_costs_one_call(ledger: DynamoLedger, client: Client, key: str) -> None:
    """The common case is one put; look-ups make it one transaction."""
    ledger.write([EntryChange(None, fresh(key))])
    ledger.write([EntryChange(fresh(key), fresh(key, version=2), (SalesforceId("Account", key),))])
    assert client.calls == ["put_item", "transact_write_items"]


def test_what_did_not_fit_is_put_in_place_by_the_next_reader(
    ledger: DynamoLedger, archive: Archive, client: Client, table: Table, key: str
) -> None:
    """A worker that ends right after the conditional write leaves nothing undone that a reader would miss."""
    issues = tuple(issue(key, f"{key}-{number:03d}") for number in range(60))
    overwritten = tuple(history(key, float(number)) for number in range(10))
    client.crash_at = ("put_item", 7)
    with pytest.raises(ConnectionResetError):
        ledger.write([EntryChange(None, fresh(key), (), issues, overwritten)])
    assert archive.issue(issues[-1].id) is None
    assert ledger.read([key]) == {key: fresh(key)}
    assert [archive.issue(one.id) for one in issues] == list(issues)
    assert list(archive.issues_of(key)) == list(issues)
    assert len(archive.history(key)) == 10
    assert chunks(table, key) == []


def test_a_late_reader_puts_nothing_over_a_newer_issue(
    ledger: DynamoLedger, archive: Archive, client: Client, table: Table, key: str
) -> None:
    """Of two that put the same in place, the slow one changes nothing that was written since."""
    issues = tuple(issue(key, f"{key}-{number:03d}") for number in range(60))
    client.crash_at = ("put_item", 2)
    with pytest.raises(ConnectionResetError):
        ledger.write([EntryChange(None, fresh(key), (), issues)])
    seen_by_the_slow_one = table.get(items.entry_key(key))
    kept = table.get_many([(f"record#{key}", name) for name in chunks(table, key)])
    closed = replace(issues[0], closed_at=7.0, reason="both sides agree")
    first = ledger.read([key])[key]
    assert list(ledger.write([EntryChange(first, replace(first, version=2), (), (closed,))])) == [Kept()]
    table.put_many(kept.values())  # the slow one had read them before they went
    assert seen_by_the_slow_one is not None
    archive.unfold(seen_by_the_slow_one)
    assert archive.issue(closed.id) == closed
    assert ledger.read([key])[key].version == 2


def test_a_failed_change_is_its_own_outcome(aws: Stage, archive: Archive, key: str) -> None:
    """A table that is not there fails each change with the reason, and reads with the error."""
    missing = Table(clients.dynamodb(**aws.options), "no-such-table", FakeClock())
    ledger = DynamoLedger(missing, archive, FakeClock())
    [outcome] = ledger.write([EntryChange(None, fresh(key))])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ConfigurationError)
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        ledger.read([key])


def test_an_unreachable_service_is_to_be_tried_later(key: str) -> None:
    """No connection means nothing about the data."""
    options = {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1"}
    client = clients.dynamodb(aws_access_key_id="x", aws_secret_access_key="x", **options)
    with pytest.raises(Unavailable):
        Table(client, "any", FakeClock()).get(items.entry_key(key))


def test_an_action_on_a_record_that_keeps_moving_gives_up(
    ledger: DynamoLedger, client: Client, aws: Stage, key: str
) -> None:
    """An operator's action is tried a few times, then says so."""
    ledger.write([EntryChange(None, fresh(key))])
    other = DynamoLedger(
        Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], FakeClock()),
        ledger._archive,
        FakeClock(),
    )
    real = ledger.read

    def moving(keys: Any) -> Any:
        entries = real(keys)
        other.disturb(list(entries.values()))
        return entries

    ledger.read = moving  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        ledger.clear_refusals(key)


def test_all_open_issues_are_listed_in_order_of_opening(ledger: DynamoLedger, archive: Archive, key: str) -> None:
    """Page by page over all shards; closed ones are not in it."""
    issues = [issue(key, f"{key}-{number}", opened_at=float(number)) for number in range(9)]
    closed = replace(issues[4], closed_at=9.0)
    ledger.write([EntryChange(None, fresh(key), (), (*issues[:4], closed, *issues[5:]))])
    pages = [archive.page(Wanted(until=100.0), 3)]
    while pages[-1].next is not None:
        pages.append(archive.page(Wanted(until=100.0), 3, pages[-1].next))
    listed = [one for page in pages for one in page.issues if one.key == key]
    assert listed == [*issues[:4], *issues[5:]]
    assert max(len(page.issues) for page in pages) == 3


def test_open_issues_are_counted(ledger: DynamoLedger, archive: Archive, key: str) -> None:
    """Over all shards, without the closed ones, and no further than asked for; only the new ones where it is asked."""
    before = archive.count_open(1000)
    issues = [issue(key, f"{key}-{number}", opened_at=9e9 + number) for number in range(9)]
    ledger.write([EntryChange(None, fresh(key), (), (*issues[:4], replace(issues[4], closed_at=9.0), *issues[5:]))])
    assert (archive.count_open(1000) - before, archive.count_open(5)) == (8, 5)
    assert [archive.count_open(1000, 9e9 + second) for second in (0, 1, 4, 8, 9)] == [8, 7, 4, 1, 0]


def test_closed_issues_are_listed_the_last_closed_first(ledger: DynamoLedger, archive: Archive, key: str) -> None:
    """An issue that is closed leaves the open ones."""
    issues = [issue(key, f"{key}-{number}") for number in range(60)]
    ledger.write([EntryChange(None, fresh(key), (), tuple(issues))])
    seen, entry = fresh(key), fresh(key, version=2)
    closed = [replace(one, closed_at=1e9 + number * 37 % 60) for number, one in enumerate(issues)]
    ledger.write([EntryChange(seen, entry, (), tuple(closed))])
    wanted = Wanted(IssueState.CLOSED, newest_first=True, since=1e9, until=1e9 + 60)
    assert list(archive.page(wanted, 100).issues) == sorted(closed, key=lambda one: -(one.closed_at or 0.0))
    assert [one for one in archive.open_issues(1000) if one.key == key] == []


def test_issues_of_an_earlier_version_are_brought_into_the_index(
    ledger: DynamoLedger, archive: Archive, table: Table, key: str
) -> None:
    """Open and closed ones, once; what is written meanwhile has its own group, and keeps it."""
    mapping = f"account-{key}"
    issues = [
        replace(issue(key, f"{key}-{number}", opened_at=1.0 + number), mapping=mapping, closed_at=closed_at)
        for number, closed_at in enumerate((None, None, 50.0))
    ]
    ledger.write([EntryChange(None, fresh(key), (), tuple(issues))])
    for one in issues:
        table.update(items.issue_key(key, one.id), "REMOVE issue_group", "attribute_exists(pk)")
    assert archive.page(Wanted(mappings=(mapping,)), 10).issues == ()
    assert archive.index_older() >= 3
    assert archive.page(Wanted(mappings=(mapping,)), 10).issues == tuple(issues[:2])
    assert archive.page(Wanted(IssueState.CLOSED, (mapping,)), 10).issues == (issues[2],)
    assert archive.index_older() == 0


def test_an_issue_that_moves_while_it_is_brought_into_the_index_is_left_to_its_writer(
    ledger: DynamoLedger, archive: Archive, table: Table, client: Client, key: str
) -> None:
    """Before it is read, or between the reading and the write: the list that it is in by then has it alone."""
    mapping = f"account-{key}"
    issues = [replace(issue(key, f"{key}-{number}", opened_at=1.0 + number), mapping=mapping) for number in range(2)]
    ledger.write([EntryChange(None, fresh(key), (), tuple(issues))])
    for one in issues:
        table.update(items.issue_key(key, one.id), "REMOVE issue_group", "attribute_exists(pk)")
    closed = [replace(one, closed_at=60.0) for one in issues]
    indexed, update = archive._indexed, table.update

    def listed(state: IssueState, shard: str, since: float = 0.0) -> Any:
        found = [item for item in indexed(state, shard, since) if item["pk"]["S"] == f"record#{key}"]
        if any(item["sk"]["S"] == f"issue#{issues[0].id}" for item in found):
            archive.report(closed[0])
        yield from found

    def updated(place: items.Key, *request: Any) -> Any:
        if place == items.issue_key(key, issues[1].id):
            archive.report(closed[1])
        return update(place, *request)

    archive._indexed, table.update = listed, updated  # type: ignore[method-assign]
    assert archive.index_older() == 0
    assert archive.page(Wanted(mappings=(mapping,)), 10).issues == ()
    assert archive.page(Wanted(IssueState.CLOSED, (mapping,)), 10).issues == tuple(closed)


def test_kinds_are_looked_for_in_named_mappings(archive: Archive) -> None:
    """No index has them without."""
    with pytest.raises(ProtocolError, match="mappings that are named"):
        archive.page(Wanted(kinds=(IssueKind.CONFLICT,)), 10)


def test_the_past_expires(ledger: DynamoLedger, table: Table, key: str) -> None:
    """History and closed issues carry a time to live, open issues and the entry none; chunks outlive their owner."""
    long = {f"Note{number}": text(number) for number in range(4)}
    opened, closed = issue(key, f"{key}-1"), issue(key, f"{key}-2", closed_at=50.0, postgres=long)
    ledger.write([EntryChange(None, fresh(key), (), (opened, closed), (history(key, 100.0),))])
    expiring = {
        item["sk"]["S"].split("#")[0] + item["sk"]["S"][-1]: item.get("expires_at")
        for item in table.query(f"record#{key}")
    }
    assert expiring.pop("entryy") is None
    assert expiring.pop("issue1") is None
    assert expiring.pop("issue2") == {"N": str(int(50 + RETENTION))}
    assert expiring.pop("history0") == {"N": str(int(100 + RETENTION))}
    assert expiring
    assert {str(value) for value in expiring.values()} == {str({"N": str(int(50 + RETENTION + DAY))})}


def test_history_that_is_expiring_is_left_out(ledger: DynamoLedger, archive: Archive, table: Table, key: str) -> None:
    """Time to live takes items and chunks in any order."""
    long = {f"Note{number}": text(number) for number in range(4)}
    ledger.write([EntryChange(None, fresh(key), (), (), (history(key, 1.0, before=long), history(key, 2.0)))])
    table.delete_many([(f"record#{key}", chunks(table, key)[0])])
    assert list(archive.history(key)) == [history(key, 2.0)]


def test_a_damaged_issue_is_reported(ledger: DynamoLedger, archive: Archive, table: Table, key: str) -> None:
    """An issue whose chunks are gone for good is no endless loop."""
    long = {f"Note{number}": text(number) for number in range(4)}
    ledger.write([EntryChange(None, fresh(key), (), (issue(key, f"{key}-1", postgres=long, closed_at=1.0),))])
    table.delete_many([(f"record#{key}", chunks(table, key)[0])])
    with pytest.raises(ProtocolError, match="chunks that are not there"):
        archive.issue(f"{key}-1")


def test_a_newer_format_is_refused(ledger: DynamoLedger, table: Table, key: str) -> None:
    """After a roll-back the newer code's entries are left alone."""
    body = codec.encode_entry(fresh(key)).replace(b'{"v":1,', b'{"v":2,')
    table.put_many([items.item(items.entry_key(key), version={"N": "1"}, dirty={"N": "0"}, body={"S": body.decode()})])
    with pytest.raises(ProtocolError, match="format 2"):
        ledger.read([key])


def test_an_undeliverable_message_has_an_issue(archive: Archive, key: str) -> None:
    """An issue without an entry is found like any other."""
    lost = issue(key, f"{key}-1", kind=IssueKind.UNDELIVERABLE, opened_at=1.0)
    archive.report(lost)
    assert archive.issue(lost.id) == lost
    assert lost in archive.open_issues(limit=1000)


def test_a_conflict_of_transactions_is_tried_again(aws: Stage, archive: Archive, key: str) -> None:
    """Another transaction on the same item is waited out for a while, then the change fails for now."""
    table, client = conflicting(aws, "put_item", times=2)
    assert list(DynamoLedger(table, archive, FakeClock()).write([EntryChange(None, fresh(key))])) == [Kept()]
    assert client.left == 0
    table, _ = conflicting(aws, "put_item", times=99)
    [outcome] = DynamoLedger(table, archive, FakeClock()).write([EntryChange(None, fresh(str(uuid.uuid4())))])
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, RecordLocked)


def conflicting(aws: Stage, name: str, times: int) -> tuple[Table, "Conflicts"]:
    """A table on which a call meets other transactions a number of times."""
    client = Conflicts(clients.dynamodb(**aws.options), name, times)
    return Table(client, aws.outputs["LedgerTable"], FakeClock()), client  # type: ignore[arg-type]


class Conflicts:
    """A client for which another transaction is under way ``left`` times."""

    def __init__(self, client: Any, name: str, left: int) -> None:
        self._client = client
        self._name = name
        self.left = left

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name != self._name:
            return call

        def met(**request: Any) -> Any:
            if self.left == 0:
                return call(**request)
            self.left -= 1
            error = {"Error": {"Code": "TransactionConflictException", "Message": "under way"}}
            raise self._client.exceptions.ClientError(error, "PutItem")

        return met


def test_all_entries_of_a_mapping_are_found(ledger: DynamoLedger, key: str) -> None:
    """What happens to a whole table reaches every record of it, however many pages the table has."""
    mapping = f"mapping-{key}"
    entries = [fresh(f"{key}-{number}", mapping=mapping) for number in range(3)]
    ledger.write([EntryChange(None, entry) for entry in [*entries, fresh(key)]])
    assert sorted(ledger.entries_of(mapping), key=lambda entry: entry.key) == entries
