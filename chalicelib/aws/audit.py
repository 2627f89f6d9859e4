"""The audit in the table: a partition for each month, and no time to live."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.aws import items
from chalicelib.aws.documents import decoded, save
from chalicelib.aws.table import Table
from chalicelib.core.audit import Act


class TableAudit:
    """Acts in the table: :class:`chalicelib.core.audit.Audit`.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, act: Act) -> None:
        """Write down what is about to be done."""
        save(self._table, _key(act), act)

    def end(self, act: Act, outcome: str, now: float) -> None:
        """Complete it, once.

        us                DynamoDB
         |-- act begun ---->|
         |-- does it        |   a crash here leaves an act of which nobody knows how it ended, and it says so
         |== outcome ======>|   if none is there yet: a repeated call changes nothing
        """
        values = {":outcome": {"S": outcome}, ":ended": {"N": repr(now)}}
        condition = "attribute_exists(pk) AND attribute_not_exists(outcome)"
        self._table.update(_key(act), "SET outcome = :outcome, ended_at = :ended", condition, values)

    def page(self, month: str, limit: int, before: str = "~") -> Sequence[Act]:
        """Acts of a month, the newest first."""
        found = self._table.query(f"audit#{month}", ("0", before), newest_first=True, limit=limit + 1)
        return [_act(item) for item in found if item["sk"]["S"] != before][:limit]


def _key(act: Act) -> items.Key:
    return f"audit#{act.month}", act.place


def _act(item: items.Attributes) -> Act:
    act = decoded(items.body_of(item), Act)
    if "outcome" not in item:
        return act
    return replace(act, outcome=item["outcome"]["S"], ended_at=float(item["ended_at"]["N"]))
