"""How far the backfill of each mapping has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from chalicelib.aws import items
from chalicelib.aws.documents import decoded
from chalicelib.aws.table import Put, Table
from chalicelib.core.model import PrimaryKey, Side

_PARTITION = "backfills"


@dataclass(frozen=True, slots=True)
class Backfill:
    """One run through all records and rows of a mapping. Times are seconds since the epoch.

    Attributes:
        mapping: its name.
        actor: who began it.
        began_at: when.
        side: the side that is worked on; Salesforce is the first.
        after: the last key of that side that is done; empty: none is.
        totals: how many each side had when it was begun.
        seen: how many of each side are done.
        told: how many hints were sent.
        updated_at: when it last got on.
        finished_at: when everything was told; None: it was not yet.
        version: grows by one with every write.
    """

    mapping: str
    actor: str
    began_at: float
    side: Side = Side.SALESFORCE
    after: PrimaryKey = ()
    totals: Mapping[Side, int] = field(default_factory=dict)
    seen: Mapping[Side, int] = field(default_factory=dict)
    told: int = 0
    updated_at: float = 0.0
    finished_at: float | None = None
    version: int = 0


class Backfills:
    """Backfills in the table; of each mapping, the last one.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> Mapping[str, Backfill]:
        """The last backfill of each mapping that had one, by the mapping's name."""
        found = (decoded(items.body_of(item), Backfill) for item in self._table.query(_PARTITION))
        return {one.mapping: one for one in found}

    def save(self, backfill: Backfill) -> Backfill | None:
        """Write how far one is, where it still is what was read. As it stands then; None: another run goes on with it.

        run A                DynamoDB              run B
          |-- where? ------------>|                  |
          |<-- version 4 ---------|                  |
          |                       |<== 5, if 4 ======|   B goes on with it
          |== 5, if 4: refused    |                  |   A stops: what it sent last is told of twice
        """
        after = replace(backfill, version=backfill.version + 1)
        body = msgspec.json.encode(after)
        key = (_PARTITION, backfill.mapping)
        item = items.item(key, body=items.body_attribute(body, items.packed(body)), version=items.number(after.version))
        seen = {":version": {"N": str(backfill.version)}}
        condition = "version = :version" if backfill.version else "attribute_not_exists(pk)"
        refused = self._table.put(Put(item, condition, seen if backfill.version else None))
        return None if refused else after
