"""Saves: what Salesforce does between a request's record and the row that it commits.

Order (Apex Developer Guide, "Triggers and Order of Execution"): before-save automation, system checks, validation
rules, unique keys, the write, after-save automation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.org import automation, relations
from infra.local.org.conditions import ALWAYS, Condition
from infra.local.org.derive import derive
from infra.local.org.duplicates import check_duplicates
from infra.local.org.errors import OrgError, Problem, deleted, fail, not_found, row_locked
from infra.local.org.inputs import read_values
from infra.local.org.schema import ObjectType
from infra.local.org.store import BinEntry, Row
from infra.local.org.transactions import Transaction
from infra.local.org.users import check_object
from infra.local.org.validation import broken_rules


@dataclass
class Operation:
    """One record's change as asked for; ``values`` is the JSON object of the request."""

    kind: str  # create | update | delete | undelete
    object: ObjectType
    record_id: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    condition: Condition = ALWAYS


@dataclass
class Outcome:
    """What became of one operation."""

    record_id: str | None
    error: OrgError | None = None


@dataclass
class _Plan:
    operation: Operation
    values: Row
    error: OrgError | None = None


async def save(tx: Transaction, operations: Sequence[Operation]) -> list[Outcome]:
    """Carry out operations in one transaction, each with its own outcome; a refused one leaves no write."""
    plans = [_plan(tx, operation) for operation in operations]
    await tx.effects.wait()
    for keys_of in (_first_keys, _further_keys):
        await _lock(tx, plans, keys_of)
    return [_execute(tx, plan) for plan in plans]


async def save_one(tx: Transaction, operation: Operation) -> str:
    """Carry out one operation.

    Raises:
        OrgError: it was refused.
    """
    outcome = (await save(tx, [operation]))[0]
    if outcome.error is not None:
        raise outcome.error
    return outcome.record_id or ""


def _plan(tx: Transaction, operation: Operation) -> _Plan:
    try:
        tx.org.faults.strike(
            tx.effects, operation.kind, operation.object.name, tx.session.user.name, operation.record_id
        )
        tx.seconds = max(tx.seconds, tx.effects.commit_ms / 1000)
        check_object(tx.session.user, operation.object)
        values = {}
        if operation.kind in {"create", "update"}:
            values = read_values(tx, operation.object, operation.values, creating=operation.kind == "create")
    except OrgError as error:
        return _Plan(operation, {}, error)
    return _Plan(operation, values)


async def _lock(tx: Transaction, plans: list[_Plan], keys_of: Any) -> None:
    wanted = [(plan, keys_of(tx, plan)) for plan in plans if plan.error is None]
    missing = await tx.lock_all({key for _, keys in wanted for key in keys})
    for plan, keys in wanted:
        lost = [key for key in keys if key in missing]
        if lost:
            plan.error = row_locked([key for key in lost if isinstance(key, str)])


def _first_keys(_tx: Transaction, plan: _Plan) -> set[Any]:
    return {plan.operation.record_id} if plan.operation.record_id else set()


def _further_keys(tx: Transaction, plan: _Plan) -> set[Any]:
    operation, kind = plan.operation, plan.operation.object
    row = (tx.get(operation.record_id) if operation.record_id else None) or {}
    keys: set[Any] = set()
    for ref in kind.lock_parents:
        keys |= {parent for parent in (row.get(ref.name), plan.values.get(ref.name)) if parent}
    source = row if operation.kind == "undelete" else plan.values
    for found in kind.indexed:
        value = source.get(found.name)
        if found.unique and value is not None:
            keys.add(("unique", kind.name, found.name, found.key_of(value)))
    if operation.kind == "delete" and row:
        keys |= relations.affected(tx, kind, row["Id"])
    return keys


def _execute(tx: Transaction, plan: _Plan) -> Outcome:
    operation = plan.operation
    if plan.error is not None:
        return Outcome(operation.record_id, plan.error)
    point = tx.savepoint()
    try:
        record_id = _EXECUTE[operation.kind](tx, plan)
    except OrgError as error:
        tx.rollback_to(point)
        return Outcome(operation.record_id, error)
    return Outcome(record_id)


