"""Describe, versions, identity and limits."""

from simple_salesforce import Salesforce

from tests.integration.org.support import OrgClient


def test_the_versions_are_listed_without_a_session(org: OrgClient) -> None:
    """59.0 to 68.0, with the releases' names."""
    versions = org.http.get(f"{org.url}/services/data").json()
    labels = {v["version"]: v["label"] for v in versions}
    assert (len(labels), labels["59.0"], labels["66.0"], labels["68.0"]) == (
        10,
        "Winter '24",
        "Spring '26",
        "Winter '27",
    )


def test_an_unknown_version_is_not_found(org: OrgClient) -> None:
    """A version that the org does not have."""
    headers = {"Authorization": f"Bearer {org.token('alice')}"}
    assert org.http.get(f"{org.url}/services/data/v99.0/limits", headers=headers).status_code == 404


def test_describe_tells_what_a_mapping_needs(sf: Salesforce) -> None:
    """Types, lengths, permissions, references and keys of fields."""
    fields = {field["name"]: field for field in sf.Contact.describe()["fields"]}
    key = fields["Twinledger_Key__c"]
    flags = [key[flag] for flag in ("externalId", "idLookup", "unique", "custom", "caseSensitive", "nillable")]
    assert (key["type"], key["length"], flags) == ("string", 36, [True, True, True, True, False, True])
    account = fields["AccountId"]
    assert (account["type"], account["referenceTo"], account["relationshipName"]) == (
        "reference",
        ["Account"],
        "Account",
    )
    assert (fields["LastName"]["nillable"], fields["LastName"]["compoundFieldName"]) == (False, "Name")
    assert (fields["Name"]["createable"], fields["MailingAddress"]["updateable"]) == (False, False)
    assert (fields["Email"]["type"], fields["Birthdate"]["type"], fields["DoNotCall"]["type"]) == (
        "email", "date", "boolean")  # fmt: skip
    task = {field["name"]: field for field in sf.Task.describe()["fields"]}
    assert (task["WhoId"]["referenceTo"], task["WhoId"]["polymorphicForeignKey"]) == (["Contact", "Lead"], True)


def test_describe_says_what_the_user_may_edit(alice: Salesforce) -> None:
    """The marker fields are not for ordinary users."""
    fields = {field["name"]: field for field in alice.Account.describe()["fields"]}
    assert (fields["Name"]["updateable"], fields["Twinledger_Op__c"]["updateable"]) == (True, False)


def test_a_custom_object_can_be_defined_and_used(org: OrgClient, sf: Salesforce) -> None:
    """With a master-detail reference, a restricted picklist and a multi-select one."""
    org.control("objects", {"name": "Invoice__c", "fields": {
        "Account__c": {"type": "reference", "referenceTo": ["Account"], "masterDetail": True},
        "Amount__c": {"type": "currency", "precision": 10, "scale": 2},
        "State__c": {"type": "picklist", "picklist": ["Open", "Paid"], "restrictedPicklist": True},
        "Tags__c": {"type": "multipicklist", "picklist": ["a", "b", "c"]},
        "At__c": {"type": "datetime"}, "From__c": {"type": "time"}}})  # fmt: skip
    account = sf.Account.create({"Name": "Acme"})["id"]
    values = {"Name": "I-1", "Account__c": account, "Tags__c": "c;a", "From__c": "09:30:00Z", "Amount__c": "12.5"}
    invoice = sf.Invoice__c.create(values | {"At__c": "2026-05-01T12:00:00.750+02:00", "State__c": "Open"})["id"]
    record = sf.Invoice__c.get(invoice)
    assert (record["Tags__c"], record["At__c"], record["From__c"], record["Amount__c"]) == (
        "a;c", "2026-05-01T10:00:00.000+0000", "09:30:00.000Z", 12.5)  # fmt: skip
    refused = org.call("PATCH", f"sobjects/Invoice__c/{invoice}", {"State__c": "Lost"})
    assert refused.json()[0]["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert invoice.startswith(sf.Invoice__c.describe()["keyPrefix"])
    parent = sf.query("SELECT Account__r.Name FROM Invoice__c")["records"][0]["Account__r"]["Name"]
    sf.Account.delete(account)
    assert (parent, sf.query("SELECT COUNT() FROM Invoice__c")["totalSize"]) == ("Acme", 0)
    assert "Invoice__c" in {s["name"] for s in sf.describe()["sobjects"]}


def test_calls_are_counted_by_kind_and_shown_in_each_answer(org: OrgClient) -> None:
    """``Sforce-Limit-Info``, the limits resource and the statistics agree."""
    org.call("POST", "sobjects/Account", {"Name": "a"})
    answer = org.call("GET", "limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=2/100000"
    assert answer.json()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_998}
    assert org.stats()["apiCalls"]["byKind"] == {"create": 1, "limits": 1}


def test_identity_names_user_and_org(org: OrgClient) -> None:
    """``userinfo`` answers for the session's user."""
    headers = {"Authorization": f"Bearer {org.token('bob')}"}
    answer = org.http.get(f"{org.url}/services/oauth2/userinfo", headers=headers).json()
    assert (answer["preferred_username"], answer["organization_id"]) == ("bob@example.com", "00Dxx0000001gPFEAY")
    assert org.http.get(f"{org.url}/services/oauth2/userinfo").status_code == 403
    identity = org.call("GET", "", user="bob").json()["identity"]
    assert org.http.get(identity, headers=headers).json()["username"] == "bob@example.com"
