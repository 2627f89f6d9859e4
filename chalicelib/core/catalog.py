"""What the two systems say of themselves, as far as a mapping needs it: filled by their adapters."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SalesforceField:
    """One field of an object, from sObject Describe (REST API Developer Guide, "sObject Describe").

    Attributes carry the names of the describe result, in snake case.
    """

    name: str
    label: str
    type: str
    length: int
    precision: int
    scale: int
    nillable: bool
    createable: bool
    updateable: bool
    calculated: bool
    auto_number: bool
    external_id: bool
    unique: bool
    restricted_picklist: bool
    reference_to: tuple[str, ...]
    compound: bool = False  # an address or a person's name that other fields make up
    defaulted_on_create: bool = False  # Salesforce fills it where a create leaves it out


@dataclass(frozen=True, slots=True)
class SalesforceObject:
    """One object that the integration user can see; ``fields`` by API name, hidden ones are not there."""

    name: str
    fields: Mapping[str, SalesforceField]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: as in the catalog.
        type: ``format_type`` of the column: "character varying(80)", "numeric(18,2)".
        nullable: whether it takes NULL.
        generated: whether Postgres computes it (GENERATED ALWAYS AS ... STORED).
        has_default: whether an insert may leave it out (default or identity).
    """

    name: str
    type: str
    nullable: bool
    generated: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One table that the connected role can see.

    Attributes:
        name: schema-qualified, as in the mapping file.
        columns: by name.
        primary_key: column names; empty where there is none.
        foreign_keys: referencing column to referenced table (schema-qualified) and column; single-column keys only.
        indexed: the columns by which an index of the whole table finds rows: the first one of each.
    """

    name: str
    columns: Mapping[str, Column]
    primary_key: tuple[str, ...]
    foreign_keys: Mapping[str, tuple[str, str]]
    indexed: frozenset[str] = frozenset()
