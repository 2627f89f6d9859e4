"""Handles for the tests of the reader and the two writers."""

from typing import Any

from chalicelib.core.model import Record
from chalicelib.core.ports import RecordWrite, WriteKind
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.conditional_writer import ConditionalRecords
from chalicelib.salesforce.reader import Reader
from tests.contract.record_bench import CONTACT
from tests.integration.salesforce.stub import Answer

RECORD = Record("003000000000001AAA", "key-1", False, {"LastName": "Old"}, "op-0", 1_790_000_000, None, False, False)
ROW = {
    "Id": "003000000000001AAA",
    "IsDeleted": False,
    "LastModifiedDate": "2026-09-21T16:53:20.000+0000",
    "LastModifiedById": "005000000000001AAA",
    "Twinledger_Key__c": "key-1",
    "Twinledger_Op__c": "op-1",
    "LastName": "New",
}


def write(kind: WriteKind, expected: Record | None = RECORD, **values: str) -> RecordWrite:
    """A write of a contact."""
    return RecordWrite(CONTACT, kind, "key-1", "op-1", expected, values)


def apex_of(client: Client) -> ApexRecords:
    """The Apex writer."""
    return ApexRecords(client, Reader(client))


def conditional_of(client: Client) -> ConditionalRecords:
    """The conditional writer."""
    return ConditionalRecords(client, Reader(client))


def errors(code: str, message: str = "m") -> list[dict[str, Any]]:
    """An error's body."""
    return [{"errorCode": code, "message": message}]


def composite(*parts: tuple[str, int, Any]) -> Answer:
    """A Composite answer of (reference, status, body)."""
    return Answer(
        body={
            "compositeResponse": [
                {"referenceId": name, "httpStatusCode": status, "body": body, "httpHeaders": {}}
                for name, status, body in parts
            ]
        }
    )


def results(*items: dict[str, Any]) -> Answer:
    """An answer of the Apex class."""
    return Answer(body={"contract": 1, "version": "1.0.0", "results": list(items)})
