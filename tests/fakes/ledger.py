"""A ledger in memory. The contract suite holds it to the same behaviour as the real one."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.core.answers import decided, reverted
from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import Answer, Entry, EntryChange, History, Issue
from chalicelib.core.model import Identity, RecordKey
from chalicelib.core.ports import Failed, Kept, Moved, Stale, Waiter


@dataclass
class MemoryLedger:
    """Implements :class:`chalicelib.core.ports.Ledger`, and the operator's answers.

    Attributes:
        entries: by record key.
        links: look-ups.
        issues: in their last state, by id.
        history: in order of writing.
        waiting: waiters by parent and child.
    """

    entries: dict[RecordKey, Entry] = field(default_factory=dict)
    links: dict[Identity, RecordKey] = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)
    history: list[History] = field(default_factory=list)
    waiting: dict[tuple[Identity, RecordKey], Waiter] = field(default_factory=dict)

    def find(self, identities: Collection[Identity]) -> Mapping[Identity, RecordKey]:
        """Look up record keys."""
        return {identity: self.links[identity] for identity in identities if identity in self.links}

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        return {key: self.entries[key] for key in keys if key in self.entries}

    def write(self, changes: Sequence[EntryChange]) -> Sequence[Kept | Moved | Failed]:
        """Write each change under its condition."""
        for change in changes:
            _check(change)
        return [self._write(change) for change in changes]

    def _write(self, change: EntryChange) -> Kept | Moved:
        key = change.entry.key
        current = self.entries.get(key)
        if _stamp(current) != _stamp(change.seen):
            return Moved(current)
        if any(self.links.get(link, key) != key for link in change.links):
            return Moved(current)
        self.entries[key] = change.entry
        self.links |= dict.fromkeys((*change.links, *change.taken), key)
        self.issues |= {issue.id: issue for issue in change.issues}
        self.history.extend(change.history)
        return Kept()

    def relink(self, identity: Identity, key: RecordKey, to: RecordKey) -> None:
        """Have a look-up lead to another key, provided that it leads to this one."""
        if self.links.get(identity) == key:
            self.links[identity] = to

    def entries_of(self, mapping: str) -> Iterator[Entry]:
        """All entries of a mapping."""
        yield from [entry for entry in self.entries.values() if entry.mapping == mapping]

    def read_issues(self, key: RecordKey, ids: Collection[str]) -> Mapping[str, Issue]:
        """Read issues of one record in full."""
        return {id_: self.issues[id_] for id_ in ids if id_ in self.issues and self.issues[id_].key == key}

    def disturb(self, entries: Sequence[Entry]) -> Sequence[bool]:
        """Add one to ``dirty`` where the version is still the one seen."""
        outcomes = []
        for entry in entries:
            current = self.entries.get(entry.key)
            held = current is not None and current.version == entry.version
            if current is not None and held:
                self.entries[entry.key] = replace(current, dirty=current.dirty + 1)
            outcomes.append(held)
        return outcomes

    def wait_for(self, waiters: Collection[Waiter]) -> None:
        """Register children as waiters on their parents; the hint is kept without the record's content."""
        for waiter in waiters:
            bare = replace(waiter, hint=replace(waiter.hint, record=None))
            self.waiting[waiter.parent, waiter.key] = bare

    def waiters(self, parents: Collection[Identity]) -> Sequence[Waiter]:
        """The children that wait for any of these parents, in order of their keys."""
        waiting = sorted(self.waiting, key=lambda pair: pair[1])
        return [self.waiting[at] for parent in dict.fromkeys(parents) for at in waiting if at[0] == parent]

    def forget(self, waiters: Collection[Waiter]) -> None:
        """Remove waiters, but for those that have registered anew since."""
        for waiter in waiters:
            known = self.waiting.get((waiter.parent, waiter.key))
            if known is not None and known.hint.hint_id == waiter.hint.hint_id:
                del self.waiting[waiter.parent, waiter.key]

    def waits(self, key: RecordKey) -> Sequence[Waiter]:
        """What one child is registered for."""
        return [waiter for (_, child), waiter in self.waiting.items() if child == key]

    def answer(self, key: RecordKey, unit: str, answer: Answer) -> Kept | Stale:
        """Store a person's decision."""
        return self._act(key, lambda entry: decided(entry, unit, answer))

    def revert(self, key: RecordKey, answers: Mapping[str, Answer]) -> Kept | Stale:
        """Store which earlier values are to be put back."""
        return self._act(key, lambda entry: reverted(entry, answers))

    def clear_refusals(self, key: RecordKey) -> Kept | Stale:
        """Have parked writes tried once more."""
        return self._act(key, lambda entry: replace(entry, refusals={}))

    def _act(self, key: RecordKey, action: Callable[[Entry], Entry | None]) -> Kept | Stale:
        entry = self.entries.get(key)
        after = None if entry is None else action(entry)
        if after is None:
            return Stale()
        self.entries[key] = replace(after, dirty=after.dirty + 1)
        return Kept()


def _stamp(entry: Entry | None) -> tuple[int, int] | None:
    return None if entry is None else (entry.version, entry.dirty)


def _check(change: EntryChange) -> None:
    version, dirty = _stamp(change.seen) or (0, 0)
    if (change.entry.version, change.entry.dirty) != (version + 1, dirty):
        raise ProtocolError(f"record {change.entry.key}: a change raises the version by one and keeps dirty")
    if change.seen is not None and change.seen.key != change.entry.key:
        raise ProtocolError(f"record {change.entry.key}: a change is of one record")
