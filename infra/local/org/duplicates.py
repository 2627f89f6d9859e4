"""Duplicate rules: a save that resembles other records is refused, unless the call allows it.

Source: SOAP API Developer Guide, "DuplicateResult"; the REST body has the details under the key ``duplicateResut``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.org.errors import OrgError, Problem
from infra.local.org.schema import ObjectType
from infra.local.org.store import Row

if TYPE_CHECKING:
    from infra.local.org.state import Org
    from infra.local.org.transactions import Transaction


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """Live records of an object are duplicates when these fields are equal, without case, and none is null."""

    object_name: str
    fields: tuple[str, ...]
    name: str

    def key(self, row: Row) -> tuple[Any, ...] | None:
        """What two duplicates have in common."""
        values = tuple(row.get(name) for name in self.fields)
        if None in values:
            return None
        return tuple(value.casefold() if isinstance(value, str) else value for value in values)


def parse_rule(org: "Org", raw: dict[str, Any]) -> DuplicateRule:
    """Read a rule ``{object, fields, name?}``.

    Raises:
        ValueError: the object or a field is unknown.
    """
    kind = org.schema.find(str(raw.get("object")))
    fields = tuple(raw.get("fields", ()))
    if kind is None or not fields or any(name not in kind.fields for name in fields):
        raise ValueError(f"a duplicate rule needs an object and fields of it, not {raw!r}")
    return DuplicateRule(kind.name, fields, raw.get("name", f"{kind.name}_Duplicates"))


def check_duplicates(tx: "Transaction", kind: ObjectType, row: Row) -> None:
    """Refuse a row that has duplicates.

    Raises:
        OrgError: DUPLICATES_DETECTED.
    """
    if tx.session.allows_duplicates:
        return
    for rule in tx.org.duplicate_rules:
        key = rule.key(row) if rule.object_name == kind.name else None
        if key is None:
            continue
        same = [other for other in tx.live_rows(kind.name) if other["Id"] != row["Id"] and rule.key(other) == key]
        if same:
            raise _detected(rule, kind, same)


def _detected(rule: DuplicateRule, kind: ObjectType, same: list[Row]) -> OrgError:
    records = [{"record": {"attributes": {"type": kind.name}, "Id": row["Id"]}} for row in same]
    result = {
        "allowSave": True,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": kind.name,
        "matchResults": [{"entityType": kind.name, "matchRecords": records, "rule": rule.name, "success": True}],
    }
    return OrgError(Problem("DUPLICATES_DETECTED", "Use one of these records?", details={"duplicateResut": result}))
