"""Plans of one record: both sides and the ledger in a few words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.ledger import Answer, Base, Entry, IssueKind, OpenIssue, Remembered
from chalicelib.core.mapping import ObjectMapping, Values
from chalicelib.core.model import Fields, Record, Row, Side
from chalicelib.core.plan import Plan, Seen
from chalicelib.core.planner import plan
from chalicelib.core.recover import Ground, settled
from tests.unit.core.scene import account

SFID = "001000000000001AAA"
MODIFIED = 1_000
HELD: Fields = {"Name": "Acme", "Phone": "1", "Note": None, "City": "Bern", "Zip": "3000"}
BASES: Mapping[str, Base] = {
    "Name": settled(("Acme",)),
    "Phone": settled(("1",)),
    "Note": settled((None,)),
    "place": settled(("Bern", "3000")),
}
LINKED = Entry("key", "account", version=3, alive=True, sfid=SFID, pk=("1",), bases=BASES, shapes=account().shapes)


def row(*, sfid: str | None = SFID, hidden: str = "", **values: str | None) -> Row:
    """The row as it was settled, but for these values, and without a hidden field."""
    return Row(("1",), sfid, _without(hidden, {**HELD, **values}))


def record(*, deleted: bool = False, hidden: str = "", **values: str | None) -> Record:
    """The record as it was settled, but for these values, and without a hidden field."""
    return Record(SFID, "key", deleted, _without(hidden, {**HELD, **values}), None, MODIFIED, "005", False, False)


def _without(hidden: str, values: Fields) -> Fields:
    return {name: value for name, value in values.items() if name != hidden}


def planned(
    postgres: Row | None,
    salesforce: Record | None,
    *,
    mapping: ObjectMapping | None = None,
    edited_at: Mapping[str, float | None] | None = None,
    without: frozenset[str] = frozenset(),
    **changes: Any,
) -> Plan:
    """The plan of a linked and settled record.

    Args:
        postgres: the row; None: there is none.
        salesforce: the record; None: there is none.
        mapping: that of the record.
        edited_at: when a user edited units in Postgres.
        without: units to leave alone.
        changes: of the ledger's entry.
    """
    entry = replace(LINKED, **changes)
    seen = Seen(postgres, salesforce, edited_at or {})
    return plan(mapping or account(), entry, Ground(entry.bases, entry.alive), seen, without=without)


def fields(plan: Plan) -> tuple[Fields, Fields]:
    """What is written in Postgres, and in Salesforce."""
    return plan.fields[Side.POSTGRES], plan.fields[Side.SALESFORCE]


def shown(postgres: Remembered, salesforce: Remembered, kind: IssueKind = IssueKind.CONFLICT) -> OpenIssue:
    """An open issue."""
    return OpenIssue("issue", kind, postgres, salesforce, 1.0)


def answer(value: Values, postgres: Remembered, salesforce: Remembered) -> Answer:
    """A person's decision."""
    return Answer("answer", value, postgres, salesforce, "operator")


def base_without(*units: str) -> dict[str, Base]:
    """The bases but for some units: those are met for the first time."""
    return {name: base for name, base in BASES.items() if name not in units}
