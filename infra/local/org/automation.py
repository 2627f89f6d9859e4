"""Record-triggered automation: simple rules that change a record again, inside the same save or soon after it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.org.schema import ObjectType, Schema
from infra.local.org.store import Row
from infra.local.org.values import normalise

_ACTIONS = frozenset({"constant", "upper", "lower", "trim", "prefix", "suffix", "round", "increment", "copy"})
_KEYS = frozenset(
    {"name", "object", "when", "timing", "ifChanged", "ifEquals", "set", "action", "value", "from", "delayMs", "user"}
)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a record of an object is saved, set one field."""

    object_name: str
    when: str  # create | update | both
    timing: str  # before | after | async
    if_changed: str | None
    if_equals: dict[str, Any]
    target: str
    action: str
    value: Any
    source: str
    delay_seconds: float
    user: str | None

    def fires(self, before: Row | None, row: Row) -> bool:
        """Whether the rule's condition holds for a save."""
        if self.when not in {"both", "create" if before is None else "update"}:
            return False
        if any(row.get(name) != value for name, value in self.if_equals.items()):
            return False
        return self.if_changed is None or (before or {}).get(self.if_changed) != row.get(self.if_changed)

    def result(self, row: Row) -> Any:
        """The value that the rule gives its field, before it is brought into the field's form."""
        value = row.get(self.source)
        if self.action == "constant":
            return self.value
        if self.action == "copy":
            return value
        if self.action == "increment":
            return (value or 0) + (1 if self.value is None else self.value)
        if value is None:
            return None
        if self.action == "round":
            return round(value, int(self.value or 0))
        return _TEXT_ACTIONS[self.action](str(value), str(self.value))


_TEXT_ACTIONS: dict[str, Callable[[str, str], str]] = {
    "upper": lambda text, _: text.upper(),
    "lower": lambda text, _: text.lower(),
    "trim": lambda text, _: text.strip(),
    "prefix": lambda text, extra: extra + text,
    "suffix": lambda text, extra: text + extra,
}


def parse_rule(schema: Schema, raw: dict[str, Any]) -> Rule:
    """Read a rule.

    Raises:
        ValueError: a key, the object, a field, the action or the moment is unknown.
    """
    unknown = set(raw) - _KEYS
    kind = schema.find(str(raw.get("object")))
    if unknown or kind is None:
        raise ValueError(f"unknown keys {sorted(unknown)} or unknown object {raw.get('object')!r}")
    names = {key: raw[key] for key in ("set", "ifChanged", "from") if key in raw}
    wrong = [name for name in [*names.values(), *raw.get("ifEquals", {})] if name not in kind.fields]
    if wrong or "set" not in raw:
        raise ValueError(f"{kind.name} has no field {wrong}, or the rule sets no field")
    action, when, timing = raw.get("action", "constant"), raw.get("when", "both"), raw.get("timing", "after")
    if action not in _ACTIONS or when not in {"create", "update", "both"} or timing not in {"before", "after", "async"}:
        raise ValueError(f"unknown action {action!r}, when {when!r} or timing {timing!r}")
    return Rule(
        object_name=kind.name,
        when=when,
        timing=timing,
        if_changed=raw.get("ifChanged"),
        if_equals=dict(raw.get("ifEquals", {})),
        target=raw["set"],
        action=action,
        value=raw.get("value"),
        source=raw.get("from", raw["set"]),
        delay_seconds=float(raw.get("delayMs", 0)) / 1000,
        user=raw.get("user"),
    )


def run(rules: list[Rule], timing: str, kind: ObjectType, before: Row | None, row: Row) -> set[str]:
    """Run the rules of one moment on a row in place and return the names of the fields that they set.

    A rule whose condition becomes true by another rule's work runs too; each rule runs at most once in a save.

    Raises:
        OrgError: a rule's value does not fit its field.
    """
    changed: set[str] = set()
    waiting = [rule for rule in rules if rule.object_name == kind.name and rule.timing == timing]
    while ready := [rule for rule in waiting if rule.fires(before, row)]:
        for rule in ready:
            value = normalise(kind.fields[rule.target], rule.result(row))
            if row.get(rule.target) != value:
                row[rule.target] = value
                changed.add(rule.target)
        waiting = [rule for rule in waiting if rule not in ready]
    return changed
