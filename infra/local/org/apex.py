"""The Apex class ``TwinledgerRest``: compare and set for up to 200 records in one transaction.

No Apex runs here; this is the same contract, and where it says nothing the same order of work as the class.
"""

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from infra.local.org.apex_request import CONTRACT, KEY, MARKER, VERSION, Step, parse
from infra.local.org.calls import Answer
from infra.local.org.dml import Operation, save
from infra.local.org.errors import OrgError, fail
from infra.local.org.faults import Effects
from infra.local.org.schema import Field
from infra.local.org.store import Row
from infra.local.org.transactions import Transaction
from infra.local.org.users import Session, may_write
from infra.local.org.values import normalise

if TYPE_CHECKING:
    from infra.local.org.state import Org

PATH = "twinledger/v1"
_STATE_FIELDS = ("Id", "IsDeleted", "LastModifiedDate", "LastModifiedById", KEY, MARKER)
_UNAVAILABLE = (
    "Record Currently Unavailable: The record you are attempting to edit, or one of its related records, is currently "
    "being modified by another user. Please try again."
)


def describe(org: "Org", session: Session) -> Answer:
    """Answer GET: the contract, the class's version, the org and the user."""
    identity = {"organizationId": org.org_id, "userId": session.user.user_id}
    return Answer(200, {"contract": CONTRACT, "version": VERSION} | identity)


async def settle(org: "Org", session: Session, effects: Effects, raw: bytes) -> Answer:
    """Answer POST.

    Raises:
        OrgError: TWINLEDGER_BAD_REQUEST, or APEX_ERROR where a fault breaks the whole call.
    """
    steps = parse(org, raw)
    ordered = sorted(steps, key=lambda step: step.object.name)
    async with org.transaction(replace(session, allows_duplicates=True), effects) as tx:
        for _, batch in groupby(ordered, key=lambda step: step.object.name):
            await _run(tx, list(batch))
    return Answer(200, {"contract": CONTRACT, "version": VERSION, "results": [step.result() for step in steps]})


async def _run(tx: Transaction, steps: list[Step]) -> None:
    for step in steps:
        _check(tx, step)
    await _compare(tx, steps)
    await _create(tx, _open(steps, "create"))
    for step in await _mark(tx, _open(steps, "update")):
        step.close("written", None)
    await _remove(tx, _open(steps, "delete"))
    await _restore(tx, _open(steps, "undelete"))
    for step in steps:
        if step.status == "written":
            step.record = _shown(step, tx.get(step.record_id))


def _open(steps: list[Step], kind: str) -> list[Step]:
    return [step for step in steps if not step.status and step.kind == kind]


def _check(tx: Transaction, step: Step) -> None:
    """Refuse fields that are not there, or that the user may not read or write."""
    user, kind = tx.session.user, step.object
    for name in dict.fromkeys([*step.returning, *step.expected]):
        found = kind.find(name)
        if found is None or not user.sees(kind.name, found.name):
            step.refuse(fail("INVALID_FIELD", f"No such column '{name}' on {kind.name}", [name]))
    for name in step.values:
        found = kind.find(name)
        visible = found is not None and user.sees(kind.name, found.name)
        if found is None or not visible or not may_write(user, kind, found, creating=step.kind == "create"):
            text = f"Unable to create/update fields: {name}"
            step.refuse(fail("INVALID_FIELD_FOR_INSERT_UPDATE", text, [name]))


async def _compare(tx: Transaction, steps: list[Step]) -> None:
    """Lock the records of the object, and close the steps whose record is not free or not as expected."""
    known = [step for step in steps if not step.status and step.kind != "create"]
    missing = await tx.lock_all({step.record_id for step in known})
    taken: set[str] = set()
    for step in known:
        if missing:  # the class's SELECT ... FOR UPDATE does not say which row it did not get
            step.refuse(fail("UNABLE_TO_LOCK_ROW", _UNAVAILABLE))
            continue
        row = tx.get(step.record_id) if step.record_id[:3] == step.object.prefix else None
        if row is None:
            step.close("absent", None)
        elif step.record_id in taken or not _as_expected(step, row):
            step.close("changed", _shown(step, row))
        taken.add(step.record_id)


