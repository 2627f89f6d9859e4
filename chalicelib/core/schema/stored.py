"""Resolved mappings as text, to be kept where the Lambdas find them without asking both systems again."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from chalicelib.core.errors import MappingError
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, OnDelete, Policy, Unit
from chalicelib.core.model import Side

FORMAT = 1


def to_json(mappings: Mappings) -> str:
    """The mappings as JSON text with a format version; equal mappings give equal texts."""
    content = {"format": FORMAT, "mappings": [_mapping(mapping) for mapping in mappings.mappings]}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Mappings:
    """The mappings of such a text.

    Raises:
        MappingError: the text is of another version, or damaged.
    """
    try:
        content = json.loads(text)
        version = content["format"]
        if version == FORMAT:
            return Mappings(tuple(_read_mapping(mapping) for mapping in content["mappings"]))
    except (ValueError, KeyError, TypeError):
        raise MappingError(["the stored mappings are damaged; run `python manage.py check` again"]) from None
    raise MappingError(
        [f"the stored mappings have format {version}, this version reads {FORMAT}; run `python manage.py check` again"]
    )


def fingerprint(toml_text: str) -> str:
    """SHA-256 of a mapping file: tells whether stored mappings came from the file as it is."""
    return hashlib.sha256(toml_text.encode()).hexdigest()


def _sides(sides: Iterable[Side]) -> list[str]:
    return sorted(side.value for side in sides)


def _mapping(mapping: ObjectMapping) -> dict[str, object]:
    return {
        "name": mapping.name,
        "object": mapping.object,
        "table": mapping.table,
        "key": mapping.key,
        "key_types": mapping.key_types,
        "fields": [_field(field) for field in mapping.fields],
        "units": [_unit(unit) for unit in mapping.units],
        "first_contact": mapping.first_contact.value,
        "on_delete": mapping.on_delete.value,
        "creates": _sides(mapping.creates),
        "lock_group": mapping.lock_group,
        "match": mapping.match,
        "soql": mapping.soql,
        "sql": mapping.sql,
    }


def _field(field: Field) -> dict[str, object]:
    return {
        "name": field.name,
        "column": field.column,
        "kind": field.kind.value,
        "column_type": field.column_type,
        "nullable": field.nullable,
        "writable": _sides(field.writable),
        "parent": field.parent,
        "required": field.required,
    }


def _unit(unit: Unit) -> dict[str, object]:
    return {
        "name": unit.name,
        "fields": unit.fields,
        "policy": unit.policy.value,
        "writable": _sides(unit.writable),
    }


def _read_mapping(content: dict[str, Any]) -> ObjectMapping:
    return ObjectMapping(
        name=content["name"],
        object=content["object"],
        table=content["table"],
        key=tuple(content["key"]),
        key_types=tuple(content["key_types"]),
        fields=tuple(_read_field(field) for field in content["fields"]),
        units=tuple(_read_unit(unit) for unit in content["units"]),
        first_contact=Policy(content["first_contact"]),
        on_delete=OnDelete(content["on_delete"]),
        creates=_read_sides(content["creates"]),
        lock_group=content["lock_group"],
        match=tuple(content["match"]),
        soql=content["soql"],
        sql=content["sql"],
    )


def _read_field(content: dict[str, Any]) -> Field:
    return Field(
        name=content["name"],
        column=content["column"],
        kind=Kind(content["kind"]),
        column_type=content["column_type"],
        nullable=content["nullable"],
        writable=_read_sides(content["writable"]),
        parent=content["parent"],
        required=content.get("required", False),  # what an earlier version has stored does not say
    )


def _read_unit(content: dict[str, Any]) -> Unit:
    return Unit(content["name"], tuple(content["fields"]), Policy(content["policy"]), _read_sides(content["writable"]))


def _read_sides(names: Iterable[str]) -> frozenset[Side]:
    return frozenset(Side(name) for name in names)
