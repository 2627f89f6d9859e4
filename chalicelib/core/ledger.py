"""What the ledger remembers of a record: bases, intent, links, open issues, answers; and its history and issues.

Kept small on purpose: long texts stand as digests (:func:`chalicelib.core.model.condense`); full values stand only in
issue and history items.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from chalicelib.core.mapping import Values
from chalicelib.core.model import Fields, Identity, Known, PrimaryKey, RecordKey, Side, same

Remembered: TypeAlias = tuple[Known, ...]  # a unit's values as the ledger knows them

FORMAT_VERSION = 1


def alike(left: Remembered | None, right: Remembered | None) -> bool:
    """Whether two units' values are equal; None (not known) equals nothing."""
    if left is None or right is None or len(left) != len(right):
        return False
    return all(same(a, b) for a, b in zip(left, right, strict=True))


class BaseState(StrEnum):
    """How the two sides stand to the agreed value of a unit."""

    AGREED = "agreed"  # both sides held it
    FORM = "form"  # one side stored another form of what was written; the other is to follow once
    HALF = "half"  # a person's answer landed on one side; the other is to get it
    CONTESTED = "contested"  # no base: a half-landed answer met another edit; only a person decides
    STOPPED = "stopped"  # an echo storm was stopped here: each side keeps its own form


@dataclass(frozen=True, slots=True)
class Base:
    """The three bases of a unit.

    Attributes:
        agreed: the value that both sides last agreed on.
        postgres: what Postgres is known to hold of it.
        salesforce: what Salesforce is known to hold of it.
        state: how the three stand to each other.
    """

    agreed: Remembered | None
    postgres: Remembered | None
    salesforce: Remembered | None
    state: BaseState = BaseState.AGREED

    def of(self, side: Side) -> Remembered | None:
        """What one side is known to hold."""
        return self.postgres if side is Side.POSTGRES else self.salesforce


