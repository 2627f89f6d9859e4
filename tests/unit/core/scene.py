"""A stage for the settle step: two systems, a ledger and a queue in memory, and what happens to them in plain words.

The queue works as the real one does: every commit on either side sends a message, a message that was not acknowledged
comes again after the time that its outcome names, and nothing else ever looks at a record. So a record that stays
apart after :meth:`Scene.drain` was forgotten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.core.ledger import Answer, Base, Entry, Issue, IssueKind
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping, Policy, Unit, Values
from chalicelib.core.model import Change, Fields, Hint, PrimaryKey, Record, RecordKey, RowId, SalesforceId, Side
from chalicelib.core.ports import Kept, Stale
from chalicelib.core.settle import Settler
from chalicelib.core.work import Outcome, Result
from chalicelib.core.writing import Limits
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.fakes.ledger import MemoryLedger
from tests.fakes.records import MemoryRecords
from tests.fakes.rows import Captured, Cell, MemoryRows
from tests.unit.core.wire import Wire, WorkerDied

ORG = "00D000000000001EAA"
LIMITS = Limits(lease=25.0, margin=5.0, rounds=6)
REDELIVERY = 2.0  # seconds until a message comes again whose outcome names no time
VISIBILITY = 60.0  # seconds until the messages of a worker that died come again
ADDRESS = ("City", "Zip")


def account(**changes: Any) -> ObjectMapping:
    """Two plain fields, a long text and a field group.

    Args:
        changes: of the mapping; ``units`` may be a mapping of a unit's name to changes of that unit.
    """
    fields = (
        Field("Name", "name", Kind.TEXT, "text"),
        Field("Phone", "phone", Kind.TEXT, "text"),
        Field("Note", "note", Kind.TEXT, "text"),
        Field("City", "city", Kind.TEXT, "text"),
        Field("Zip", "zip", Kind.TEXT, "text"),
    )
    units = (Unit("Name", ("Name",)), Unit("Phone", ("Phone",)), Unit("Note", ("Note",)), Unit("place", ADDRESS))
    return _changed(ObjectMapping("account", "Account", "public.account", ("id",), ("bigint",), fields, units), changes)


def contact(**changes: Any) -> ObjectMapping:
    """A child of an account."""
    fields = (
        Field("LastName", "last_name", Kind.TEXT, "text"),
        Field("AccountId", "account_id", Kind.REFERENCE, "bigint", parent="account"),
    )
    units = (Unit("LastName", ("LastName",)), Unit("AccountId", ("AccountId",)))
    return _changed(ObjectMapping("contact", "Contact", "public.contact", ("id",), ("uuid",), fields, units), changes)


def _changed(mapping: ObjectMapping, changes: Mapping[str, Any]) -> ObjectMapping:
    """A mapping with changes; ``policy`` changes every unit, and a further field is a unit of its own."""
    given = dict(changes)
    of_units, policy = given.pop("units", {}), given.pop("policy", Policy.HOLD)
    covered = {name for unit in mapping.units for name in unit.fields}
    further = (Unit(field.name, (field.name,)) for field in given.get("fields", ()) if field.name not in covered)
    units = (*mapping.units, *further)
    changed = (replace(unit, **{"policy": policy, **of_units.get(unit.name, {})}) for unit in units)
    return replace(mapping, units=tuple(changed), **given)


@dataclass
class Pair:
    """A record by its names on both sides, as far as they exist."""

    object: str
    table: str
    sfid: str | None = None
    pk: PrimaryKey | None = None


class Scene:
    """See the module.

    Args:
        contacts: changes of the child's mapping.
        apex: whether Salesforce is written by the Apex writer.
        limits: of the settle step.
        changes: of the account's mapping.
    """

    def __init__(
        self,
        *,
        contacts: Mapping[str, Any] | None = None,
        apex: bool = True,
        limits: Limits = LIMITS,
        **changes: Any,
    ) -> None:
        self.clock = FakeClock()
        self.mapping = account(**changes)
        self.child = contact(**(contacts or {}))
        self.mappings = Mappings((self.mapping, self.child))
        self.ledger = MemoryLedger()
        self.rows = MemoryRows(self.mappings, self.clock)
        self.records = MemoryRecords(self.clock, apex=apex)
        self.records.parents = {"Contact": {"AccountId": "Account"}}
        self.hints = MemoryHints()
        self.wire = Wire()
        self.queue: list[Hint] = []
        self.rows.listeners.append(self._captured)
        self.records.listeners.append(self._saved)
        self.settler = Settler(
            mappings=self.mappings,
            ledger=self.wire.port("ledger", self.ledger),
            rows=self.wire.port("rows", self.rows),
            records=self.wire.port("records", self.records),
            hints=self.wire.port("hints", self.hints),
            clock=self.clock,
            organization_id=ORG,
            limits=limits,
        )

    # --- messages

    def _captured(self, captured: Captured) -> None:
        self.queue.append(captured.hint)

    def _saved(self, identity: SalesforceId, change: Change, record: Record) -> None:
        content = None if change in {Change.DELETED, Change.UNDELETED} else record
        self.queue.append(Hint(identity, change, f"sf-{self.clock.new_id()}", actor=record.modified_by, record=content))

    def message(self, pair: Pair, side: Side, *, content: bool = True) -> Hint:
        """A message about a record, as its side would send it now."""
        name = f"message-{self.clock.new_id()}"
        if side is Side.POSTGRES:
            return Hint(self.row_id(pair), Change.UPDATED, name, sfid=pair.sfid)
        identity = SalesforceId(pair.object, pair.sfid or "")
        return Hint(identity, Change.UPDATED, name, record=self.record(pair) if content else None)

    @staticmethod
    def row_id(pair: Pair) -> RowId:
        """How Postgres names a record."""
        return RowId(pair.table, pair.pk or ())

    def take(self) -> list[Hint]:
        """Every message that waits."""
        taken, self.queue = [*self.queue, *self.hints.take()], []
        return taken

    def settle(self, *hints: Hint) -> Sequence[Outcome]:
        """One worker takes these messages, or all that wait; those not acknowledged are left to the caller."""
        return self.settler.settle(hints or self.take())

    def results(self, *hints: Hint) -> list[Result]:
        """The same, and what became of each."""
        return [outcome.result for outcome in self.settle(*hints)]

    def drain(self, *, most: int = 40) -> list[Outcome]:
        """Deliver messages until none is left; what is not acknowledged comes again when its outcome says."""
        seen: list[Outcome] = []
        for _ in range(most):
            hints = self.take()
            if not hints:
                return seen
            self.clock.advance(1.0)
            self._deliver(hints, seen)
        raise AssertionError(f"messages go round for ever: {[outcome.result for outcome in seen[-6:]]}")

    def _deliver(self, hints: Sequence[Hint], seen: list[Outcome]) -> None:
        outcomes = self.settler.settle(hints)
        again = [outcome for outcome in outcomes if not outcome.acknowledged]
        self.clock.advance(max((REDELIVERY if o.after is None else o.after for o in again), default=0.0))
        self.queue.extend(replace(outcome.hint, record=None) for outcome in again)
        seen.extend(outcomes)

    # --- what is there

    def row(self, pair: Pair) -> dict[str, Any] | None:
        """A row's mapped values; None: there is none."""
        row = self.rows.rows(pair.table).get(pair.pk or ())
        return None if row is None else dict(row.values)

    def record(self, pair: Pair) -> Record:
        """A Salesforce record, in the bin perhaps."""
        record = self.records.peek(pair.sfid or "")
        if record is None:
            raise AssertionError(f"there is no record {pair.sfid}")
        return record

    def in_salesforce(self, pair: Pair) -> dict[str, Any] | None:
        """A record's values; None: there is none, or it lies in the bin."""
        record = self.records.peek(pair.sfid or "")
        return None if record is None or record.deleted else dict(record.values)

    def both(self, pair: Pair, *names: str) -> tuple[Any, ...]:
        """A field, or several, in Postgres and then in Salesforce."""
        row, record = self.row(pair) or {}, self.in_salesforce(pair) or {}
        sides = [tuple(values.get(name) for name in names) for values in (row, record)]
        return tuple(values[0] if len(names) == 1 else values for values in sides)

    def key(self, pair: Pair) -> RecordKey:
        """The record key that the ledger has for a record."""
        if pair.sfid is not None and (identity := SalesforceId(pair.object, pair.sfid)) in self.ledger.links:
            return self.ledger.links[identity]
        return self.ledger.links[self.row_id(pair)]

    def entry(self, pair: Pair) -> Entry:
        """The ledger's entry."""
        return self.ledger.entries[self.key(pair)]

    def base(self, pair: Pair, unit: str) -> Base:
        """The bases of a unit."""
        return self.entry(pair).bases[unit]

    def issues(self, kind: IssueKind | None = None) -> list[Issue]:
        """Issues, open ones and closed ones, oldest first."""
        return [issue for issue in self.ledger.issues.values() if kind in (None, issue.kind)]

    def open_issues(self) -> list[Issue]:
        """Issues that wait for a person."""
        return [issue for issue in self.ledger.issues.values() if issue.closed_at is None]

    # --- what users do

    def linked(self, **values: str | None) -> Pair:
        """An account that is on both sides and settled, a while ago."""
        return self._linked(self.mapping, values)

    def linked_contact(self, parent: Pair, **values: str | None) -> Pair:
        """The same of a contact of an account."""
        return self._linked(self.child, {"AccountId": parent.sfid, **values})

    def _linked(self, mapping: ObjectMapping, values: Fields) -> Pair:
        sfid = self.records.add(mapping.object, {**dict.fromkeys(mapping.names), **values})
        self.drain()
        self.clock.advance(60.0)
        pair = Pair(mapping.object, mapping.table, sfid)
        pair.pk = next(pk for pk, row in self.rows.rows(mapping.table).items() if row.sfid == sfid)
        self.wire.calls.clear()
        self.rows.writes.clear()
        self.records.writes.clear()
        self.ledger.history.clear()
        return pair

    def apart(self, postgres: Fields, salesforce: Fields) -> Pair:
        """An account that both sides have, linked by the row's ``sfid``, and that was never settled."""
        sfid = self.records.add("Account", {**dict.fromkeys(self.mapping.names), **salesforce})
        pk = self.rows.insert("public.account", postgres, sfid=sfid)
        return Pair("Account", "public.account", sfid, pk)

    def insert_postgres(self, **cells: Cell) -> Pair:
        """A user inserts an account's row."""
        return Pair("Account", "public.account", pk=self.rows.insert("public.account", cells))

    def insert_salesforce(self, **values: str | None) -> Pair:
        """A user makes an account in Salesforce."""
        sfid = self.records.add("Account", {**dict.fromkeys(self.mapping.names), **values})
        return Pair("Account", "public.account", sfid)

    def find(self, pair: Pair) -> Pair:
        """Complete a pair by what the sync has made."""
        rows = self.rows.rows(pair.table)
        if pair.pk is None:
            pair.pk = next((pk for pk, row in rows.items() if row.sfid == pair.sfid), None)
        elif pair.sfid is None:
            pair.sfid = rows[pair.pk].sfid
        return pair

    def edit_postgres(self, pair: Pair, **cells: Cell) -> None:
        """A user's UPDATE."""
        self.rows.edit(pair.table, pair.pk or (), cells)

    def edit_salesforce(self, pair: Pair, **values: str | None) -> None:
        """A user's save, a second after whatever was before."""
        self.clock.advance(1.0)
        self.records.edit(pair.object, pair.sfid or "", values)

    def edit_both(self, pair: Pair, postgres: Fields, salesforce: Fields) -> None:
        """Edits of both sides that know nothing of each other."""
        self.edit_salesforce(pair, **salesforce)  # type: ignore[arg-type]
        self.edit_postgres(pair, **postgres)

    def delete_postgres(self, pair: Pair) -> None:
        """A user's DELETE."""
        self.rows.delete(pair.table, pair.pk or ())

    def delete_salesforce(self, pair: Pair) -> None:
        """A user moves a record to the recycle bin."""
        self.records.delete(pair.object, pair.sfid or "")

    def answer(self, pair: Pair, unit: str, *value: str | None) -> Kept | Stale:
        """An operator decides a conflict as its issue shows it now, and the record is woken."""
        shown = self.entry(pair).issues[unit]
        answer = Answer(self.clock.new_id(), value, shown.postgres or (), shown.salesforce or (), "operator")
        return self.give(pair, unit, answer)

    def give(self, pair: Pair, unit: str, answer: Answer) -> Kept | Stale:
        """Hand in an answer."""
        kept = self.ledger.answer(self.key(pair), unit, answer)
        self.queue.append(self.message(pair, Side.SALESFORCE, content=False))
        return kept

    def die_before(self, call: str) -> None:
        """A worker takes every message, and dies before its next call; later its messages come again."""
        hints = self.take()

        def die() -> None:
            raise WorkerDied

        self.wire.meanwhile(call, die)
        with pytest.raises(WorkerDied):
            self.settle(*hints)
        self.queue[:0] = hints
        self.clock.advance(VISIBILITY)

    def retry(self, pair: Pair) -> None:
        """An operator has parked writes tried again."""
        self.ledger.clear_refusals(self.key(pair))
        self.queue.append(self.message(pair, Side.SALESFORCE, content=False))


def one(value: str | None) -> Values:
    """The values of a unit of one field."""
    return (value,)
