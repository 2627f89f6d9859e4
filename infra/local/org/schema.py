"""Objects and fields, read from TOML files or from definitions that a test posts."""

import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

_HERE = Path(__file__).with_name("objects")
_TEXT_LENGTH = {"string": 255, "email": 80, "phone": 40, "url": 255, "picklist": 255, "multipicklist": 4099,
                "textarea": 255, "id": 18, "reference": 18}  # fmt: skip
_TYPES = frozenset(
    {"id", "string", "textarea", "picklist", "multipicklist", "boolean", "int", "double", "currency", "percent",
     "date", "datetime", "time", "email", "phone", "url", "reference", "address", "name"}
)  # fmt: skip
_KEYS = frozenset(
    {"name", "type", "label", "length", "precision", "scale", "required", "createable", "updateable", "default",
     "calculated", "autoNumber", "externalId", "unique", "caseSensitive", "idLookup", "nameField", "referenceTo",
     "relationshipName", "compound", "restrictedPicklist", "picklist", "cascadeDelete", "restrictedDelete",
     "locksParent", "masterDetail", "system"}
)  # fmt: skip


class SchemaError(ValueError):
    """A definition of an object or a field that cannot be used."""


@dataclass(frozen=True)
class Field:
    """One field; the names are those of a describe result where one exists."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    default: Any = None
    calculated: bool = False
    auto_number: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    name_field: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    compound: str | None = None
    restricted_picklist: bool = False
    picklist: tuple[str, ...] = ()
    cascade_delete: bool = False
    restricted_delete: bool = False
    locks_parent: bool = False
    system: bool = False

    @property
    def custom(self) -> bool:
        """Whether an admin made the field."""
        return self.name.endswith("__c")

    @property
    def is_text(self) -> bool:
        """Whether the value is text that is trimmed, measured and compared without case."""
        return self.type in _TEXT_TYPES

    def key_of(self, value: Any) -> Any:
        """The form in which values of a unique or look-up field are compared."""
        return value if self.case_sensitive or not isinstance(value, str) else value.lower()


_TEXT_TYPES = frozenset({"string", "textarea", "picklist", "email", "phone", "url"})


@dataclass(frozen=True)
class ObjectType:
    """One object with its fields in describe order."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field] = field(default_factory=dict)

    @property
    def custom(self) -> bool:
        """Whether an admin made the object."""
        return self.name.endswith("__c")

    @property
    def is_event(self) -> bool:
        """Whether it is a platform event, which is published and never stored."""
        return self.name.endswith("__e")

    @cached_property
    def by_lower(self) -> dict[str, Field]:
        """Fields by lower-case name: names are case-insensitive."""
        return {name.lower(): found for name, found in self.fields.items()}

    @cached_property
    def relationships(self) -> dict[str, Field]:
        """Reference fields by lower-case relationship name."""
        return {f.relationship_name.lower(): f for f in self.fields.values() if f.relationship_name}

    @cached_property
    def references(self) -> tuple[Field, ...]:
        """The fields that point to other records."""
        return tuple(f for f in self.fields.values() if f.type == "reference")

    @cached_property
    def lock_parents(self) -> tuple[Field, ...]:
        """The references whose parent is locked when a child is written."""
        return tuple(f for f in self.references if f.locks_parent)

    @cached_property
    def indexed(self) -> tuple[Field, ...]:
        """The fields with an index beside the id."""
        return tuple(f for f in self.fields.values() if f.unique or f.external_id or f.id_lookup)

    @cached_property
    def name_field(self) -> Field | None:
        """The field that names a record."""
        return next((f for f in self.fields.values() if f.name_field), None)

    def find(self, name: str) -> Field | None:
        """Return a field by name in any case."""
        return self.fields.get(name) or self.by_lower.get(name.lower())


