"""What people do: users on both sides, and the operator."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from chalicelib.core.errors import Parked, RecordLocked
from chalicelib.core.ledger import Answer
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import LONG_TEXT, Change, Hint, Record, Row, RowId, SalesforceId, Side, Value
from chalicelib.core.ports import Kept
from chalicelib.core.recover import unit_values
from tests.fakes.rows import Cell
from tests.simulation.habits import plain
from tests.simulation.sample import ACCOUNT, CODE, CONTACT, GROUP, PARENT

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")
TWINS = "twins"


class People:
    """Users and the operator of a world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._random = world.random
        self._written = 0
        self._last: tuple[Side, ObjectMapping, str, dict[str, Value]] | None = None  # an edit that may be taken back

    def _remember(self, side: Side, mapping: ObjectMapping, id_: str, before: dict[str, Value]) -> None:
        """What stood where a user edits; of a field that was empty there is nothing to take back."""
        self._last = None if None in before.values() else (side, mapping, id_, before)

    # --- values

    def _fresh(self) -> str:
        self._written += 1
        text, texts = f"v{self._written}", self._world.weather.texts
        return text.ljust(LONG_TEXT + 1, ".") if texts and self._random.random() < texts else text

    def _values(self, mapping: ObjectMapping, id_: str, before: Mapping[str, object]) -> dict[str, str]:
        """New texts for one or two units; now and then a text that stood there before."""
        names = [name for name in mapping.names if name not in {CODE, PARENT}]
        chosen = self._random.sample(names, self._random.choice((1, 1, 1, 2)))
        if set(GROUP) & set(chosen):
            chosen = sorted({*chosen, *GROUP})
        values = {}
        for name in chosen:
            earlier = [
                text for text in self._world.lineage.past.get((id_, name), []) if text != plain(before.get(name))
            ]
            back = earlier and name not in GROUP and self._random.random() < self._world.weather.returns
            values[name] = self._random.choice(earlier) if back else self._fresh()
        return values

    def _try(self, edit: Callable[[], T]) -> T | None:
        """An edit of a user, who is told at once when it is refused or the record is locked."""
        try:
            return edit()
        except (Parked, RecordLocked):
            return None

    def _by_user(self, author: Mapping[str, int], edit: Callable[[], object]) -> bool:
        lineage = self._world.lineage
        try:
            with lineage.by_user(author):
                edit()
        except (Parked, RecordLocked):
            lineage.users.difference_update(author.values())
            return False
        return True

    def _mapping(self) -> ObjectMapping:
        return self._random.choice(self._world.mappings.mappings)

    # --- Postgres

    def edit_postgres(self) -> None:
        """A user updates a row; of a child now and then the parent."""
        world, mapping = self._world, self._mapping()
        rows = world.rows.rows(mapping.table)
        if not rows:
            return
        pk = self._random.choice(sorted(rows))
        row = rows[pk]
        values = self._values(mapping, pk[0], row.values)
        cells: dict[str, Cell] = dict(values)
        if PARENT in mapping.by_name and self._random.random() < 0.3:
            cells[PARENT] = self._parent_row()
        world.tell(f"user in Postgres: {mapping.table} {pk} {cells}")
        author = world.lineage.edit(Side.POSTGRES, pk[0], values, row.sfid)
        self._remember(Side.POSTGRES, mapping, pk[0], {name: row.values.get(name) for name in values})
        self._by_user(author, lambda: world.rows.edit(mapping.table, pk, cells))

    def take_back(self) -> None:
        """The user who edited last puts back what stood there before."""
        if self._last is None:
            return
        world, (side, mapping, id_, before) = self._world, self._last
        self._last = None
        other = None
        if side is Side.POSTGRES:
            row = world.rows.rows(mapping.table).get((id_,))
            other = row.sfid if row is not None else None
        elif world.records.peek(id_) is not None:
            other = self._row_of(mapping, id_)
        if other is None:
            return
        world.tell(f"user in {side.title()} takes the last edit back: {id_} {before}")
        author = world.lineage.edit(side, id_, before, other)
        if side is Side.POSTGRES:
            self._by_user(author, lambda: world.rows.edit(mapping.table, (id_,), before))
        else:
            self._by_user(author, lambda: world.records.edit(mapping.object, id_, before))

    def insert_postgres(self) -> None:
        """A user inserts a row."""
        world, mapping = self._world, self._mapping()
        values = self._values(mapping, "", {})
        cells: dict[str, Cell] = dict(values)
        if PARENT in mapping.by_name:
            cells[PARENT] = self._parent_row()
        world.tell(f"user in Postgres inserts into {mapping.table} {cells}")
        author = world.lineage.edit(Side.POSTGRES, "", values, None)
        self._by_user(author, lambda: world.rows.insert(mapping.table, cells))

    def family(self) -> None:
        """A user makes a parent and its child, in one system or the other."""
        world, (accounts, contacts) = self._world, self._world.mappings.mappings
        side = self._random.choice(tuple(Side))
        values, child = self._values(accounts, "", {}), self._values(contacts, "", {})
        author, of_child = (world.lineage.edit(side, "", one, None) for one in (values, child))
        world.tell(f"user in {side.title()} makes a family: {values} {child}")
        with world.lineage.by_user({**author, **of_child}):
            if side is Side.POSTGRES:
                pk = world.rows.insert(accounts.table, values)
                world.rows.insert(contacts.table, {**child, PARENT: RowId(accounts.table, pk)})
                if world.weather.circles:
                    other = world.rows.insert(accounts.table, {PARENT: RowId(accounts.table, pk)})
                    world.rows.edit(accounts.table, pk, {PARENT: RowId(accounts.table, other)})
            else:
                parent = world.records.add(ACCOUNT, {**dict.fromkeys(accounts.names), **values})
                world.records.add(contacts.object, {**dict.fromkeys(contacts.names), **child, PARENT: parent})
                if world.weather.circles:
                    twin = world.records.add(ACCOUNT, {**dict.fromkeys(accounts.names), PARENT: parent})
                    world.records.edit(ACCOUNT, parent, {PARENT: twin})

    def delete_postgres(self) -> None:
        """A user deletes a row that no other refers to."""
        world, mapping = self._world, self._deletable()
        rows = world.rows.rows(mapping.table)
        if rows:
            pk = self._random.choice(sorted(rows))
            world.tell(f"user in Postgres deletes {mapping.table} {pk}")
            if self._try(lambda: world.rows.delete(mapping.table, pk)) is None and pk not in world.rows.rows(
                mapping.table
            ):
                world.lineage.forget(Side.POSTGRES, pk[0])

    def delete_clan(self) -> None:
        """A user deletes an account's row with those of its contacts, as ON DELETE CASCADE does."""
        world, (accounts, contacts) = self._world, self._world.mappings.mappings
        rows = world.rows.rows(accounts.table)
        if not rows:
            return
        pk = self._random.choice(sorted(rows))
        below = [
            child
            for child, row in sorted(world.rows.rows(contacts.table).items())
            if row.unlinked.get(PARENT) == RowId(accounts.table, pk)
            or (rows[pk].sfid is not None and row.values.get(PARENT) == rows[pk].sfid)
        ]
        world.tell(f"user in Postgres deletes {accounts.table} {pk} with {below}")
        for mapping, one in (*((contacts, child) for child in below), (accounts, pk)):
            self._try(lambda mapping=mapping, one=one: world.rows.delete(mapping.table, one))  # type: ignore[misc]
            if one not in world.rows.rows(mapping.table):
                world.lineage.forget(Side.POSTGRES, one[0])

    def _deletable(self) -> ObjectMapping:
        """Where there are no clans, accounts are left alone if there are contacts."""
        return self._mapping() if self._world.weather.clans else self._world.mappings.mappings[-1]

    def merge(self) -> None:
        """A user merges two accounts in Salesforce."""
        world, records = self._world, self._world.records.all(ACCOUNT)
        if len(records) < 2:
            return
        winner, loser = self._random.sample(records, 2)
        world.tell(f"user in Salesforce merges {loser.id} into {winner.id}")
        if self._try(lambda: world.records.merge(ACCOUNT, winner.id, loser.id)) is None:
            gone = world.records.peek(loser.id)
            if gone is not None and gone.deleted:
                world.lineage.forget(Side.SALESFORCE, loser.id)

    def part(self) -> None:
        """A person undeletes losers whose rows were edited, or whose children cannot go to a winner that is gone."""
        world = self._world
        for key, entry in sorted(world.ledger.entries.items()):
            record = world.records.peek(entry.sfid or "")
            if entry.alive and record is not None and record.merged_into:
                world.tell(f"user in Salesforce undeletes the loser {record.id}")
                world.records.undelete(ACCOUNT, record.id)
                self.touch(key)

    def _parent_row(self) -> RowId | None:
        rows = sorted(self._world.rows.rows("public.account"))
        return RowId("public.account", self._random.choice(rows)) if rows and self._random.random() < 0.9 else None

    # --- Salesforce

    def edit_salesforce(self) -> None:
        """A user saves a record; a slow save takes its stamp now and commits later."""
        world, mapping = self._world, self._mapping()
        records = world.records.all(mapping.object)
        if not records:
            return
        record = self._random.choice(records)
        values = self._values(mapping, record.id, record.values)
        cells: dict[str, Value] = dict(values)
        if PARENT in mapping.by_name and self._random.random() < 0.3:
            cells[PARENT] = self._parent_record()
        save = self._try(lambda: world.records.begin(mapping.object, record.id, cells))
        if save is None:
            return
        author = world.lineage.edit(Side.SALESFORCE, record.id, values, self._row_of(mapping, record.id))
        self._remember(Side.SALESFORCE, mapping, record.id, {name: record.values.get(name) for name in values})
        weather = world.weather
        takes = self._random.random() * weather.long_save if self._random.random() < weather.slow else 0.0
        world.tell(f"user in Salesforce: {record.id} {cells} takes {takes:.1f} s")

        def commit() -> None:
            with world.lineage.by_user(author):
                save.commit()

        if takes:
            world.saves.append((world.clock.now() + takes, commit))
        else:
            commit()

    def _row_of(self, mapping: ObjectMapping, sfid: str) -> str | None:
        rows = self._world.rows.rows(mapping.table)
        return next((pk[0] for pk, row in rows.items() if row.sfid == sfid), None)

    def insert_salesforce(self) -> None:
        """A user makes a record."""
        world, mapping = self._world, self._mapping()
        values = self._values(mapping, "", {})
        cells: dict[str, Value] = {**dict.fromkeys(mapping.names), **values}
        if PARENT in mapping.by_name:
            cells[PARENT] = self._parent_record()
        world.tell(f"user in Salesforce makes a {mapping.object} {cells}")
        author = world.lineage.edit(Side.SALESFORCE, "", values, None)
        self._by_user(author, lambda: world.records.add(mapping.object, cells))

    def delete_salesforce(self) -> None:
        """A user deletes a record, or takes one out of the recycle bin."""
        world, mapping = self._world, self._deletable()
        everything = world.records.all(mapping.object, deleted=True)
        if not everything:
            return
        record = self._random.choice(everything)
        try:
            if record.deleted:
                world.records.undelete(mapping.object, record.id)
            else:
                together = [record, *(one for one in world.records.all(CONTACT) if one.values.get(PARENT) == record.id)]
                world.records.delete(mapping.object, record.id)
                for one in together:
                    world.lineage.forget(Side.SALESFORCE, one.id)
        except (Parked, RecordLocked):
            return
        world.tell(f"user in Salesforce {'undeletes' if record.deleted else 'deletes'} {record.id}")

    def _parent_record(self) -> str | None:
        records = self._world.records.all(ACCOUNT)
        return self._random.choice(records).id if records and self._random.random() < 0.9 else None

    # --- years before the sync

    def fill(self) -> None:
        """Users have kept both sides for years; every message about it comes while they go on."""
        world, mapping = self._world, self._world.mappings.mappings[0]
        codes = [f"c{number}" for number in range(1, world.weather.filled + 1)]
        halves = [(side, code) for code in codes for side in Side]
        if world.weather.filled:
            halves += [(Side.POSTGRES, TWINS), (Side.POSTGRES, TWINS), (Side.SALESFORCE, TWINS)]
        self._random.shuffle(halves)
        for side, code in halves:
            values = self._values(mapping, "", {}) | {CODE: code}
            author = world.lineage.edit(side, "", values, None)
            if side is Side.POSTGRES:
                self._by_user(author, lambda cells=values: world.rows.insert(mapping.table, cells))  # type: ignore[misc]
            else:
                cells = {**dict.fromkeys(mapping.names), **values}
                self._by_user(author, lambda cells=cells: world.records.add(mapping.object, cells))  # type: ignore[misc]

    # --- the operator

    def answer(self) -> None:
        """An operator answers a conflict with one of its values, or with a new one."""
        world, lineage = self._world, self._world.lineage
        open_ = [
            (key, slot)
            for key, entry in sorted(world.ledger.entries.items())
            for slot, shown in sorted(entry.issues.items())
            if shown.postgres is not None and shown.salesforce is not None
            if slot in world.mappings.by_name[entry.mapping].by_unit
        ]
        if not open_:
            return
        key, slot = self._random.choice(open_)
        entry = world.ledger.entries[key]
        shown, mapping = entry.issues[slot], world.mappings.by_name[entry.mapping]
        postgres, salesforce = shown.postgres or (), shown.salesforce or ()
        names, document = mapping.by_unit[slot].fields, world.ledger.issues[shown.id]
        ours, theirs = (unit_values(mapping, side)[slot] for side in (document.postgres, document.salesforce))
        value = self._random.choice((ours, theirs, None))
        own = value is None and PARENT not in names
        if value is None:
            value = tuple(self._fresh() for _ in names) if own else ours
        edit = lineage.next_edit()
        for name, text, *old in zip(names, value, postgres, salesforce, strict=True):
            tags = lineage.known(old)
            if name == PARENT or text is None:
                continue
            tag = lineage.answer(text, tags, edit) if own else lineage.newest.get(plain(text))
            if tag is None:
                continue
            lineage.decided |= {(lineage.texts[loser], plain(text)) for loser in tags}
            if own:
                lineage.excused.add(tag)  # an answer that comes too late is refused, and lost by design
        world.tell(f"operator answers {slot} of {key} with {value}")
        answer = Answer(world.clock.new_id(), value, postgres, salesforce, "operator")
        world.ledger.answer(key, slot, answer)
        self.touch(key)

    def ignore(self) -> None:
        """An operator leaves an issue as it is, whatever it tells of."""
        world = self._world
        open_ = [(key, slot) for key, entry in sorted(world.ledger.entries.items()) for slot in sorted(entry.issues)]
        if not open_:
            return
        key, slot = self._random.choice(open_)
        shown = world.ledger.entries[key].issues[slot]
        world.tell(f"operator ignores {slot} of {key}")
        answer = Answer(
            world.clock.new_id(),
            (),
            shown.postgres or (),
            shown.salesforce or (),
            "operator",
            ignores=True,
            reason="so",
        )
        kept = isinstance(world.ledger.answer(key, slot, answer), Kept)
        world.count(f"ignore {'kept' if kept else 'refused'}")
        self.touch(key)

    def revert(self) -> None:
        """An operator puts an earlier text of a field back, or of a group, where nothing is in question."""
        world, lineage = self._world, self._world.lineage
        settled = [
            (key, unit)
            for key, entry in sorted(world.ledger.entries.items())
            for unit in world.mappings.by_name[entry.mapping].units
            if entry.alive and entry.pk is not None and not {CODE, PARENT} & set(unit.fields)
            if (base := entry.bases.get(unit.name)) is not None and base.postgres and base.salesforce
        ]
        if not settled:
            return
        key, unit = self._random.choice(settled)
        entry = world.ledger.entries[key]
        base, pk = entry.bases[unit.name], (entry.pk or ("",))[0]
        if base.postgres is None or base.salesforce is None:
            return
        shown = [lineage.known(held) for held in zip(base.postgres, base.salesforce, strict=True)]
        past = [
            [text for text in lineage.past.get((pk, name), []) if text not in {lineage.texts[tag] for tag in tags}]
            for name, tags in zip(unit.fields, shown, strict=True)
        ]
        if not all(past):
            return
        value = tuple(self._random.choice(texts) for texts in past)
        world.tell(f"operator puts {unit.name} of {key} back to {value}")
        answer = Answer(world.clock.new_id(), value, base.postgres, base.salesforce, "operator", reverts=True)
        kept = isinstance(world.ledger.revert(key, {unit.name: answer}), Kept)
        world.count(f"revert {'kept' if kept else 'refused'}")
        self.touch(key)
        if not kept:
            return
        edit = lineage.next_edit()
        for text, tags in zip(value, shown, strict=True):
            tag = lineage.answer(text, tags, edit)
            lineage.reversals.add(tag)
            lineage.excused.add(tag)  # where it comes too late it is dropped
            lineage.decided |= {(lineage.texts[loser], text) for loser in tags}

    def retry(self) -> None:
        """An operator has a parked write tried again, whatever may have changed."""
        parked = [key for key, entry in sorted(self._world.ledger.entries.items()) if entry.refusals]
        if parked:
            key = self._random.choice(parked)
            self._world.tell(f"operator retries {key}")
            self._world.ledger.clear_refusals(key)
            self.touch(key)

    def touch(self, key: str) -> None:
        """Have a record settled."""
        world, entry = self._world, self._world.ledger.entries[key]
        mapping = world.mappings.by_name[entry.mapping]
        name = f"touch-{world.clock.new_id()}"
        if entry.pk is not None:
            world.post.send(Hint(RowId(mapping.table, entry.pk), Change.UPDATED, name))
        elif entry.sfid is not None:
            world.post.send(Hint(SalesforceId(mapping.object, entry.sfid), Change.UPDATED, name))


def ids(rows: Mapping[tuple[str, ...], Row], records: list[Record]) -> list[tuple[Side, str]]:
    """All that stands on both sides."""
    return [*((Side.POSTGRES, pk[0]) for pk in rows), *((Side.SALESFORCE, record.id) for record in records)]
