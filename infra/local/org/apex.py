"""The Apex REST class that Twinledger deploys: compare and set for up to 200 records in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.org import ids
from infra.local.org.calls import Answer, load_json
from infra.local.org.dml import Operation, save
from infra.local.org.errors import OrgError, fail, row_locked
from infra.local.org.faults import Effects
from infra.local.org.predicates import no_column
from infra.local.org.schema import ObjectType
from infra.local.org.store import Row
from infra.local.org.transactions import Transaction
from infra.local.org.users import Session

if TYPE_CHECKING:
    from infra.local.org.state import Org

CONTRACT, VERSION = 1, "1.0.0"
PATH = "twinledger/v1"
KEY, MARKER = "Twinledger_Key__c", "Twinledger_Op__c"
_ALWAYS = ("Id", "IsDeleted", "LastModifiedDate", "LastModifiedById", KEY, MARKER)
_KINDS = frozenset({"create", "update", "delete", "undelete"})


@dataclass
class _Step:
    """One operation of the request and its result."""

    kind: str
    object: ObjectType
    operation: str
    record_id: str | None
    key: str | None
    marker: str | None
    stamp: str | None
    expected: Row
    values: Row
    returning: list[str]
    result: dict[str, Any] = field(default_factory=dict)


def bad_request(message: str) -> OrgError:
    """The request as a whole cannot be used."""
    return fail("TWINLEDGER_BAD_REQUEST", message)


def describe(org: "Org", session: Session) -> Answer:
    """Answer GET: the contract, the class's version, the org and the user."""
    identity = {"organizationId": org.org_id, "userId": session.user.user_id}
    return Answer(200, {"contract": CONTRACT, "version": VERSION} | identity)


async def settle(org: "Org", session: Session, effects: Effects, raw: bytes) -> Answer:
    """Answer POST.

    Raises:
        OrgError: TWINLEDGER_BAD_REQUEST.
    """
    steps = _parse(org, raw)
    async with org.transaction(session, effects) as tx:
        await _lock(tx, steps, lambda step: {step.record_id} if step.record_id else set())
        await _lock(tx, steps, lambda step: _parents(tx, step))
        for step in steps:
            if not step.result:
                await _run(tx, step)
        for step in steps:
            if step.result["status"] == "written":
                step.result["record"] = _record(tx, step, tx.get(step.record_id or ""))
    return Answer(200, {"contract": CONTRACT, "version": VERSION, "results": [step.result for step in steps]})


async def _lock(tx: Transaction, steps: list[_Step], keys_of: Callable[[_Step], set[str]]) -> None:
    """Lock what the steps need, in one order over all of them; refuse those whose lock was not had."""
    wanted = [(step, keys_of(step)) for step in steps if not step.result]
    missing = await tx.lock_all({key for _, keys in wanted for key in keys})
    for step, keys in wanted:
        if keys & missing:
            _refuse(step, row_locked(sorted(keys & missing)))


def _parents(tx: Transaction, step: _Step) -> set[str]:
    row = tx.get(step.record_id) if step.record_id else None
    sources = (row or {}, step.values)
    parents = [source.get(ref.name) for ref in step.object.lock_parents for source in sources]
    return {ids.to18(str(parent)) for parent in parents if ids.is_id(parent)}


def _parse(org: "Org", raw: bytes) -> list[_Step]:
    try:
        body = load_json(raw)
    except OrgError as error:
        raise bad_request(str(error)) from None
    if not isinstance(body, dict) or body.get("contract") != CONTRACT:
        raise bad_request(f"this class speaks contract {CONTRACT}")
    operations = body.get("operations")
    if not isinstance(operations, list) or not 1 <= len(operations) <= 200:
        raise bad_request("operations needs 1 to 200 entries")
    return [_parse_step(org, place, raw_step) for place, raw_step in enumerate(operations)]


def _parse_step(org: "Org", place: int, raw: Any) -> _Step:
    if not isinstance(raw, dict) or raw.get("kind") not in _KINDS:
        raise bad_request(f"operation {place}: unknown kind")
    kind = org.schema.find(str(raw.get("object")))
    if kind is None or kind.is_event or KEY not in kind.fields:
        raise bad_request(f"operation {place}: unknown object {raw.get('object')!r}")
    creating = raw["kind"] == "create"
    expected = raw.get("expected") or {}
    shapes = (
        isinstance(raw.get("operation"), str),
        isinstance(raw.get("returning", []), list),
        isinstance(raw.get("values", {}), dict),
        isinstance(expected, dict) and isinstance(expected.get("values", {}), dict),
        isinstance(raw.get("key"), str) if creating else ids.is_id(raw.get("id")) and "expected" in raw,
    )
    if not all(shapes):
        raise bad_request(f"operation {place}: operation, key or id, expected, values or returning is malformed")
    return _Step(
        kind=raw["kind"],
        object=kind,
        operation=raw["operation"],
        record_id=None if creating else ids.to18(raw["id"]),
        key=raw.get("key"),
        marker=expected.get("marker"),
        stamp=expected.get("stamp"),
        expected=expected.get("values", {}),
        values=raw.get("values", {}),
        returning=[str(name) for name in raw.get("returning", [])],
    )


