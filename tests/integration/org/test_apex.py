"""The Apex contract: conditional writes for many records in one transaction, with partial success."""

import threading
from typing import Any

import pytest
import requests

from tests.integration.org.support import OrgClient

OP = "0b7c6f7e-0000-4000-8000-00000000000"
KEY = "6f1b2c1e-6d0a-4b1b-9a52-7a8de9f0c001"


def _create(org: OrgClient, key: str = KEY, **values: Any) -> dict[str, Any]:
    operation = {"kind": "create", "object": "Contact", "key": key, "operation": OP + "0", "values": values}
    return org.apex(operation | {"returning": list(values)})[0]["record"]


def _on(record: dict[str, Any], kind: str = "update", **changes: Any) -> dict[str, Any]:
    expected = {"marker": record["Twinledger_Op__c"], "stamp": record["LastModifiedDate"], "values": {}}
    base = {"kind": kind, "object": "Contact", "id": record["Id"], "operation": OP + "1", "expected": expected}
    return base | changes


def _post(org: OrgClient, body: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {org.token('integration')}"}
    return org.http.post(f"{org.url}/services/apexrest/twinledger/v1", json=body, headers=headers)


def test_the_class_says_its_version_org_and_user(org: OrgClient) -> None:
    """GET answers what a client checks before it writes."""
    with org.session() as session:
        session.headers["Authorization"] = f"Bearer {org.token('integration')}"
        answer = session.get("https://simulated.my.salesforce.com/services/apexrest/twinledger/v1").json()
    user_id = org.control("users", method="GET")["integration"]["userId"]
    expected = {"contract": 1, "version": "1.0.0", "organizationId": "00Dxx0000001gPFEAY", "userId": user_id}
    assert expected == answer


def test_simple_salesforce_reaches_the_class(org: OrgClient) -> None:
    """``apexecute`` is how the project calls it."""
    client = org.salesforce()
    answer = client.apexecute("twinledger/v1", method="POST", data={"contract": 1, "operations": [
        {"kind": "create", "object": "Account", "key": KEY, "operation": OP + "0", "values": {"Name": "Acme"},
         "returning": ["Name"]}]})  # fmt: skip
    client.session.close()
    assert (answer["results"][0]["status"], answer["results"][0]["record"]["Name"]) == ("written", "Acme")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"contract": 2, "operations": [{}]},
        {"contract": 1, "operations": []},
        {"contract": 1, "operations": [{"kind": "update", "object": "Contact", "operation": "o"}] * 201},
        {"contract": 1, "operations": [{"kind": "upsert", "object": "Contact", "operation": "o"}]},
        {"contract": 1, "operations": [{"kind": "update", "object": "Contact", "operation": "o", "id": "nonsense"}]},
        {"contract": 1, "operations": [{"kind": "create", "object": "Nope__c", "operation": "o", "key": "k"}]},
    ],
)
def test_a_malformed_body_is_refused_as_a_whole(org: OrgClient, body: Any) -> None:
    """400 with TWINLEDGER_BAD_REQUEST, and nothing else in the answer."""
    answer = _post(org, body)
    assert (answer.status_code, [e["errorCode"] for e in answer.json()]) == (400, ["TWINLEDGER_BAD_REQUEST"])


def test_an_update_as_expected_is_written_with_the_marker(org: OrgClient) -> None:
    """The answer is the record after automation, with stamps and the new marker."""
    org.control("automation", {"object": "Contact", "ifChanged": "LastName", "set": "LastName", "action": "upper"})
    record = _create(org, LastName="a", Phone="1")
    operation = _on(record, values={"LastName": "b"}, returning=["LastName", "Phone"])
    operation["expected"]["values"] = {"LastName": "A", "Phone": "1", "Email": None}
    result = org.apex(operation)[0]
    assert (result["status"], result["errors"]) == ("written", [])
    assert {
        name: result["record"][name] for name in ("LastName", "Phone", "Twinledger_Op__c", "Twinledger_Key__c")
    } == {"LastName": "B", "Phone": "1", "Twinledger_Op__c": OP + "1", "Twinledger_Key__c": KEY}
    assert {"Id", "IsDeleted", "LastModifiedDate", "LastModifiedById"} < set(result["record"])


