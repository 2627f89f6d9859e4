"""The sweep's questions: what was changed and deleted since a date."""

import time

import pytest

from chalicelib.core.errors import MappingError, Unavailable
from chalicelib.core.model import Change
from chalicelib.salesforce.changes import OVERLAP_SECONDS, changes_since
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.describe import describe, parse_describe
from chalicelib.salesforce.stamps import rest_stamp, seconds
from tests.contract.live_bench import Org
from tests.integration.salesforce.stub import Answer, Stub

DAY = 86_400


def test_changes_and_deletions_become_hints(org: Org) -> None:
    """A changed and a deleted record, each once, and a date from which the next sweep goes on."""
    kept = org.user("POST", "sobjects/Account", {"Name": "Kept"}).json()["id"]
    gone = org.user("POST", "sobjects/Account", {"Name": "Gone"}).json()["id"]
    org.user("DELETE", f"sobjects/Account/{gone}")
    org.user("POST", "sobjects/Contact", {"LastName": "Another object"})
    now = time.time()
    found = changes_since(org.client(), "Account", int(now) - 60, now)
    assert {(kept, Change.UPDATED), (gone, Change.DELETED)} == {(hint.sfid, hint.change) for hint in found.hints}
    assert found.complete
    assert now - 61 <= found.covered <= now + 60
    assert len({hint.hint_id for hint in found.hints}) == 2


def test_the_next_sweep_finds_them_again_within_the_overlap(org: Org) -> None:
    """A hint too many costs little; one too few is an edit lost. The ids of two sweeps differ."""
    org.user("POST", "sobjects/Account", {"Name": "A"})
    now = time.time()
    client = org.client()
    first = changes_since(client, "Account", int(now) - 60, now)
    second = changes_since(client, "Account", first.covered, now + 60)
    assert [hint.sfid for hint in first.hints] == [hint.sfid for hint in second.hints]
    assert {hint.hint_id for hint in first.hints}.isdisjoint(hint.hint_id for hint in second.hints)


def spans(stub: Stub, client: Client, since: int, now: float) -> list[tuple[int, int]]:
    """The spans asked for, in seconds."""
    stub.say(
        Answer(body={"ids": [], "latestDateCovered": rest_stamp(now - 100)}),
        Answer(body={"deletedRecords": [], "latestDateCovered": rest_stamp(now - 200)}),
    )
    assert changes_since(client, "Account", since, now).covered == max(since, int(now) - 200)
    found = []
    for request in stub.requests:
        query = dict(part.split("=") for part in request.path.split("?")[1].split("&"))
        start, end = (query[name].replace("%3A", ":").replace("%2B", "+") for name in ("start", "end"))
        found.append((seconds(start), seconds(end)))
    return found


def test_a_sweep_begins_before_what_the_last_one_covered(stub: Stub, client: Client) -> None:
    """Both questions overlap the last ones, and end after now, for seconds are ignored."""
    now = 1_790_000_030.0
    since = int(now) - 3_600
    assert spans(stub, client, since, now) == [(since - OVERLAP_SECONDS, 1_790_000_040)] * 2


def test_a_sweep_never_goes_back(stub: Stub, client: Client) -> None:
    """What the org says to be covered may lie before what was covered already."""
    now = 1_790_000_030.0
    assert spans(stub, client, int(now) - 10, now)


def test_long_pauses_are_cut_to_what_salesforce_keeps(stub: Stub, client: Client) -> None:
    """Updates reach 30 days back, deletions 15; what lies before is said to be missing."""
    now = 1_790_000_030.0
    (updated, _), (deleted, _) = spans(stub, client, int(now) - 60 * DAY, now)
    assert 29 * DAY < now - updated < 30 * DAY
    assert 14 * DAY < now - deleted < 15 * DAY
    stub.say(
        Answer(body={"ids": ["001000000000001"], "latestDateCovered": rest_stamp(now)}),
        Answer(body={"deletedRecords": [], "latestDateCovered": rest_stamp(now)}),
    )
    found = changes_since(client, "Account", int(now) - 20 * DAY, now)
    assert (found.complete, [hint.sfid for hint in found.hints]) == (False, ["001000000000001AAA"])


def test_a_failing_call_fails_the_sweep(stub: Stub, client: Client) -> None:
    """Nothing is said to be covered that was not asked."""
    stub.say(Answer(503, ""))
    with pytest.raises(Unavailable):
        changes_since(client, "Account", 1_790_000_000, 1_790_000_030.0)


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
