"""What the table holds of one record, taken out of it for good."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chalicelib.aws import items
from chalicelib.aws.codec import decode_waiter
from chalicelib.aws.table import Table
from chalicelib.core.ledger import Entry
from chalicelib.core.model import Identity, RecordKey

WORDS: Mapping[str, str] = {
    "entry": "ledger entry",
    "issue": "issues",
    "history": "history items",
    "waits": "registrations as a waiter",
    "chunk": "parts of long values",
}


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken out.

    Attributes:
        counts: how many items, by what they are.
    """

    counts: Mapping[str, int] = field(default_factory=dict)


class Erasure:
    """Erases records in the table.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def holds(self, key: RecordKey) -> Erased:
        """What there is of a record."""
        found = Counter(_kind(items.key_of(item)) for item in self._table.query(items.entry_key(key)[0]))
        return Erased({WORDS[kind]: count for kind, count in sorted(found.items())})

    def erase(self, key: RecordKey, entry: Entry | None, identities: Collection[Identity]) -> Erased | None:
        """Take out everything of a record; None: it was written meanwhile, and has to be looked at again.

        Args:
            key: the record's.
            entry: its tombstone, as it was read; None: an earlier run has taken that out already.
            identities: how the two sides name it; their look-ups go with it.

        The entry goes last but for the look-ups, by which whoever runs it again after a crash finds the record:

        we                       DynamoDB                    worker
          |-- all items? ---------->|                           |
          |== history, issues gone =>|                          |   a crash here: the entry still leads to the rest
          |                         |<== entry v+1, history ====|   a late message met the record
          |== entry gone if v: refused                          |   start again: that history is found then
          |== look-ups gone, if they still lead here
        """
        found = list(self._table.query(items.entry_key(key)[0]))
        keys = [items.key_of(item) for item in found]
        others = [one for one in keys if one[1] != "entry"]
        pointers = [(one[1], "issue") for one in others if _kind(one) == "issue"]
        waiters = [decode_waiter(items.body_of(item)) for item in found if _kind(items.key_of(item)) == "waits"]
        by_parent = [(f"waiter#{items.name(waiter.parent)}", waiter.key) for waiter in waiters]
        self._table.delete_many([*others, *pointers, *by_parent])
        if entry is not None:
            values = {":version": {"N": str(entry.version)}, ":dirty": {"N": str(entry.dirty)}}
            if self._table.delete(items.entry_key(key), "version = :version AND dirty = :dirty", values) is not None:
                return None
        self._table.delete_many([(f"due#{items.name(identity)}", "due") for identity in identities])
        for identity in identities:
            self._table.delete(items.link_key(identity), "record_key = :key", {":key": {"S": key}})
        counted = Counter(_kind(one) for one in keys)
        return Erased({WORDS[kind]: count for kind, count in sorted(counted.items())})


def _kind(key: items.Key) -> str:
    return key[1].partition("#")[0]