@pytest.mark.parametrize("wrong", ["marker", "stamp", "value"])
def test_an_update_of_a_changed_record_writes_nothing(org: OrgClient, wrong: str) -> None:
    """A different marker, stamp or value: ``changed``, with the record as it is."""
    record = _create(org, LastName="a", Phone="1")
    operation = _on(record, values={"Phone": "2"}, returning=["Phone"])
    operation["expected"] |= {
        "marker": {"marker": "another"},
        "stamp": {"stamp": "2026-01-01T00:00:00.000+0000"},
        "value": {"values": {"Phone": "other"}},
    }[wrong]
    result = org.apex(operation)[0]
    assert (result["status"], result["record"]["Phone"], result["errors"]) == ("changed", "1", [])
    assert record["Twinledger_Op__c"] == result["record"]["Twinledger_Op__c"]


def test_a_record_that_is_gone_is_absent_and_one_in_the_bin_is_changed(org: OrgClient) -> None:
    """A purged record is absent; a deleted one comes back with IsDeleted."""
    record = _create(org, LastName="a")
    org.call("DELETE", f"sobjects/Contact/{record['Id']}")
    first = org.apex(_on(record, values={"Phone": "2"}))[0]
    assert (first["status"], first["record"]["IsDeleted"]) == ("changed", True)
    org.control("purge", {})
    second = org.apex(_on(record, values={"Phone": "2"}))[0]
    assert (second["status"], second["record"]) == ("absent", None)


def test_delete_sets_the_marker_and_undelete_sets_the_next(org: OrgClient) -> None:
    """Both are conditional and tell the operation that did them."""
    record = _create(org, LastName="a")
    deleted = org.apex(_on(record, "delete", operation=OP + "2"))[0]
    assert (
        deleted["status"],
        deleted["record"]["IsDeleted"],
        deleted["record"]["Twinledger_Op__c"],
    ) == ("written", True, OP + "2")
    refused = org.apex(_on(record, "undelete", operation=OP + "3"))[0]
    assert refused["status"] == "changed"
    undeleted = org.apex(_on(deleted["record"], "undelete", operation=OP + "3"))[0]
    assert (
        undeleted["status"],
        undeleted["record"]["IsDeleted"],
        undeleted["record"]["Twinledger_Op__c"],
    ) == ("written", False, OP + "3")
    again = org.apex(_on(undeleted["record"], "undelete"))[0]
    assert again["status"] == "changed"


def test_a_second_create_with_the_key_is_a_duplicate_even_in_the_bin(org: OrgClient) -> None:
    """The existing record comes back, alive or deleted."""
    record = _create(org, LastName="a")
    create = {"kind": "create", "object": "Contact", "key": KEY, "operation": OP + "9", "values": {"LastName": "b"}}
    alive = org.apex(create)[0]
    org.call("DELETE", f"sobjects/Contact/{record['Id']}")
    binned = org.apex(create)[0]
    assert [("duplicate", record["Id"], False), ("duplicate", record["Id"], True)] == [
        (result["status"], result["record"]["Id"], result["record"]["IsDeleted"]) for result in (alive, binned)
    ]


def test_one_refused_operation_leaves_the_others_written(org: OrgClient) -> None:
    """Partial success in the order of the operations, with all errors of the refused one."""
    record = _create(org, LastName="a")
    create = {"kind": "create", "object": "Contact", "operation": OP + "4", "returning": ["LastName"]}
    results = org.apex(
        create | {"key": "k1", "values": {"LastName": "x" * 81, "Email": "bad"}},
        _on(record, values={"Phone": "2"}, returning=["Phone"]),
        create | {"key": "k2", "values": {"LastName": "ok"}},
    )
    assert [result["status"] for result in results] == ["refused", "written", "written"]
    assert {"STRING_TOO_LONG", "INVALID_EMAIL_ADDRESS"} == {error["errorCode"] for error in results[0]["errors"]}
    assert [error["fields"] for error in results[0]["errors"]] == [["LastName"], ["Email"]]


