"""The record of a request: its fields resolved, permitted and brought into their stored form."""

from typing import TYPE_CHECKING, Any

from infra.local.org import ids
from infra.local.org.errors import OrgError, Problem, fail, unknown_field
from infra.local.org.schema import Field, ObjectType
from infra.local.org.store import Row
from infra.local.org.users import may_write
from infra.local.org.values import normalise

if TYPE_CHECKING:
    from infra.local.org.transactions import Transaction

_READ_ONLY = (
    "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is "
    "read/write for your profile or permission set."
)


def read_values(tx: "Transaction", kind: ObjectType, raw: dict[str, Any], *, creating: bool) -> Row:
    """Return the stored form of the fields of a request's record.

    Raises:
        OrgError: a field is unknown or read-only, or a value does not fit.
    """
    user, values = tx.session.user, Row()
    read_only: list[str] = []
    problems: list[Problem] = []
    trim = tx.org.settings.trim_text
    for name, value in raw.items():
        if name == "attributes":
            continue
        found = kind.find(name)
        if found is None or not user.sees(kind.name, found.name):
            ref = kind.relationships.get(name.lower())
            if ref is None or not isinstance(value, dict):
                raise unknown_field(name, kind.name)
            found, value = ref, parent_by_key(tx, ref, value)  # noqa: PLW2901 - the nested parent stands for its id
        if not may_write(user, kind, found, creating=creating):
            read_only.append(found.name)
            continue
        try:
            values[found.name] = normalise(found, value, trim=trim)
        except OrgError as error:
            problems.extend(error.problems)
    if read_only:
        raise fail("INVALID_FIELD_FOR_INSERT_UPDATE", _READ_ONLY.format(", ".join(read_only)), read_only)
    if problems:
        raise OrgError(*problems)
    return values


def parent_by_key(tx: "Transaction", ref: Field, value: dict[str, Any]) -> str:
    """The id of a parent that is named by one external id, ``{"Ext__c": "A-1"}``.

    Raises:
        OrgError: INVALID_FIELD, there is no such parent or no such key field.
    """
    wanted = (value.get("attributes") or {}).get("type", ref.reference_to[0])
    target = tx.org.schema.find(wanted)
    keys = [(name, key) for name, key in value.items() if name != "attributes"]
    if target is None or target.name not in ref.reference_to or len(keys) != 1:
        raise fail("INVALID_FIELD", f"More than 1 field provided in an external foreign key reference: {ref.name}")
    found = target.find(keys[0][0])
    if found is None or found not in target.indexed:
        raise unknown_field(keys[0][0], target.name)
    rows = [row for row in tx.find_by_key(target.name, found.name, keys[0][1]) if not row["IsDeleted"]]
    if len(rows) != 1:
        text = (
            f"Foreign key external ID: {str(keys[0][1]).lower()} not found for field {found.name} "
            f"in entity {target.name}"
        )
        raise fail("INVALID_FIELD", text)
    return str(rows[0]["Id"])


def path_id(text: str) -> str:
    """The 18-character form of an id in a URL.

    Raises:
        OrgError: MALFORMED_ID.
    """
    try:
        return ids.to18(text)
    except ValueError:
        raise fail("MALFORMED_ID", f"malformed id {text}", ["Id"]) from None
