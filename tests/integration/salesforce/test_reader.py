"""How few calls read how much, and what the reader makes of answers that an org seldom gives."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import (
    ConfigurationError,
    ProtocolError,
    Rejected,
    Unavailable,
)
from chalicelib.core.mapping import Kind
from chalicelib.core.ports import RecordQuery, WriteKind
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.reader import Reader
from tests.contract.live_bench import Org
from tests.contract.record_bench import ACCOUNT, CONTACT, mapping
from tests.integration.salesforce.stub import Answer, Stub
from tests.integration.salesforce.writers_kit import (
    RECORD,
    ROW,
    composite,
    conditional_of,
    errors,
    write,
)


def test_records_of_many_objects_are_read_in_one_call(org: Org) -> None:
    """Objects do not cost a call each."""
    account = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    contact = org.user("POST", "sobjects/Contact", {"LastName": "C"}).json()["id"]
    client = org.client()
    found = Reader(client).read([RecordQuery(ACCOUNT, account), RecordQuery(CONTACT, contact)])
    assert ([account, contact], 1) == ([record and record.id for record in found], client.calls)


def test_many_records_are_read_in_few_calls(org: Org) -> None:
    """A thousand ids and keys go as several queries, up to five in a call."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    client = org.client()
    asked = [RecordQuery(ACCOUNT, None, f"00000000-0000-0000-0000-{number:012d}") for number in range(1000)]
    found = Reader(client).read([*asked, RecordQuery(ACCOUNT, record_id)])
    assert [None] * 1000 + [record_id] == [record and record.id for record in found]
    assert client.calls == 1


def test_long_results_are_read_to_their_end(org: Org) -> None:
    """A query that comes in pages is read page by page."""
    ids = [org.user("POST", "sobjects/Account", {"Name": f"A{number}"}).json()["id"] for number in range(5)]
    org.control("POST", "settings", {"queryPageSize": 2})
    found = Reader(org.client()).read([RecordQuery(ACCOUNT, record_id) for record_id in ids])
    assert ids == [record and record.id for record in found]


def test_fifteen_character_ids_are_found(org: Org) -> None:
    """An id may be asked for in either length."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    found = Reader(org.client()).read([RecordQuery(ACCOUNT, record_id[:15])])[0]
    assert found is not None
    assert found.id == record_id


def test_hidden_fields_cost_one_look_and_are_then_left_out(org: Org) -> None:
    """The first read learns by describe which fields there are; the next ones ask for those."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A", "Phone": "1"}).json()["id"]
    user = {"name": "integration", "username": "integration@example.com", "readOnly": [], "hidden": ["Account.Phone"]}
    org.control("POST", "users", user)
    client = org.client()
    reader = Reader(client)
    for calls in (3, 4):
        record = reader.read([RecordQuery(ACCOUNT, record_id)])[0]
        assert record is not None
        assert ("Phone" not in record.values, calls) == (True, client.calls)
    assert "Phone" not in reader.fields(ACCOUNT)


def test_hidden_marker_stops_everything(org: Org) -> None:
    """Without the marker nothing can be synced; the error names object, field and remedy."""
    record_id = org.user("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    hidden = {"hidden": ["*.Twinledger_Op__c"], "readOnly": []}
    org.control("POST", "users", {"name": "integration", "username": "integration@example.com", **hidden})
    with pytest.raises(ConfigurationError, match=r"Account.*Twinledger_Op__c.*permission set"):
        Reader(org.client()).read([RecordQuery(ACCOUNT, record_id)])


def test_unknown_objects_stop_everything(org: Org) -> None:
    """A mapping of an object that the user cannot see is a matter of configuration."""
    nowhere = mapping("nowhere", "Nowhere__c", {"Name": Kind.TEXT})
    with pytest.raises(ConfigurationError, match="Nowhere__c"):
        Reader(org.client()).read([RecordQuery(nowhere, "a00000000000001AAA")])


def test_a_failed_query_of_several_fails_the_read(stub: Stub, client: Client) -> None:
    """One query of a Composite that fails is the read's error: half a read would look like absence."""
    stub.say(composite(("read0", 200, {"done": True, "records": []}), ("read1", 400, errors("QUERY_TIMEOUT"))))
    with pytest.raises(Unavailable):
        Reader(client).read([RecordQuery(ACCOUNT, "001000000000001AAA"), RecordQuery(CONTACT, RECORD.id)])


def test_other_refusals_of_a_read_are_told(stub: Stub, client: Client) -> None:
    """Only a missing field leads to a second try."""
    stub.say(Answer(400, errors("SOMETHING_NEW")))
    with pytest.raises(Rejected, match="SOMETHING_NEW"):
        Reader(client).read([RecordQuery(CONTACT, RECORD.id)])
    assert len(stub.requests) == 1


def test_values_without_a_canonical_form_are_left_alone(
    stub: Stub, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The other fields of the record are read; the log names the field, and never the value."""
    stub.say(Answer(body={"done": True, "records": [{**ROW, "Email": "a\x00SECRET"}]}))
    record = Reader(client).read([RecordQuery(CONTACT, RECORD.id)])[0]
    assert record is not None
    assert record.values == {"LastName": "New"}
    assert "Email" in caplog.text
    assert "SECRET" not in caplog.text


def test_of_two_records_with_one_key_the_living_counts(stub: Stub, client: Client) -> None:
    """A record in the recycle bin does not hide the one that took its key."""
    gone = {**ROW, "IsDeleted": True, "LastModifiedDate": "2026-09-22T00:00:00.000+0000"}
    alive = {**ROW, "Id": "003000000000002AAA", "Twinledger_Key__c": "KEY-1"}
    stub.say(Answer(body={"done": True, "records": [gone, alive]}))
    record = Reader(client).read([RecordQuery(CONTACT, None, "key-1")])[0]
    assert record is not None
    assert record.id == "003000000000002AAA"


@pytest.mark.parametrize("answer", [Answer(body={}), Answer(body=[]), composite(("another", 200, {}))])
def test_composite_answers_that_are_none(stub: Stub, client: Client, answer: Answer) -> None:
    """An answer that lacks a part is a defect, not an absent record."""
    stub.say(answer, answer)
    asked = [RecordQuery(ACCOUNT, "001000000000001AAA"), RecordQuery(CONTACT, RECORD.id)]
    with pytest.raises(ProtocolError, match="of 2 subrequests"):
        Reader(client).read(asked)
    with pytest.raises(ProtocolError, match="of 2 subrequests"):
        conditional_of(client).write([write(WriteKind.UPDATE, LastName="New")])


def test_questions_without_id_and_key_have_no_answer(stub: Stub, client: Client) -> None:
    """Nothing is asked of the org for them."""
    assert Reader(client).read([RecordQuery(CONTACT, None)]) == [None]
    assert stub.requests == []


def test_a_field_that_went_away_while_all_others_are_there(stub: Stub, client: Client) -> None:
    """Where describe finds nothing hidden, the second try's error is the read's."""
    fields = [{"name": name, "type": "string", "label": name} for name in (*ROW, *CONTACT.names)]
    missing = Answer(400, errors("INVALID_FIELD", "No such column 'X'"))
    stub.say(missing, Answer(body={"name": "Contact", "fields": fields}), replace(missing))
    with pytest.raises(Rejected, match="INVALID_FIELD"):
        Reader(client).read([RecordQuery(CONTACT, RECORD.id)])
