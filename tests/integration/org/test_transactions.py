"""A save is a transaction: locks, a stamp at its start, a commit that may come later."""

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.integration.org.support import OrgClient, eventually


def _background(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call(*arguments, **options)))
    thread.start()
    return thread, results


def _contact(org: OrgClient, **values: Any) -> str:
    identifier: str = org.call("POST", "sobjects/Contact", {"LastName": "x"} | values).json()["id"]
    return identifier


def _slow_patch(org: OrgClient, record: str, commit_ms: int, **values: Any) -> tuple[threading.Thread, list[Any]]:
    org.control("faults", {"operation": "update", "user": "bob", "commitMs": commit_ms})
    thread, results = _background(org.call, "PATCH", f"sobjects/Contact/{record}", values, user="bob")
    eventually(lambda: org.stats()["openTransactions"])
    return thread, results


def test_readers_see_the_committed_state_and_do_not_wait(org: OrgClient) -> None:
    """While a save waits for its commit a reader gets the old value."""
    record = _contact(org, Phone="old")
    thread, _ = _slow_patch(org, record, 300, Phone="new")
    seen = org.call("GET", f"sobjects/Contact/{record}?fields=Phone").json()["Phone"]
    still_open = org.stats()["openTransactions"]
    thread.join()
    assert (seen, still_open) == ("old", 1)
    assert org.call("GET", f"sobjects/Contact/{record}").json()["Phone"] == "new"


def test_a_long_save_commits_with_its_old_stamp(org: OrgClient) -> None:
    """A second date that was read before the commit passes as a precondition afterwards: the design's hazard."""
    record = _contact(org, Phone="old")
    thread, _ = _slow_patch(org, record, 1100, Phone="hidden edit")
    read = org.call("GET", f"sobjects/Contact/{record}?fields=Phone,LastModifiedDate")
    thread.join()
    after = org.call("GET", f"sobjects/Contact/{record}?fields=LastModifiedDate")
    assert after.json()["LastModifiedDate"] < _stamp(after.headers["Date"])
    headers = {"If-Unmodified-Since": read.headers["Date"]}
    late = org.call("PATCH", f"sobjects/Contact/{record}", {"Phone": "overwritten"}, headers=headers)
    assert (read.json()["Phone"], late.status_code) == ("old", 204)


def _stamp(date: str) -> str:
    return parsedate_to_datetime(date).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def test_a_second_writer_waits_and_then_sees_the_first(org: OrgClient) -> None:
    """Both edits are there in the end."""
    record = _contact(org)
    thread, _ = _slow_patch(org, record, 150, Phone="1")
    assert org.call("PATCH", f"sobjects/Contact/{record}", {"Title": "2"}).status_code == 204
    thread.join()
    row = org.call("GET", f"sobjects/Contact/{record}").json()
    assert (row["Phone"], row["Title"]) == ("1", "2")
    assert org.stats()["locks"]["waits"] == 1


def test_a_lock_that_is_not_had_in_time_is_unable_to_lock_row(org: OrgClient) -> None:
    """The message names the record."""
    record = _contact(org)
    org.control("settings", {"lockWaitSeconds": 0.05})
    thread, _ = _slow_patch(org, record, 300, Phone="1")
    refused = org.call("PATCH", f"sobjects/Contact/{record}", {"Title": "2"})
    thread.join()
    message = f"unable to obtain exclusive access to this record or 1 records: {record}"
    expected = [{"message": message, "errorCode": "UNABLE_TO_LOCK_ROW", "fields": []}]
    assert (refused.status_code, refused.json()) == (400, expected)


def test_siblings_meet_at_the_lock_of_their_account(org: OrgClient) -> None:
    """A contact's save locks its account; a case's does not."""
    account = org.call("POST", "sobjects/Account", {"Name": "Acme"}).json()["id"]
    first, second = _contact(org, AccountId=account), _contact(org, AccountId=account)
    case = org.call("POST", "sobjects/Case", {"Subject": "s", "AccountId": account}).json()["id"]
    org.control("settings", {"lockWaitSeconds": 0.05})
    thread, _ = _slow_patch(org, first, 400, Phone="1")
    sibling = org.call("PATCH", f"sobjects/Contact/{second}", {"Title": "2"})
    other = org.call("PATCH", f"sobjects/Case/{case}", {"Subject": "t"})
    thread.join()
    assert (sibling.json()[0]["errorCode"], other.status_code) == ("UNABLE_TO_LOCK_ROW", 204)
    assert account in sibling.json()[0]["message"]


