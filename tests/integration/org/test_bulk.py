"""Bulk API 2.0: ingest jobs and query jobs, by simple-salesforce's own client."""

from typing import Any

import pytest
from simple_salesforce import Salesforce

from tests.integration.org.support import OrgClient, eventually


def _ingest(org: OrgClient, operation: str, data: str, **options: Any) -> dict[str, Any]:
    spec = {"object": "Contact", "operation": operation, "contentType": "CSV", "lineEnding": "LF"} | options
    job = org.call("POST", "jobs/ingest", spec, user="integration").json()
    assert job["state"] == "Open"
    headers = {"Authorization": f"Bearer {org.token('integration')}", "Content-Type": "text/csv"}
    uploaded = org.http.put(f"{org.url}/{job['contentUrl']}", data=data.encode(), headers=headers)
    assert uploaded.status_code == 201
    org.call("PATCH", f"jobs/ingest/{job['id']}", {"state": "UploadComplete"}, user="integration")

    def finished() -> Any:
        found = org.call("GET", f"jobs/ingest/{job['id']}").json()
        return found if found["state"] in {"JobComplete", "Failed"} else None

    done: dict[str, Any] = eventually(finished)
    return done


def _result(org: OrgClient, job: dict[str, Any], name: str) -> list[str]:
    return org.call("GET", f"jobs/ingest/{job['id']}/{name}").text.splitlines()


def test_simple_salesforce_inserts_and_queries(sf: Salesforce) -> None:
    """Its bulk2 client, unmodified."""
    records = [{"LastName": f"n{n}", "Email": f"n{n}@example.com"} for n in range(450)]
    done = sf.bulk2.Contact.insert(records=records, wait=0.02)
    assert (done[0]["numberRecordsProcessed"], done[0]["numberRecordsFailed"]) == (450, 0)
    pages = list(
        sf.bulk2.Contact.query("SELECT LastName, Email FROM Contact ORDER BY LastName", max_records=200, wait=0.02)
    )
    assert [len(page.splitlines()) - 1 for page in pages] == [200, 200, 50]
    assert pages[0].splitlines()[:2] == ['"LastName","Email"', '"n0","n0@example.com"']


def test_a_job_completes_with_failed_records(org: OrgClient) -> None:
    """The successful, the failed with code and text, and the unprocessed."""
    job = _ingest(org, "insert", "LastName,Email\nok,ok@example.com\nbad,nonsense\n")
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 2, 1)
    succeeded, failed = _result(org, job, "successfulResults"), _result(org, job, "failedResults")
    assert succeeded[0] == '"sf__Id","sf__Created","LastName","Email"'
    assert succeeded[1].split(",")[1:] == ['"true"', '"ok"', '"ok@example.com"']
    message = "INVALID_EMAIL_ADDRESS:Email: invalid email address: nonsense:Email --"
    assert failed[1] == f'"","{message}","bad","nonsense"'
    assert _result(org, job, "unprocessedrecords") == ['"LastName","Email"']


def test_an_empty_value_is_ignored_and_null_is_written_as_na(org: OrgClient) -> None:
    """On update."""
    record = org.call("POST", "sobjects/Contact", {"LastName": "x", "Phone": "1", "Title": "t"}).json()["id"]
    _ingest(org, "update", f"Id,Phone,Title,FirstName\n{record},,#N/A,new\n")
    row = org.call("GET", f"sobjects/Contact/{record}").json()
    assert (row["Phone"], row["Title"], row["FirstName"]) == ("1", None, "new")


def test_upsert_delete_and_hard_delete(org: OrgClient) -> None:
    """By external id with a parent by its own; a hard delete leaves neither a bin entry nor an event."""
    org.control("cdc", {"entities": ["Contact"]})
    account = {"Name": "Acme", "Twinledger_Key__c": "a-1"}
    org.call("POST", "sobjects/Account", account, user="integration")
    data = "Twinledger_Key__c,LastName,Account.Twinledger_Key__c\nk1,a,a-1\nk2,b,\nk1,c,\nk3,d,a-2\n"
    job = _ingest(org, "upsert", data, externalIdFieldName="Twinledger_Key__c")
    created = [line.split(",")[1] for line in _result(org, job, "successfulResults")[1:]]
    assert (created, job["numberRecordsFailed"]) == (['"true"', '"true"', '"false"'], 1)
    rows = org.call("GET", "query?q=SELECT+Id,LastName,Account.Name+FROM+Contact+ORDER+BY+LastName").json()["records"]
    assert [(r["LastName"], r["Account"] and r["Account"]["Name"]) for r in rows] == [("b", None), ("c", "Acme")]
    _ingest(org, "delete", f"Id\n{rows[0]['Id']}\n")
    org.control("events", method="DELETE")
    _ingest(org, "hardDelete", f"Id\n{rows[1]['Id']}\n")
    left = org.call("GET", "queryAll?q=SELECT+LastName+FROM+Contact").json()["records"]
    assert ([r["LastName"] for r in left], org.control("events", method="GET")) == (["b"], [])


def test_an_unknown_column_fails_the_job(org: OrgClient) -> None:
    """Nothing is processed."""
    job = _ingest(org, "insert", "LastName,Nope\na,b\n")
    assert (job["state"], job["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Nope")
    assert _result(org, job, "unprocessedrecords")[0] == '"LastName","Nope"'


@pytest.mark.parametrize(("setting", "data"), [("LF", "LastName\r\nx\r\n"), ("CRLF", "LastName\nx\n")])
def test_data_with_another_line_ending_fail_the_job(org: OrgClient, setting: str, data: str) -> None:
    """The text that Salesforce gives; nothing is written."""
    job = _ingest(org, "insert", data, lineEnding=setting)
    expected = f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}"
    assert (job["state"], job["errorMessage"], job["numberRecordsProcessed"]) == ("Failed", expected, 0)


