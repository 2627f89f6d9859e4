"""What the settle step needs of the world. Every port takes many at once; each item has its own condition and outcome.

A port raises a :class:`~chalicelib.core.errors.TwinledgerError` where the whole call failed; it was then not known
whether any of its items took effect. What failed for one item is that item's outcome.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ledger import Entry, EntryChange, Issue
from chalicelib.core.mapping import ObjectMapping, Reference
from chalicelib.core.model import Fields, Hint, Identity, PrimaryKey, Record, RecordKey, Row, RowState, SalesforceId


@dataclass(frozen=True, slots=True)
class Failed:
    """The system answered with an error for this item; its decision is the error's."""

    error: TwinledgerError


# --- ledger


@dataclass(frozen=True, slots=True)
class Moved:
    """The condition failed: somebody else wrote the entry or one of its look-ups.

    Attributes:
        entry: the entry as it is now; None: there is none.
    """

    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The change was written."""


class Ledger(Protocol):
    """The memory of the sync. Reads are consistent: a read sees every write that was answered before it began."""

    def find(self, identities: Collection[Identity]) -> Mapping[Identity, RecordKey]:
        """Look up record keys; identities without a look-up are left out."""
        ...

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries; keys without an entry are left out."""
        ...

    def write(self, changes: Sequence[EntryChange]) -> Sequence[Kept | Moved | Failed]:
        """Write each change under its condition, independently of the others."""
        ...

    def read_issues(self, key: RecordKey, ids: Collection[str]) -> Mapping[str, Issue]:
        """Read issues of one record in full; ids that are not there are left out."""
        ...

    def disturb(self, entries: Sequence[Entry]) -> Sequence[bool]:
        """Add one to ``dirty`` of each entry, provided that its version is still the one seen; False where not."""
        ...

    def wait_for(self, waiters: Collection["Waiter"]) -> None:
        """Register children as waiters on their parents, each in the place of its earlier registration there."""
        ...

    def waiters(self, parents: Collection[Identity]) -> Sequence["Waiter"]:
        """The children that wait for any of these parents."""
        ...

    def forget(self, waiters: Collection["Waiter"]) -> None:
        """Remove waiters, but for those that have registered anew since; one that is gone already is no error."""
        ...

    def waits(self, key: RecordKey) -> Sequence["Waiter"]:
        """What one child is registered for."""
        ...


@dataclass(frozen=True, slots=True)
class Waiter:
    """A child that waits for a parent.

    Attributes:
        parent: whom it waits for, as its own side names it.
        key: its record key.
        hint: what wakes it; its id tells one registration from the next, its time is that of the first.
    """

    parent: Identity
    key: RecordKey
    hint: Hint


# --- both systems


@dataclass(frozen=True, slots=True)
class Stale:
    """The condition failed: the record is no longer what was seen. Nothing was written."""


# --- Postgres


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which row to read: by primary key where one is given, else by Salesforce id; the marker by record key."""

    mapping: ObjectMapping
    key: RecordKey | None
    pk: PrimaryKey | None = None
    sfid: str | None = None


class WriteKind(StrEnum):
    """What a write does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNDELETE = "undelete"


@dataclass(frozen=True, slots=True)
class RowWrite:
    """One conditional write of a row, in a transaction of its own.

    Attributes:
        mapping: the row's mapping.
        kind: create, update or delete.
        key: record key; the marker's key.
        operation: operation id; the marker.
        expected: what was seen; the write fails where row or marker differ. A create expects no row with this sfid
            (and none with this pk, where one is given).
        values: the fields to write, and no others.
        sfid: the link to store in the row; None leaves it as it is.
        pk: for a create: the primary key to take again; None lets the table choose.
        bulk: whether its echo is one of many, and goes by the bulk lane.
    """

    mapping: ObjectMapping
    kind: WriteKind
    key: RecordKey
    operation: str
    expected: RowState
    values: Fields
    sfid: str | None = None
    pk: PrimaryKey | None = None
    bulk: bool = False


@dataclass(frozen=True, slots=True)
class RowWritten:
    """The row was written. ``state`` is what it holds at the end of the transaction, after the user's own triggers."""

    state: RowState


RowOutcome: TypeAlias = RowWritten | Stale | Failed


class Rows(Protocol):
    """The Postgres side."""

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """Read rows and markers, in the order asked."""
        ...

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Row]]:
        """Rows whose match fields hold exactly these values, linked ones too, in the order asked; at most two for each.

        Two tell that the values identify nothing; a null or a missing value matches nothing.
        """
        ...

    def write(self, writes: Sequence[RowWrite]) -> Sequence[RowOutcome]:
        """Write rows, each in its own transaction, under its own condition.

        A delete fails with ChildrenLeft where rows of mapped tables refer to the row, whatever the foreign key says
        of deletions: nothing is deleted but what was to be.
        """
        ...

    def edited_at(self, mapping: ObjectMapping, pk: PrimaryKey, fields: Collection[str]) -> float | None:
        """When a user's statement last changed any of the fields, seconds since the epoch; None where not known.

        Kept only for fields whose policy is ``newest_wins``.
        """
        ...


# --- Salesforce


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which record to read: by id where one is given, else by external id."""

    mapping: ObjectMapping
    id: str | None
    key: RecordKey | None = None


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """One conditional write of a record.

    Attributes:
        mapping: the record's mapping.
        kind: create, update, delete or undelete.
        key: record key; a create sets it, an update sets it where the record has none.
        operation: operation id; the marker.
        expected: what was seen; None for a create.
        values: the fields to write, and no others.
    """

    mapping: ObjectMapping
    kind: WriteKind
    key: RecordKey
    operation: str
    expected: Record | None
    values: Fields


@dataclass(frozen=True, slots=True)
class RecordWritten:
    """The record was written. ``record`` is what it holds after Salesforce's automation."""

    record: Record


RecordOutcome: TypeAlias = RecordWritten | Stale | Failed


class Records(Protocol):
    """The Salesforce side.

    Attributes:
        needs_closed_second: whether a write is safe only where the second of the record's stamp had ended when it
            was read (the conditional writer; the Apex writer compares everything).
    """

    @property
    def needs_closed_second(self) -> bool:
        """See the class."""
        ...

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """Read records, those in the recycle bin included, in the order asked; None where there is none."""
        ...

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """Records, alive, whose match fields hold exactly these values: as :meth:`Rows.match`.

        Raises:
            ConfigurationError: a match field is hidden.
        """
        ...

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """Live records that refer to each of these by one of the references, in the order asked; not all of many."""
        ...

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """Write records, each under its own condition; a create whose key exists already is ``Stale``."""
        ...


# --- the rest


class Clock(Protocol):
    """Time and operation ids: everything that would not be the same when a run is repeated."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def new_id(self) -> str:
        """A new id; ids sort by time of making."""
        ...


class Hints(Protocol):
    """The way to have a record settled (again): both queues behind one port."""

    def send(self, hints: Sequence[Hint]) -> None:
        """Send hints, all of them.

        Raises:
            RetryLater: at least one was not accepted.
        """
        ...
