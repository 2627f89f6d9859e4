"""A Salesforce org in memory, behind the port ``Records``: for the settle step's tests and the simulation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.core.errors import ConfigurationError, ParentMissing, RecordLocked, Rejected, TwinledgerError
from chalicelib.core.mapping import ObjectMapping, Reference
from chalicelib.core.model import Change, Fields, Record, SalesforceId, Value
from chalicelib.core.ports import (
    Clock,
    Failed,
    RecordOutcome,
    RecordQuery,
    Records,
    RecordWrite,
    RecordWritten,
    Stale,
    WriteKind,
)

KEY_FIELD = "Twinledger_Key__c"
SYNC_USER = "005000000000001AAA"
PREFIXES = {"Account": "001", "Contact": "003", "Opportunity": "006", "Lead": "00Q", "Case": "500", "Task": "00T"}


@dataclass(frozen=True)
class Save:
    """One save as automation and refusal rules see it, before it commits."""

    object: str
    id: str
    before: Fields | None  # None: a create
    after: Fields
    by: str


Automation = Callable[[Save], Fields]  # further values that the same save sets
Refusal = Callable[[Save], TwinledgerError | None]  # None lets the save pass
Listener = Callable[[SalesforceId, Change, Record], None]  # called after each commit, with the record as it then is


def _always(*_: object) -> bool:
    return True


@dataclass
class _Stored:
    object: str
    id: str
    values: dict[str, Value]
    key: str | None
    marker: str | None
    modified_at: int
    modified_by: str
    deleted: bool = False
    merged_into: str | None = None
    went_with: str | None = None


@dataclass
class Transaction:
    """A user's save that has its stamp and its row lock, but has not committed: others still read the old values."""

    _commit: Callable[[], None]
    _release: Callable[[], None]

    def commit(self) -> None:
        """Make the save visible, under the stamp it took when it began."""
        self._release()
        self._commit()

    def roll_back(self) -> None:
        """Leave the record as it was."""
        self._release()


