"""What is kept the same: one Salesforce object and one Postgres table, their fields, groups and policies.

These are resolved mappings, checked against a live database and org (:mod:`chalicelib.core.schema`); the file that
people write is read by :mod:`chalicelib.core.mapping_file`.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from chalicelib.core.model import Fields, Identity, SalesforceId, Side, Value


class Policy(StrEnum):
    """Who decides when both sides changed one unit to different values. Whatever loses is kept in issue and history."""

    HOLD = "hold"  # both keep theirs until a person decides
    SALESFORCE_WINS = "salesforce_wins"
    POSTGRES_WINS = "postgres_wins"
    NEWEST_WINS = "newest_wins"


class OnDelete(StrEnum):
    """What the deletion of one side does to the other."""

    PROPAGATE = "propagate"
    KEEP = "keep"


class Kind(StrEnum):
    """The canonical type of a field: decides its canonical form and how each side spells it."""

    TEXT = "text"  # str; the empty text is None
    NUMBER = "number"  # str, decimal without exponent or trailing zeros: "-12.5", "0"
    BOOLEAN = "boolean"  # bool
    DATE = "date"  # "2026-11-24"
    DATETIME = "datetime"  # "2026-11-24T05:06:07Z", whole seconds, UTC
    TIME = "time"  # "05:06:07.000", milliseconds
    MULTI = "multi"  # picked values in code-point order, joined by ";"
    ID = "id"  # 18-character Salesforce id that is kept as a plain id
    REFERENCE = "reference"  # 18-character Salesforce id of a parent; in Postgres a foreign key to the parent's row


@dataclass(frozen=True, slots=True)
class Field:
    """One Salesforce field and one Postgres column.

    Attributes:
        name: Salesforce API name.
        column: column of the mapping's table.
        kind: canonical type.
        column_type: Postgres type as ``format_type`` spells it, for casts.
        nullable: whether the column takes NULL; where not, an empty text is stored as ''.
        writable: the sides that the sync may write this field on.
        parent: for a reference, the mapping of the parent; None otherwise.
        required: of a reference: whether Salesforce makes no record without it.
    """

    name: str
    column: str
    kind: Kind
    column_type: str
    nullable: bool = True
    writable: frozenset[Side] = frozenset(Side)
    parent: str | None = None
    required: bool = False


Values = tuple[Value, ...]  # a unit's values, in the order of its fields


@dataclass(frozen=True, slots=True)
class Unit:
    """What merges as one: a single field, or a field group such as an address.

    Attributes:
        name: the field's or the group's name.
        fields: Salesforce field names.
        policy: who decides a conflict.
        writable: the sides that all of its fields may be written on.
    """

    name: str
    fields: tuple[str, ...]
    policy: Policy = Policy.HOLD
    writable: frozenset[Side] = frozenset(Side)

    def values(self, fields: Fields) -> Values | None:
        """This unit's part of a snapshot; None where any of its fields is missing, for missing is not null."""
        if any(name not in fields for name in self.fields):
            return None
        return tuple(fields[name] for name in self.fields)


@dataclass(frozen=True)
class ObjectMapping:
    """One Salesforce object and one Postgres table.

    Attributes:
        name: the mapping's name in the file.
        object: Salesforce API name.
        table: schema-qualified table name.
        key: primary key columns.
        key_types: Postgres types of the key columns, as ``format_type`` spells them.
        fields: mapped fields.
        units: the same fields as merge units; each field is in exactly one.
        first_contact: who decides where a record was on both sides before the sync began, and differs.
        on_delete: what a deletion does to the other side.
        creates: the sides that the sync may create records on.
        lock_group: a reference field; writes that share its value lock the same parent in Salesforce.
        match: Salesforce fields by which records of two filled sides are recognised as one.
        soql: filter of the Salesforce side; None: every record.
        sql: filter of the Postgres side; None: every row.
    """

    name: str
    object: str
    table: str
    key: tuple[str, ...]
    key_types: tuple[str, ...]
    fields: tuple[Field, ...]
    units: tuple[Unit, ...]
    first_contact: Policy = Policy.HOLD
    on_delete: OnDelete = OnDelete.PROPAGATE
    creates: frozenset[Side] = frozenset(Side)
    lock_group: str | None = None
    match: tuple[str, ...] = ()
    soql: str | None = None
    sql: str | None = None

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by Salesforce name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def by_unit(self) -> dict[str, Unit]:
        """The merge units by name."""
        return {unit.name: unit for unit in self.units}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Salesforce names of the mapped fields, in the mapping's order."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def shapes(self) -> dict[str, str]:
        """By merge unit, a digest of what it is made of: a base is of these fields and columns, and of no others."""
        columns = {field.name: field.column for field in self.fields}
        made_of = {unit.name: ",".join(f"{name}={columns[name]}" for name in unit.fields) for unit in self.units}
        return {name: hashlib.sha256(text.encode()).hexdigest()[:8] for name, text in made_of.items()}

    def complete(self, fields: Fields) -> bool:
        """Whether a snapshot holds every mapped field."""
        return all(name in fields for name in self.names)

    def alike(self, fields: Fields, wanted: Fields) -> bool:
        """Whether a snapshot holds these values in every match field; a null or a missing value matches nothing."""
        return bool(self.match) and all(
            wanted.get(name) is not None and fields.get(name) == wanted[name] for name in self.match
        )


@dataclass(frozen=True)
class Reference:
    """A reference from the child's side.

    Attributes:
        mapping: the child's mapping.
        field: its reference field.
    """

    mapping: ObjectMapping
    field: Field


@dataclass(frozen=True)
class Mappings:
    """All mappings of one installation."""

    mappings: tuple[ObjectMapping, ...]

    @cached_property
    def by_name(self) -> dict[str, ObjectMapping]:
        """By the mapping's name."""
        return {mapping.name: mapping for mapping in self.mappings}

    @cached_property
    def by_object(self) -> dict[str, ObjectMapping]:
        """By Salesforce object."""
        return {mapping.object: mapping for mapping in self.mappings}

    @cached_property
    def by_table(self) -> dict[str, ObjectMapping]:
        """By schema-qualified table."""
        return {mapping.table: mapping for mapping in self.mappings}

    def of(self, identity: Identity) -> ObjectMapping | None:
        """The mapping that covers a record or a row; None: none does."""
        if isinstance(identity, SalesforceId):
            return self.by_object.get(identity.object)
        return self.by_table.get(identity.table)

    @cached_property
    def parents(self) -> frozenset[str]:
        """Names of the mappings that some reference points to."""
        return frozenset(self.references)

    @cached_property
    def references(self) -> dict[str, tuple[Reference, ...]]:
        """What points to a mapping, by its name; mappings that nothing points to are left out."""
        found: dict[str, list[Reference]] = {}
        for mapping in self.mappings:
            for field in mapping.fields:
                if field.parent is not None:
                    found.setdefault(field.parent, []).append(Reference(mapping, field))
        return {name: tuple(references) for name, references in found.items()}