class Existence(StrEnum):
    """A planned write that makes a side be there, or not."""

    INSERT_POSTGRES = "insert_postgres"
    DELETE_POSTGRES = "delete_postgres"
    CREATE_SALESFORCE = "create_salesforce"
    DELETE_SALESFORCE = "delete_salesforce"
    UNDELETE_SALESFORCE = "undelete_salesforce"

    @property
    def side(self) -> Side:
        """The side that is written."""
        return Side.POSTGRES if self in (Existence.INSERT_POSTGRES, Existence.DELETE_POSTGRES) else Side.SALESFORCE

    @property
    def alive(self) -> bool:
        """Whether the side is there afterwards."""
        return self not in (Existence.DELETE_POSTGRES, Existence.DELETE_SALESFORCE)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a settle step is about to write, recorded before it writes.

    Attributes:
        operation: operation id, the marker on both sides.
        target: the values that both sides should hold, per unit; held units are not part of it.
        on_postgres: units that are written in Postgres.
        on_salesforce: units that are written in Salesforce.
        seen_postgres: what Postgres held, per unit.
        seen_salesforce: what Salesforce held, per unit.
        existence: a planned insert, delete or undelete; None: both sides are there.
        alive: whether the record is to be there afterwards.
        lease_until: seconds since the epoch until which no other worker may act; 0: given back.
        failed: the holder saw its existence write fail, or a condition fail.
        answers: ids of the persons' answers that it carries out.
    """

    operation: str
    target: Mapping[str, Remembered]
    on_postgres: frozenset[str]
    on_salesforce: frozenset[str]
    seen_postgres: Mapping[str, Remembered]
    seen_salesforce: Mapping[str, Remembered]
    existence: Existence | None
    alive: bool
    lease_until: float
    failed: bool = False
    answers: frozenset[str] = frozenset()

    def writes_on(self, side: Side) -> bool:
        """Whether values or the record itself are to change on one side."""
        units = self.on_postgres if side is Side.POSTGRES else self.on_salesforce
        return bool(units) or (self.existence is not None and self.existence.side is side)


class IssueKind(StrEnum):
    """What a person should see."""

    CONFLICT = "CONFLICT"  # both sides changed one unit to different values
    DELETE_EDIT = "DELETE_EDIT"  # one side was deleted, the other edited
    REJECTED = "REJECTED"  # a system refused a write
    PARENT_MISSING = "PARENT_MISSING"  # a child waits for its parent
    CHILDREN_LEFT = "CHILDREN_LEFT"  # a deletion waits for those that refer to it
    ECHO_STORM = "ECHO_STORM"  # automation of the two sides never agrees
    UNDELIVERABLE = "UNDELIVERABLE"  # a message that could not be worked off


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """An issue as the record's entry knows it.

    Attributes:
        id: issue id.
        kind: what it is about.
        postgres: the value of Postgres that it shows; None where it shows none.
        salesforce: the value of Salesforce that it shows.
        opened_at: seconds since the epoch.
    """

    id: str
    kind: IssueKind
    postgres: Remembered | None
    salesforce: Remembered | None
    opened_at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's decision: good only while both sides are as they were shown.

    Attributes:
        id: answer id.
        value: the value that both sides are to hold.
        postgres: what was shown of Postgres.
        salesforce: what was shown of Salesforce.
        actor: who decided.
        reverts: it puts an earlier value back where nothing is in question; else it decides a conflict.
        ignores: it writes nothing: the issue is closed as ignored, and both sides stay as they are.
        reason: why it is ignored, in the person's words.
    """

    id: str
    value: Values
    postgres: Remembered
    salesforce: Remembered
    actor: str
    reverts: bool = False
    ignores: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A conflict that a person has chosen to leave: it is none as long as both sides are as they were shown.

    Attributes:
        postgres: what was shown of Postgres.
        salesforce: what was shown of Salesforce.
        actor: who ignores it.
        reason: why, in the person's words.
    """

    postgres: Remembered
    salesforce: Remembered
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that a system refused.

    Attributes:
        named: whether the system named the fields to blame.
        items: the refused values by Salesforce field name: those of the named fields, else of the whole write.
        seen: what the refusing side held, by field, when it refused; when that changes, the write is tried again.
        rest: where fields are named: the write that was refused beside them without naming any; None: none was.
    """

    named: bool
    items: Mapping[str, Known]
    seen: Mapping[str, Known]
    rest: Mapping[str, Known] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The ledger's state of one record.

    Attributes:
        key: record key.
        mapping: name of its mapping.
        version: grows by one with every write of a settle step.
        dirty: grows by one with every message that met a lease, every answer and every operator's action.
        alive: whether the record is there; False: a tombstone; None: not settled yet.
        survivor: of a tombstone whose deletion is not propagated: the side that still has the record.
        sfid: linked Salesforce id.
        pk: linked primary key.
        bases: per unit; a unit that is missing was never seen on both sides.
        shapes: per unit, :attr:`ObjectMapping.shapes` as they were when its base was written.
        intent: what was about to be written; None: nothing is under way.
        issues: open issues by slot: a unit's name, or "*delete", "*salesforce", "*postgres", "*parent", "*children".
        answers: persons' decisions that wait to be carried out, by unit, or by the slot of the issue.
        ignored: conflicts that a person has chosen to leave, by unit.
        refusals: parked writes, by the side that refused.
        hops: sync writes in a row that only followed automation.
        echoes: values that automation set beside our own write, by side and unit.
        salesforce_second: the newest LastModifiedDate that was settled, seconds since the epoch.
        updated_at: seconds since the epoch of the last write of the entry.
        outside: whether the record was last seen not to match the mapping's filter on a side: nothing is carried.
    """

    key: RecordKey
    mapping: str
    version: int = 0
    dirty: int = 0
    alive: bool | None = None
    survivor: Side | None = None
    sfid: str | None = None
    pk: PrimaryKey | None = None
    bases: Mapping[str, Base] = field(default_factory=dict)
    intent: Intent | None = None
    issues: Mapping[str, OpenIssue] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    refusals: Mapping[Side, Refusal] = field(default_factory=dict)
    hops: int = 0
    echoes: Mapping[tuple[Side, str], Remembered] = field(default_factory=dict)
    salesforce_second: int = 0
    updated_at: float = 0.0
    shapes: Mapping[str, str] = field(default_factory=dict)
    outside: bool = False
    ignored: Mapping[str, Ignored] = field(default_factory=dict)

    def leased(self, now: float) -> bool:
        """Whether a worker holds the record at ``now`` (seconds since the epoch)."""
        return self.intent is not None and self.intent.lease_until > now


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue in full, as people see it.

    Attributes:
        id: issue id; sorts by time of opening.
        key: record key.
        mapping: name of the mapping.
        slot: see :attr:`Entry.issues`.
        kind: what it is about.
        opened_at: seconds since the epoch.
        updated_at: seconds since the epoch.
        closed_at: seconds since the epoch; None: open.
        reason: why it was closed, in plain words; empty while it is open.
        fields: the Salesforce fields that it is about.
        base: the values last agreed on, by field; empty where unknown.
        postgres: Postgres' values, by field.
        salesforce: Salesforce's values, by field.
        code: the refusing system's own code; empty where none refused.
        text: the refusing system's own text.
        actors: who changed it, by side, where known.
        sfid: Salesforce id, where known.
        pk: primary key, where known.
        ignored: whether it was closed because a person ignores it.
    """

    id: str
    key: RecordKey
    mapping: str
    slot: str
    kind: IssueKind
    opened_at: float
    updated_at: float
    closed_at: float | None = None
    reason: str = ""
    fields: tuple[str, ...] = ()
    base: Mapping[str, Known] = field(default_factory=dict)
    postgres: Fields = field(default_factory=dict)
    salesforce: Fields = field(default_factory=dict)
    code: str = ""
    text: str = ""
    actors: Mapping[Side, str] = field(default_factory=dict)
    sfid: str | None = None
    pk: PrimaryKey | None = None
    ignored: bool = False


