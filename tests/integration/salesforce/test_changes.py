"""The sweep's questions: what was changed and deleted in a span."""

import threading
import time
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.core.errors import MappingError, Rejected, Unavailable
from chalicelib.salesforce.changes import BLOCK, LONGEST_TRANSACTION, MINUTE, SKEW_SECONDS, Finder, Found, SpanTooFull
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.describe import describe, parse_describe
from chalicelib.salesforce.stamps import rest_stamp, seconds
from tests.contract.live_bench import Org
from tests.integration.salesforce.stub import Answer, Stub

DAY = 86_400
NOW = 1_790_000_030
START, END = 1_789_999_800, 1_790_000_040  # whole minutes
FIRST, SECOND, THIRD = (f"00100000000000{number}AAA" for number in (1, 2, 3))


def span() -> tuple[int, int, float]:
    """Ten minutes until the end of this one, and now."""
    now = time.time()
    end = int(now) // MINUTE * MINUTE + MINUTE
    return end - 600, end, now


def stamp_of(org: Org, record: str) -> int:
    """SystemModstamp."""
    return seconds(org.user("GET", f"sobjects/Account/{record}?fields=SystemModstamp").json()["SystemModstamp"])


def test_changes_and_deletions_are_found_with_their_stamps(org: Org) -> None:
    """In the order of ids, those of this object only, and with a date until where nothing is missing."""
    kept = org.user("POST", "sobjects/Account", {"Name": "Kept"}).json()["id"]
    gone = org.user("POST", "sobjects/Account", {"Name": "Gone"}).json()["id"]
    org.user("DELETE", f"sobjects/Account/{gone}")
    org.user("POST", "sobjects/Contact", {"LastName": "Another object"})
    start, end, now = span()
    listed = Finder(org.client()).listed("Account", start, end, now)
    [first, second] = listed.after("")
    assert first == Found(kept, stamp_of(org, kept))
    assert (second.id, second.deleted) == (gone, True)
    assert second.stamp is not None
    assert now - 5 < second.stamp <= now
    assert now - 5 < listed.covered <= now + 1
    assert list(listed.after(kept)) == [second]
    assert list(listed.after(gone)) == []


def test_a_commit_that_is_under_way_is_not_covered(org: Org) -> None:
    """What will appear under its stamp is met by whoever begins there."""
    record = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    org.control("POST", "faults", {"operation": "update", "commitMs": 1500})
    saved: list[int] = []
    thread = threading.Thread(
        target=lambda: saved.append(org.user("PATCH", f"sobjects/Account/{record}", {"Name": "B"}).status_code)
    )
    thread.start()
    time.sleep(1.1)
    start, end, now = span()
    listed = Finder(org.client()).listed("Account", start, end, now)
    [before] = listed.after("")
    thread.join()
    assert saved == [204]
    assert stamp_of(org, record) >= listed.covered
    assert before.stamp is not None
    [after] = Finder(org.client()).listed("Account", start, end + MINUTE, time.time()).after("")
    assert after == Found(record, stamp_of(org, record))


def test_a_record_that_is_gone_by_now_has_no_stamp(org: Org) -> None:
    """It was there when the list was made."""
    record = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    start, end, now = span()
    listed = Finder(org.client()).listed("Account", start, end, now)
    org.user("DELETE", f"sobjects/Account/{record}")
    assert list(listed.after("")) == [Found(record, None)]


def test_stamps_are_asked_for_a_block_at_a_time(stub: Stub, client: Client) -> None:
    """With one call, of those that were not deleted."""
    ids = [f"001{number:012d}" for number in range(BLOCK + 10)]
    stub.say(*answers(ids=[*reversed(ids)], deleted=[("001Z00000000000", NOW - 60)]))
    listed = Finder(client).listed("Account", START, END, NOW)
    stub.say(Answer(body=[*map(row, ids[:BLOCK])]), Answer(body=[*map(row, ids[BLOCK:])]))
    block = listed.after("")
    rest = listed.after(block[-1].id)
    asked = [request.json for request in stub.requests[2:]]
    assert [len(body["ids"]) for body in asked] == [BLOCK, 10]
    assert asked[0]["fields"] == ["Id", "SystemModstamp"]
    assert [one.id[:15] for one in (*block, *rest)] == [*ids, "001Z00000000000"]
    assert rest[-1] == Found(rest[-1].id, NOW - 60, deleted=True)
    assert block[0].stamp == NOW - 10


def test_where_all_were_deleted_no_stamp_is_asked_for(stub: Stub, client: Client) -> None:
    """A call saved."""
    stub.say(*answers(deleted=[(FIRST, NOW - 60)]))
    assert list(Finder(client).listed("Account", START, END, NOW).after("")) == [Found(FIRST, NOW - 60, deleted=True)]


