"""Conditional requests: dates with whole seconds for every object, entity tags for Account."""

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceGeneralError

from tests.integration.org.support import OrgClient


def test_a_precondition_compares_whole_seconds(org: OrgClient, sf: Salesforce) -> None:
    """A date before the last change is a 412; the same second passes, though an edit may hide in it."""
    created = sf.Contact.create({"LastName": "x"})["id"]
    stamp = org.call("GET", f"sobjects/Contact/{created}").headers["Date"]
    path = f"sobjects/Contact/{created}"
    late = org.call("PATCH", path, {"Phone": "1"}, headers={"If-Unmodified-Since": "Tue, 10 Mar 2026 00:00:00 GMT"})
    assert late.status_code == 412
    assert org.call("GET", path).json()["Phone"] is None
    assert org.call("PATCH", path, {"Phone": "2"}, headers={"If-Unmodified-Since": stamp}).status_code == 204
    read = org.call("GET", path, headers={"If-Unmodified-Since": "Tue, 10 Mar 2026 00:00:00 GMT"})
    assert read.status_code == 412
    gone = org.call("DELETE", path, headers={"If-Unmodified-Since": "Tue, 10 Mar 2026 00:00:00 GMT"})
    assert gone.status_code == 204


def test_simple_salesforce_raises_its_general_error_for_a_failed_precondition(sf: Salesforce) -> None:
    """A 412 has no class of its own there."""
    created = sf.Contact.create({"LastName": "x"})["id"]
    with pytest.raises(SalesforceGeneralError) as failed:
        sf.Contact.update(created, {"Phone": "1"}, headers={"If-Unmodified-Since": "Tue, 10 Mar 2026 00:00:00 GMT"})
    assert failed.value.status == 412


def test_an_account_has_an_entity_tag_and_a_contact_has_none(org: OrgClient, sf: Salesforce) -> None:
    """``If-Match`` counts on Account only; ``If-None-Match`` and ``If-Modified-Since`` make a read a 304."""
    account, contact = sf.Account.create({"Name": "a"})["id"], sf.Contact.create({"LastName": "c"})["id"]
    first = org.call("GET", f"sobjects/Account/{account}")
    tag = {"If-Match": first.headers["ETag"]}
    same = org.call("GET", f"sobjects/Account/{account}", headers={"If-None-Match": first.headers["ETag"]})
    since = org.call("GET", f"sobjects/Contact/{contact}", headers={"If-Modified-Since": first.headers["Date"]})
    done = org.call("PATCH", f"sobjects/Account/{account}", {"Phone": "1"}, headers=tag)
    stale = org.call("PATCH", f"sobjects/Account/{account}", {"Phone": "2"}, headers=tag)
    untagged = org.call("PATCH", f"sobjects/Contact/{contact}", {"Phone": "2"}, headers=tag)
    statuses = [answer.status_code for answer in (same, since, done, stale, untagged)]
    assert statuses == [304, 304, 204, 412, 204]
    assert "ETag" not in org.call("GET", f"sobjects/Contact/{contact}").headers


def test_a_header_that_is_no_date_is_refused(org: OrgClient, sf: Salesforce) -> None:
    """Rather than taken for no condition."""
    contact = sf.Contact.create({"LastName": "c"})["id"]
    answer = org.call("PATCH", f"sobjects/Contact/{contact}", {}, headers={"If-Unmodified-Since": "yesterday"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_HEADER")
