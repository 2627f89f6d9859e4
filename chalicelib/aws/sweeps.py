"""How far the sweep of each object has come, and which changes it has told of already.

What was told of stands in an item for each hundred hints, which is written once and expires: some 2 KB of the 400 KB
that an item may have ("Quotas in Amazon DynamoDB").
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import msgspec

from chalicelib.aws import items
from chalicelib.aws.table import Put, Table
from chalicelib.core.errors import ProtocolError
from chalicelib.core.listing import at

T = TypeVar("T")

KEPT_SECONDS = 86_400  # for which a change that was told of is remembered; one that is forgotten is told of again
SKEW_SECONDS = 300  # by which this clock and Salesforce's may differ


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a round that is under way. Times are whole minutes, seconds since the epoch.

    Attributes:
        start: where it begins.
        end: where it ends; that minute is no part of it.
        until: where the round ends.
        covers: a commit that this round may have missed has no earlier stamp.
        full: whether the round began where the last full one had covered everything.
        after: records up to this id are done.
    """

    start: int
    end: int
    until: int
    covers: int
    full: bool
    after: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the sweep of one object has come. Times are seconds since the epoch.

    Attributes:
        covered: a commit that was not swept yet has no earlier stamp.
        looked: until where changes were looked for, though some with an earlier stamp may not have been committed.
        full_at: when the last full round began.
        span: what is under way; None: nothing.
        turn: when the object was last worked on.
        version: grows by one with every write.
    """

    covered: int
    looked: int
    full_at: float = 0.0
    span: Span | None = None
    turn: float = 0.0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A change that was told of.

    Attributes:
        stamp: SystemModstamp, or when the record was deleted, seconds since the epoch.
        closed: whether it was told of when no further commit could carry this stamp.
    """

    stamp: int
    closed: bool


_Body: TypeAlias = dict[str, tuple[int, bool]]


class Sweeps:
    """The sweep's items in the table.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def positions(self, objects: Collection[str]) -> Mapping[str, Position]:
        """Where the sweeps of these objects are; one that never ran is left out."""
        found = self._table.get_many([_position(name) for name in objects])
        return {_object(key): _decode(items.body_of(item), Position) for key, item in found.items()}

    def save(self, name: str, position: Position) -> Position | None:
        """Write a position, where it still is what was read. As it stands then; None: another run has the object.

        run A                DynamoDB              run B
          |-- where? ------------>|                  |
          |<-- version 4 ---------|                  |
          |                       |<== 5, if 4 ======|   B has taken the object up
          |== 5, if 4: refused    |                  |   A leaves it to B: at most A's last block is told of twice
        """
        body = msgspec.json.encode(replace(position, version=position.version + 1))
        item = items.item(_position(name), body={"S": body.decode()}, version=items.number(position.version + 1))
        seen = {":version": {"N": str(position.version)}}
        condition = "version = :version" if position.version else "attribute_not_exists(pk)"
        refused = self._table.put(Put(item, condition, seen if position.version else None))
        return None if refused else replace(position, version=position.version + 1)

    def told(self, name: str, since: int) -> Mapping[str, Told]:
        """What was told of last, by record id: all with this stamp or a later one, and perhaps more."""
        between = f"told#{at(max(0, since - SKEW_SECONDS))}", "told#~"
        found: dict[str, Told] = {}
        for item in self._table.query(_position(name)[0], between):
            body = _decode(items.body_of(item), _Body)
            found |= {record: Told(*told) for record, told in body.items()}
        return found

    def remember(self, name: str, told: Mapping[str, Told], now: float, part: str) -> None:
        """Remember what was told of.

        Args:
            name: the object.
            told: what was told of, by record id.
            now: seconds since the epoch; what is remembered later takes the place of what was remembered earlier.
            part: an id that no other part of the work has.
        """
        body = msgspec.json.encode({record: (one.stamp, one.closed) for record, one in told.items()})
        item = items.item(
            (_position(name)[0], f"told#{at(now)}#{part}"),
            body=items.body_attribute(body, items.packed(body)),
            expires_at=items.seconds(now + KEPT_SECONDS),
        )
        self._table.put(Put(item))


def _position(name: str) -> items.Key:
    return f"sweep#{name}", "position"


def _object(key: items.Key) -> str:
    return key[0].removeprefix("sweep#")


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"{kind} of the sweep that cannot be read: {error}") from error
