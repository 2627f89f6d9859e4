"""What both writers make of a write: its record, and its values as REST spells them."""

from typing import Any

from chalicelib.core.errors import ProtocolError
from chalicelib.core.model import Record
from chalicelib.core.ports import RecordWrite
from chalicelib.core.values import to_salesforce
from chalicelib.salesforce.reader import SeenRecord


def spelled(write: RecordWrite) -> dict[str, Any]:
    """The values to write, as REST's JSON.

    Raises:
        Rejected: Salesforce cannot hold one of them.
    """
    return {name: to_salesforce(write.mapping.by_name[name], value) for name, value in write.values.items()}


def expected_record(write: RecordWrite) -> Record:
    """What was seen of the record.

    Raises:
        ProtocolError: the write names none.
    """
    if write.expected is None:
        raise ProtocolError(f"a write of the kind {write.kind} names no record")
    return write.expected


def expected_values(write: RecordWrite) -> dict[str, Any]:
    """What was seen of the record's fields, in the very spelling that was read."""
    seen = expected_record(write)
    if isinstance(seen, SeenRecord):
        return dict(seen.raw)
    return {name: to_salesforce(write.mapping.by_name[name], value) for name, value in seen.values.items()}