def row(record: str) -> dict[str, str]:
    """A record as Collections gives it."""
    return {"Id": record, "SystemModstamp": rest_stamp(NOW - 10)}


def answers(
    ids: list[str] | None = None,
    deleted: list[tuple[str, int]] | None = None,
    covered: tuple[int | None, int | None] = (NOW, NOW),
    date: int | None = NOW + 60,
) -> list[Answer]:
    """What getUpdated and getDeleted say."""
    gone = [{"id": record, "deletedDate": rest_stamp(at)} for record, at in deleted or ()]
    latest = [{} if at is None else {"latestDateCovered": rest_stamp(at)} for at in covered]
    headers = {} if date is None else {"Date": formatdate(date, usegmt=True)}
    return [Answer(body={"ids": ids or []} | latest[0], headers=headers),
            Answer(body={"deletedRecords": gone} | latest[1], headers=headers)]  # fmt: skip


def asked(stub: Stub) -> list[tuple[int, int]]:
    """The spans asked for, in seconds."""
    queries = [parse_qs(urlsplit(request.path).query) for request in stub.requests]
    return [(seconds(query["start"][0]), seconds(query["end"][0])) for query in queries]


def test_changes_are_asked_for_from_a_minute_earlier(stub: Stub, client: Client) -> None:
    """GetDeleted refuses a span of one minute."""
    stub.say(*answers())
    Finder(client).listed("Account", END - MINUTE, END, NOW)
    assert asked(stub) == [(END - 2 * MINUTE, END)] * 2


def test_a_minute_may_be_asked_for(org: Org) -> None:
    """The shortest span that there is."""
    record = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    _, end, now = span()
    assert record in Finder(org.client()).listed("Account", end - MINUTE, end, now).ids


@pytest.mark.parametrize(
    ("covered", "date", "expected"),
    [
        ((NOW - 7, NOW - 5), NOW, NOW - 7),
        ((NOW - 5, NOW - 7), NOW, NOW - 7),
        ((END, END), NOW - 20, NOW - 20),  # not what is still to come, by Salesforce's clock
        ((END + 60, END + 60), NOW + 600, END),
        ((END, END), None, NOW - SKEW_SECONDS),
        ((None, NOW), NOW, START - MINUTE),
        ((NOW, None), NOW, START - MINUTE),
    ],
)
def test_until_where_nothing_is_missing(
    stub: Stub, client: Client, covered: tuple[int | None, int | None], date: int | None, expected: int
) -> None:
    """The least of all that is said; what was asked when is known within the time that a call took."""
    stub.say(*answers(covered=covered, date=date))
    assert expected - 2 <= Finder(client).listed("Account", START, END, NOW).covered <= expected


def test_long_pauses_are_cut_to_what_salesforce_keeps(stub: Stub, client: Client) -> None:
    """Updates reach 30 days back, deletions 15."""
    stub.say(*answers())
    Finder(client).listed("Account", END - 60 * DAY, END, NOW)
    (updated, _), (deleted, _) = asked(stub)
    assert 29 * DAY < NOW - updated < 30 * DAY
    assert 14 * DAY < NOW - deleted < 15 * DAY
    assert updated % MINUTE == deleted % MINUTE == 0


def test_what_is_out_of_reach_is_not_asked_for(stub: Stub, client: Client) -> None:
    """There is nothing to be found, and so nothing is missing."""
    stub.say(answers(ids=[FIRST])[0])
    listed = Finder(client).listed("Account", END - 20 * DAY, END - 18 * DAY, NOW)
    assert (listed.ids, listed.covered, len(stub.requests)) == ((FIRST,), END - 18 * DAY, 1)
    listed = Finder(client).listed("Account", END - 50 * DAY, END - 40 * DAY, NOW)
    assert (listed.ids, listed.covered, len(stub.requests)) == ((), END - 40 * DAY, 1)


@pytest.mark.parametrize("times", [0, 1])
def test_too_many_ids_ask_for_a_shorter_span(org: Org, times: int) -> None:
    """Be they of updates or of deletions."""
    org.control("POST", "faults", {"operation": "replication", "errorCode": "EXCEEDED_ID_LIMIT", "after": times})
    start, end, now = span()
    with pytest.raises(SpanTooFull, match="EXCEEDED_ID_LIMIT"):
        Finder(org.client()).listed("Account", start, end, now)


def test_another_refusal_is_told(org: Org) -> None:
    """A shorter span would not help."""
    org.control("POST", "faults", {"operation": "replication", "errorCode": "INVALID_REPLICATION_DATE"})
    start, end, now = span()
    with pytest.raises(Rejected, match="INVALID_REPLICATION_DATE") as caught:
        Finder(org.client()).listed("Account", start, end, now)
    assert not isinstance(caught.value, SpanTooFull)


