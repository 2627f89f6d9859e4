"""Mappings as people declare them, before any look at a database or an org."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.core.mapping import OnDelete, Policy
from chalicelib.core.model import Side

KEY_FIELD = "Twinledger_Key__c"  # unique external id: the record key
MARKER_FIELD = "Twinledger_Op__c"  # operation id of our last write
LINK_COLUMN = "sfid"  # the record's Salesforce id in its row


class Direction(StrEnum):
    """Which way edits are carried."""

    BOTH = "both"
    TO_POSTGRES = "to_postgres"
    TO_SALESFORCE = "to_salesforce"

    @property
    def sides(self) -> frozenset[Side]:
        """The sides that are written."""
        if self is Direction.BOTH:
            return frozenset(Side)
        return frozenset({Side.POSTGRES if self is Direction.TO_POSTGRES else Side.SALESFORCE})


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """One entry of [NAME.fields].

    Attributes:
        name: Salesforce API name.
        column: column of the mapping's table.
        conflict: its own policy; None: the mapping's.
        direction: its own direction; None: the mapping's.
        references: name of the parent's mapping; None: no reference.
    """

    name: str
    column: str
    conflict: Policy | None = None
    direction: Direction | None = None
    references: str | None = None


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """One entry of [NAME.groups]: fields that merge as one.

    Attributes:
        name: the group's name.
        fields: Salesforce API names.
        conflict: its own policy; None: that of its members, or the mapping's.
    """

    name: str
    fields: tuple[str, ...]
    conflict: Policy | None = None


@dataclass(frozen=True, slots=True)
class DeclaredMapping:
    """One table [NAME] of the mapping file; the attributes are its keys, with the defaults filled in."""

    name: str
    object: str
    table: str
    key: tuple[str, ...]
    fields: tuple[DeclaredField, ...]
    groups: tuple[DeclaredGroup, ...] = ()
    direction: Direction = Direction.BOTH
    conflict: Policy = Policy.HOLD
    first_contact: Policy = Policy.HOLD
    on_delete: OnDelete = OnDelete.PROPAGATE
    lock_group: str | None = None
    match: tuple[str, ...] = ()
    soql: str | None = None
    sql: str | None = None
