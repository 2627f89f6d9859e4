"""What a statement does in the database in memory, and rules about statements that tests give it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.core.errors import Rejected, TwinledgerError
from chalicelib.core.model import Hint, RowId, Value


@dataclass(frozen=True)
class Formless:
    """What a column holds that has no canonical form: NaN, infinity, a date of the year 20000."""


Cell = Value | RowId | Formless  # a reference's cell holds the parent's row
Cells = Mapping[str, Cell]


@dataclass(frozen=True)
class Statement:
    """One row's change as triggers and refusal rules see it, before it commits."""

    row: RowId
    before: Cells | None  # None: an insert
    after: Cells | None  # None: a delete
    by_sync: bool


Trigger = Callable[[Statement], Cells]  # further cells that the same statement sets; may edit other rows
Refusal = Callable[[Statement], TwinledgerError | None]  # None lets the statement pass


@dataclass(frozen=True)
class Captured:
    """One outbox row.

    Attributes:
        hint: what the relay sends of it.
        origin: operation id where it happened in a transaction of the sync.
        old: mapped fields that changed, as they were.
        new: the same fields, as they are.
    """

    hint: Hint
    origin: str | None
    old: Cells
    new: Cells


def upper(name: str) -> Trigger:
    """A trigger that stores a text field in upper case."""

    def run(statement: Statement) -> Cells:
        cell = (statement.after or {}).get(name)
        return {name: cell.upper()} if isinstance(cell, str) else {}

    return run


def refuse(name: str, value: Value, code: str = "23514") -> Refusal:
    """A rule that refuses one value of one field, as a CHECK constraint does."""

    def run(statement: Statement) -> TwinledgerError | None:
        if statement.after is None or statement.after.get(name) != value:
            return None
        return Rejected(f"new row violates check constraint on {name}", code=code, fields=(name,))

    return run
