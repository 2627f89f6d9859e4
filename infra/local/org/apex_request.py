"""The request of the Apex class ``TwinledgerRest`` (its contract is the page ``infra/salesforce/README.md``)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.org import ids
from infra.local.org.calls import load_json
from infra.local.org.errors import OrgError, Problem, fail
from infra.local.org.schema import ObjectType
from infra.local.org.store import Row

if TYPE_CHECKING:
    from infra.local.org.state import Org

CONTRACT, VERSION = 1, "1.0.0"
KEY, MARKER = "Twinledger_Key__c", "Twinledger_Op__c"
_KINDS = frozenset({"create", "update", "delete", "undelete"})


@dataclass
class Step:
    """One operation of the request and what became of it; ``status`` empty means that it is still open."""

    kind: str
    object: ObjectType
    operation: str
    record_id: str
    key: str
    marker: str | None
    stamp: str | None
    expected: Row
    values: Row
    returning: list[str]
    status: str = ""
    record: Row | None = None
    errors: list[Problem] = field(default_factory=list)

    def close(self, status: str, record: Row | None) -> None:
        """Say what became of it."""
        self.status, self.record = status, record

    def refuse(self, error: OrgError) -> None:
        """The org does not take it; reasons add up."""
        self.status, self.record = "refused", None
        self.errors.extend(error.problems)

    def result(self) -> dict[str, Any]:
        """Its result in the answer."""
        errors = [{"errorCode": p.code, "message": p.message, "fields": list(p.fields)} for p in self.errors]
        return {"status": self.status, "record": self.record, "errors": errors}


def bad_request(message: str) -> OrgError:
    """The request as a whole cannot be used."""
    return fail("TWINLEDGER_BAD_REQUEST", message)


def parse(org: "Org", raw: bytes) -> list[Step]:
    """Read the operations.

    Raises:
        OrgError: TWINLEDGER_BAD_REQUEST.
    """
    try:
        body = load_json(raw)
    except OrgError as error:
        raise bad_request(f"the body is malformed: {error}") from None
    if not isinstance(body, dict) or body.get("contract") != CONTRACT:
        raise bad_request(f"this class speaks contract {CONTRACT}")
    operations = body.get("operations")
    if not isinstance(operations, list) or not 1 <= len(operations) <= 200:
        raise bad_request("operations needs 1 to 200 entries")
    return [_parse_step(org, place, raw_step) for place, raw_step in enumerate(operations)]


def _parse_step(org: "Org", place: int, raw: Any) -> Step:
    if not isinstance(raw, dict) or raw.get("kind") not in _KINDS:
        raise bad_request(f"operation {place} has an unknown kind")
    kind = org.schema.find(str(raw.get("object")))
    if kind is None or kind.is_event or KEY not in kind.fields:
        raise bad_request(f"operation {place} is about an unknown object {raw.get('object')!r}")
    creating = raw["kind"] == "create"
    expected = raw.get("expected") or {}
    values, returning = raw.get("values") or {}, raw.get("returning") or []
    shapes = (
        isinstance(raw.get("operation"), str) and raw["operation"].strip(),
        isinstance(returning, list),
        isinstance(values, dict),
        isinstance(raw.get("key"), str) and raw["key"].strip() if creating else _has_expected(raw, expected),
    )
    if not all(shapes):
        raise bad_request(f"operation {place}: operation, key or id, expected, values or returning is malformed")
    return Step(
        kind=raw["kind"],
        object=kind,
        operation=raw["operation"],
        record_id="" if creating else ids.to18(raw["id"]),
        key=raw.get("key") or "",
        marker=expected.get("marker"),
        stamp=expected.get("stamp"),
        expected={} if creating else expected["values"],
        values=values,
        returning=[str(name) for name in returning],
    )


def _has_expected(raw: dict[str, Any], expected: Any) -> bool:
    return ids.is_id(raw.get("id")) and isinstance(expected, dict) and isinstance(expected.get("values"), dict)