class Cause(StrEnum):
    """Why a value was written or kept."""

    EDIT = "edit"  # an edit of the other side was carried over
    POLICY = "policy"  # a policy decided a conflict
    ANSWER = "answer"  # a person decided
    REVERT = "revert"  # a person put an earlier value back
    FORM = "form"  # the other side had stored another form
    CREATE = "create"
    DELETE = "delete"
    UNDELETE = "undelete"
    WITHDRAWN = "withdrawn"  # the operation's write of this side, told of before, did not take place


@dataclass(frozen=True, slots=True)
class History:
    """What one write overwrote, and by what. It is told of before it takes place; see :mod:`chalicelib.core.history`.

    Attributes:
        key: record key.
        mapping: name of the mapping.
        at: seconds since the epoch.
        operation: operation id.
        side: the side that was written.
        cause: why.
        before: what stood there, by field.
        after: what was written, by field; empty for a deletion.
        actor: who made the edit that was carried over, where known.
        merged_into: of a deletion: the record that this one was merged into in Salesforce.
    """

    key: RecordKey
    mapping: str
    at: float
    operation: str
    side: Side
    cause: Cause
    before: Fields
    after: Fields
    actor: str | None = None
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One conditional write of the ledger: all of it, or nothing.

    Attributes:
        seen: the entry that the decision rests on; None: there was none. The condition is its version and dirty.
        entry: the entry afterwards; its version is one higher.
        links: look-ups that are to lead to this key; the write fails where one leads to another key.
        issues: issues that were opened, updated or closed.
        history: values that were overwritten.
        taken: look-ups that lead to this key from now on, whoever had them: a primary key that another row has got.
    """

    seen: Entry | None
    entry: Entry
    links: tuple[Identity, ...] = ()
    issues: tuple[Issue, ...] = ()
    history: tuple[History, ...] = ()
    taken: tuple[Identity, ...] = ()
