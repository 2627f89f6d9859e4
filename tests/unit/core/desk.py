"""One record on a worker's desk: read and planned, and nothing written yet."""

from dataclasses import replace
from typing import Any

from chalicelib.core.ledger import Entry, Intent
from chalicelib.core.model import Change, Hint, Marker, Record, Row, RowId, RowState
from chalicelib.core.plan import Seen
from chalicelib.core.planner import plan
from chalicelib.core.recover import Ground
from chalicelib.core.work import Work
from tests.unit.core.planning import LINKED, SFID
from tests.unit.core.scene import account

NOW = 5_000.0
UNDER_WAY = Intent(
    "op",
    {"Name": ("Acme Ltd",)},
    frozenset(),
    frozenset({"Name"}),
    {"Name": ("Acme Ltd",)},
    {"Name": ("Acme",)},
    None,
    True,
    NOW + 20.0,
    answers=frozenset({"answer"}),
)
WRITTEN = replace(LINKED, version=4, dirty=2, intent=UNDER_WAY, updated_at=NOW - 1.0)


def on_desk(
    postgres: Row | None, salesforce: Record | None, *, entry: Entry | None = LINKED, mapping: Any = None, **known: Any
) -> Work:
    """A record under way.

    Args:
        postgres: the row; None: there is none.
        salesforce: the record; None: there is none.
        entry: the ledger's; None: there is none.
        mapping: the record's.
        known: of the work; ``sfid`` and ``pk`` are those of the linked record unless they are given.
    """
    work = Work(mapping or account(), "key", [Hint(RowId("public.account", ("1",)), Change.UPDATED, "1", actor="app")])
    work.start(entry)
    work.state, work.record = RowState(postgres, Marker("before", {})), salesforce
    work.sfid, work.pk, work.operation = known.pop("sfid", SFID), known.pop("pk", ("1",)), "op"
    work.ground = Ground(work.current.bases, work.current.alive)
    work.plan = plan(work.mapping, work.current, work.ground, Seen(postgres, salesforce))
    for name, value in known.items():
        setattr(work, name, value)
    return work
