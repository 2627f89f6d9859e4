"""The vocabulary of the sync: sides, values, snapshots, hints.

Values are canonical (see :mod:`chalicelib.core.values`): None, bool or str, whatever the two systems call them, so
that equality of Python objects is equality of data and everything fits into JSON as it is.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = bool | str | None
RecordKey: TypeAlias = str  # the identity of a record on both sides, a UUID in text form
PrimaryKey: TypeAlias = tuple[str, ...]  # Postgres' own text form of each key column, in the mapping's order
Fields: TypeAlias = Mapping[str, Value]  # by Salesforce field name; a field that is missing says nothing

LONG_TEXT = 1024  # characters; a longer text stands in the ledger as its digest


class Side(StrEnum):
    """One of the two systems."""

    SALESFORCE = "salesforce"
    POSTGRES = "postgres"

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side.POSTGRES if self is Side.SALESFORCE else Side.SALESFORCE


@dataclass(frozen=True, slots=True)
class Digest:
    """A long text as the ledger remembers it: enough to tell whether a value is still the same."""

    sha256: str
    length: int


Known: TypeAlias = Value | Digest  # a value as the ledger knows it


def condense(value: Known) -> Known:
    """The form in which the ledger keeps a value: itself, or its digest where it is a long text."""
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return Digest(hashlib.sha256(value.encode()).hexdigest(), len(value))
    return value


def some(fields: Fields, names: Collection[str]) -> dict[str, Value]:
    """The fields of these names, as far as they are there."""
    return {name: value for name, value in fields.items() if name in names}


def same(left: Known, right: Known) -> bool:
    """Whether two values are equal, either of which may be known by its digest only."""
    if isinstance(left, Digest) or isinstance(right, Digest):
        return condense(left) == condense(right)
    return left is right or (type(left) is type(right) and left == right)


@dataclass(frozen=True, slots=True)
class SalesforceId:
    """A record as Salesforce names it: the object's API name and the 18-character id."""

    object: str
    id: str


@dataclass(frozen=True, slots=True)
class RowId:
    """A row as Postgres names it: the schema-qualified table and the primary key."""

    table: str
    key: PrimaryKey


Identity: TypeAlias = SalesforceId | RowId


class Change(StrEnum):
    """What a hint says happened. The settle step reads for itself; this only helps people and metrics."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNDELETED = "undeleted"


@dataclass(frozen=True, slots=True)
class Row:
    """The Postgres side of a record, as read: its mapped columns in canonical form.

    A reference's value is the Salesforce id of the parent. Where the row names a parent that has no Salesforce id
    yet, the field is left out of ``values`` and stands in ``unlinked``. A field whose column holds what has no
    canonical form (NaN, infinity, a date outside the years 1 to 9999) is left out too, and stands in ``unreadable``.
    ``outside`` says that the row does not match the mapping's filter.
    """

    pk: PrimaryKey
    sfid: str | None
    values: Fields
    unlinked: Mapping[str, RowId] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """The last operation of ours that landed on a record in Postgres, and what it left there.

    It outlives the row, and is written in the row's transaction.

    Attributes:
        operation: operation id.
        stored: the mapped fields as they were at the end of that transaction, after the user's own triggers; empty
            after a delete.
    """

    operation: str
    stored: Fields


@dataclass(frozen=True, slots=True)
class RowState:
    """What a look at Postgres found: the row (None: there is none) and the marker (None: we never wrote)."""

    row: Row | None
    marker: Marker | None


@dataclass(frozen=True, slots=True)
class Record:
    """The Salesforce side of a record, as read or as an outbound message carried it.

    Attributes:
        id: 18 characters.
        key: the external id ``Twinledger_Key__c``; None where it is not set.
        deleted: whether the record is in the recycle bin.
        values: the mapped fields that could be read.
        marker: operation id in ``Twinledger_Op__c``.
        modified_at: LastModifiedDate, seconds since the epoch (Salesforce keeps whole seconds).
        modified_by: 18-character user id.
        ours: whether ``modified_by`` is the integration user.
        second_open: whether, by Salesforce's own clock, the second of ``modified_at`` had not ended when the record
            was read: a later edit may carry the same stamp.
        merged_into: of a record in the recycle bin that was merged into another one: that one's id.
        outside: whether it was read not to match the mapping's filter; a message's content does not tell.
    """

    id: str
    key: str | None
    deleted: bool
    values: Fields
    marker: str | None
    modified_at: int
    modified_by: str | None
    ours: bool
    second_open: bool
    merged_into: str | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """A message: this record may differ. Never the truth, but see ``record``.

    Attributes:
        identity: how the side that changed names the record.
        change: what is said to have happened.
        hint_id: deduplication id: Notification/Id, event id or outbox id.
        occurred_at: seconds since the epoch; None where the sender does not say.
        actor: who changed it, as the sender names them; None where unknown.
        record: the record's content where the message is an outbound message; the settle step decides whether it may
            stand for a read.
        sfid: the Salesforce id where a hint from Postgres knows it; messages are grouped by it.
        bulk: whether it is one of many that came at once: it goes by the bulk lane, where nobody waits behind it.
    """

    identity: Identity
    change: Change
    hint_id: str
    occurred_at: float | None = None
    actor: str | None = None
    record: Record | None = None
    sfid: str | None = None
    bulk: bool = False

    @property
    def side(self) -> Side:
        """The side that changed."""
        return Side.SALESFORCE if isinstance(self.identity, SalesforceId) else Side.POSTGRES