def test_two_creates_with_one_key_leave_one_record(org: OrgClient) -> None:
    """The second waits for the first's commit, then it is a duplicate."""
    org.control("faults", {"operation": "create", "commitMs": 150, "times": 1})
    values = {"LastName": "x", "Twinledger_Key__c": "k-1"}
    thread, results = _background(org.call, "POST", "sobjects/Contact", values, user="integration")
    eventually(lambda: org.stats()["openTransactions"])
    second = org.call("POST", "sobjects/Contact", values, user="integration")
    thread.join()
    assert (results[0].status_code, second.json()[0]["errorCode"]) == (201, "DUPLICATE_VALUE")


def test_a_call_whose_client_gave_up_still_lands(org: OrgClient) -> None:
    """The client's timeout undoes nothing."""
    record = _contact(org)
    org.control("faults", {"operation": "update", "commitMs": 200})
    with pytest.raises(requests.exceptions.ReadTimeout):
        org.call("PATCH", f"sobjects/Contact/{record}", {"Phone": "late"}, timeout=0.05)
    path = f"sobjects/Contact/{record}?fields=Phone"
    assert eventually(lambda: org.call("GET", path).json()["Phone"]) == "late"


def test_a_lost_answer_lands_and_drops_the_connection(org: OrgClient) -> None:
    """The client sees a broken connection and the record is there."""
    org.control("faults", {"operation": "create", "lostAnswer": True})
    with pytest.raises(requests.exceptions.ConnectionError):
        org.call("POST", "sobjects/Account", {"Name": "Acme"})
    found = org.call("GET", "query", params={"q": "SELECT Name FROM Account"}).json()
    assert [record["Name"] for record in found["records"]] == ["Acme"]


def test_a_hanging_call_is_let_go_when_faults_are_cleared(org: OrgClient) -> None:
    """Its effect has landed all the same."""
    org.control("faults", {"operation": "create", "hang": True})
    failures: list[bool] = []

    def create() -> None:
        try:
            org.call("POST", "sobjects/Account", {"Name": "Acme"})
        except requests.exceptions.ConnectionError:
            failures.append(True)

    thread, _ = _background(create)
    eventually(lambda: org.stats()["records"].get("create"))
    assert thread.is_alive()
    org.control("faults", method="DELETE")
    thread.join(5)
    assert failures == [True]


def test_the_date_covered_stops_at_an_open_save(org: OrgClient) -> None:
    """GetUpdated does not promise more than is committed."""
    record = _contact(org)
    now = time.time()
    thread, _ = _slow_patch(org, record, 1200, Phone="1")
    time.sleep(1.05)
    span = {
        "start": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(now - 300)),
        "end": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(now + 300)),
    }
    answer = org.call("GET", "sobjects/Contact/updated", params=span)
    assert answer.json()["latestDateCovered"] < _stamp(answer.headers["Date"])
    thread.join()


def test_a_late_request_takes_effect_after_its_client_gave_up(org: OrgClient) -> None:
    """Another edit comes first; the late one is compared with what is there by then."""
    record = _contact(org, Phone="0")
    org.control("faults", {"operation": "update", "user": "bob", "delayMs": 400})
    with pytest.raises(requests.exceptions.ReadTimeout):
        org.call("PATCH", f"sobjects/Contact/{record}", {"Phone": "late"}, user="bob", timeout=0.05)
    org.call("PATCH", f"sobjects/Contact/{record}", {"Phone": "early"})
    path = f"sobjects/Contact/{record}?fields=Phone"
    first = org.call("GET", path).json()["Phone"]
    eventually(lambda: org.call("GET", path).json()["Phone"] == "late")
    assert first == "early"


def test_a_save_that_is_open_at_a_reset_leaves_nothing(org: OrgClient) -> None:
    """A test's late commit does not show up in the next test."""
    record = _contact(org)
    thread, results = _slow_patch(org, record, 100, Phone="1")
    org.control("reset")
    thread.join()
    assert (len(results), org.call("GET", f"sobjects/Contact/{record}").status_code) == (1, 404)


def test_two_writers_of_one_key_wait_for_each_other_no_longer_than_for_a_row(org: OrgClient) -> None:
    """The second gives up with UNABLE_TO_LOCK_ROW, and its text holds no value."""
    org.control("settings", {"lockWaitSeconds": 0.05})
    org.control("faults", {"operation": "create", "commitMs": 300})
    values = {"LastName": "x", "Twinledger_Key__c": "k-1"}
    thread, _ = _background(org.call, "POST", "sobjects/Contact", values, user="integration")
    eventually(lambda: org.stats()["openTransactions"])
    second = org.call("POST", "sobjects/Contact", values, user="integration").json()[0]
    thread.join()
    expected = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
    assert (second["errorCode"], second["message"]) == expected
