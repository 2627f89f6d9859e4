"""What the two systems do by themselves: change what is written, and refuse some of it."""

import random
from collections.abc import Callable

from chalicelib.core.errors import Rejected, TwinledgerError
from chalicelib.core.model import Fields
from tests.fakes.records import MemoryRecords, Save
from tests.fakes.rows import Cells, MemoryRows, Statement

TABLE = "public.account"


def plain(value: object) -> str:
    """A value without what automation made of it."""
    return str(value).lower().rstrip("!")


def install_automation(rows: MemoryRows, records: MemoryRecords, chance: random.Random) -> None:
    """Both systems keep a form of their own, at random; with the same field on both sides they never agree."""
    in_postgres = chance.choice((None, None, "Name", "Phone"))
    in_salesforce = chance.choice((None, "Name", "Phone", "Zip"))

    elsewhere = chance.random() < 0.4  # a row that the sync writes makes a trigger write another one
    touched: list[str] = []

    def ripple(statement: Statement) -> Cells:
        others = [pk for pk in rows.rows(TABLE) if pk != statement.row.key]
        if elsewhere and statement.by_sync and others and not touched and chance.random() < 0.3:
            touched.append("now")
            rows.edit(TABLE, chance.choice(sorted(others)), {"Phone": f"m{len(rows.captured)}"})
            touched.clear()
        return {}

    def trigger(statement: Statement) -> Cells:
        value = (statement.after or {}).get(in_postgres or "")
        return {in_postgres: value.upper()} if in_postgres and isinstance(value, str) else {}

    def automation(save: Save) -> Fields:
        value = save.after.get(in_salesforce or "")
        changed = save.before is None or save.before.get(in_salesforce or "") != value
        if not in_salesforce or not isinstance(value, str) or not changed:
            return {}
        return {in_salesforce: value.lower() if value != value.lower() or in_postgres else value.rstrip("!") + "!"}

    rows.triggers.setdefault(TABLE, []).extend((trigger, ripple))
    records.automation.append(automation)


def install_refusals(
    rows: MemoryRows, records: MemoryRecords, chance: random.Random, strict: Callable[[], bool]
) -> None:
    """Both systems refuse some values of some field; Salesforce does not always say which field it blames."""
    in_postgres, in_salesforce = chance.choice(("Name", "Zip", "")), chance.choice(("Phone", "Name", "City", ""))
    named = chance.random() < 0.6

    def bad(value: object) -> bool:
        return strict() and isinstance(value, str) and plain(value).endswith(("3", "7"))

    def constraint(statement: Statement) -> TwinledgerError | None:
        if statement.after is None or not bad(statement.after.get(in_postgres)):
            return None
        return Rejected("violates check constraint", code="23514", fields=(in_postgres,))

    def rule(save: Save) -> TwinledgerError | None:
        if not bad(save.after.get(in_salesforce)):
            return None
        blamed = (in_salesforce,) if named else ()
        return Rejected("validation rule", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", fields=blamed)

    rows.refusals.setdefault(TABLE, []).append(constraint)
    records.refusals.append(rule)
