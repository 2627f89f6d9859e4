"""Short leases on names, in the table: whoever holds one goes first, the others come back later."""

from collections.abc import Collection

from chalicelib.aws import items
from chalicelib.aws.table import Put, Table

KEPT = 86_400.0  # seconds after which DynamoDB takes away what a worker that died has left


class Holds:
    """Implements :class:`chalicelib.jobs.lock_groups.Holds`.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, names: Collection[str], holder: str, now: float, until: float) -> set[str]:
        """Hold names until a time, seconds since the epoch; those that could be had.

        worker 1          DynamoDB            worker 2
          |== held? no ------>|                  |
          |                   |<-- held? until --|   not to be had before that time, or before it was given back
          |== gone if mine -->|                  |
        """
        values = {":now": items.number(now)}

        def hold(name: str) -> bool:
            item = items.item(
                (f"hold#{name}", "hold"),
                holder=items.text(holder),
                held_until=items.number(until),
                expires_at={"N": str(int(until + KEPT))},
            )
            return self._table.put(Put(item, "attribute_not_exists(pk) OR held_until <= :now", values)) is None

        wanted = sorted(names)
        had = self._table.each(hold, wanted)
        return {name for name, held in zip(wanted, had, strict=True) if held}

    def give_back(self, names: Collection[str], holder: str) -> None:
        """Hold names no longer; one that another has taken meanwhile stays theirs."""
        mine = {":holder": items.text(holder)}
        self._table.each(
            lambda name: self._table.delete((f"hold#{name}", "hold"), "holder = :holder", mine), sorted(names)
        )
