"""The sync goes on with a database that was restored, copied or failed over to, without taking old values for edits.

Nothing is written to either system from here. Each record's entry is told what the restored row stood for, under the
condition that nobody has written it since, and the record is settled afterwards like any other:

    guard:    the database is another one: nothing is relayed, read or written ............ it is the one installed
    rebase:       hint put aside | entry v+1 if v and dirty ....... all records are done ==> installation == resume
    users:    edit either side; captured, accepted and kept ........................................  settled

A hint stands before the entry is written, so that a crash between the two forgets nobody; whoever begins again finds
what is done and leaves it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from chalicelib.core.fitting import fitted
from chalicelib.core.identity import row_key
from chalicelib.core.ledger import Entry, EntryChange
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import (
    Change,
    Hint,
    Identity,
    PrimaryKey,
    Record,
    RecordKey,
    RowId,
    RowState,
    SalesforceId,
    Side,
)
from chalicelib.core.ports import Clock, Failed, Kept, Moved, RecordQuery, RowQuery
from chalicelib.core.rebase import Fate, Found, Rebased, Since, rebase
from chalicelib.core.recover import recover

BLOCK = 100  # records that are looked at together
EXAMPLES = 5  # names of records that are told of each fate
ROUNDS = 6  # tries of records that another worker holds
WAIT = 5.0  # seconds between two tries; together longer than a lease


class Ledger(Protocol):
    """The ledger, as far as all records of a mapping are concerned."""

    def entries_of(self, mapping: str) -> Iterator[Entry]:
        """All entries of a mapping."""
        ...

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        ...

    def write(self, changes: Sequence[EntryChange]) -> Sequence[Kept | Moved | Failed]:
        """Write each change under its condition."""
        ...

    def relink(self, identity: Identity, key: RecordKey, to: RecordKey) -> None:
        """Have a look-up lead to another key, provided that it leads to this one."""
        ...


class Rows(Protocol):
    """The restored database."""

    def read(self, wanted: Sequence[RowQuery]) -> Sequence[RowState]:
        """Read rows."""
        ...


class Outbox(Protocol):
    """What was captured in it."""

    def since(self, mapping: ObjectMapping, wanted: Sequence[Collection[PrimaryKey]], moment: float) -> Sequence[Since]:
        """See :meth:`chalicelib.postgres.captured.Outbox.since`."""
        ...


class Records(Protocol):
    """The org."""

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """Read records."""
        ...


class Agenda(Protocol):
    """Hints for later."""

    def set_aside(self, hint: Hint, now: float) -> None:
        """Keep a hint until a pause is over."""
        ...


@dataclass
class Tally:
    """What was found, of one mapping.

    Attributes:
        mapping: its name.
        fates: how many records have which.
        examples: some of them, by fate.
        held: records that another worker still holds.
    """

    mapping: str
    fates: Counter[Fate] = field(default_factory=Counter)
    examples: dict[Fate, list[Entry]] = field(default_factory=dict)
    held: list[RecordKey] = field(default_factory=list)

    def add(self, fate: Fate, entry: Entry) -> None:
        """One more record."""
        self.fates[fate] += 1
        examples = self.examples.setdefault(fate, [])
        if len(examples) < EXAMPLES:
            examples.append(entry)


@dataclass(frozen=True, slots=True)
class Means:
    """What is asked and written.

    Attributes:
        ledger: the entries.
        rows: the restored database; whichever it is.
        outbox: of the same.
        records: the org.
        agenda: where hints wait until the sync goes on.
        clock: the time.
    """

    ledger: Ledger
    rows: Rows
    outbox: Outbox
    records: Records
    agenda: Agenda
    clock: Clock


class Rebasing:
    """Rebases the records of mappings, one mapping after the other.

    Args:
        mappings: what is kept the same.
        means: what is asked and written.
        take: whose values count where a restored row differs from the ledger.
        moment: of the restore, seconds since the epoch: what was captured later is an edit of the restored database.
        counted: names of mappings whose keys the database counts up by itself.
        actor: who does it; empty: nobody does, and nothing is written.
    """

    def __init__(
        self,
        mappings: Mappings,
        means: Means,
        *,
        take: Side,
        moment: float,
        counted: Collection[str] = (),
        actor: str = "",
    ) -> None:
        self._mappings = mappings
        self._means = means
        self._take = take
        self._moment = moment
        self._counted = counted
        self._actor = actor

    def rebase(self, name: str, tell: Callable[[Tally], None]) -> Tally:
        """Look at every record of a mapping, and rebase it unless nobody is to.

        Args:
            name: of the mapping.
            tell: called now and then with what was found so far.

        Raises:
            TwinledgerError: a system did not answer; another run goes on from there.
        """
        mapping, tally = self._mappings.by_name[name], Tally(name)
        entries = self._means.ledger.entries_of(name)
        while block := list(islice(entries, BLOCK)):
            self._block(mapping, block, tally)
            tell(tally)
        for _ in range(ROUNDS):
            held, tally.held = tally.held, []
            if not held:
                break
            self._means.clock.sleep(WAIT)
            again = self._means.ledger.read(held)
            self._block(mapping, list(again.values()), tally)
        return tally

    def _block(self, mapping: ObjectMapping, entries: Sequence[Entry], tally: Tally) -> None:
        """Some records. One that another worker holds, or has written meanwhile, is left for later."""
        now = self._means.clock.now()
        free = [fitted(entry, mapping) for entry in entries if not (self._actor and entry.leased(now))]
        tally.held += [entry.key for entry in entries if self._actor and entry.leased(now)]
        states, found = self._found(mapping, free)
        records = self._interrupted(mapping, free)
        for entry, state, there in zip(free, states, found, strict=True):
            record = records.get(entry.key)
            known = entry if record is None or entry.sfid is not None else replace(entry, sfid=record.id)
            done = rebase(mapping, known, recover(mapping, known, state, record), there, self._take)
            if not self._actor or self._carried_out(mapping, entry, done, there):
                tally.add(done.fate, entry)
            else:
                tally.held.append(entry.key)

    def _found(self, mapping: ObjectMapping, entries: Sequence[Entry]) -> tuple[list[RowState], list[Found]]:
        """What Postgres has of each record: rows first, then what was captured of them."""
        by_key = self._read([RowQuery(mapping, one.key, pk=one.pk) for one in entries])
        by_link = self._read([RowQuery(mapping, one.key, sfid=one.sfid) for one in entries])
        keys = [
            {pk for pk in (entry.pk, there.row.pk if there.row is not None else None) if pk is not None}
            for entry, there in zip(entries, by_link, strict=True)
        ]
        told = self._means.outbox.since(mapping, keys, self._moment)
        counted = mapping.name in self._counted
        found = [
            Found(here.row, there.row, since, counted) for here, there, since in zip(by_key, by_link, told, strict=True)
        ]
        states = [
            RowState(one.row(entry), here.marker or there.marker)
            for one, entry, here, there in zip(found, entries, by_key, by_link, strict=True)
        ]
        return states, found

    def _read(self, wanted: Sequence[RowQuery]) -> list[RowState]:
        """Rows, of the queries that ask for any."""
        asks = [query.pk is not None or query.sfid is not None for query in wanted]
        asked = [query for query, ask in zip(wanted, asks, strict=True) if ask]
        states = iter(self._means.rows.read(asked) if asked else ())
        return [next(states) if ask else RowState(None, None) for ask in asks]

    def _interrupted(self, mapping: ObjectMapping, entries: Sequence[Entry]) -> Mapping[RecordKey, Record]:
        """The Salesforce records of those whose operation was interrupted: its marker tells how far it has come."""
        asked = [entry for entry in entries if entry.intent is not None]
        queries = [RecordQuery(mapping, entry.sfid, None if entry.sfid is not None else entry.key) for entry in asked]
        records = self._means.records.read(queries) if queries else ()
        return {entry.key: record for entry, record in zip(asked, records, strict=True) if record is not None}

    def _carried_out(self, mapping: ObjectMapping, entry: Entry, done: Rebased, there: Found) -> bool:
        """Write what becomes of a record; False where somebody else has written its entry meanwhile.

        we:      read v | hint put aside | entry v+1 if v and dirty
        person:        an answer: dirty+1            fails: the record is looked at again
        """
        now = self._means.clock.now()
        if done.look and (hint := self._hint(mapping, done.entry, there)) is not None:
            self._means.agenda.set_aside(hint, now)
        if done.entry == entry:
            return True
        if done.unkeyed and entry.pk is not None:
            # whoever gets this key is another record, and not the one that it led to
            own = row_key(mapping.table, (*entry.pk, entry.key))
            self._means.ledger.relink(RowId(mapping.table, entry.pk), entry.key, own)
        after = replace(done.entry, version=entry.version + 1, updated_at=now)
        new = after.sfid if after.sfid != entry.sfid else None
        links = () if new is None else (SalesforceId(mapping.object, new),)
        (outcome,) = self._means.ledger.write([EntryChange(entry, after, links)])
        if isinstance(outcome, Failed):
            raise outcome.error
        return isinstance(outcome, Kept)

    def _hint(self, mapping: ObjectMapping, entry: Entry, there: Found) -> Hint | None:
        """What has the record settled: a message of the side whose values count, so that it stands for the edits."""
        row = there.row(entry)
        told = f"rebase-{self._means.clock.new_id()}"
        if entry.sfid is not None and (self._take is Side.SALESFORCE or row is None):
            return Hint(SalesforceId(mapping.object, entry.sfid), Change.UPDATED, told, actor=self._actor, bulk=True)
        pk = entry.pk if row is None else row.pk
        if pk is None:
            return None
        return Hint(RowId(mapping.table, pk), Change.UPDATED, told, actor=self._actor, sfid=entry.sfid, bulk=True)
