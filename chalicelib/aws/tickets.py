"""Things that expire by themselves: sessions of the console, sign-ins that are under way, counts of attempts."""

from collections.abc import Mapping

import msgspec

from chalicelib.aws import items
from chalicelib.aws.documents import decoded
from chalicelib.aws.items import Attributes, Key
from chalicelib.aws.table import Put, Table

THERE = "attribute_exists(pk)"


class Tickets:
    """Small texts by name, each until a moment, seconds since the epoch.

    DynamoDB deletes what has expired within days ("Using time to live (TTL) in DynamoDB"), so every reader looks at the
    moment itself.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, kind: str, key: str, content: Mapping[str, str], expires_at: float) -> None:
        """Write one; whatever stood there is gone."""
        self._table.put(Put(_item(kind, key, content, expires_at)))

    def get(self, kind: str, key: str, now: float) -> Mapping[str, str] | None:
        """Read one; None where there is none any more."""
        item = self._table.get(_key(kind, key))
        if item is None or float(item["expires_at"]["N"]) <= now:
            return None
        content: Mapping[str, str] = decoded(items.body_of(item), dict[str, str])
        return content

    def prolong(self, kind: str, key: str, content: Mapping[str, str], expires_at: float) -> bool:
        """Write one that is still there; whether it was.

        one reader         table         another
          |---- get -------->|              |
          |                  |<==== drop ===|
          |==== prolong ====>| refused: what was dropped does not come back
        """
        return self._table.put(Put(_item(kind, key, content, expires_at), THERE)) is None

    def take(self, kind: str, key: str, now: float) -> Mapping[str, str] | None:
        """Read one and delete it: of several who do so one gets it; None for the others, and where it has expired.

        one                table         another
          |---- get -------->|<---- get ----|
          |==== delete =====>|              |
          |                  |<== delete ===| refused: there is nothing to delete
        """
        content = self.get(kind, key, now)
        if content is None:
            return None
        refused = self._table.delete(_key(kind, key), "expires_at > :now", {":now": {"N": repr(now)}})
        return content if refused is None else None

    def drop(self, kind: str, key: str) -> None:
        """Delete one, if it is there."""
        self._table.delete_many([_key(kind, key)])

    def count(self, kind: str, key: str, expires_at: float) -> int:
        """Count one more of a kind; how many there are."""
        return self._table.add(_key(kind, key), "number", 1, expires_at)


def _key(kind: str, key: str) -> Key:
    return f"console#{kind}#{key}", kind


def _item(kind: str, key: str, content: Mapping[str, str], expires_at: float) -> Attributes:
    body = msgspec.json.encode(content)
    return items.item(
        _key(kind, key), body=items.body_attribute(body, items.packed(body)), expires_at=items.seconds(expires_at)
    )