async def _run(tx: Transaction, step: _Step) -> None:
    try:
        _check_fields(tx, step)
        await _STEPS[step.kind](tx, step)
    except OrgError as error:
        _refuse(step, error)


def _check_fields(tx: Transaction, step: _Step) -> None:
    user = tx.session.user
    for name in [*step.expected, *step.returning]:
        found = step.object.find(name)
        if found is None or not user.sees(step.object.name, found.name):
            raise no_column(name, step.object.name)


def _refuse(step: _Step, error: OrgError) -> None:
    errors = [{"errorCode": p.code, "message": p.message, "fields": list(p.fields)} for p in error.problems]
    step.result = {"status": "refused", "record": None, "errors": errors}


def _answer(step: _Step, status: str, record: Row | None) -> None:
    step.result = {"status": status, "record": record, "errors": []}


def _record(tx: Transaction, step: _Step, row: Row | None) -> Row | None:
    if row is None:
        return None
    record = {name: row.get(name) for name in _ALWAYS}
    for name in step.returning:
        found = step.object.find(name)
        if found is not None:
            record[found.name] = row.get(found.name)
    return {name: value for name, value in record.items() if tx.session.user.sees(step.object.name, name)}


def _differs(step: _Step, row: Row, *, deleted: bool) -> bool:
    if row["IsDeleted"] is not deleted:
        return True
    if row.get(MARKER) != step.marker or row["LastModifiedDate"] != step.stamp:
        return True
    return any(not _equal(row.get(_name(step, name)), value) for name, value in step.expected.items())


def _name(step: _Step, name: str) -> str:
    found = step.object.find(name)
    return found.name if found else name


def _equal(actual: Any, expected: Any) -> bool:
    """Equality of JSON values: 1 and 1.0 are equal, true and 1 are not."""
    return actual == expected and isinstance(actual, bool) is isinstance(expected, bool)


def _compare(tx: Transaction, step: _Step, *, deleted: bool) -> Row | None:
    """The row when it is as expected; else the result says what is there."""
    row = tx.get(step.record_id or "")
    if row is None or (step.record_id or "")[:3] != step.object.prefix:
        _answer(step, "absent", None)
        return None
    if _differs(step, row, deleted=deleted):
        _answer(step, "changed", _record(tx, step, row))
        return None
    return row


async def _update(tx: Transaction, step: _Step) -> None:
    if _compare(tx, step, deleted=False) is not None:
        await _write(tx, step, Operation("update", step.object, step.record_id, _marked(step)))


def _marked(step: _Step) -> Row:
    return step.values | {MARKER: step.operation}


async def _delete(tx: Transaction, step: _Step) -> None:
    if _compare(tx, step, deleted=False) is not None:
        marker = Operation("update", step.object, step.record_id, {MARKER: step.operation})
        await _write(tx, step, marker, Operation("delete", step.object, step.record_id))


async def _undelete(tx: Transaction, step: _Step) -> None:
    if _compare(tx, step, deleted=True) is not None:
        marker = Operation("update", step.object, step.record_id, {MARKER: step.operation})
        await _write(tx, step, Operation("undelete", step.object, step.record_id), marker)


async def _create(tx: Transaction, step: _Step) -> None:
    known = tx.find_by_key(step.object.name, KEY, step.key)
    if known:
        _answer(step, "duplicate", _record(tx, step, known[0]))
        return
    try:
        await _write(tx, step, Operation("create", step.object, values=_marked(step) | {KEY: step.key}))
    except OrgError as error:
        known = tx.find_by_key(step.object.name, KEY, step.key)
        if error.problems[0].code != "DUPLICATE_VALUE" or not known:
            raise
        _answer(step, "duplicate", _record(tx, step, known[0]))


async def _write(tx: Transaction, step: _Step, *operations: Operation) -> None:
    """Carry out the DML of one step, all of it or nothing."""
    point = tx.savepoint()
    for operation in operations:
        outcome = (await save(tx, [operation]))[0]
        if outcome.error is not None:
            tx.rollback_to(point)
            raise outcome.error
        step.record_id = outcome.record_id
    _answer(step, "written", None)


_STEPS = {"create": _create, "update": _update, "delete": _delete, "undelete": _undelete}
