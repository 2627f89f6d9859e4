"""sObject Rows: create, get, update, upsert and delete of one record, by id or by external id.

Source: REST API Developer Guide, "sObject Rows" and "sObject Rows by External ID", "Conditional Requests".
"""

import uuid
from typing import TYPE_CHECKING, Any

from infra.local.org.calls import Answer, Call
from infra.local.org.conditions import TAGGED_OBJECTS, entity_tag, read_condition
from infra.local.org.dml import Operation, save_one
from infra.local.org.errors import deleted, fail, not_found
from infra.local.org.inputs import path_id
from infra.local.org.predicates import View, no_column
from infra.local.org.query import attributes
from infra.local.org.schema import Field, ObjectType
from infra.local.org.store import Row
from infra.local.org.users import User
from infra.local.org.values import normalise

if TYPE_CHECKING:
    from infra.local.org.state import Org


def object_of(org: "Org", name: str) -> ObjectType:
    """The object of a URL.

    Raises:
        OrgError: NOT_FOUND.
    """
    kind = org.schema.find(name)
    if kind is None:
        raise not_found()
    return kind


def project(kind: ObjectType, row: Row, user: User, base: str, fields: list[str] | None = None) -> dict[str, Any]:
    """A record as a get answers it.

    Raises:
        OrgError: INVALID_FIELD, an asked field is unknown or hidden.
    """
    record: dict[str, Any] = {"attributes": attributes(kind.name, row["Id"], base)}
    if fields is None:
        if not user.hidden:
            record |= row
            return record
        record |= {name: value for name, value in row.items() if user.sees(kind.name, name)}
        return record
    for name in fields:
        found = kind.find(name)
        if found is None or not user.sees(kind.name, found.name):
            raise no_column(name, kind.name)
        record[found.name] = row.get(found.name)
    record.setdefault("Id", row["Id"])
    return record


def field_list(call: Call) -> list[str] | None:
    """The names of the query parameter ``fields``."""
    text = call.query.get("fields")
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def find_row(view: View, kind: ObjectType, record_id: str) -> Row:
    """The live row of an id in a view.

    Raises:
        OrgError: NOT_FOUND or ENTITY_IS_DELETED.
    """
    row = view.get(record_id) if record_id[:3] == kind.prefix else None
    if row is None:
        raise not_found()
    if row["IsDeleted"]:
        raise deleted()
    return row


def get_row(org: "Org", call: Call, kind: ObjectType, record_id: str) -> Answer:
    """Answer ``GET /sobjects/X/id``."""
    row = find_row(call.tx or org.store, kind, path_id(record_id))
    return _conditional(call, kind, row)


def _conditional(call: Call, kind: ObjectType, row: Row) -> Answer:
    condition = read_condition(call, kind)
    condition.check(row)
    headers = {"ETag": entity_tag(row)} if kind.name in TAGGED_OBJECTS else {}
    if condition.not_modified(row):
        return Answer(304, headers=headers)
    return Answer(200, project(kind, row, call.session.user, call.base, field_list(call)), headers)


async def create_row(org: "Org", call: Call, kind: ObjectType) -> Answer:
    """Answer ``POST /sobjects/X``; for a platform event this publishes it."""
    if kind.is_event:
        return publish_event(org, call, kind)
    async with org.transaction(call.session, call.effects, call.tx) as tx:
        record_id = await save_one(tx, Operation("create", kind, values=call.record()))
    return Answer(201, created_body(record_id), {"Location": f"{call.base}/sobjects/{kind.name}/{record_id}"})


def created_body(record_id: str) -> dict[str, Any]:
    """The body of a successful write."""
    return {"id": record_id, "success": True, "errors": []}