def _create(tx: Transaction, plan: _Plan) -> str:
    kind, org = plan.operation.object, tx.org
    tx.begin_write()
    user_id = tx.session.user.user_id
    row: Row = {name: found.default for name, found in kind.fields.items()}
    for found in kind.fields.values():
        if found.auto_number:
            org.auto_number += 1
            row[found.name] = f"{org.auto_number:08d}"
    if "OwnerId" in row:
        row["OwnerId"] = user_id
    row |= plan.values
    row |= {"Id": org.ids.next(kind.prefix), "IsDeleted": False, "CreatedDate": tx.stamp, "CreatedById": user_id}
    return _write(tx, kind, None, row)


def _update(tx: Transaction, plan: _Plan) -> str:
    operation = plan.operation
    row = live_row(tx, operation.record_id or "", operation.object)
    operation.condition.check(row)
    tx.begin_write()
    return _write(tx, operation.object, row, row | plan.values)


def _write(tx: Transaction, kind: ObjectType, before: Row | None, row: Row) -> str:
    rules = tx.org.automation
    stamps = {
        "LastModifiedDate": tx.stamp,
        "LastModifiedById": tx.session.user.user_id,
        "SystemModstamp": tx.stamp,
    }
    row |= stamps
    if rules:
        automation.run(rules, "before", kind, before, row)
    _check(tx, kind, before, row)
    derive(kind, row)
    tx.put(row, kind.name)
    if rules:
        after = dict(row)
        changed = automation.run(rules, "after", kind, before, after)
        if changed:
            check_unique(tx, kind, after)
            derive(kind, after)
            tx.put(after, kind.name)
    return str(row["Id"])


def _check(tx: Transaction, kind: ObjectType, before: Row | None, row: Row) -> None:
    missing = [name for name, found in kind.fields.items() if found.required and row.get(name) is None]
    if missing:
        text = f"Required fields are missing: [{', '.join(missing)}]"
        raise OrgError(Problem("REQUIRED_FIELD_MISSING", text, tuple(missing)))
    for ref in kind.references:
        if not ref.system and row.get(ref.name) and (before is None or before.get(ref.name) != row[ref.name]):
            relations.check_target(tx, ref, row[ref.name])
    problems = broken_rules(tx.org, tx, kind.name, row)
    if problems:
        raise OrgError(*problems)
    if tx.org.duplicate_rules:
        check_duplicates(tx, kind, row)
    check_unique(tx, kind, row)


def check_unique(tx: Transaction, kind: ObjectType, row: Row) -> None:
    """Refuse a value of a unique field that another record has.

    Raises:
        OrgError: DUPLICATE_VALUE, with the 15-character id of the other record.
    """
    for found in kind.indexed:
        value = row.get(found.name)
        if not found.unique or value is None:
            continue
        for other in tx.find_by_key(kind.name, found.name, value):
            blocks = not other["IsDeleted"] or tx.org.settings.bin_blocks_unique
            if other["Id"] != row["Id"] and blocks:
                text = f"duplicate value found: {found.name} duplicates value on record with id: {other['Id'][:15]}"
                raise fail("DUPLICATE_VALUE", text)


def live_row(tx: Transaction, record_id: str, kind: ObjectType) -> Row:
    """The live row of an id.

    Raises:
        OrgError: NOT_FOUND, or ENTITY_IS_DELETED when it is in the recycle bin.
    """
    row = tx.get(record_id)
    if row is None or kind.prefix != record_id[:3]:
        raise not_found()
    if row["IsDeleted"]:
        raise deleted()
    return row


def _delete(tx: Transaction, plan: _Plan) -> str:
    kind = plan.operation.object
    row = live_row(tx, plan.operation.record_id or "", kind)
    tx.begin_write()
    relations.delete(tx, kind, row)
    return str(row["Id"])


def _undelete(tx: Transaction, plan: _Plan) -> str:
    kind = plan.operation.object
    row = tx.get(plan.operation.record_id or "")
    entry: BinEntry | None = tx.bin_entry(plan.operation.record_id or "")
    if row is None:
        raise not_found()
    if entry is None:
        raise fail("UNDELETE_FAILED", "Entity is not in the recycle bin")
    tx.begin_write()
    relations.undelete(tx, kind, row, check_unique)
    return str(row["Id"])


_EXECUTE = {"create": _create, "update": _update, "delete": _delete, "undelete": _undelete}