@dataclass
class MemoryRecords(Records):
    """An org with whole-second stamps, a recycle bin, automation inside the save, and refusals.

    Attributes:
        clock: the org's clock; a stamp is its whole second at the start of the save.
        apex: whether writes compare values, marker and stamp; False compares the whole-second stamp only, as
            ``If-Unmodified-Since`` does, and has no undelete.
        user: the integration user.
        deletes_move_stamp: whether a user's delete or undelete changes LastModifiedDate and LastModifiedById.
        automation: run in order inside each save; each sees what the earlier ones set.
        refusals: the first error that a rule returns refuses the save.
        parents: reference fields by object, and the object each points to; a write that names a parent which is not
            there alive is refused.
        details: those of the parents' fields whose records go with their parent, by object; they come back with it.
        swept: ids of records that went with a parent that the sync deleted.
        hidden: fields by object that the integration user cannot read.
        inside: by object, whether a record matches the mapping's filter; an object that is missing has none.
        listeners: called after each commit.
        writes: committed writes of the sync, in order.
    """

    clock: Clock
    apex: bool = True
    user: str = SYNC_USER
    deletes_move_stamp: bool = False
    automation: list[Automation] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    parents: dict[str, dict[str, str]] = field(default_factory=dict)
    details: dict[str, set[str]] = field(default_factory=dict)
    swept: set[str] = field(default_factory=set)
    hidden: dict[str, set[str]] = field(default_factory=dict)
    inside: dict[str, Callable[[str, Fields], bool]] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    writes: list[RecordWrite] = field(default_factory=list)
    _stored: dict[str, _Stored] = field(default_factory=dict)
    _locked: set[str] = field(default_factory=set)
    _made: int = 0

    @property
    def needs_closed_second(self) -> bool:
        """See the port."""
        return not self.apex

    # --- the port

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See the port."""
        found = [self._stored.get(query.id) if query.id else self._by_key(query.mapping, query.key) for query in wanted]
        return [
            None if stored is None or stored.object != query.mapping.object else self._record(stored, query.mapping)
            for query, stored in zip(wanted, found, strict=True)
        ]

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See the port."""
        if self.hidden.get(mapping.object, set()) & set(mapping.match):
            raise ConfigurationError("a match field is hidden")
        stored = [each for each in self._stored.values() if each.object == mapping.object and not each.deleted]
        records = [self._record(each, mapping) for each in stored]
        records = [record for record in records if not record.outside]
        return [[record for record in records if mapping.alike(record.values, fields)][:2] for fields in wanted]

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """See the port."""
        live = [stored for stored in self._stored.values() if not stored.deleted]
        return [
            [
                SalesforceId(stored.object, stored.id)
                for one in references
                for stored in live
                if stored.object == one.mapping.object and stored.values.get(one.field.name) == parent
            ]
            for parent in ids
        ]

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port."""
        return [self._write(write) for write in writes]

    def _write(self, write: RecordWrite) -> RecordOutcome:
        if write.kind is WriteKind.CREATE:
            return self._create(write)
        if write.kind is WriteKind.UNDELETE and not self.apex:
            return Failed(Rejected("REST has no undelete: restore the record in Salesforce", code="NO_UNDELETE"))
        stored = self._stored.get(write.expected.id) if write.expected else None
        if stored is not None and stored.id in self._locked:
            return Failed(RecordLocked(f"unable to obtain exclusive access to this record: {stored.id}"))
        if stored is None or not self._as_seen(stored, write):
            return Stale()
        values = write.values if write.kind is WriteKind.UPDATE else {}
        key = write.key if write.kind is WriteKind.UPDATE and stored.key is None else stored.key
        error = self._refused(Save(stored.object, stored.id, stored.values, values, self.user), key)
        if error is not None:
            return Failed(error)
        self._commit(stored, values, self.user, int(self.clock.now()), write)
        return self._written(write, stored)

    def _create(self, write: RecordWrite) -> RecordOutcome:
        if self._by_key(write.mapping, write.key) is not None:
            return Stale()
        record_id = self.new_id(write.mapping.object)
        error = self._refused(Save(write.mapping.object, record_id, None, write.values, self.user), write.key)
        if error is not None:
            return Failed(error)
        stored = _Stored(write.mapping.object, record_id, dict.fromkeys(write.mapping.names), write.key, None, 0, "")
        self._stored[record_id] = stored
        self._commit(stored, write.values, self.user, int(self.clock.now()), write)
        return self._written(write, stored)

    def _as_seen(self, stored: _Stored, write: RecordWrite) -> bool:
        expected = write.expected
        if expected is None or stored.deleted != (write.kind is WriteKind.UNDELETE):
            return False
        if not self.apex:
            return stored.modified_at <= expected.modified_at
        return (
            stored.marker == expected.marker
            and stored.modified_at == expected.modified_at
            and all(stored.values.get(name) == value for name, value in expected.values.items())
        )

    def _written(self, write: RecordWrite, stored: _Stored) -> RecordWritten:
        self.writes.append(write)
        return RecordWritten(self._record(stored, write.mapping))

    # --- what users do

    def new_id(self, object_name: str) -> str:
        """The 18-character id that the next record of an object gets."""
        self._made += 1
        return f"{PREFIXES.get(object_name, 'a00')}{self._made:012d}AAA"

    def add(self, object_name: str, values: Fields, *, by: str = "user", key: str | None = None) -> str:
        """A user creates a record; gives back its id."""
        record_id = self.new_id(object_name)
        self._raise(self._refused(Save(object_name, record_id, None, values, by), key))
        stored = _Stored(object_name, record_id, {}, key, None, 0, "")
        self._stored[record_id] = stored
        self._commit(stored, values, by, int(self.clock.now()))
        return record_id

    def edit(self, object_name: str, record_id: str, values: Fields, *, by: str = "user") -> None:
        """A user edits a record.

        Raises:
            Parked: the org refuses the values.
            RecordLocked: another transaction holds the record.
        """
        self.begin(object_name, record_id, values, by=by).commit()

    def begin(self, object_name: str, record_id: str, values: Fields, *, by: str = "user") -> Transaction:
        """A user's edit that takes its stamp and its lock now and commits later; raises as :meth:`edit`."""
        stored = self._alive(object_name, record_id, deleted=False)
        self._raise(self._refused(Save(object_name, record_id, stored.values, values, by), stored.key))
        stamp = int(self.clock.now())
        self._locked.add(record_id)
        return Transaction(
            lambda: self._commit(stored, values, by, stamp),
            lambda: self._locked.discard(record_id),
        )

    def delete(self, object_name: str, record_id: str, *, by: str = "user") -> None:
        """A user moves a record to the recycle bin, with its details."""
        stored = self._alive(object_name, record_id, deleted=False)
        details = [self._alive(one.object, one.id, deleted=False) for one in self._details(stored)]
        self._move(stored, by, deleted=True)
        for one in details:
            one.went_with = stored.id
            self._move(one, by, deleted=True)

    def undelete(self, object_name: str, record_id: str, *, by: str = "user") -> None:
        """A user takes a record out of the recycle bin, with what went there with it."""
        stored = self._alive(object_name, record_id, deleted=True)
        together = [one for one in self._stored.values() if one.deleted and one.went_with == stored.id]
        self._move(stored, by, deleted=False)
        for one in together:
            self._move(one, by, deleted=False)

    def _details(self, stored: _Stored) -> list[_Stored]:
        return [
            one
            for one in self._stored.values()
            if not one.deleted and any(one.values.get(name) == stored.id for name in self.details.get(one.object, ()))
        ]

    def _let_go(self, stored: _Stored) -> None:
        """What comes out of the bin refers to nothing that is not there."""
        for name, parent in self.parents.get(stored.object, {}).items():
            if self.details and not self._is_alive(parent, stored.values.get(name)):
                stored.values[name] = None

    def merge(self, object_name: str, winner: str, loser: str, *, by: str = "user") -> None:
        """A user merges a record into another one, which gets its children."""
        stored = self._alive(object_name, loser, deleted=False)
        moved = []
        for child in self._stored.values():
            for name, parent in self.parents.get(child.object, {}).items():
                if parent == object_name and child.values.get(name) == loser and not child.deleted:
                    child.values[name] = winner
                    child.modified_at, child.modified_by = int(self.clock.now()), by
                    moved.append(child)
        stored.merged_into, stored.deleted = winner, True
        self._commit(self._alive(object_name, winner, deleted=False), {}, by, int(self.clock.now()))
        self._tell(stored, Change.DELETED)
        for child in moved:
            self._tell(child, Change.UPDATED)

    def purge(self, record_id: str) -> None:
        """Remove a record for good, as emptying the bin does."""
        del self._stored[record_id]

    def peek(self, record_id: str) -> Record | None:
        """A record with all its fields, hidden ones too; for assertions."""
        stored = self._stored.get(record_id)
        return None if stored is None else self._record(stored, None)

    def all(self, object_name: str, *, deleted: bool = False) -> list[Record]:
        """Every record of an object, oldest first; those in the bin only where asked for."""
        return [
            self._record(stored, None)
            for stored in self._stored.values()
            if stored.object == object_name and (deleted or not stored.deleted)
        ]

    def _move(self, stored: _Stored, by: str, *, deleted: bool) -> None:
        stored.deleted, stored.merged_into = deleted, None
        if not deleted:
            stored.went_with = None
            self._let_go(stored)
        if self.deletes_move_stamp:
            stored.modified_at, stored.modified_by = int(self.clock.now()), by
        self._tell(stored, Change.DELETED if deleted else Change.UNDELETED)

    def _alive(self, object_name: str, record_id: str, *, deleted: bool) -> _Stored:
        stored = self._stored[record_id]
        if record_id in self._locked:
            raise RecordLocked(f"unable to obtain exclusive access to this record: {record_id}")
        if stored.object != object_name or stored.deleted != deleted:
            raise Rejected("entity is deleted" if stored.deleted else "no such record", code="ENTITY_IS_DELETED")
        return stored

    # --- a save

    def _refused(self, save: Save, key: str | None) -> TwinledgerError | None:
        """``save.after`` holds what is written only."""
        for name, parent in self.parents.get(save.object, {}).items():
            if save.after.get(name) is not None and not self._is_alive(parent, save.after[name]):
                code = "INVALID_CROSS_REFERENCE_KEY"
                return ParentMissing(f"no {parent} {save.after[name]}", code=code, fields=(name,))
        for other in self._stored.values():
            if key is not None and other.object == save.object and other.key == key and other.id != save.id:
                return Rejected(f"{KEY_FIELD} duplicates value on record with id: {other.id}", code="DUPLICATE_VALUE")
        whole = replace(save, after={**(save.before or {}), **save.after})
        return next((error for rule in self.refusals if (error := rule(whole)) is not None), None)

    def _is_alive(self, object_name: str, record_id: Value) -> bool:
        stored = self._stored.get(str(record_id))
        return stored is not None and stored.object == object_name and not stored.deleted

    @staticmethod
    def _raise(error: TwinledgerError | None) -> None:
        if error is not None:
            raise error

    def _commit(self, stored: _Stored, values: Fields, by: str, stamp: int, write: RecordWrite | None = None) -> None:
        created = stored.modified_at == 0
        save = Save(stored.object, stored.id, None if created else dict(stored.values), {**stored.values, **values}, by)
        if values or write is None:
            for rule in self.automation:
                save = replace(save, after={**save.after, **rule(save)})
        stored.values = dict(save.after)
        stored.modified_at, stored.modified_by = stamp, by
        change = Change.CREATED if created else Change.UPDATED
        if write is not None:
            stored.marker = write.operation
            if write.kind is WriteKind.UPDATE and stored.key is None:
                stored.key = write.key
            if write.kind in (WriteKind.DELETE, WriteKind.UNDELETE):
                stored.deleted, stored.merged_into = write.kind is WriteKind.DELETE, None
                if not stored.deleted:
                    stored.went_with = None
                    self._let_go(stored)
                change = Change.DELETED if stored.deleted else Change.UNDELETED
        self._tell(stored, change)
        if change is Change.DELETED:
            for one in self._details(stored):
                self.swept.add(one.id)
                one.went_with = stored.id
                self._move(one, by, deleted=True)

    def _tell(self, stored: _Stored, change: Change) -> None:
        for listener in self.listeners:
            listener(SalesforceId(stored.object, stored.id), change, self._record(stored, None))

    # --- a look

    def _by_key(self, mapping: ObjectMapping, key: str | None) -> _Stored | None:
        found: Iterable[_Stored] = (s for s in self._stored.values() if s.object == mapping.object and s.key == key)
        return min(found, key=lambda stored: (stored.deleted, -stored.modified_at), default=None) if key else None

    def _record(self, stored: _Stored, mapping: ObjectMapping | None) -> Record:
        hidden = self.hidden.get(stored.object, set()) if mapping else set()
        names = mapping.names if mapping else tuple(stored.values)
        return Record(
            id=stored.id,
            key=stored.key,
            deleted=stored.deleted,
            values={name: stored.values.get(name) for name in names if name not in hidden},
            marker=stored.marker,
            modified_at=stored.modified_at,
            modified_by=stored.modified_by,
            ours=stored.modified_by == self.user,
            second_open=self.clock.now() < stored.modified_at + 1,
            merged_into=stored.merged_into,
            outside=mapping is not None and not self.inside.get(stored.object, _always)(stored.id, stored.values),
        )
