"""sObject Collections: up to 200 records in one call (REST API Developer Guide: "sObject Collections")."""

from typing import TYPE_CHECKING, Any

from infra.local.org import ids
from infra.local.org.calls import Answer, Call
from infra.local.org.dml import Operation, Outcome, save
from infra.local.org.errors import OrgError, bad_json, fail, not_found
from infra.local.org.inputs import path_id
from infra.local.org.rows import external_field, object_of, project, upsert_one
from infra.local.org.schema import ObjectType
from infra.local.org.transactions import Transaction

if TYPE_CHECKING:
    from infra.local.org.state import Org

_ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}


async def answer(org: "Org", call: Call, path: tuple[str, ...]) -> Answer:
    """Answer a call below ``/composite/sobjects``.

    Raises:
        OrgError: the request as a whole cannot be used.
    """
    match call.method, path:
        case "POST", ():
            return await _write(org, call, "create")
        case "PATCH", ():
            return await _write(org, call, "update")
        case "DELETE", ():
            return await _delete(org, call)
        case "PATCH", (name, key):
            return await _upsert(org, call, object_of(org, name), key)
        case "GET" | "POST", (name,):
            return _retrieve(org, call, object_of(org, name))
    raise not_found()


def _records(call: Call) -> tuple[list[dict[str, Any]], bool]:
    body = call.record()
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise bad_json("records needs a list of objects")
    if len(records) > 200:
        raise fail("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records into this call")
    return records, bool(body.get("allOrNone", False))


def _kind(org: "Org", record: dict[str, Any]) -> ObjectType:
    name = (record.get("attributes") or {}).get("type")
    kind = org.schema.find(str(name)) if name else None
    if kind is None:
        raise fail("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return kind


def _operation(org: "Org", kind: str, record: dict[str, Any]) -> Operation:
    object_type = _kind(org, record)
    values = {name: value for name, value in record.items() if name.lower() != "id"}
    if kind == "create":
        return Operation("create", object_type, values=values)
    given = record.get("id", record.get("Id"))
    if not given:
        raise fail("MISSING_ARGUMENT", "Id not specified in an update call")
    return Operation("update", object_type, path_id(str(given)), values)


async def _write(org: "Org", call: Call, kind: str) -> Answer:
    records, all_or_none = _records(call)
    operations: list[Operation | OrgError] = []
    for record in records:
        try:
            operations.append(_operation(org, kind, record))
        except OrgError as error:
            operations.append(error)
    return Answer(200, await _save(org, call, operations, all_or_none=all_or_none))


async def _save(
    org: "Org", call: Call, operations: list[Operation | OrgError], *, all_or_none: bool
) -> list[dict[str, Any]]:
    usable = [operation for operation in operations if isinstance(operation, Operation)]
    async with org.transaction(call.session, call.effects, call.tx) as tx:
        point = tx.savepoint()
        outcomes = iter(await save(tx, usable))
        results = [Outcome(None, o) if isinstance(o, OrgError) else next(outcomes) for o in operations]
        return _finish(tx, point, [(outcome, None) for outcome in results], all_or_none=all_or_none)


def _finish(
    tx: Transaction, point: Any, results: list[tuple[Outcome, bool | None]], *, all_or_none: bool
) -> list[dict[str, Any]]:
    rolled_back = all_or_none and any(outcome.error for outcome, _ in results)
    if rolled_back:
        tx.rollback_to(point)
    return [_result(outcome, created, rolled_back=rolled_back) for outcome, created in results]


def _result(outcome: Outcome, created: bool | None, *, rolled_back: bool) -> dict[str, Any]:
    if outcome.error is not None:
        return {"success": False, "errors": outcome.error.items()}
    if rolled_back:
        return {"success": False, "errors": [_ROLLED_BACK]}
    result: dict[str, Any] = {"id": outcome.record_id, "success": True, "errors": []}
    return result if created is None else result | {"created": created}


async def _delete(org: "Org", call: Call) -> Answer:
    given = [text for text in call.query.get("ids", "").split(",") if text]
    if len(given) > 200:
        raise fail("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records into this call")
    operations: list[Operation | OrgError] = []
    for text in given:
        try:
            full_id = path_id(text)
            kind = org.schema.of_id(full_id)
            operations.append(not_found() if kind is None else Operation("delete", kind, full_id))
        except OrgError as error:
            operations.append(error)
    all_or_none = call.query.get("allOrNone", "false").lower() == "true"
    return Answer(200, await _save(org, call, operations, all_or_none=all_or_none))


async def _upsert(org: "Org", call: Call, kind: ObjectType, key_name: str) -> Answer:
    records, all_or_none = _records(call)
    found = external_field(kind, key_name, upsert=True) if key_name.lower() != "id" else None
    results: list[tuple[Outcome, bool | None]] = []
    async with org.transaction(call.session, call.effects, call.tx) as tx:
        point = tx.savepoint()
        for record in records:
            values = {n: v for n, v in record.items() if n.lower() not in {"attributes", key_name.lower()}}
            key = next((v for n, v in record.items() if n.lower() == key_name.lower()), None)
            try:
                if found is None:
                    operation = Operation("update", kind, path_id(str(key)), values)
                    outcome, created = (await save(tx, [operation]))[0], False
                elif key in {None, ""}:
                    raise fail("MISSING_ARGUMENT", f"{found.name} not specified")
                else:
                    record_id, created = await upsert_one(tx, kind, found, key, values)
                    outcome = Outcome(record_id)
            except OrgError as error:
                outcome, created = Outcome(None, error), False
            results.append((outcome, created))
        return Answer(200, _finish(tx, point, results, all_or_none=all_or_none))


def _retrieve(org: "Org", call: Call, kind: ObjectType) -> Answer:
    if call.method == "POST":
        body = call.record()
        given, fields = body.get("ids"), body.get("fields")
    else:
        given, fields = call.query.get("ids", "").split(","), call.query.get("fields", "").split(",")
    if not isinstance(given, list) or not isinstance(fields, list) or not fields or fields == [""]:
        raise bad_json("ids and fields need lists")
    if len(given) > 2000:
        raise fail("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 2000 records into this call")
    view, user = call.tx or org.store, call.session.user
    found: list[dict[str, Any] | None] = []
    for text in given:
        row = view.get(ids.to18(text)) if ids.is_id(text) and text[:3] == kind.prefix else None
        alive = row is not None and not row["IsDeleted"]
        found.append(project(kind, row, user, call.base, fields) if row is not None and alive else None)
    return Answer(200, found)
