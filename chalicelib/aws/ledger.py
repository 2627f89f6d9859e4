"""The ledger in DynamoDB: :class:`chalicelib.core.ports.Ledger`.

An entry is one item. Its change is one conditional put where nothing else changes with it, which is the common case
and costs one write unit a kilobyte; with look-ups, issues or history it is one transaction. What does not fit is
written before, as immutable chunks that nothing points to until the one conditional write does.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from chalicelib.aws import codec, items
from chalicelib.aws.archive import Archive
from chalicelib.aws.bodies import Bodies, MissingChunk, Spilled
from chalicelib.aws.items import Attributes
from chalicelib.aws.table import Put, Refused, Table
from chalicelib.aws.waiting import Waiting
from chalicelib.core.answers import decided, reverted
from chalicelib.core.errors import ProtocolError, Superseded, TwinledgerError
from chalicelib.core.ledger import Answer, Entry, EntryChange, Issue
from chalicelib.core.model import Identity, RecordKey
from chalicelib.core.ports import Clock, Failed, Kept, Moved, Stale

ROUNDS = 8  # tries of an operator's action against a record that keeps moving

_ABSENT = "attribute_not_exists(pk)"
_UNMOVED = "version = :version AND dirty = :dirty"
_OURS = "attribute_not_exists(pk) OR record_key = :key"


class DynamoLedger(Waiting):
    """The ledger in one DynamoDB table.

    Args:
        table: the table.
        archive: of issues and history.
        clock: see :class:`~chalicelib.aws.waiting.Waiting`.
    """

    def __init__(self, table: Table, archive: Archive, clock: Clock) -> None:
        super().__init__(table, clock)
        self._archive = archive
        self._bodies = Bodies(table)

    # --- reads

    def find(self, identities: Collection[Identity]) -> Mapping[Identity, RecordKey]:
        """Look up record keys."""
        keys = {identity: items.link_key(identity) for identity in identities}
        found = self._table.get_many(keys.values())
        return {identity: found[key]["record_key"]["S"] for identity, key in keys.items() if key in found}

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        found = self._table.get_many([items.entry_key(key) for key in keys])
        entries = (self._entry(item) for item in found.values())
        return {entry.key: entry for entry in entries if entry is not None}

    def entries_of(self, mapping: str) -> Iterator[Entry]:
        """All entries of a mapping. It reads the whole table: for what happens to all records at once."""
        condition, values = "sk = :entry AND mapping = :mapping", {":entry": {"S": "entry"}, ":mapping": {"S": mapping}}
        for item in self._table.scan(condition, values):
            entry = self._entry(item)
            if entry is not None:
                yield entry

    def _entry(self, item: Attributes) -> Entry | None:
        """Decode an item; what its change could not hold is put in place first."""
        for _ in range(ROUNDS):
            try:
                body = self._bodies.read(item)
            except MissingChunk:
                # a newer version removed the chunks of this one meanwhile
                again = self._table.get(items.key_of(item))
                if again is None:
                    return None
                item = again
                continue
            self._archive.unfold(item)
            entry = codec.decode_entry(body)
            return replace(entry, version=int(item["version"]["N"]), dirty=int(item["dirty"]["N"]))
        raise ProtocolError(f"{item['pk']['S']}: its entry points to chunks that are not there")

    # --- the conditional write

    def write(self, changes: Sequence[EntryChange]) -> Sequence[Kept | Moved | Failed]:
        """Write each change under its condition, side by side."""
        for change in changes:
            _check(change)
        return self._table.each(self._write, changes)

    def _write(self, change: EntryChange) -> Kept | Moved | Failed:
        try:
            return self._change(change)
        except TwinledgerError as error:
            return Failed(error)

    def _change(self, change: EntryChange) -> Kept | Moved:
        """Write one change.

        reader            DynamoDB                           us
          |                  |<-- chunks, nothing points ----|   a crash here leaves chunks that nobody reads
          |                  |<== entry v+1 if v and dirty ==|   the one moment at which all of it becomes true
          |-- entry v+1 ---->|
          |                  |<-- what did not fit ----------|   a crash here: the next reader does it (unfold)
          |                  |<-- chunks of v removed -------|   a crash here leaves chunks that nobody reads
        """
        ours = str(uuid.uuid4())
        prepared = self._archive.prepare(change)
        item, spilled = self._item(change.entry, ours)
        links = [self._link(link, change.entry.key) for link in change.links]
        links += [Put(self._link(link, change.entry.key).item) for link in change.taken]
        puts = _distinct([Put(item, *_condition(change.seen)), *links, *(one.put for one in prepared)])
        if len(puts) > items.TRANSACTION_ITEMS or sum(items.size(put.item) for put in puts) > items.TRANSACTION_BYTES:
            item |= self._archive.fold(change)
            puts = _distinct([Put(item, *_condition(change.seen)), *links])
        refused = self._table.put(puts[0]) if len(puts) == 1 else self._table.transact(puts, ours)
        if refused is not None and not _landed(refused, ours):
            return self._moved(refused, change)
        self._archive.unfold(item)
        self._archive.clean(prepared)
        self._remove_before(spilled)
        return Kept()

    def _moved(self, refused: Refused, change: EntryChange) -> Moved:
        if not refused.failed[0]:
            return Moved(change.seen)  # only a look-up leads elsewhere
        item = refused.items[0]
        return Moved(None if item is None else self._entry(item))

    def _item(self, entry: Entry, ours: str) -> tuple[Attributes, Spilled | None]:
        key = items.entry_key(entry.key)
        body, spilled = self._bodies.write(key, entry.version, codec.encode_entry(entry))
        item = items.item(
            key,
            version=items.number(entry.version),
            dirty=items.number(entry.dirty),
            mapping=items.text(entry.mapping),
            write_id=items.text(ours),
        )
        return item | body, spilled

    def _remove_before(self, spilled: Spilled | None) -> None:
        if spilled is not None:
            self._bodies.remove_before(spilled)

    def _link(self, identity: Identity, key: RecordKey) -> Put:
        link = items.item(items.link_key(identity), record_key=items.text(key))
        return Put(link, _OURS, {":key": {"S": key}})

    def relink(self, identity: Identity, key: RecordKey, to: RecordKey) -> None:
        """Have a look-up lead to another key.

        we:      the look-up leads to this key ........ look-up: another key, if it still leads to this one
        worker:           the row says whose it is: it leads to that record      fails: it stays as it is
        """
        link = self._link(identity, to).item
        self._table.put(Put(link, "record_key = :key", {":key": {"S": key}}))

    def read_issues(self, key: RecordKey, ids: Collection[str]) -> Mapping[str, Issue]:
        """Read issues of one record in full."""
        return self._archive.read_issues(key, ids)

    # --- the dirty counter

    def disturb(self, entries: Sequence[Entry]) -> Sequence[bool]:
        """Add one to ``dirty`` of each entry whose version is still the one seen."""
        return self._table.each(self._disturb, entries)

    def _disturb(self, entry: Entry) -> bool:
        """Tell the holder of the lease that there is news.

            holder            DynamoDB                         us
              |== intent v=7 =>|                                |
              |                |<== dirty + 1 if version = 7 ===|   we acknowledge our message after this, never before
              |== base if v=7 and dirty as seen: refused ======>|
              |-- goes round again                              |   so the holder sees whatever our message was about

        A repeated call (its first answer was lost) counts twice, which means the same: not the counter as seen.
        """
        values = {":one": {"N": "1"}, ":version": {"N": str(entry.version)}}
        condition = "attribute_exists(pk) AND version = :version"
        return self._table.update(items.entry_key(entry.key), "ADD dirty :one", condition, values) is None

    # --- a person's actions

    def answer(self, key: RecordKey, unit: str, answer: Answer) -> Kept | Stale:
        """Store a person's decision of a conflict, for the next pass to carry out.

            person            DynamoDB                                   holder
              |-- reads v=7, dirty=2, the issue shows A and B             |
              |                  |<== intent v=8 =========================|
              |== answers, dirty=3 if v=7 and dirty=2: refused            |   the issue is read again before anything
              |== answers, dirty=3 if v=8 and dirty=2 ==>|                |
              |                  |<== base v=9 if dirty=2: refused =======|   so the holder goes round with the answer

        Returns:
            Kept; or Stale where the issue is closed by now, shows other values than the person saw, or is decided.

        Raises:
            Superseded: the record kept moving.
        """
        return self._act(key, lambda entry: decided(entry, unit, answer))

    def revert(self, key: RecordKey, answers: Mapping[str, Answer]) -> Kept | Stale:
        """Store by unit which earlier values are to be put back, under the same condition as :meth:`answer`.

        Returns:
            Kept; or Stale where there is no such record, or a unit is not as the person saw it, or is in question.

        Raises:
            Superseded: the record kept moving.
        """
        return self._act(key, lambda entry: reverted(entry, answers))

    def clear_refusals(self, key: RecordKey) -> Kept | Stale:
        """Have parked writes tried once more. Stale where there is no such record.

        Raises:
            Superseded: the record kept moving.
        """
        return self._act(key, lambda entry: replace(entry, refusals={}))

    def _act(self, key: RecordKey, action: Callable[[Entry], Entry | None]) -> Kept | Stale:
        for _ in range(ROUNDS):
            seen = self.read([key]).get(key)
            entry = None if seen is None else action(seen)
            if seen is None or entry is None:
                return Stale()
            ours = str(uuid.uuid4())
            item, spilled = self._item(replace(entry, dirty=seen.dirty + 1), ours)
            refused = self._table.put(Put(item, *_condition(seen)))
            if refused is None or _landed(refused, ours):
                self._remove_before(spilled)
                return Kept()
        raise Superseded(f"record {key} kept moving")


def _condition(seen: Entry | None) -> tuple[str, Mapping[str, Attributes] | None]:
    if seen is None:
        return _ABSENT, None
    return _UNMOVED, {":version": {"N": str(seen.version)}, ":dirty": {"N": str(seen.dirty)}}


def _distinct(puts: Sequence[Put]) -> list[Put]:
    """A transaction may name each item once; of two puts of one item the later counts."""
    return list({items.key_of(put.item): put for put in puts}.values())


def _landed(refused: Refused, ours: str) -> bool:
    """Whether the write that was refused is a repetition of our own, whose first answer was lost on the way.

    us                DynamoDB
     |== entry v+1 =====>|   done
     |      x-- answer --|   lost: the client library sends the same put again
     |== entry v+1 =====>|   refused, for the entry is at v+1 already: by the write_id it is ours
    """
    item = refused.items[0]
    return item is not None and item["write_id"]["S"] == ours


def _check(change: EntryChange) -> None:
    seen = change.seen
    version, dirty = (0, 0) if seen is None else (seen.version, seen.dirty)
    if (change.entry.version, change.entry.dirty) != (version + 1, dirty):
        raise ProtocolError(f"record {change.entry.key}: a change raises the version by one and keeps dirty")
    if seen is not None and seen.key != change.entry.key:
        raise ProtocolError(f"record {change.entry.key}: a change is of one record")