def test_a_failing_call_fails_the_sweep(stub: Stub, client: Client) -> None:
    """Nothing is said to be covered that was not asked."""
    stub.say(Answer(503, ""))
    with pytest.raises(Unavailable):
        Finder(client).listed("Account", START, END, NOW)


def test_a_crowded_minute_is_queried(org: Org) -> None:
    """Changed and deleted records with their stamps."""
    kept = org.user("POST", "sobjects/Account", {"Name": "Kept"}).json()["id"]
    gone = org.user("POST", "sobjects/Account", {"Name": "Gone"}).json()["id"]
    org.user("DELETE", f"sobjects/Account/{gone}")
    start, end, now = span()
    finder = Finder(org.client())
    first, second = finder.crowded("Account", start, end, now).after("")
    assert first == Found(kept, stamp_of(org, kept))
    assert (second.id, second.deleted) == (gone, True)
    assert list(finder.crowded("Account", start - 600, start, now).after("")) == []


def test_a_crowded_minute_is_worked_off_in_the_order_of_ids(stub: Stub, client: Client) -> None:
    """Block by block: Id may be compared, as where Salesforce itself divides a table by its keys."""
    stub.say(
        Answer(body={"done": True, "records": [{**row(FIRST), "IsDeleted": False}, {**row(SECOND), "IsDeleted": True}]})
    )
    crowded = Finder(client).crowded("Account", START, END, NOW)
    assert list(crowded.after(THIRD)) == [Found(FIRST, NOW - 10), Found(SECOND, NOW - 10, deleted=True)]
    [query] = parse_qs(urlsplit(stub.requests[0].path).query)["q"]
    assert query.partition(" WHERE ")[2] == (
        "SystemModstamp >= 2026-09-21T14:10:00Z AND SystemModstamp < 2026-09-21T14:14:00Z AND "
        f"Id > '{THIRD}' ORDER BY Id LIMIT {BLOCK}"
    )


def test_a_crowded_minute_is_covered_when_no_transaction_can_be_left(client: Client) -> None:
    """Salesforce does not say it of a query."""
    finder = Finder(client)
    assert finder.crowded("Account", START, END, END + LONGEST_TRANSACTION).covered == END
    assert finder.crowded("Account", START, END, END + LONGEST_TRANSACTION - 1).covered == START


def test_describe_of_an_org(org: Org) -> None:
    """Fields with what a mapping needs to know; compound ones are told apart."""
    contact = describe(org.client(), "Contact")
    assert contact.name == "Contact"
    last_name, account = contact.fields["LastName"], contact.fields["AccountId"]
    assert (last_name.type, last_name.length, last_name.nillable, last_name.updateable) == ("string", 80, False, True)
    assert (account.type, account.reference_to) == ("reference", ("Account",))
    key = contact.fields["Twinledger_Key__c"]
    assert (key.external_id, key.unique, key.length) == (True, True, 36)
    assert {"Name", "MailingAddress"} <= {field.name for field in contact.fields.values() if field.compound}
    assert not contact.fields["MailingStreet"].compound


def test_describe_leaves_out_what_the_user_cannot_see(org: Org) -> None:
    """A hidden field is not there."""
    user = {"name": "integration", "username": "integration@example.com", "readOnly": [], "hidden": ["Contact.Email"]}
    org.control("POST", "users", user)
    assert "Email" not in describe(org.client(), "Contact").fields


def test_unknown_objects_have_a_remedy(org: Org) -> None:
    """The error names the object and what to do."""
    with pytest.raises(MappingError, match=r"no object Nowhere__c.*correct the name"):
        describe(org.client(), "Nowhere__c")


def test_other_errors_of_describe_are_told(stub: Stub, client: Client) -> None:
    """A server that is down is not a missing object."""
    stub.say(Answer(503, ""), Answer(400, [{"errorCode": "STRANGE", "message": "m"}]))
    with pytest.raises(Unavailable):
        describe(client, "Contact")
    with pytest.raises(Exception, match="STRANGE"):
        describe(client, "Contact")


def test_a_compound_field_that_can_be_written_is_an_ordinary_one() -> None:
    """Where person accounts are on, Account's Name is made up of others and can be written all the same."""
    part = {"type": "string", "label": "x", "createable": True, "updateable": True, "compoundFieldName": "Name"}
    fields = [{**part, "name": "Name"}, {**part, "name": "FirstName"}]
    assert not parse_describe({"name": "Account", "fields": fields}).fields["Name"].compound
