"""sObject Rows: create, get, update, delete and upsert."""

import pytest
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from tests.integration.org.support import OrgClient

KEY = "6f1b2c1e-6d0a-4b1b-9a52-7a8de9f0c001"


def _error(exception: pytest.ExceptionInfo[BaseException]) -> tuple[int, str, list[str] | None]:
    value = exception.value
    return value.status, value.content[0]["errorCode"], value.content[0].get("fields")  # type: ignore[attr-defined]


def test_a_record_can_be_created_read_updated_and_deleted(sf: Salesforce) -> None:
    """The life of a record through simple-salesforce."""
    created = sf.Contact.create({"LastName": "Bond", "FirstName": "James"})
    assert {"id": created["id"], "success": True, "errors": []} == created
    assert sf.Contact.update(created["id"], {"Phone": "007"}) == 204
    record = sf.Contact.get(created["id"])
    assert (record["Name"], record["Phone"], record["IsDeleted"]) == ("James Bond", "007", False)
    assert sf.Contact.delete(created["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Contact.get(created["id"])
    assert _error(gone) == (404, "ENTITY_IS_DELETED", [])


def test_an_id_of_15_characters_finds_the_record(sf: Salesforce) -> None:
    """Both lengths of an id are taken, the answer has 18 characters."""
    created = sf.Account.create({"Name": "Acme"})
    assert created["id"] == sf.Account.get(created["id"][:15])["Id"]


def test_stamps_have_whole_seconds_and_name_the_user(org: OrgClient, sf: Salesforce) -> None:
    """LastModifiedById says who wrote last; the stamps end in .000+0000."""
    created = sf.Account.create({"Name": "Acme"})
    org.call("PATCH", f"sobjects/Account/{created['id']}", {"Phone": "1"}, user="bob")
    record = sf.Account.get(created["id"])
    users = org.control("users", method="GET")
    assert record["CreatedById"] == users["integration"]["userId"]
    assert record["LastModifiedById"] == users["bob"]["userId"]
    assert record["LastModifiedDate"].endswith(".000+0000")
    assert record["SystemModstamp"] >= record["LastModifiedDate"]


def test_get_with_fields_returns_only_those(org: OrgClient, sf: Salesforce) -> None:
    """``fields=`` limits the answer, an unknown field is refused."""
    created = sf.Account.create({"Name": "Acme", "Phone": "1"})
    answer = org.call("GET", f"sobjects/Account/{created['id']}?fields=Name,Phone").json()
    assert {"attributes", "Name", "Phone", "Id"} == set(answer)
    refused = org.call("GET", f"sobjects/Account/{created['id']}?fields=Nope")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"FirstName": "x"}, (400, "REQUIRED_FIELD_MISSING", ["LastName"])),
        ({"LastName": ""}, (400, "REQUIRED_FIELD_MISSING", ["LastName"])),
        ({"LastName": "x" * 81}, (400, "STRING_TOO_LONG", ["LastName"])),
        ({"LastName": "x", "Email": "no address"}, (400, "INVALID_EMAIL_ADDRESS", ["Email"])),
        ({"LastName": "x", "Nope__c": 1}, (400, "INVALID_FIELD", None)),
        ({"LastName": "x", "CreatedDate": "2026-01-01T00:00:00Z"},
         (400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"])),
        ({"LastName": "x", "Name": "y"}, (400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Name"])),
        ({"LastName": "x", "MailingAddress": {"city": "y"}},
         (400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["MailingAddress"])),
        ({"LastName": "x", "AccountId": "nonsense"}, (400, "MALFORMED_ID", ["AccountId"])),
        ({"LastName": "x", "AccountId": "003xx000004TmiQAAS"}, (400, "MALFORMED_ID", ["AccountId"])),
        ({"LastName": "x", "Birthdate": "yesterday"}, (400, "JSON_PARSER_ERROR", None)),
        ({"LastName": "x", "DoNotCall": "perhaps"}, (400, "JSON_PARSER_ERROR", None)),
        ({"LastName": 5}, (400, "JSON_PARSER_ERROR", None)),
    ],
)  # fmt: skip
def test_a_refused_create_says_why(sf: Salesforce, values: dict, expected: tuple) -> None:
    """Each refusal has Salesforce's status, code and fields, and leaves nothing behind."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.create(values)
    assert expected == _error(refused)
    assert sf.query("SELECT COUNT() FROM Contact")["totalSize"] == 0


def test_a_missing_parent_is_a_404(sf: Salesforce) -> None:
    """INVALID_CROSS_REFERENCE_KEY stands for a parent that is not there, or is in the bin."""
    account = sf.Account.create({"Name": "Acme"})["id"]
    sf.Account.delete(account)
    for parent in (account, "001xx000003DGb2AAG"):
        with pytest.raises(SalesforceResourceNotFound) as refused:
            sf.Contact.create({"LastName": "x", "AccountId": parent})
        assert _error(refused) == (404, "INVALID_CROSS_REFERENCE_KEY", ["AccountId"])


def test_unknown_records_and_objects_are_404_and_a_bad_id_is_400(sf: Salesforce) -> None:
    """NOT_FOUND for what is not there, MALFORMED_ID for what is no id."""
    with pytest.raises(SalesforceResourceNotFound) as missing:
        sf.Contact.get("003xx000004TmiQAAS")
    assert _error(missing) == (404, "NOT_FOUND", None)
    with pytest.raises(SalesforceResourceNotFound):
        sf.Nothing__c.get("003xx000004TmiQAAS")
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        sf.Contact.update("003xx000004TmiQAAX", {"Phone": "1"})
    assert _error(malformed) == (400, "MALFORMED_ID", ["Id"])


def test_values_are_trimmed_and_empty_text_is_null(sf: Salesforce) -> None:
    """What is stored differs from what was sent."""
    created = sf.Contact.create({"LastName": "  Bond ", "Title": "   ", "Phone": ""})
    record = sf.Contact.get(created["id"])
    assert (record["LastName"], record["Title"], record["Phone"]) == ("Bond", None, None)


def test_a_number_keeps_its_precision_beyond_the_scale(sf: Salesforce) -> None:
    """The API stores more decimals than the field shows; too many digits before the point are refused."""
    created = sf.Opportunity.create(
        {"Name": "o", "StageName": "Prospecting", "CloseDate": "2026-12-31", "Amount": 10.12345, "Probability": 50}
    )
    record = sf.Opportunity.get(created["id"])
    assert (record["Amount"], record["Probability"], record["IsClosed"]) == (10.12345, 50.0, False)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Opportunity.update(created["id"], {"Amount": 1e17})
    assert _error(refused) == (400, "NUMBER_OUTSIDE_VALID_RANGE", ["Amount"])


def test_a_compound_address_is_an_object_on_read(sf: Salesforce) -> None:
    """Components are written, the compound is read."""
    created = sf.Account.create({"Name": "Acme", "BillingCity": "Berlin"})
    address = sf.Account.get(created["id"])["BillingAddress"]
    assert (address["city"], address["street"]) == ("Berlin", None)


def test_a_second_record_with_the_unique_key_is_refused_in_any_case(sf: Salesforce) -> None:
    """DUPLICATE_VALUE names the 15-character id of the record that has the value."""
    first = sf.Contact.create({"LastName": "a", "Twinledger_Key__c": KEY})["id"]
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.create({"LastName": "b", "Twinledger_Key__c": KEY.upper()})
    expected = f"duplicate value found: Twinledger_Key__c duplicates value on record with id: {first[:15]}"
    assert (expected, "DUPLICATE_VALUE") == (refused.value.content[0]["message"], refused.value.content[0]["errorCode"])


def test_upsert_by_external_id_creates_then_updates(org: OrgClient) -> None:
    """201 with created true, then 200 with created false."""
    path = f"sobjects/Contact/Twinledger_Key__c/{KEY}"
    first = org.call("PATCH", path, {"LastName": "a"}, user="integration")
    second = org.call("PATCH", path, {"LastName": "b"}, user="integration")
    assert (first.status_code, first.json()["created"]) == (201, True)
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert org.call("GET", path).json()["LastName"] == "b"
    assert org.call("GET", path + "x").status_code == 404


def test_several_matches_of_a_look_up_field_are_a_300(sf: Salesforce) -> None:
    """Email is a look-up field but not unique."""
    for name in ("a", "b"):
        sf.Contact.create({"LastName": name, "Email": "x@example.com"})
    with pytest.raises(SalesforceMoreThanOneRecord) as several:
        sf.Contact.get_by_custom_id("Email", "x@example.com")
    assert len(several.value.content) == 2


def test_a_parent_can_be_named_by_external_id(sf: Salesforce) -> None:
    """``"Account": {"Ext__c": "A-1"}`` sets the reference; an unknown key is refused."""
    account = sf.Account.create({"Name": "Acme", "Twinledger_Key__c": KEY})["id"]
    contact = sf.Contact.create({"LastName": "x", "Account": {"Twinledger_Key__c": KEY}})["id"]
    assert account == sf.Contact.get(contact)["AccountId"]
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.create({"LastName": "x", "Account": {"Twinledger_Key__c": "A-2"}})
    assert _error(refused) == (400, "INVALID_FIELD", None)


def test_ordinary_users_may_not_write_the_marker_fields(alice: Salesforce) -> None:
    """The two fields are editable by the integration user only."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        alice.Contact.create({"LastName": "x", "Twinledger_Op__c": "op"})
    assert _error(refused) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["Twinledger_Op__c"])


def test_a_hidden_field_is_absent_and_unknown(org: OrgClient, sf: Salesforce) -> None:
    """Field-level security takes a field out of reads, describes and writes."""
    org.control("users", {"name": "bob", "hidden": ["Contact.Phone"]})
    created = sf.Contact.create({"LastName": "x", "Phone": "1"})["id"]
    assert "Phone" not in org.call("GET", f"sobjects/Contact/{created}", user="bob").json()
    described = org.call("GET", "sobjects/Contact/describe", user="bob").json()["fields"]
    assert "Phone" not in {field["name"] for field in described}
    refused = org.call("PATCH", f"sobjects/Contact/{created}", {"Phone": "2"}, user="bob")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_a_uri_that_is_too_long_is_refused(org: OrgClient) -> None:
    """16,384 bytes are the limit."""
    answer = org.call("GET", f"sobjects/Contact/003xx000004TmiQAAS?fields={'x' * 16_384}")
    assert answer.status_code == 414


def test_a_read_only_object_is_refused(org: OrgClient) -> None:
    """INSUFFICIENT_ACCESS_OR_READONLY for a user without the permission, and for User for all."""
    org.control("users", {"name": "bob", "readOnlyObjects": ["Case"]})
    answer = org.call("POST", "sobjects/Case", {"Subject": "s"}, user="bob")
    bob = org.control("users", method="GET")["bob"]["userId"]
    user = org.call("PATCH", f"sobjects/User/{bob}", {"Alias": "b"}, user="integration")
    codes = [reply.json()[0]["errorCode"] for reply in (answer, user)]
    assert codes == ["INSUFFICIENT_ACCESS_OR_READONLY"] * 2


def test_a_record_can_be_deleted_by_external_id(org: OrgClient, sf: Salesforce) -> None:
    """404 when nothing has the key, 300 when several have it, and the same for an upsert."""
    created = sf.Contact.create({"LastName": "a", "Twinledger_Key__c": KEY})["id"]
    for name in ("b", "c"):
        sf.Contact.create({"LastName": name, "Email": "x@example.com"})
    statuses = [
        org.call("DELETE", f"sobjects/Contact/Twinledger_Key__c/{KEY}").status_code,
        org.call("DELETE", f"sobjects/Contact/Twinledger_Key__c/{KEY}").status_code,
        org.call("DELETE", "sobjects/Contact/Email/x@example.com").status_code,
        org.call("PATCH", "sobjects/Contact/Email/x@example.com", {"LastName": "d"}).status_code,
        org.call("GET", "sobjects/Contact/Phone/1").status_code,
        org.call("GET", f"sobjects/Contact/{created}").status_code,
    ]
    assert statuses == [204, 404, 300, 300, 404, 404]


def test_ids_and_keys_of_the_url_may_not_stand_in_the_body(org: OrgClient, sf: Salesforce) -> None:
    """INVALID_FIELD; an upsert by Id is an update."""
    created = sf.Contact.create({"LastName": "a"})["id"]
    answers = [
        org.call("PATCH", f"sobjects/Contact/{created}", {"Id": created}),
        org.call("PATCH", f"sobjects/Contact/Twinledger_Key__c/{KEY}", {"Twinledger_Key__c": KEY}),
        org.call("PATCH", f"sobjects/Contact/{created}", ["no object"]),
    ]
    codes = [answer.json()[0]["errorCode"] for answer in answers]
    assert codes == ["INVALID_FIELD", "INVALID_FIELD", "JSON_PARSER_ERROR"]
    assert org.call("PATCH", f"sobjects/Contact/Id/{created}", {"Phone": "1"}).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "sobjects/Contact", 405),
        ("POST", "limits", 405),
        ("GET", "nothing", 404),
        ("GET", "sobjects/Contact/a/b/c", 404),
        ("GET", "composite", 405),
    ],
)
def test_what_a_resource_does_not_know(org: OrgClient, method: str, path: str, status: int) -> None:
    """405 for a method, 404 for a path."""
    assert org.call(method, path).status_code == status


def test_a_body_that_is_no_json_is_refused(org: OrgClient) -> None:
    """JSON_PARSER_ERROR."""
    headers = {"Authorization": f"Bearer {org.token('alice')}"}
    url = f"{org.url}/services/data/v66.0/sobjects/Contact"
    answer = org.http.post(url, data=b"{not json", headers=headers)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_body_that_is_no_json_by_its_header_is_refused(org: OrgClient) -> None:
    """415 UNSUPPORTED_MEDIA_TYPE; a character set does not matter."""
    headers = {"Authorization": f"Bearer {org.token('alice')}"}
    url = f"{org.url}/services/data/v66.0/sobjects/Account"
    answers = [
        org.http.post(url, data=b'{"Name": "x"}', headers=headers | {"Content-Type": media_type})
        for media_type in ("text/plain", "application/json; charset=UTF-8")
    ]
    assert [answer.status_code for answer in answers] == [415, 201]
    assert answers[0].json()[0]["errorCode"] == "UNSUPPORTED_MEDIA_TYPE"
