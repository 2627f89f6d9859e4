"""Children that wait for their parent, in both directions: by parent, to wake them, and by child, to forget them."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chalicelib.aws import codec, items
from chalicelib.aws.items import Attributes
from chalicelib.aws.table import Table
from chalicelib.core.model import Hint, Identity, RecordKey
from chalicelib.core.ports import Clock, Waiter
from chalicelib.core.registrations import GRACE

PATIENCE = 3600.0  # seconds


class Waiting:
    """The waiters' part of the ledger. Each is two items; the one that the parent reads is the one that counts.

    Args:
        table: the table.
        clock: for the time from which the sweeper looks after a waiter, should its parent have forgotten it.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def wait_for(self, waiters: Collection[Waiter]) -> None:
        """Register children as waiters on their parents. The hint is kept without the record's content.

        child             DynamoDB                 parent
          |-- waiter ------->|                        |
          |                  |<== link of the parent =|
          |-- reads parent ->|                        |   linked: goes on; not yet: acknowledges its message
          |                  |<-- waiters? -----------|   after the link, and consistently: finds the child
        """
        now = self._clock.now()
        self._table.put_many([item for waiter in waiters for item in _both(waiter, _due(waiter.hint, now))])

    def waiters(self, parents: Collection[Identity]) -> Sequence[Waiter]:
        """The children that wait for any of these parents, by parent in the order asked, then by child."""
        wanted = [_partition(parent) for parent in dict.fromkeys(parents)]
        found = self._table.each(lambda partition: list(self._table.query(partition)), wanted)
        return [_waiter(item) for some in found for item in some]

    def waits(self, key: RecordKey) -> Sequence[Waiter]:
        """What one child is registered for."""
        return [_waiter(item) for item in self._table.query(items.entry_key(key)[0], ("waits#", "waits$"))]

    def forget(self, waiters: Collection[Waiter]) -> None:
        """Remove waiters, but for those that have registered anew since; one that is gone already is no error.

        worker 1          DynamoDB                      worker 2
          |-- waits? -------->|                             |
          |                   |<== the child, id 8 =========|   it waits again, and has looked at the parent since
          |== gone if id 7: refused                         |   so its registration stays
        """
        self._table.each(self._forget, [item for waiter in waiters for item in _both(waiter, 0.0)])

    def _forget(self, item: Attributes) -> None:
        same = {":registration": item["registration"]}
        self._table.delete(items.key_of(item), "registration = :registration", same)


def _partition(parent: Identity) -> str:
    return f"waiter#{items.name(parent)}"


def _due(hint: Hint, now: float) -> float:
    """When the sweeper looks after a waiter: soon after its first registration, then once in a while."""
    first = (now if hint.occurred_at is None else hint.occurred_at) + GRACE
    return first if first > now else now + PATIENCE


def _both(waiter: Waiter, due: float) -> tuple[Attributes, Attributes]:
    waiter = replace(waiter, hint=replace(waiter.hint, record=None))
    body = codec.encode_waiter(waiter)
    registration = items.text(waiter.hint.hint_id)
    attribute = items.body_attribute(body, items.packed(body))
    by_parent = items.item((_partition(waiter.parent), waiter.key), body=attribute, registration=registration)
    by_child = items.item(
        (items.entry_key(waiter.key)[0], f"waits#{items.name(waiter.parent)}"),
        body=attribute,
        registration=registration,
        due_shard=items.text(items.shard(waiter.key)),
        due_at=items.number(due),
    )
    return by_parent, by_child


def _waiter(item: Attributes) -> Waiter:
    return codec.decode_waiter(items.body_of(item))
