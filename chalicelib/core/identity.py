"""Record keys: one identity for a record of both sides, before any of the two knows the other.

The keys are derived, not drawn, so that two workers that meet a new record at the same time give it the same key.
"""

import json
from collections.abc import Sequence
from uuid import UUID, uuid5

from chalicelib.core.errors import Rejected
from chalicelib.core.model import PrimaryKey, RecordKey
from chalicelib.core.values import id18

# Random, and never to change: every key in every ledger and org hangs on them.
_ROWS = UUID("1d02c2c5-3b8c-47e4-b1b4-37fc0a55b884")
_RECORDS = UUID("11186005-275a-42fa-ae17-314de5c68f4a")


def row_key(table: str, pk: PrimaryKey) -> RecordKey:
    """The key of a row that no Salesforce record is known for.

    Args:
        table: schema-qualified, as in the mapping.
        pk: primary key in Postgres' own text form, in the mapping's order.
    """
    return str(uuid5(_ROWS, _compact([table, *pk])))


def record_key(org_id: str, record_id: str) -> RecordKey:
    """The key of a Salesforce record that carries no ``Twinledger_Key__c``.

    Args:
        org_id: organization id, 15 or 18 characters: the same id with and without suffix gives the same key, and a
            sandbox gives another key than its production org.
        record_id: 15 or 18 characters.

    Raises:
        Rejected: one of them is no Salesforce id.
    """
    return str(uuid5(_RECORDS, _compact([id18(org_id), id18(record_id)])))


def parse_key(text: str) -> RecordKey:
    """A record key that came from outside, such as the value of ``Twinledger_Key__c``, in its one form.

    Raises:
        Rejected: it is no UUID of 36 characters.
    """
    lowered = text.lower()
    try:
        valid = str(UUID(lowered)) == lowered
    except ValueError:
        valid = False
    if not valid:
        raise Rejected("the record key is no UUID")
    return lowered


def primary_key_text(pk: PrimaryKey) -> str:
    """A primary key as one text, for keys of ledger items and addresses: a JSON array."""
    return _compact(pk)


def parse_primary_key(text: str) -> PrimaryKey:
    """The primary key of such a text.

    Raises:
        Rejected: the text is no JSON array of at least one text.
    """
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise Rejected("the primary key is no JSON array of texts")
    return tuple(parts)


def _compact(parts: Sequence[str]) -> str:
    return json.dumps(list(parts), ensure_ascii=False, separators=(",", ":"))
