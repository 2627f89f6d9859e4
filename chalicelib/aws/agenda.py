"""Hints for later: records whose work could not be done now, and children whose parent may have forgotten them.

A message that waits for hours in a queue would use up its receives and end among the dead letters. So the hint goes
into the ledger with a time, its message is acknowledged, and the sweeper sends it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.aws import codec, items
from chalicelib.aws.items import Attributes, Key
from chalicelib.aws.table import Put, Table
from chalicelib.aws.waiting import PATIENCE
from chalicelib.core.model import Hint
from chalicelib.core.work import WAKE

PAGE = 100
ASIDE = 10_000_000_000.0  # seconds since the epoch, in the year 2286: from there on stands what no time wakes


@dataclass(frozen=True, slots=True)
class Due:
    """A hint whose time has come.

    Attributes:
        hint: to be sent; with a deduplication id of its own.
        key: of its item.
        at: the time that it was due at, as the item holds it.
    """

    hint: Hint
    key: Key
    at: Attributes


class Agenda:
    """Hints for later in the table.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def postpone(self, hint: Hint, at: float) -> None:
        """Keep a hint until ``at``, seconds since the epoch. One for each record: the last one counts."""
        body = codec.encode_hint(replace(hint, record=None))
        name = items.name(hint.identity)
        item = items.item(
            (f"due#{name}", "due"),
            body=items.body_attribute(body, items.packed(body)),
            due_shard=items.text(items.shard(name)),
            due_at=items.number(at),
        )
        self._table.put(Put(item))

    def set_aside(self, hint: Hint, now: float) -> None:
        """Keep a hint until a pause is over. One for each record: the last one counts."""
        self.postpone(hint, ASIDE + now)

    def aside(self) -> Iterator[Due]:
        """Hints that were set aside, read consistently."""
        return self._between(ASIDE, 2 * ASIDE)

    def back(self, aside: Due) -> None:
        """A hint that was set aside was sent again: it goes, unless another one has taken its place."""
        self._table.delete(aside.key, "due_at = :at", {":at": aside.at})

    def due(self, now: float) -> Iterator[Due]:
        """Hints whose time has come, read consistently."""
        return self._between(0.0, now)

    def _between(self, low: float, high: float) -> Iterator[Due]:
        between = ("due_at", {"N": repr(low)}, {"N": repr(high)})
        for shard in items.shards():
            keys = [
                items.key_of(item)
                for item in self._table.index(items.DUE_INDEX, ("due_shard", shard), between, page=PAGE)
            ]
            for key, item in self._table.get_many(keys).items():
                if low <= float(item["due_at"]["N"]) <= high:
                    yield Due(_hint(item), key, item["due_at"])

    def done(self, due: Due, now: float) -> None:
        """A due hint was sent: it goes; a waiter stays, and is looked at again after a while.

        sweeper           DynamoDB               worker
          |<-- due at 5 ----|                      |
          |-- sends hint                           |
          |                 |<== due at 9 =========|   the work failed again meanwhile
          |== gone if due at 5: refused            |   the later time stays
        """
        condition, values = "due_at = :at", {":at": due.at}
        if due.key[1] == "due":
            self._table.delete(due.key, condition, values)
        else:
            later = {":later": {"N": repr(now + PATIENCE)}}
            self._table.update(due.key, "SET due_at = :later", condition, values | later)


def _hint(item: Attributes) -> Hint:
    body = items.body_of(item)
    due = item["sk"]["S"] == "due"
    hint = codec.decode_hint(body) if due else codec.decode_waiter(body).hint
    name = f"due-{item['due_at']['N']}-{items.name(hint.identity)}"
    return replace(hint, hint_id=name if due else f"{WAKE}{name}")
