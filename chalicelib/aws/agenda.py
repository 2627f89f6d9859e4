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

    def due(self, now: float) -> Iterator[Due]:
        """Hints whose time has come, read consistently."""
        until = ("due_at", {"N": "0"}, {"N": repr(now)})
        for shard in items.shards():
            keys = [
                items.key_of(item)
                for item in self._table.index(items.DUE_INDEX, ("due_shard", shard), until, page=PAGE)
            ]
            for key, item in self._table.get_many(keys).items():
                if float(item["due_at"]["N"]) <= now:
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