def test_lines_end_as_the_job_says(org: OrgClient) -> None:
    """CRLF in, and CRLF out."""
    job = _ingest(org, "insert", "LastName\r\nx\r\n", lineEnding="CRLF")
    answer = org.call("GET", f"jobs/ingest/{job['id']}/successfulResults")
    assert (job["state"], answer.text.count("\r\n")) == ("JobComplete", 2)


def test_a_query_job_pages_by_locator(org: OrgClient) -> None:
    """``Sforce-Locator`` is null at the end; a deleted row is seen by queryAll."""
    for name in "abc":
        created = org.call("POST", "sobjects/Contact", {"LastName": name, "DoNotCall": name == "a"}).json()["id"]
    org.call("DELETE", f"sobjects/Contact/{created}")
    spec = {"operation": "queryAll", "query": "SELECT LastName, DoNotCall, Owner.Name FROM Contact ORDER BY LastName"}
    job = org.call("POST", "jobs/query", spec).json()
    path = f"jobs/query/{job['id']}"
    assert org.call("GET", path).json()["numberRecordsProcessed"] == 3
    first = org.call("GET", f"{path}/results?maxRecords=2")
    last = org.call("GET", f"{path}/results", params={"locator": first.headers["Sforce-Locator"], "maxRecords": 2})
    assert first.text.splitlines() == [
        '"LastName","DoNotCall","Owner.Name"',
        '"a","true","Alice"',
        '"b","false","Alice"',
    ]
    assert (last.text.splitlines()[1:], last.headers["Sforce-Locator"]) == (['"c","false","Alice"'], "null")
    assert (first.headers["Sforce-NumberOfRecords"], last.headers["Sforce-NumberOfRecords"]) == ("2", "1")


def test_a_job_in_the_wrong_state_refuses(org: OrgClient) -> None:
    """No results before the end, no upload after it."""
    org.control("settings", {"bulkJobMs": 60_000})
    spec = {"object": "Contact", "operation": "insert", "contentType": "CSV"}
    job = org.call("POST", "jobs/ingest", spec).json()
    early = org.call("GET", f"jobs/ingest/{job['id']}/successfulResults")
    query = org.call("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"}).json()
    results = org.call("GET", f"jobs/query/{query['id']}/results")
    aborted = org.call("PATCH", f"jobs/ingest/{job['id']}", {"state": "Aborted"})
    late = org.http.put(
        f"{org.url}/{job['contentUrl']}", data=b"x", headers={"Authorization": f"Bearer {org.token('alice')}"}
    )
    assert (early.status_code, results.status_code, aborted.json()["state"], late.status_code) == (
        400,
        400,
        "Aborted",
        409,
    )


def test_jobs_are_listed_and_deleted_and_wrong_ones_refused(org: OrgClient) -> None:
    """Both kinds of job."""
    spec = {"object": "Contact", "operation": "insert", "contentType": "CSV", "columnDelimiter": "SEMICOLON"}
    ingest = org.call("POST", "jobs/ingest", spec).json()
    query = org.call("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"}).json()
    listed = [org.call("GET", f"jobs/{kind}").json()["records"][0]["id"] for kind in ("ingest", "query")]
    assert (listed, ingest["columnDelimiter"]) == ([ingest["id"], query["id"]], "SEMICOLON")
    wrong = [
        org.call("POST", "jobs/ingest", spec | {"operation": "explode"}),
        org.call("POST", "jobs/ingest", spec | {"operation": "upsert"}),
        org.call("PATCH", f"jobs/ingest/{ingest['id']}", {"state": "Open"}),
        org.call("POST", "jobs/query", {"operation": "query"}),
        org.call("POST", "jobs/query", {"operation": "query", "query": "SELECT COUNT() FROM Contact"}),
        org.call("PATCH", f"jobs/query/{query['id']}", {"state": "UploadComplete"}),
        org.call("GET", f"jobs/query/{query['id']}/results?locator=nonsense"),
    ]
    assert [answer.status_code for answer in wrong] == [400] * 7
    assert org.call("PATCH", f"jobs/query/{query['id']}", {"state": "Aborted"}).json()["state"] == "Aborted"
    for kind, job in (("ingest", ingest), ("query", query)):
        statuses = [org.call(method, f"jobs/{kind}/{job['id']}").status_code for method in ("DELETE", "GET")]
        assert statuses == [204, 404]


def test_a_row_with_too_few_values_fails_the_job(org: OrgClient) -> None:
    """As does a wrong key in a row only that row."""
    job = _ingest(org, "insert", "LastName,Phone\na\n")
    assert job["state"] == "Failed"
    rows = _ingest(org, "update", "Id,Phone\nnope,1\n")
    upserted = _ingest(org, "upsert", "Id,LastName\n,new\n", externalIdFieldName="Id")
    keyless = _ingest(org, "upsert", "Twinledger_Key__c,LastName\n,x\n", externalIdFieldName="Twinledger_Key__c")
    assert [j["numberRecordsFailed"] for j in (rows, upserted, keyless)] == [1, 0, 1]
