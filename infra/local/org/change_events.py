"""Change Data Capture events of a committed transaction, in the JSON form that Event Relay sends.

Source: Change Data Capture Developer Guide, "Change Event Header Fields"; the relayed JSON leaves out empty header
arrays and writes compound fields as nested objects with dotted names in the header.
"""

import time
import uuid
from typing import TYPE_CHECKING, Any

from infra.local.org.schema import Field, ObjectType
from infra.local.org.store import Row
from infra.local.org.transactions import Saved, Transaction

if TYPE_CHECKING:
    from infra.local.org.state import Org

GAP_TYPES = frozenset({"GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW"})
OVERFLOW_ID = "000000000000000AAA"
_LEFT_OUT = frozenset({"Id", "IsDeleted", "SystemModstamp"})


def change_payloads(org: "Org", tx: Transaction, saved: list[Saved], entities: frozenset[str]) -> list[dict[str, Any]]:
    """The payloads of a transaction; records with the same change share one, in the order of the first."""
    merged: dict[str, dict[str, Any]] = {}
    for change in saved:
        if change.object_name not in entities or change.kind == "NONE":
            continue
        kind = org.schema.objects[change.object_name]
        body, header = _body(kind, change)
        key = f"{change.object_name} {change.kind} {sorted(body.items(), key=str)} {header}"
        known = merged.get(key)
        if known is not None:
            known["ChangeEventHeader"]["recordIds"].append(change.record_id)
            continue
        base = _header(tx.session.user.user_id, change.object_name, change.kind, tx.session.change_origin)
        base |= {"sequenceNumber": len(merged) + 1, "recordIds": [change.record_id]} | header
        merged[key] = body | {"ChangeEventHeader": base}
    transaction_key = str(uuid.uuid4())
    for payload in merged.values():
        payload["ChangeEventHeader"]["transactionKey"] = transaction_key
    return list(merged.values())


def gap_payload(entity: str, change_type: str, record_ids: list[str], user_id: str) -> dict[str, Any]:
    """A gap event: header and ids only, which asks the subscriber to read the records."""
    header = _header(user_id, entity, change_type, "")
    ids = [OVERFLOW_ID] if change_type == "GAP_OVERFLOW" else record_ids
    return {"ChangeEventHeader": header | {"sequenceNumber": 1, "recordIds": ids, "transactionKey": str(uuid.uuid4())}}


def _header(user_id: str, entity: str, change_type: str, origin: str) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "commitNumber": now,
        "commitUser": user_id,
        "entityName": entity,
        "changeType": change_type,
        "changeOrigin": origin,
        "commitTimestamp": now // 1_000_000_000 * 1000,
    }


def _body(kind: ObjectType, change: Saved) -> tuple[Row, dict[str, list[str]]]:
    before, after = change.before or {}, change.after or {}
    fields = [f for f in kind.fields.values() if f.name not in _LEFT_OUT and f.type not in {"address", "name"}]
    if change.kind == "DELETE":
        return {}, {}
    if change.kind in {"CREATE", "UNDELETE"}:
        return _nest(kind, [f for f in fields if after.get(f.name) is not None], after), {}
    changed = [f for f in fields if before.get(f.name) != after.get(f.name) or f.name == "LastModifiedDate"]
    nulled = [f for f in changed if after.get(f.name) is None]
    header = {"changedFields": sorted(_dotted(kind, f) for f in changed)}
    if nulled:
        header["nulledFields"] = sorted(_dotted(kind, f) for f in nulled)
    return _nest(kind, changed, after), header


def _part(kind: ObjectType, found: Field) -> tuple[str, str] | None:
    """The compound field and the component's name in it, such as MailingAddress and Street."""
    if found.compound is None or found.compound not in kind.fields:
        return None
    return found.compound, found.name.removeprefix(found.compound.removesuffix("Address")) or found.name


def _dotted(kind: ObjectType, found: Field) -> str:
    part = _part(kind, found)
    return ".".join(part) if part else found.name


def _nest(kind: ObjectType, fields: list[Field], row: Row) -> Row:
    payload: Row = {}
    for found in fields:
        value = row.get(found.name)
        if found.type == "datetime" and value:
            value = value.removesuffix("+0000") + "Z"
        part = _part(kind, found)
        if part:
            payload.setdefault(part[0], {})[part[1]] = value
        else:
            payload[found.name] = value
    return payload
