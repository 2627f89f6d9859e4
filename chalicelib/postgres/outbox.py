"""The outbox: drained by its state, never by a cursor on its ids.

A lower id may commit after a higher one: a cursor that has passed it would never see it. So a row counts as done when
it has been deleted, and is deleted when its hint was accepted. The one optimisation is a floor, below which no row can
appear any more; without it each look would wade through the dead rows that a long snapshot (a dump) keeps alive.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from chalicelib.core.model import Change, Hint, RowId
from chalicelib.postgres.capture import CHANNEL
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.statements import statement

FILE = "outbox"
HANDOVER_CHANNEL = "twinledger_leader"
LIMIT = 500  # rows of each lane a look


@dataclass(frozen=True, slots=True)
class Captured:
    """One row of the outbox.

    Attributes:
        id: outbox id.
        table: schema-qualified.
        hint: what is sent of it; None: the table was truncated.
    """

    id: int
    table: str
    hint: Hint | None

    @property
    def bulk(self) -> bool:
        """Whether it goes by the bulk lane."""
        return self.hint is not None and self.hint.bulk

    @property
    def record(self) -> RowId:
        """What the order of sending is kept for; a table without a key stands for its truncation."""
        identity = self.hint.identity if self.hint is not None else None
        return identity if isinstance(identity, RowId) else RowId(self.table, ())


@dataclass
class OutboxReader:
    """Finds the rows that have not been seen yet.

    The floor rises in two steps. First the highest id seen is noted together with a transaction id taken after it was
    seen: whoever holds a lower outbox id began before that, since capture runs after the edit has got its transaction
    id. When a complete look's snapshot no longer has any transaction as old as that running, every row up to the noted
    id is in memory, deleted, or was never committed. (``pg_snapshot_xmax`` in place of a fresh transaction id strands
    rows.)

    Attributes:
        connection: in autocommit mode: each look has a new snapshot.
        known: ids that were seen and may still be found, among them those deleted a moment ago.
        complete: whether the last look gave all that had not been seen.
    """

    connection: Connection
    known: set[int] = field(default_factory=set)
    complete: bool = False
    _floor: int = 0
    _top: int = 0
    _noted: tuple[int, int] | None = None  # highest id seen, transaction id taken after that

    def listen(self, channel: str = CHANNEL) -> None:
        """Be told when a transaction has captured something while nobody was draining; or on another channel."""
        self.connection.execute(statement(FILE, "listen", channel=sql.Identifier(channel)))

    def told(self, seconds: float) -> bool:
        """Whether anything is told within so many seconds."""
        return any(True for _ in self.connection.notifies(timeout=seconds, stop_after=1))

    def next(self, gone: Collection[int], *, bulk: bool = True) -> Sequence[Captured]:
        """Rows that have not been seen, lowest id first, at most ``LIMIT`` of each lane.

        Args:
            bulk: whether to look for rows of the bulk lane too.
            gone: ids whose deletion was committed before this call; they can be forgotten after it, since neither this
                snapshot nor a later one holds them.

        Raises:
            psycopg.Error: the connection is lost, or the outbox is not there.
        """
        limit = {"limit": LIMIT, "bulk": LIMIT if bulk else 0}
        parameters = {"floor": self._floor, "known": list(self.known), **limit}
        found = self.connection.execute(statement(FILE, "next"), parameters).fetchall()
        rows = [_captured(row) for row in found if row[1] is not None]
        self.known.difference_update(gone)
        self.known.update(row.id for row in rows)
        many = sum(row.bulk for row in rows)
        self.complete = bulk and max(many, len(rows) - many) < LIMIT
        self._raise_floor(int(str(found[0][0])), rows)
        return rows

    def _raise_floor(self, oldest_running: int, rows: Sequence[Captured]) -> None:
        self._top = max(self._top, rows[-1].id if rows else 0)
        if self._noted is None:
            if self._top > self._floor:
                made = self.connection.execute(statement(FILE, "new_transaction_id")).fetchone()
                self._noted = (self._top, int(str(made[0]))) if made else None
        elif self.complete and oldest_running > self._noted[1]:
            self._floor, self._noted = self._noted[0], None

    def depth(self, limit: int = 10_000) -> int:
        """Rows in the outbox, counted up to a limit."""
        found = self.connection.execute(statement(FILE, "depth"), {"limit": limit}).fetchone()
        return int(str(found[0])) if found else 0

    def try_lock(self, key: int) -> bool:
        """Take an advisory lock of the session, without waiting: a session that waits stalls vacuum."""
        return self.connection.execute(statement(FILE, "try_lock"), {"key": key}).fetchone() == (True,)

    def unlock(self, key: int) -> None:
        """Give an advisory lock back."""
        self.connection.execute(statement(FILE, "unlock"), {"key": key})

    def hand_over(self, key: int) -> None:
        """Give an advisory lock back, and tell those that listen for it: it is free before they hear of it."""
        parameters = {"key": key, "channel": HANDOVER_CHANNEL}
        self.connection.execute(statement(FILE, "hand_over"), parameters)


def delete(connection: Connection, ids: Collection[int]) -> None:
    """Delete rows whose hints were accepted.

    Raises:
        psycopg.Error: it is not known whether they are deleted.
    """
    connection.execute(statement(FILE, "delete"), {"ids": list(ids)})


def _captured(row: Sequence[object]) -> Captured:
    _, id_, table, pk, change, sfid, actor, at, told, bulk = row
    if not isinstance(pk, list):
        return Captured(int(str(id_)), str(table), None)
    hint = Hint(
        identity=RowId(str(table), tuple(str(part) for part in pk)),
        change=Change(str(change)),
        hint_id=str(told),
        occurred_at=at if isinstance(at, float) else None,
        actor=None if actor is None else str(actor),
        sfid=None if sfid is None else str(sfid),
        bulk=bulk is True,
    )
    return Captured(int(str(id_)), str(table), hint)
