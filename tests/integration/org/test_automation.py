"""Automation within a save and after it, and validation rules."""

from typing import Any

import pytest

from tests.integration.org.support import OrgClient, eventually


def _saved(org: OrgClient, values: dict[str, Any]) -> dict[str, Any]:
    identifier = org.call("POST", "sobjects/Account", {"Name": "Acme"} | values).json()["id"]
    row: dict[str, Any] = org.call("GET", f"sobjects/Account/{identifier}").json()
    return row


@pytest.mark.parametrize(
    ("rule", "values", "field", "expected"),
    [
        ({"set": "Site", "action": "constant", "value": "x"}, {}, "Site", "x"),
        ({"set": "Site", "action": "upper"}, {"Site": "abc"}, "Site", "ABC"),
        ({"set": "Site", "action": "lower", "timing": "before"}, {"Site": "ABC"}, "Site", "abc"),
        ({"set": "Site", "action": "prefix", "value": "+"}, {"Site": "1"}, "Site", "+1"),
        ({"set": "Site", "action": "suffix", "value": "!"}, {"Site": "1"}, "Site", "1!"),
        ({"set": "AnnualRevenue", "action": "round", "value": 0}, {"AnnualRevenue": 10.6}, "AnnualRevenue", 11.0),
        ({"set": "NumberOfEmployees", "action": "increment"}, {"NumberOfEmployees": 4}, "NumberOfEmployees", 5),
        ({"set": "Site", "action": "copy", "from": "Phone"}, {"Phone": "7"}, "Site", "7"),
        ({"set": "Site", "action": "upper"}, {}, "Site", None),
        ({"set": "Site", "action": "constant", "value": "x", "when": "update"}, {}, "Site", None),
        ({"set": "Site", "action": "constant", "value": "x", "ifChanged": "Phone"}, {}, "Site", None),
        ({"set": "Site", "action": "constant", "value": "x", "ifEquals": {"Phone": "7"}}, {"Phone": "7"}, "Site", "x"),
    ],
)
def test_a_rule_changes_the_record_in_the_same_save(
    org: OrgClient, rule: dict[str, Any], values: dict[str, Any], field: str, expected: Any
) -> None:
    """The author and the stamp are those of the save."""
    org.control("automation", {"object": "Account"} | rule)
    row = _saved(org, values)
    alice = org.control("users", method="GET")["alice"]["userId"]
    assert (row[field], row["LastModifiedById"]) == (expected, alice)


def test_rules_that_set_each_other_off_run_once_each(org: OrgClient) -> None:
    """Bounded: a circle of rules ends."""
    org.control("automation", [
        {"object": "Account", "ifChanged": "Phone", "set": "Fax", "action": "copy", "from": "Phone"},
        {"object": "Account", "ifChanged": "Fax", "set": "Phone", "action": "suffix", "from": "Fax", "value": "!"},
    ])  # fmt: skip
    row = _saved(org, {"Phone": "1"})
    assert (row["Phone"], row["Fax"]) == ("1!", "1")