def _as_expected(step: Step, row: Row) -> bool:
    alive_as_needed = row["IsDeleted"] is (step.kind == "undelete")
    same_state = row.get(MARKER) == step.marker and row["LastModifiedDate"] == step.stamp
    fields = ((step.object.find(name), value) for name, value in step.expected.items())
    return alive_as_needed and same_state and all(found and _same(found, row, value) for found, value in fields)


def _same(found: Field, row: Row, expected: Any) -> bool:
    """Texts to the letter, numbers by value, everything else in the spelling of REST."""
    actual = row.get(found.name)
    if expected is None or found.is_text:
        return bool(actual == expected)
    try:
        return bool(actual == normalise(found, expected, trim=False))
    except OrgError:
        return False


def _shown(step: Step, row: Row | None) -> Row | None:
    if row is None:
        return None
    return {name: row.get(name) for name in _STATE_FIELDS} | {
        found.name: row.get(found.name) for name in step.returning if (found := step.object.find(name))
    }


async def _save(tx: Transaction, operations: list[Operation]) -> list[OrgError | str]:
    """DML with partial success: the id of each record, or its errors."""
    outcomes = await save(tx, operations)
    broken = [o.error for o in outcomes if o.error and o.error.problems[0].code == "APEX_ERROR"]
    if broken:
        raise broken[0]
    return [outcome.error or outcome.record_id or "" for outcome in outcomes]


async def _create(tx: Transaction, steps: list[Step]) -> None:
    _take_duplicates(tx, steps)
    left = [step for step in steps if not step.status]
    results = await _save(tx, [_creation(step) for step in left])
    for step, result in zip(left, results, strict=True):
        if isinstance(result, str):
            step.record_id = result
            step.close("written", None)
            continue
        if result.problems[0].code == "DUPLICATE_VALUE":
            _take_duplicates(tx, [step])
        if not step.status:
            step.refuse(result)


def _creation(step: Step) -> Operation:
    return Operation("create", step.object, values=step.values | {KEY: step.key, MARKER: step.operation})


def _take_duplicates(tx: Transaction, steps: list[Step]) -> None:
    """Creates whose key is there already, alive or in the recycle bin."""
    for step in steps:
        known = tx.find_by_key(step.object.name, KEY, step.key)
        if known:
            step.close("duplicate", _shown(step, known[0]))


async def _mark(tx: Transaction, steps: list[Step]) -> list[Step]:
    """Write the values and the marker; gives back the steps that this succeeded for, and refuses the others."""
    marked = [Operation("update", s.object, s.record_id, s.values | {MARKER: s.operation}) for s in steps]
    return _succeeded(steps, await _save(tx, marked))


def _succeeded(steps: list[Step], results: list[OrgError | str]) -> list[Step]:
    done = []
    for step, result in zip(steps, results, strict=True):
        if isinstance(result, OrgError):
            step.refuse(result)
        else:
            done.append(step)
    return done


async def _remove(tx: Transaction, steps: list[Step]) -> None:
    """Marker and deletion stand or fall together: where one record fails, all go back and the others again."""
    while steps:
        point = tx.savepoint()
        marked = await _mark(tx, steps)
        deleted = await _save(tx, [Operation("delete", step.object, step.record_id) for step in marked])
        steps = _finish(tx, steps, _succeeded(marked, deleted), point)


async def _restore(tx: Transaction, steps: list[Step]) -> None:
    """Undeletion and marker stand or fall together, as in :func:`_remove`."""
    while steps:
        point = tx.savepoint()
        undeleted = await _save(tx, [Operation("undelete", step.object, step.record_id) for step in steps])
        steps = _finish(tx, steps, await _mark(tx, _succeeded(steps, undeleted)), point)


def _finish(tx: Transaction, tried: list[Step], done: list[Step], point: Any) -> list[Step]:
    if len(done) < len(tried):
        tx.rollback_to(point)
        return done
    for step in done:
        step.close("written", None)
    return []
