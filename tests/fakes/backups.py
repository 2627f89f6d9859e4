"""Backups of the database in memory, and what a rebase reads of it afterwards."""

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Change, Hint, PrimaryKey, RowId, Value
from chalicelib.core.rebase import Since
from tests.fakes.rows import MemoryRows

KEPT = ("_tables", "_markers", "_edits", "_made", "captured")  # what a database holds


@dataclass
class Backup:
    """A database as it was at one moment, its outbox empty."""

    content: dict[str, object]

    @classmethod
    def of(cls, rows: MemoryRows) -> "Backup":
        """As it is now."""
        return cls({name: deepcopy(getattr(rows, name)) for name in KEPT} | {"captured": []})

    def restore(self, rows: MemoryRows) -> None:
        """Put it back: the numbers that keys are made of are used a second time."""
        for name, held in deepcopy(self.content).items():
            setattr(rows, name, held)


@dataclass
class MemoryOutbox:
    """What was captured in the database in memory since it was restored."""

    rows: MemoryRows

    def since(self, mapping: ObjectMapping, wanted: Sequence[Collection[PrimaryKey]], moment: float) -> Sequence[Since]:
        """See :meth:`chalicelib.postgres.captured.Outbox.since`."""
        return [self._since({RowId(mapping.table, pk) for pk in keys}, moment) for keys in wanted]

    def _since(self, names: Collection[RowId], moment: float) -> Since:
        created = deleted = False
        edited: set[str] = set()
        before: dict[str, Value] = {}
        pending: dict[str, Value] = {}
        for one in self.rows.captured:
            if one.hint.identity not in names or one.origin is not None:
                continue
            old = {name: cell for name, cell in one.old.items() if isinstance(cell, str | bool | None)}
            if (one.hint.occurred_at or 0.0) <= moment:
                pending = {**old, **pending}
            elif one.hint.change is Change.CREATED:
                created = True
            elif created:
                created = one.hint.change is not Change.DELETED
            else:
                deleted = deleted or one.hint.change is Change.DELETED
                before = {**{name: value for name, value in old.items() if name not in edited}, **before}
                edited |= one.old.keys()
        return Since(created, deleted, frozenset(edited), before, pending)


@dataclass
class Aside:
    """Hints that are put aside."""

    hints: list[Hint]

    def set_aside(self, hint: Hint, now: float) -> None:
        """Keep a hint."""
        del now
        self.hints.append(hint)