def test_a_rule_whose_value_does_not_fit_refuses_the_save(org: OrgClient) -> None:
    """As a flow's fault does."""
    org.control("automation", {"object": "Account", "set": "Site", "action": "constant", "value": "x" * 81})
    answer = org.call("POST", "sobjects/Account", {"Name": "a"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "STRING_TOO_LONG")
    assert org.call("GET", "query?q=SELECT+COUNT()+FROM+Account").json()["totalSize"] == 0


def test_asynchronous_automation_is_a_later_save_of_its_own_user(org: OrgClient) -> None:
    """It sets itself off no second time."""
    rule = {"set": "NumberOfEmployees", "action": "increment", "timing": "async", "delayMs": 10}
    org.control("automation", {"object": "Account"} | rule)
    row = _saved(org, {"NumberOfEmployees": 1})
    eventually(lambda: org.stats()["records"].get("async automation"))
    later = org.call("GET", f"sobjects/Account/{row['Id']}").json()
    automation = org.control("users", method="GET")["automation"]["userId"]
    assert (row["NumberOfEmployees"], later["NumberOfEmployees"]) == (1, 2)
    assert later["LastModifiedById"] == automation
    assert org.stats()["records"]["async automation"] == 1


def test_a_validation_rule_refuses_with_its_text_and_field(org: OrgClient) -> None:
    """On create and on update; others pass."""
    rule = {"object": "Account", "errorIf": "AnnualRevenue < 0 AND Industry = 'Banking'", "message": "Too poor."}
    org.control("validation-rules", rule | {"field": "AnnualRevenue"})
    row = _saved(org, {"AnnualRevenue": -1})
    refused = org.call("PATCH", f"sobjects/Account/{row['Id']}", {"Industry": "Banking"})
    expected = {"message": "Too poor.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["AnnualRevenue"]}
    assert (refused.status_code, refused.json()) == (400, [expected])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("automation", {"object": "Account", "set": "Nope"}),
        ("automation", {"object": "Account", "set": "Site", "action": "explode"}),
        ("automation", {"object": "Nope", "set": "Site"}),
        ("validation-rules", {"object": "Account", "errorIf": "Nope = 1", "message": "m"}),
        ("validation-rules", {"object": "Account", "message": "m"}),
        ("outbound-messages", {"object": "Account", "fields": ["Nope"], "url": "http://127.0.0.1:1/"}),
        ("outbound-messages", {"object": "Account", "fields": ["Name"]}),
        ("objects", {"name": "X__c", "fields": {"F__c": {"type": "colour"}}}),
        ("objects", {"name": "X__c", "fields": {"F__c": {"type": "reference"}}}),
        ("objects", {"name": "X__c", "fields": {"F__c": {"size": 3}}}),
        ("faults", {"operation": "update", "explode": True}),
        ("settings", {"commitSeconds": 1}),
        ("settings", {"commitMs": "long"}),
        ("flows", {"object": "Account"}),
        ("flows", {"object": "Account", "publish": {"event": "Account"}}),
        ("flows", {"object": "Account", "changes": ["touched"], "callout": {"url": "http://127.0.0.1:1/"}}),
        ("duplicate-rules", {"object": "Account", "fields": ["Nope"]}),
        ("touch", {"ids": ["001xx000004TmiQAAS"]}),
        ("cdc", {"sink": {"type": "pigeon"}}),
        ("cdc", {"entities": ["Nope"]}),
        ("cdc/gap", {"object": "Account", "changeType": "CREATE"}),
        ("tokens", {"user": "nobody"}),
        ("users", {"name": "x", "hidden": ["Phone"]}),
        ("merge", {"master": "006xx000004TmiQAAS", "losers": ["006xx000004TmiRAAS"]}),
        ("purge", {"ids": ["nonsense"]}),
    ],
)
def test_a_wrong_order_of_a_test_is_refused_with_the_reason(org: OrgClient, path: str, body: Any) -> None:
    """400 and a text, so that a typing error does not pass as a test."""
    answer = org.http.post(f"{org.url}/__org__/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_duplicate_rule_refuses_unless_the_call_allows_it(org: OrgClient) -> None:
    """The details stand under Salesforce's misspelt key."""
    org.control("duplicate-rules", {"object": "Account", "fields": ["Name", "Phone"]})
    first = _saved(org, {"Phone": "1"})
    _saved(org, {"Phone": "2"})
    refused = org.call("POST", "sobjects/Account", {"Name": "ACME", "Phone": "1"})
    error = refused.json()[0]
    records = error["duplicateResut"]["matchResults"][0]["matchRecords"]
    assert (refused.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    assert [entry["record"]["Id"] for entry in records] == [first["Id"]]
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    allowed = org.call("POST", "sobjects/Account", {"Name": "ACME", "Phone": "1"}, headers=headers)
    assert allowed.status_code == 201


def test_background_work_moves_the_system_stamp_only_and_a_formula_moves_none(org: OrgClient) -> None:
    """What polling by LastModifiedDate, or by any stamp, cannot see."""
    row = _saved(org, {})
    org.control("settings", {"clockOffsetSeconds": 60})
    org.control("touch", {"ids": [row["Id"]]})
    touched = org.call("GET", f"sobjects/Account/{row['Id']}").json()
    org.control("touch", {"ids": [row["Id"]], "values": {"Site": "formula"}, "stamp": False})
    formula = org.call("GET", f"sobjects/Account/{row['Id']}").json()
    assert touched["SystemModstamp"] > touched["LastModifiedDate"] == row["LastModifiedDate"]
    assert (formula["Site"], formula["SystemModstamp"]) == ("formula", touched["SystemModstamp"])