def test_an_unknown_field_and_a_lacking_permission_are_refused(org: OrgClient) -> None:
    """The class runs with the caller's field permissions."""
    record = _create(org, LastName="a")
    unknown = org.apex(_on(record, values={"Nope__c": 1}))[0]
    reading = org.apex(_on(record, values={}, returning=["Nope__c"]))[0]
    ordinary = org.apex(_on(record, values={"Phone": "2"}), user="alice")[0]
    assert [[error["errorCode"] for error in result["errors"]] for result in (unknown, reading, ordinary)] == [
        ["INVALID_FIELD_FOR_INSERT_UPDATE"],
        ["INVALID_FIELD"],
        ["INVALID_FIELD_FOR_INSERT_UPDATE"],
    ]


def test_a_lock_that_is_not_had_refuses_all_operations_on_its_object(org: OrgClient) -> None:
    """SELECT FOR UPDATE does not say which row it was; creates, and operations on other objects, go on."""
    first, second = _create(org, "k1", LastName="a"), _create(org, "k2", LastName="b")
    org.control("settings", {"lockWaitSeconds": 0.05})
    org.control("faults", {"operation": "update", "recordId": first["Id"], "commitMs": 300, "user": "alice"})
    slow = threading.Thread(target=org.call, args=("PATCH", f"sobjects/Contact/{first['Id']}", {"Phone": "1"}))
    slow.start()
    while not org.stats()["openTransactions"]:
        pass
    lead = {"kind": "create", "object": "Lead", "key": "k3", "operation": OP + "1"}
    results = org.apex(
        _on(first, values={"Phone": "2"}),
        lead | {"values": {"LastName": "l", "Company": "c"}},
        _on(second, values={"Phone": "2"}),
    )
    slow.join()
    assert [result["status"] for result in results] == ["refused", "written", "refused"]
    locked = [error["errorCode"] for result in results for error in result["errors"]]
    assert locked == ["UNABLE_TO_LOCK_ROW"] * 2


def test_200_operations_count_as_one_call(org: OrgClient) -> None:
    """One API call for the lot."""
    create = {"kind": "create", "object": "Account", "operation": OP + "5", "returning": ["Name"]}
    before = org.stats()["apiCalls"]["total"]
    results = org.apex(*[create | {"key": f"k{n}", "values": {"Name": f"a{n}"}} for n in range(200)])
    assert [f"a{n}" for n in range(200)] == [result["record"]["Name"] for result in results]
    assert org.stats()["apiCalls"]["total"] == before + 1


def test_a_create_that_meets_another_unique_value_is_refused(org: OrgClient) -> None:
    """DUPLICATE_VALUE is ``duplicate`` only for the key itself."""
    org.control("objects", {"name": "Code__c", "fields": {"Code__c": {"type": "string", "unique": True}}})
    create = {"kind": "create", "object": "Code__c", "operation": OP + "6", "values": {"Name": "n", "Code__c": "c"}}
    first, second = org.apex(create | {"key": "k1"}, create | {"key": "k2"})
    assert (first["status"], second["status"], second["errors"][0]["errorCode"]) == (
        "written", "refused", "DUPLICATE_VALUE")  # fmt: skip


