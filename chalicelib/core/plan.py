"""The plan of one record: what was seen, and what is to be written where."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.ledger import Base, Cause, Existence, Ignored, IssueKind, Remembered
from chalicelib.core.mapping import Values
from chalicelib.core.model import Record, Row, Side, Value
from chalicelib.core.recover import Ground

DELETE_SLOT = "*delete"
PARENT_SLOT = "*parent"
CHILDREN_SLOT = "*children"
WAITS = {
    PARENT_SLOT: "the parent is there, or not referred to any more",
    CHILDREN_SLOT: "nobody refers to it any more, or it is not to be deleted any more",
    DELETE_SLOT: "it is not deleted any more on one side",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Both sides of a record as they were read.

    Attributes:
        postgres: the row; None: there is none.
        salesforce: the record, in the recycle bin perhaps; None: there is none.
        postgres_edited_at: when a user last changed a unit in Postgres (None: not known), for units that ask for it.
        needed: whether one that refers to it, and outlives its deletion, waits for it to be there.
        winners: of parents that were merged into others, by id: what references of the row mean.
    """

    postgres: Row | None
    salesforce: Record | None
    postgres_edited_at: Mapping[str, float | None] = field(default_factory=dict)
    needed: bool = False
    winners: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_postgres(self) -> bool:
        """Whether the row is there."""
        return self.postgres is not None

    @property
    def in_salesforce(self) -> bool:
        """Whether the record is there and not in the recycle bin."""
        return self.salesforce is not None and not self.salesforce.deleted

    @property
    def merged_into(self) -> str | None:
        """The record that it was merged into in Salesforce; None: into none, or it was undeleted since."""
        return self.salesforce.merged_into if self.salesforce is not None and self.salesforce.deleted else None

    @property
    def outside(self) -> bool:
        """Whether what is there of the record does not match the mapping's filter."""
        row, record = self.postgres, self.salesforce
        return (row is not None and row.outside) or (record is not None and not record.deleted and record.outside)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict to show, or one that a policy has just decided.

    Attributes:
        slot: a unit's name, DELETE_SLOT, PARENT_SLOT or CHILDREN_SLOT.
        kind: what it is about.
        postgres: Postgres' value; None: it has none.
        salesforce: Salesforce's value; None: it has none.
        decision: how a policy decided it, in plain words; empty: it waits for a person.
        text: what is to be said beside the values, in plain words.
    """

    slot: str
    kind: IssueKind
    postgres: Remembered | None
    salesforce: Remembered | None
    decision: str = ""
    text: str = ""


@dataclass(slots=True)
class Plan:
    """What a pass is to do.

    Attributes:
        alive: whether the record is to be there afterwards.
        survivor: the side that keeps a record whose deletion is not propagated.
        existence: a planned insert, delete or undelete.
        held: whether one side is gone and a person has to say whether the other is to go.
        target: per unit, what both sides should hold; units that are held, stopped or refused are left out.
        on_postgres: units to write in Postgres.
        on_salesforce: units to write in Salesforce.
        fields: per side, the fields to write and their values: those of the units above that differ there.
        bases: the bases as the merge leaves them, before any write.
        conflicts: conflicts to open or to update, and those that a policy decided.
        closed: slots of open issues that are over, with the reason.
        causes: per unit of the target, why.
        answers: ids of the persons' answers that this plan carries out.
        deciders: per unit, the person whose answer decided it.
        refused_answers: units whose answer came too late.
        moved_by_user: units of the target that carry a user's change.
        moved_by_automation: units of the target that only follow a form, or pass on what automation did beside our
            own write.
        link: the row is to get the Salesforce id.
        held_back: sides on which a write is left out because it was refused before.
        outside: whether the record does not match the mapping's filter, so that nothing is carried.
        left: slots of open issues that a person ignores from now on.
        marks: per unit in conflict, that a person ignores it from now on.
        unmarked: units of which it is over that a person ignores them: a side has moved, or they agree.
        undated: units whose conflict ``newest_wins`` decides, but whose time in Postgres was not given.
    """

    alive: bool | None
    survivor: Side | None = None
    existence: Existence | None = None
    held: bool = False
    target: dict[str, Values] = field(default_factory=dict)
    on_postgres: set[str] = field(default_factory=set)
    on_salesforce: set[str] = field(default_factory=set)
    fields: dict[Side, dict[str, Value]] = field(default_factory=dict)
    bases: dict[str, Base] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    causes: dict[str, Cause] = field(default_factory=dict)
    answers: set[str] = field(default_factory=set)
    deciders: dict[str, str] = field(default_factory=dict)
    refused_answers: list[str] = field(default_factory=list)
    moved_by_user: set[str] = field(default_factory=set)
    moved_by_automation: set[str] = field(default_factory=set)
    link: bool = False
    held_back: set[Side] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    marks: dict[str, Ignored] = field(default_factory=dict)
    unmarked: set[str] = field(default_factory=set)
    undated: list[str] = field(default_factory=list)
    outside: bool = False

    @property
    def writes(self) -> bool:
        """Whether anything is to be written on either side."""
        return bool(self.on_postgres or self.on_salesforce or self.existence or self.link)

    def put_off(self, ground: Ground) -> None:
        """Write nothing of the record: its creation has to wait."""
        self.existence, self.link, self.alive, self.bases = None, False, ground.alive, dict(ground.bases)
        self.conflicts.clear()
        self.unmarked.clear()
        for name in list(self.target):
            self.leave_out(name)

    def leave_out(self, unit: str) -> None:
        """Take a unit out of the target."""
        for planned in (self.target, self.closed):
            planned.pop(unit, None)
        for units in (self.on_postgres, self.on_salesforce, self.moved_by_user, self.moved_by_automation):
            units.discard(unit)

    def writes_on(self, side: Side) -> bool:
        """Whether anything is to be written on one side."""
        units = self.on_postgres if side is Side.POSTGRES else self.on_salesforce
        existence = self.existence is not None and self.existence.side is side
        return bool(units) or existence or (self.link and side is Side.POSTGRES)
