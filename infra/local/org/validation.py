"""Validation rules: a condition under which a save is refused (Salesforce Help: "Validation Rules")."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.org.errors import Problem
from infra.local.org.predicates import Paths, View, compile_node
from infra.local.org.soql import parse_condition
from infra.local.org.soql_nodes import Node
from infra.local.org.store import Row

if TYPE_CHECKING:
    from infra.local.org.state import Org


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A rule of one object; the condition is written as a SOQL WHERE expression."""

    object_name: str
    condition: Node
    message: str
    field: str | None

    def problem(self) -> Problem:
        """The error of a record that breaks the rule."""
        fields = (self.field,) if self.field else ()
        return Problem("FIELD_CUSTOM_VALIDATION_EXCEPTION", self.message, fields)


def parse_rule(org: "Org", raw: dict[str, Any]) -> ValidationRule:
    """Read a rule ``{object, errorIf, message, field?}`` and check its fields.

    Raises:
        ValueError: a key is missing or the object is unknown.
        OrgError: the condition cannot be read or names an unknown field.
    """
    missing = {"object", "errorIf", "message"} - set(raw)
    kind = org.schema.find(str(raw.get("object")))
    if missing or kind is None:
        raise ValueError(f"a validation rule needs object (one that exists), errorIf and message; missing: {missing}")
    rule = ValidationRule(kind.name, parse_condition(raw["errorIf"]), raw["message"], raw.get("field"))
    compile_node(rule.condition, Paths(org.schema, kind, org.store, _nothing_hidden, org.clock.today()))
    return rule


def broken_rules(org: "Org", view: View, object_name: str, row: Row) -> list[Problem]:
    """The problems of the rules that a row breaks."""
    rules = org.validation_rules.get(object_name)
    if not rules:
        return []
    paths = Paths(org.schema, org.schema.objects[object_name], view, _nothing_hidden, org.clock.today())
    return [rule.problem() for rule in rules if compile_node(rule.condition, paths)(row)]


def _nothing_hidden(_object_name: str, _field_name: str) -> bool:
    return False
