"""Undelete, merge and purge, which REST does not offer: a person does them in the user interface."""

from typing import TYPE_CHECKING, Any

from infra.local.org import ids, relations
from infra.local.org.dml import Operation, live_row, save, save_one
from infra.local.org.faults import Effects
from infra.local.org.inputs import read_values
from infra.local.org.schema import ObjectType
from infra.local.org.users import Session

if TYPE_CHECKING:
    from infra.local.org.state import Org


def _session(org: "Org", raw: dict[str, Any]) -> Session:
    return Session(org.users[raw.get("user", "alice")])


def _kind(org: "Org", record_id: str) -> ObjectType:
    kind = org.schema.of_id(record_id)
    if kind is None:
        raise ValueError(f"no object has the key prefix of {record_id}")
    return kind


async def undelete(org: "Org", raw: dict[str, Any]) -> dict[str, Any]:
    """Take records out of the recycle bin: ``{"ids": [...], "user"?}``."""
    org.store.expire_bin(org.clock.now())
    given = [ids.to18(record_id) for record_id in raw["ids"]]
    async with org.transaction(_session(org, raw), Effects()) as tx:
        outcomes = await save(tx, [Operation("undelete", _kind(org, i), i) for i in given])
    results = [{"id": o.record_id, "errors": o.error.items() if o.error else []} for o in outcomes]
    return {"results": results}


async def merge(org: "Org", raw: dict[str, Any]) -> dict[str, Any]:
    """Merge records: ``{"master": id, "losers": [id, ...], "values"?: {...}, "user"?}``; up to two losers."""
    master_id = ids.to18(raw["master"])
    loser_ids = [ids.to18(record_id) for record_id in raw["losers"]]
    kind = _kind(org, master_id)
    if kind.name not in {"Account", "Contact", "Lead", "Case"} or not 1 <= len(loser_ids) <= 2:
        raise ValueError("Account, Contact, Lead and Case can be merged, one or two losers at a time")
    async with org.transaction(_session(org, raw), Effects()) as tx:
        affected = {i for loser in loser_ids for i in relations.affected(tx, kind, loser)}
        missing = await tx.lock_all({master_id, *loser_ids, *affected})
        if missing:
            raise ValueError(f"locked: {sorted(str(key) for key in missing)}")
        losers = [live_row(tx, i, kind) for i in loser_ids]
        relations.merge(tx, kind, live_row(tx, master_id, kind), losers)
        values = raw.get("values") or {}
        if values:
            read_values(tx, kind, values, creating=False)
            await save_one(tx, Operation("update", kind, master_id, values))
    return {"master": master_id}


def purge(org: "Org", raw: dict[str, Any]) -> dict[str, Any]:
    """Empty the recycle bin, or purge some ids of it (a hard delete, of which no change event tells)."""
    given = [ids.to18(i) for i in raw["ids"]] if "ids" in raw else list(org.store.bin)
    for record_id in given:
        org.store.purge(record_id)
    return {"purged": len(given)}


def touch(org: "Org", raw: dict[str, Any]) -> dict[str, Any]:
    """Do what the platform does behind users' backs: ``{"ids": [...], "values"?: {...}, "stamp"?: true}``.

    With a stamp SystemModstamp moves and LastModifiedDate does not, as for a roll-up; without one the values change
    and no stamp does, as for a formula over another object. Neither is a save: no message and no event tells of it.
    """
    stamps = {"SystemModstamp": org.clock.stamp()} if raw.get("stamp", True) else {}
    for record_id in (ids.to18(i) for i in raw["ids"]):
        kind, row = _kind(org, record_id), org.store.get(record_id)
        values = raw.get("values") or {}
        if row is None or any(name not in kind.fields for name in values):
            raise ValueError(f"no record {record_id}, or {kind.name} has no such field")
        org.store.apply({record_id: row | values | stamps}, {})
    return {"touched": len(raw["ids"])}