def test_a_parent_that_is_locked_refuses_its_children_only(org: OrgClient) -> None:
    """The whole call waits once, not once for each child."""
    parents = [org.call("POST", "sobjects/Account", {"Name": n}).json()["id"] for n in "ab"]
    children = [_create(org, f"k{n}", LastName="x", AccountId=parents[n // 2]) for n in range(4)]
    org.control("settings", {"lockWaitSeconds": 0.1})
    org.control("faults", {"operation": "update", "user": "alice", "commitMs": 400})
    slow = threading.Thread(target=org.call, args=("PATCH", f"sobjects/Account/{parents[0]}", {"Phone": "1"}))
    slow.start()
    while not org.stats()["openTransactions"]:
        pass
    results = org.apex(*[_on(child, values={"Phone": "2"}) for child in children])
    slow.join()
    assert [result["status"] for result in results] == ["refused", "refused", "written", "written"]
    assert org.stats()["locks"]["timeouts"] == 1


def test_a_record_counts_in_one_operation_of_a_call_only(org: OrgClient) -> None:
    """The second is ``changed``, with the record as it was."""
    record = _create(org, LastName="a", Phone="0")
    first, second = (_on(record, values={"Phone": phone}, returning=["Phone"]) for phone in "12")
    results = org.apex(first, second)
    assert [(r["status"], r["record"]["Phone"]) for r in results] == [("written", "1"), ("changed", "0")]


def test_texts_compare_to_the_letter_and_numbers_by_value(org: OrgClient) -> None:
    """As the class does it."""
    values = {"LastName": "Ab", "AccountId": None, "DoNotCall": True, "Birthdate": "1990-05-01"}
    record = _create(org, **values)
    account = {"kind": "create", "object": "Account", "key": "a1", "operation": OP + "0"}
    account |= {"values": {"Name": "n", "AnnualRevenue": 12.5}, "returning": ["AnnualRevenue"]}
    revenue = org.apex(account)[0]["record"]
    statuses = []
    for expected in ({"LastName": "ab"}, {"DoNotCall": 1}, {"Birthdate": "nonsense"}, values):
        operation = _on(record, values={})
        operation["expected"]["values"] = expected
        statuses.append(org.apex(operation)[0]["status"])
    for amount in (12.6, 12.50):
        operation = _on(revenue, object="Account", values={})
        operation["expected"]["values"] = {"AnnualRevenue": amount}
        statuses.append(org.apex(operation)[0]["status"])
    assert statuses == ["changed", "changed", "changed", "written", "changed", "written"]


def test_marker_and_delete_stand_or_fall_together(org: OrgClient) -> None:
    """A delete that is refused leaves no marker; the others of the call are deleted."""
    good, bad = _create(org, "k1", LastName="a"), _create(org, "k2", LastName="b")
    org.control("faults", {"operation": "delete", "recordId": bad["Id"], "errorCode": "DELETE_FAILED"})
    results = org.apex(_on(good, "delete"), _on(bad, "delete"))
    assert [result["status"] for result in results] == ["written", "refused"]
    row = org.call("GET", f"sobjects/Contact/{bad['Id']}").json()
    assert row["Twinledger_Op__c"] == bad["Twinledger_Op__c"]
    restored = org.apex(_on(results[0]["record"], "undelete", operation="x" * 37))[0]
    assert (restored["status"], restored["errors"][0]["errorCode"]) == ("refused", "STRING_TOO_LONG")
    assert org.call("GET", f"sobjects/Contact/{good['Id']}").status_code == 404


def test_an_uncaught_exception_rolls_back_the_whole_call(org: OrgClient) -> None:
    """HTTP 500 with APEX_ERROR: the client then halves the call."""
    first, second = _create(org, "k1", LastName="a"), _create(org, "k2", LastName="b")
    org.control("faults", {"operation": "update", "recordId": second["Id"], "errorCode": "APEX_ERROR"})
    operations = [_on(record, values={"Phone": "2"}) for record in (first, second)]
    answer = _post(org, {"contract": 1, "operations": operations})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (500, "APEX_ERROR")
    assert org.call("GET", f"sobjects/Contact/{first['Id']}").json()["Phone"] is None


def test_duplicate_rules_that_warn_do_not_stop_the_class(org: OrgClient) -> None:
    """It saves with ``allowSave``."""
    org.control("duplicate-rules", {"object": "Contact", "fields": ["LastName"]})
    create = {"kind": "create", "object": "Contact", "operation": OP + "7", "values": {"LastName": "same"}}
    results = org.apex(create | {"key": "k1"}, create | {"key": "k2"})
    assert [result["status"] for result in results] == ["written", "written"]
