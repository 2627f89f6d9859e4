"""What a delete, an undelete or a merge does to related records.

Source: Salesforce Help, "Object Relationships Overview" and "Recycle Bin"; Apex Developer Guide, "Merging Records".
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from infra.local.org.errors import deleted, fail, not_found
from infra.local.org.schema import Field, ObjectType
from infra.local.org.store import BinEntry, Row

if TYPE_CHECKING:
    from infra.local.org.transactions import Transaction


def check_target(tx: "Transaction", ref: Field, target_id: str) -> None:
    """Refuse a reference to a record that is not there or is of another object.

    Raises:
        OrgError: MALFORMED_ID for another object's id, INVALID_CROSS_REFERENCE_KEY for a missing or deleted record.
    """
    kind = tx.org.schema.of_id(target_id)
    if kind is None or kind.name not in ref.reference_to:
        raise fail("MALFORMED_ID", f"{ref.label}: id value of incorrect type: {target_id}", [ref.name])
    row = tx.get(target_id)
    if row is None or row["IsDeleted"]:
        raise fail("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [ref.name])


def _children(tx: "Transaction", kind: ObjectType, record_id: str) -> Iterable[tuple[ObjectType, Field, Row]]:
    for child, ref in tx.org.schema.children(kind.name):
        if not ref.system and ref.name != "MasterRecordId":
            for row in tx.children(child.name, ref.name, record_id):
                yield child, ref, row


def affected(tx: "Transaction", kind: ObjectType, record_id: str) -> set[str]:
    """Ids of the records that a delete of this one deletes or changes too."""
    found: set[str] = set()
    for child, ref, row in _children(tx, kind, record_id):
        if row["Id"] not in found:
            found.add(row["Id"])
            if ref.cascade_delete:
                found |= affected(tx, child, row["Id"])
    return found


def _stamped(tx: "Transaction", row: Row) -> Row:
    tx.begin_write()
    stamps: dict[str, Any] = {"SystemModstamp": tx.stamp}
    if tx.org.settings.delete_moves_stamp:
        stamps |= {"LastModifiedDate": tx.stamp, "LastModifiedById": tx.session.user.user_id}
    return row | stamps


def delete(tx: "Transaction", kind: ObjectType, row: Row, cascade_of: str | None = None) -> None:
    """Move a record to the recycle bin, with its details; clear look-ups to it.

    Raises:
        OrgError: DELETE_FAILED, a child forbids it.
    """
    entry = BinEntry(kind.name, tx.org.clock.now(), cascade_of)
    tx.put(_stamped(tx, row) | {"IsDeleted": True}, kind.name)
    tx.bin[row["Id"]] = entry
    for child, ref, child_row in list(_children(tx, kind, row["Id"])):
        current = tx.get(child_row["Id"])
        if current is None or current["IsDeleted"]:
            continue
        if ref.restricted_delete:
            text = f"Your attempt to delete {row['Id']} could not be completed because it is associated with records"
            raise fail("DELETE_FAILED", f"{text} of {child.name}: {child_row['Id']}")
        if ref.cascade_delete:
            delete(tx, child, current, cascade_of or row["Id"])
        else:
            tx.put(current | {ref.name: None, "SystemModstamp": tx.stamp}, child.name)
            entry.cleared.append((child_row["Id"], ref.name))


def undelete(
    tx: "Transaction", kind: ObjectType, row: Row, check_unique: Callable[["Transaction", ObjectType, Row], None]
) -> None:
    """Take a record out of the recycle bin, with what went there with it.

    Raises:
        OrgError: DUPLICATE_VALUE, another record has its unique value by now; UNDELETE_FAILED, its master is gone.
    """
    entry = tx.bin_entry(row["Id"])
    if entry is None:
        return
    parents = [ref for ref in kind.references if not ref.system and row.get(ref.name) and ref.name != "MasterRecordId"]
    gone = {ref.name: None for ref in parents if (p := tx.get(row[ref.name])) is None or p["IsDeleted"]}
    if any(kind.fields[name].required for name in gone):
        raise fail("UNDELETE_FAILED", "Undelete failed: the record it belongs to is deleted", sorted(gone))
    alive = _stamped(tx, row) | {"IsDeleted": False} | gone
    if "MasterRecordId" in alive:
        alive["MasterRecordId"] = None
    check_unique(tx, kind, alive)
    tx.put(alive, kind.name)
    tx.bin[row["Id"]] = None
    for child_id, name in entry.cleared:
        child = tx.get(child_id)
        child_kind = tx.org.schema.of_id(child_id)
        if child is not None and child_kind is not None and not child["IsDeleted"] and child.get(name) is None:
            tx.put(child | {name: row["Id"], "SystemModstamp": tx.stamp}, child_kind.name)
    together = [i for i, e in tx.org.store.bin.items() if e.cascade_of == row["Id"]]
    for child_id in together:
        child, child_kind = tx.get(child_id), tx.org.schema.of_id(child_id)
        if child is not None and child_kind is not None and tx.bin_entry(child_id) is not None:
            undelete(tx, child_kind, child, check_unique)


def merge(tx: "Transaction", kind: ObjectType, master: Row, losers: list[Row]) -> None:
    """Delete the losers with MasterRecordId set, and give their children to the master.

    Raises:
        OrgError: NOT_FOUND or ENTITY_IS_DELETED, a loser is not there or in the bin.
    """
    for loser in losers:
        row = tx.get(loser["Id"])
        if row is None:
            raise not_found()
        if row["IsDeleted"]:
            raise deleted()
        for child, ref, child_row in list(_children(tx, kind, loser["Id"])):
            tx.put(_stamped(tx, tx.get(child_row["Id"]) or child_row) | {ref.name: master["Id"]}, child.name)
        tx.put(_stamped(tx, row) | {"IsDeleted": True, "MasterRecordId": master["Id"]}, kind.name)
        tx.bin[loser["Id"]] = BinEntry(kind.name, tx.org.clock.now())
    tx.put(_stamped(tx, tx.get(master["Id"]) or master), kind.name)
