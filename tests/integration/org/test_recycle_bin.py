"""Deletes and what they take along, undelete, merge, and what getUpdated and getDeleted tell."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound

from tests.integration.org.support import OrgClient

KEY = "6f1b2c1e-6d0a-4b1b-9a52-7a8de9f0c001"


def test_deleting_a_parent_takes_its_details_and_undelete_brings_them_back(org: OrgClient, sf: Salesforce) -> None:
    """Contacts go with their account; a look-up that clears is restored too."""
    account = sf.Account.create({"Name": "Acme"})["id"]
    contact = sf.Contact.create({"LastName": "x", "AccountId": account})["id"]
    case = sf.Case.create({"Subject": "s", "AccountId": account})["id"]
    sf.Account.delete(account)
    assert sf.Case.get(case)["AccountId"] is None
    deleted = sf.query_all("SELECT IsDeleted FROM Contact", include_deleted=True)
    assert [record["IsDeleted"] for record in deleted["records"]] == [True]
    result = org.control("undelete", {"ids": [account]})["results"]
    assert [{"id": account, "errors": []}] == result
    assert sf.Contact.get(contact)["AccountId"] == account
    assert sf.Case.get(case)["AccountId"] == account


def test_a_detail_is_not_undeleted_without_its_master(org: OrgClient, sf: Salesforce) -> None:
    """It comes back with it."""
    master = {"type": "reference", "referenceTo": ["Account"], "masterDetail": True}
    org.control("objects", {"name": "Bill__c", "fields": {"Account__c": master}})
    account = sf.Account.create({"Name": "Acme"})["id"]
    bill = sf.Bill__c.create({"Name": "b", "Account__c": account})["id"]
    sf.Account.delete(account)
    errors = org.control("undelete", {"ids": [bill]})["results"][0]["errors"]
    assert [error["statusCode"] for error in errors] == ["UNDELETE_FAILED"]
    org.control("undelete", {"ids": [account]})
    assert sf.Bill__c.get(bill)["Account__c"] == account


def test_an_undelete_whose_key_was_given_away_is_refused(org: OrgClient, sf: Salesforce) -> None:
    """The bin does not block a unique value, so the undelete meets the new record."""
    first = sf.Contact.create({"LastName": "a", "Twinledger_Key__c": KEY})["id"]
    sf.Contact.delete(first)
    sf.Contact.create({"LastName": "b", "Twinledger_Key__c": KEY})
    errors = org.control("undelete", {"ids": [first]})["results"][0]["errors"]
    assert [error["statusCode"] for error in errors] == ["DUPLICATE_VALUE"]


def test_a_merge_moves_children_and_marks_the_loser(org: OrgClient, sf: Salesforce) -> None:
    """The loser is deleted with MasterRecordId, its contacts belong to the winner."""
    winner, loser = (sf.Account.create({"Name": name})["id"] for name in ("w", "l"))
    contact = sf.Contact.create({"LastName": "x", "AccountId": loser})["id"]
    org.control("merge", {"master": winner, "losers": [loser], "values": {"Phone": "9"}})
    assert (winner, "9") == (sf.Contact.get(contact)["AccountId"], sf.Account.get(winner)["Phone"])
    query = "SELECT IsDeleted, MasterRecordId FROM Account WHERE IsDeleted = true"
    record = sf.query_all(query, include_deleted=True)["records"][0]
    assert (True, winner) == (record["IsDeleted"], record["MasterRecordId"])


def test_an_undeleted_loser_is_a_record_of_its_own(org: OrgClient, sf: Salesforce) -> None:
    """It names no winner any more; the children stay with the winner."""
    winner, loser = (sf.Account.create({"Name": name})["id"] for name in ("w", "l"))
    contact = sf.Contact.create({"LastName": "x", "AccountId": loser})["id"]
    org.control("merge", {"master": winner, "losers": [loser]})
    org.control("undelete", {"ids": [loser]})
    record = sf.Account.get(loser)
    assert (False, None, winner) == (
        record["IsDeleted"],
        record["MasterRecordId"],
        sf.Contact.get(contact)["AccountId"],
    )


def test_the_bin_is_emptied_after_15_days(org: OrgClient, sf: Salesforce) -> None:
    """Then the record is not found any more, and cannot be undeleted."""
    created = sf.Contact.create({"LastName": "x"})["id"]
    sf.Contact.delete(created)
    org.control("settings", {"clockOffsetSeconds": 15 * 86_400 + 60})
    errors = org.control("undelete", {"ids": [created]})["results"][0]["errors"]
    assert [error["statusCode"] for error in errors] == ["NOT_FOUND"]
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Contact.get(created)
    assert (gone.value.status, gone.value.content[0]["errorCode"]) == (404, "NOT_FOUND")


def test_updated_and_deleted_ids_are_listed_by_time(org: OrgClient, sf: Salesforce) -> None:
    """GetUpdated and getDeleted ignore seconds."""
    kept, dropped = (sf.Contact.create({"LastName": name})["id"] for name in ("k", "d"))
    sf.Contact.delete(dropped)
    now = org.call("GET", "limits").headers["Date"]
    start = parsedate_to_datetime(now) - timedelta(minutes=5)
    end = parsedate_to_datetime(now) + timedelta(minutes=5)
    updated = sf.Contact.updated(start, end)
    deleted = sf.Contact.deleted(start, end)
    assert [kept] == updated["ids"]
    assert [dropped] == [entry["id"] for entry in deleted["deletedRecords"]]
    assert updated["latestDateCovered"].endswith(".000+0000")


def test_a_child_that_restricts_the_delete_keeps_its_parent(org: OrgClient, sf: Salesforce) -> None:
    """DELETE_FAILED, and nothing was deleted."""
    reference = {"type": "reference", "referenceTo": ["Account"], "restrictedDelete": True}
    org.control("objects", {"name": "Deal__c", "fields": {"Account__c": reference}})
    account = sf.Account.create({"Name": "a"})["id"]
    contact = sf.Contact.create({"LastName": "c", "AccountId": account})["id"]
    sf.Deal__c.create({"Name": "d", "Account__c": account})
    answer = org.call("DELETE", f"sobjects/Account/{account}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert (sf.Account.get(account)["IsDeleted"], sf.Contact.get(contact)["AccountId"]) == (False, account)


@pytest.mark.parametrize(
    "span",
    [
        {"start": "now", "end": "2026-01-01T00:00:00Z"},
        {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"},
        {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"},
    ],
)
def test_a_wrong_span_of_time_is_refused(org: OrgClient, span: dict[str, str]) -> None:
    """No datetime, not more than a minute, too long ago."""
    answer = org.call("GET", "sobjects/Contact/updated", params=span)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


@pytest.mark.parametrize(("seconds", "status"), [(60, 400), (61, 200)])
def test_a_span_is_longer_than_a_minute(org: OrgClient, seconds: int, status: int) -> None:
    """Whatever the seconds, which the span itself ignores."""
    now = parsedate_to_datetime(org.call("GET", "limits").headers["Date"]) - timedelta(hours=1)
    span = {"start": now.isoformat(), "end": (now + timedelta(seconds=seconds)).isoformat()}
    assert org.call("GET", "sobjects/Contact/updated", params=span).status_code == status


@pytest.mark.parametrize("what", ["updated", "deleted"])
def test_more_ids_than_the_limit_are_refused(org: OrgClient, what: str) -> None:
    """EXCEEDED_ID_LIMIT; a shorter span is what helps."""
    org.control("settings", {"replicationIdLimit": 1})
    now = parsedate_to_datetime(org.call("GET", "limits").headers["Date"])
    span = {"start": (now - timedelta(minutes=5)).isoformat(), "end": (now + timedelta(minutes=5)).isoformat()}
    codes = []
    for _ in range(2):
        created = org.call("POST", "sobjects/Contact", {"LastName": "x"}).json()["id"]
        if what == "deleted":
            org.call("DELETE", f"sobjects/Contact/{created}")
        answer = org.call("GET", f"sobjects/Contact/{what}", params=span)
        codes.append("" if answer.ok else answer.json()[0]["errorCode"])
    assert codes == ["", "EXCEEDED_ID_LIMIT"]
