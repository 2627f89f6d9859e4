"""sObject Collections: up to 200 records in one call, each with its own result."""

from typing import Any

from tests.integration.org.support import OrgClient


def _records(org: OrgClient, method: str, path: str, records: list[dict[str, Any]], **options: Any) -> list[Any]:
    answer = org.call(method, path, {"records": records} | options, user="integration")
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()
    return results


def _contact(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact"}} | values


def test_each_record_has_its_own_result_in_order(org: OrgClient) -> None:
    """HTTP 200 though one failed; items say statusCode, not errorCode."""
    results = _records(org, "POST", "composite/sobjects", [_contact(LastName="a"), _contact(), _contact(LastName="c")])
    assert [result["success"] for result in results] == [True, False, True]
    message = "Required fields are missing: [LastName]"
    expected = [{"statusCode": "REQUIRED_FIELD_MISSING", "message": message, "fields": ["LastName"]}]
    assert results[1] == {"success": False, "errors": expected}


def test_all_or_none_keeps_nothing(org: OrgClient) -> None:
    """The good ones say that they were rolled back."""
    records = [_contact(LastName="a"), _contact()]
    results = _records(org, "POST", "composite/sobjects", records, allOrNone=True)
    codes = [result["errors"][0]["statusCode"] for result in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert org.call("GET", "query?q=SELECT+COUNT()+FROM+Contact").json()["totalSize"] == 0


def test_update_upsert_retrieve_and_delete(org: OrgClient) -> None:
    """The other verbs, by id and by external id."""
    first, second = (r["id"] for r in _records(org, "POST", "composite/sobjects", [_contact(LastName=n) for n in "ab"]))
    updated = _records(org, "PATCH", "composite/sobjects", [_contact(id=first, Phone="1"), _contact(id="nope")])
    assert [r["success"] for r in updated] == [True, False]
    path = "composite/sobjects/Contact/Twinledger_Key__c"
    keyed = [_contact(LastName="c", Twinledger_Key__c="k1"), _contact(LastName="d", Twinledger_Key__c="k1")]
    upserted = _records(org, "PATCH", path, keyed)
    assert [r["created"] for r in upserted] == [True, False]
    body = {"ids": [first, "003xx000004TmiQAAS", upserted[0]["id"]], "fields": ["LastName", "Phone"]}
    retrieved = org.call("POST", "composite/sobjects/Contact", body).json()
    assert [row and (row["LastName"], row["Phone"]) for row in retrieved] == [("a", "1"), None, ("d", None)]
    deleted = org.call("DELETE", f"composite/sobjects?ids={first},{second},{first}").json()
    assert [r["success"] for r in deleted] == [True, True, False]
    assert deleted[2]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


def test_more_than_200_records_are_refused(org: OrgClient) -> None:
    """The call as a whole fails, with errorCode."""
    answer = org.call("POST", "composite/sobjects", {"records": [_contact(LastName="a")] * 201})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_a_fault_strikes_one_record_of_a_collection(org: OrgClient) -> None:
    """The third update meets a lock, the others are written."""
    created = _records(org, "POST", "composite/sobjects", [_contact(LastName=n) for n in "abcd"])
    org.control("faults", {"operation": "update", "errorCode": "UNABLE_TO_LOCK_ROW", "after": 2})
    results = _records(org, "PATCH", "composite/sobjects", [_contact(id=r["id"], Phone="1") for r in created])
    assert [r["success"] for r in results] == [True, True, False, True]
    assert results[2]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


def test_what_a_record_or_a_call_lacks_is_said(org: OrgClient) -> None:
    """Per record where only it is wrong, for the call where the call is."""
    created = _records(org, "POST", "composite/sobjects", [{"LastName": "no type"}, _contact(LastName="a")])
    updated = _records(org, "PATCH", "composite/sobjects", [_contact(Phone="no id")])
    path = "composite/sobjects/Contact/Twinledger_Key__c"
    upserted = _records(org, "PATCH", path, [_contact(LastName="no key")])
    by_id = [_contact(Id=created[1]["id"], Phone="1"), _contact(Id="nope", Phone="1")]
    by_ids = _records(org, "PATCH", "composite/sobjects/Contact/Id", by_id)
    codes = [r["errors"][0]["statusCode"] for r in (created[0], updated[0], upserted[0], by_ids[1])]
    assert codes == ["INVALID_TYPE", "MISSING_ARGUMENT", "MISSING_ARGUMENT", "MALFORMED_ID"]
    assert (by_ids[0]["success"], by_ids[0]["created"]) == (True, False)
    deleted = org.call("DELETE", "composite/sobjects?ids=nope,zzzxx000004TmiQ&allOrNone=true").json()
    assert [r["errors"][0]["statusCode"] for r in deleted] == ["MALFORMED_ID", "NOT_FOUND"]
    wrong = [
        org.call("POST", "composite/sobjects", {"records": "none"}),
        org.call("POST", "composite/sobjects/Contact", {"ids": ["a"]}),
        org.call("GET", "composite/sobjects/Contact"),
        org.call("PATCH", "composite/sobjects/Contact/LastName", {"records": []}),
        org.call("DELETE", f"composite/sobjects?ids={','.join(['x'] * 201)}"),
        org.call("POST", "composite/sobjects/Contact", {"ids": ["x"] * 2001, "fields": ["Id"]}),
    ]
    assert [(a.status_code, a.json()[0]["errorCode"]) for a in wrong] == [
        (400, "JSON_PARSER_ERROR"), (400, "JSON_PARSER_ERROR"), (400, "JSON_PARSER_ERROR"), (404, "NOT_FOUND"),
        (400, "EXCEEDED_ID_LIMIT"), (400, "EXCEEDED_ID_LIMIT")]  # fmt: skip


def test_retrieve_by_get(org: OrgClient) -> None:
    """Ids and fields in the URL."""
    created = _records(org, "POST", "composite/sobjects", [_contact(LastName="a")])[0]["id"]
    rows = org.call("GET", f"composite/sobjects/Contact?ids={created}&fields=LastName").json()
    assert [row["LastName"] for row in rows] == ["a"]