def parse_field(name: str, raw: dict[str, Any]) -> Field:
    """Read one field's definition.

    Raises:
        SchemaError: a key or the type is unknown, or a reference names no object.
    """
    unknown = set(raw) - _KEYS
    if unknown:
        raise SchemaError(f"field {name}: unknown keys {sorted(unknown)}; known are {sorted(_KEYS)}")
    kind = raw.get("type", "string")
    if kind not in _TYPES:
        raise SchemaError(f"field {name}: unknown type {kind!r}; known are {sorted(_TYPES)}")
    targets = tuple(raw.get("referenceTo", ()))
    if kind == "reference" and not targets:
        raise SchemaError(f"field {name}: a reference needs referenceTo")
    master = bool(raw.get("masterDetail"))
    read_only = bool(raw.get("calculated") or raw.get("autoNumber") or kind in {"address", "name"})
    relation = raw.get("relationshipName")
    if kind == "reference" and relation is None:
        relation = name[:-1] + "r" if name.endswith("__c") else name.removesuffix("Id")
    restricted = bool(raw.get("restrictedDelete"))
    external = bool(raw.get("externalId"))
    return Field(
        name=name,
        type=kind,
        label=raw.get("label", name.removesuffix("__c").replace("_", " ")),
        length=int(raw.get("length", _TEXT_LENGTH.get(kind, 0))),
        precision=int(raw.get("precision", {"int": 9, "double": 18, "currency": 18, "percent": 18}.get(kind, 0))),
        scale=int(raw.get("scale", {"currency": 2, "percent": 2}.get(kind, 0))),
        required=bool(raw.get("required")) or master,
        createable=bool(raw.get("createable", not read_only)),
        updateable=bool(raw.get("updateable", not read_only)),
        default=raw.get("default", False if kind == "boolean" else None),
        calculated=bool(raw.get("calculated")) or kind in {"address", "name"},
        auto_number=bool(raw.get("autoNumber")),
        external_id=external,
        unique=bool(raw.get("unique")),
        case_sensitive=bool(raw.get("caseSensitive")),
        id_lookup=bool(raw.get("idLookup", external)),
        name_field=bool(raw.get("nameField")),
        reference_to=targets,
        relationship_name=relation,
        compound=raw.get("compound"),
        restricted_picklist=bool(raw.get("restrictedPicklist")),
        picklist=tuple(raw.get("picklist", ())),
        cascade_delete=bool(raw.get("cascadeDelete")) or master,
        restricted_delete=restricted,
        locks_parent=bool(raw.get("locksParent", master or restricted)),
        system=bool(raw.get("system")),
    )


def parse_object(raw: dict[str, Any], prefix: str) -> ObjectType:
    """Read one object's definition and add the system fields.

    Raises:
        SchemaError: the definition has no name, or one of its fields is wrong.
    """
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        raise SchemaError("an object needs a name")
    declared = raw.get("fields", {})
    if isinstance(declared, list):
        declared = {f.get("name", ""): f for f in declared}
    shared = _load("_event") if name.endswith("__e") else _load("_system")
    if name.endswith("__c") and not any(f.get("nameField") for f in declared.values()):
        declared = {"Name": {"length": 80, "nameField": True}} | declared
    merged = dict(shared["fields"])
    if not name.endswith("__e") and raw.get("owner", True):
        merged |= _load("_owner")["fields"]
    merged |= declared
    if not name.endswith("__e") and raw.get("markers", True):
        merged |= _load("_markers")["fields"]
    return ObjectType(
        name=name,
        label=raw.get("label", name.removesuffix("__c").replace("_", " ")),
        plural=raw.get("labelPlural", raw.get("label", name) + "s"),
        prefix=raw.get("keyPrefix", prefix),
        fields={key: parse_field(key, value) for key, value in merged.items()},
    )


def _load(stem: str) -> dict[str, Any]:
    loaded = _LOADED.get(stem)
    if loaded is None:
        loaded = _LOADED[stem] = tomllib.loads((_HERE / f"{stem}.toml").read_text("utf-8"))
    return loaded


_LOADED: dict[str, dict[str, Any]] = {}


class Schema:
    """All objects of the org."""

    def __init__(self) -> None:
        self.objects: dict[str, ObjectType] = {}
        self._lower: dict[str, ObjectType] = {}
        self._by_prefix: dict[str, ObjectType] = {}
        self._children: dict[str, list[tuple[ObjectType, Field]]] = {}
        self._next_custom = 0
        for path in sorted(_HERE.glob("[!_]*.toml")):
            self.define(_load(path.stem))

    def define(self, raw: dict[str, Any]) -> ObjectType:
        """Add an object, or replace one of the same name that keeps its key prefix.

        Raises:
            SchemaError: the definition cannot be used.
        """
        known = self.objects.get(str(raw.get("name")))
        defined = parse_object(raw, known.prefix if known else self._free_prefix(str(raw.get("name"))))
        other = self._by_prefix.get(defined.prefix)
        if other is not None and other.name != defined.name:
            raise SchemaError(f"object {defined.name}: key prefix {defined.prefix} belongs to {other.name}")
        self.objects[defined.name] = defined
        self._lower[defined.name.lower()] = defined
        self._by_prefix[defined.prefix] = defined
        self._children.clear()
        return defined

    def _free_prefix(self, name: str) -> str:
        self._next_custom += 1
        return ("e" if name.endswith("__e") else "a") + f"{self._next_custom:02d}"

    def find(self, name: str) -> ObjectType | None:
        """Return an object by name in any case."""
        return self.objects.get(name) or self._lower.get(name.lower())

    def of_id(self, record_id: str) -> ObjectType | None:
        """Return the object whose key prefix an id has."""
        return self._by_prefix.get(record_id[:3])

    def children(self, parent: str) -> list[tuple[ObjectType, Field]]:
        """Return every (object, reference field) that may point to this object."""
        found = self._children.get(parent)
        if found is None:
            found = self._children[parent] = [
                (child, ref)
                for child in self.objects.values()
                for ref in child.references
                if parent in ref.reference_to
            ]
        return found