def publish_event(org: "Org", call: Call, kind: ObjectType) -> Answer:
    """Publish a platform event.

    Raises:
        OrgError: a field is unknown, or its value does not fit.
    """
    payload: dict[str, Any] = {
        "CreatedDate": org.clock.stamp().replace("+0000", "Z"),
        "CreatedById": call.session.user.user_id,
    }
    for name, value in call.record().items():
        found = kind.find(name)
        if name == "attributes":
            continue
        if found is None or not found.createable:
            raise fail("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
        payload[found.name] = normalise(found, value)
    missing = [f.name for f in kind.fields.values() if f.required and payload.get(f.name) is None]
    if missing:
        raise fail("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
    event_uuid = str(uuid.uuid4())
    org.events.publish(kind.name, payload, event_uuid)
    org.keep()
    queued = {"statusCode": "OPERATION_ENQUEUED", "message": event_uuid, "fields": []}
    return Answer(201, {"id": org.ids.next("e00"), "success": True, "errors": [queued]})


async def update_row(org: "Org", call: Call, kind: ObjectType, record_id: str) -> Answer:
    """Answer ``PATCH /sobjects/X/id``."""
    full_id = path_id(record_id)
    values = call.record()
    if any(name.lower() == "id" for name in values):
        raise fail("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    operation = Operation("update", kind, full_id, values, read_condition(call, kind))
    async with org.transaction(call.session, call.effects, call.tx) as tx:
        await save_one(tx, operation)
    return Answer(204)


async def delete_row(org: "Org", call: Call, kind: ObjectType, record_id: str) -> Answer:
    """Answer ``DELETE /sobjects/X/id``, which knows no precondition."""
    async with org.transaction(call.session, call.effects, call.tx) as tx:
        await save_one(tx, Operation("delete", kind, path_id(record_id)))
    return Answer(204)


def external_field(kind: ObjectType, name: str, *, upsert: bool = False) -> Field:
    """The look-up field of a URL.

    Raises:
        OrgError: NOT_FOUND, it is no external id or look-up field.
    """
    found = kind.find(name)
    if found is None or not (found.external_id or (found.id_lookup and not upsert)):
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return found


def looked_up(found: Field, value: Any) -> Any:
    """The form of a value that is looked for; text of any length may be."""
    return value.strip() if found.is_text and isinstance(value, str) else normalise(found, value)


def match_key(org: "Org", call: Call, kind: ObjectType, name: str, value: str) -> tuple[Field, list[Row]]:
    """The live records with an external id.

    Raises:
        OrgError: NOT_FOUND, the field is no external id.
    """
    found = external_field(kind, name)
    key = looked_up(found, value)
    if call.tx is not None:
        rows = call.tx.find_by_key(kind.name, found.name, key)
    else:
        table = org.store.table(kind.name)
        rows = [table.rows[i] for i in table.ids_by_key(found.name, found.key_of(key))]
    return found, [row for row in rows if not row["IsDeleted"]]


def _several(call: Call, kind: ObjectType, rows: list[Row]) -> Answer:
    return Answer(300, [f"{call.base}/sobjects/{kind.name}/{row['Id']}" for row in rows])


def get_by_key(org: "Org", call: Call, kind: ObjectType, name: str, value: str) -> Answer:
    """Answer ``GET /sobjects/X/Ext__c/value``; 300 when several match."""
    _, rows = match_key(org, call, kind, name, value)
    if len(rows) > 1:
        return _several(call, kind, rows)
    if not rows:
        raise not_found()
    return Answer(200, project(kind, rows[0], call.session.user, call.base, field_list(call)))


async def upsert_by_key(org: "Org", call: Call, kind: ObjectType, name: str, value: str) -> Answer:
    """Answer ``PATCH /sobjects/X/Ext__c/value``: 201 created, 200 updated, 300 when several match."""
    values = call.record()
    if name.lower() == "id":
        return await update_row(org, call, kind, value)
    found, rows = match_key(org, call, kind, name, value)
    if any(given.lower() == found.name.lower() for given in values):
        raise fail("INVALID_FIELD", f"The {found.name} field should not be specified in the sobject data.")
    if len(rows) > 1:
        return _several(call, kind, rows)
    async with org.transaction(call.session, call.effects, call.tx) as tx:
        record_id, created = await upsert_one(tx, kind, found, value, values)
    return Answer(201 if created else 200, created_body(record_id) | {"created": created})


async def upsert_one(tx: Any, kind: ObjectType, found: Field, key: Any, values: dict[str, Any]) -> tuple[str, bool]:
    """Update the record with a key, or create it; return its id and whether it was created.

    Raises:
        OrgError: the write was refused, or several records have the key.
    """
    rows = [row for row in tx.find_by_key(kind.name, found.name, looked_up(found, key)) if not row["IsDeleted"]]
    if len(rows) > 1:
        raise fail("DUPLICATE_EXTERNAL_ID", f"{found.name}: more than one record found for external id field: {key}")
    if rows:
        await save_one(tx, Operation("update", kind, rows[0]["Id"], values))
        return rows[0]["Id"], False
    return await save_one(tx, Operation("create", kind, values=values | {found.name: key})), True


async def delete_by_key(org: "Org", call: Call, kind: ObjectType, name: str, value: str) -> Answer:
    """Answer ``DELETE /sobjects/X/Ext__c/value``."""
    _, rows = match_key(org, call, kind, name, value)
    if len(rows) > 1:
        return _several(call, kind, rows)
    if not rows:
        raise not_found()
    return await delete_row(org, call, kind, rows[0]["Id"])
