"""Registrations: a record that has to wait for another one, and since when.

    who waits:      registers | looks again: still so -> acknowledge
    who is there:   does what is waited for | asks who waits, and sends each its message

Whichever comes last sees the other.
"""

from collections.abc import Collection
from dataclasses import replace

from chalicelib.core.ledger import IssueKind
from chalicelib.core.model import Identity, RowId, SalesforceId
from chalicelib.core.plan import Conflict
from chalicelib.core.ports import Clock, Ledger, Waiter
from chalicelib.core.work import Work

GRACE = 60.0  # seconds that a record waits before a person is told


class Registrations:
    """Registers those who wait.

    Args:
        ledger: holds the registrations.
        clock: time, and ids.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def register(self, work: Work, awaited: Collection[Identity], prefix: str) -> None:
        """Register a record anew; the time of its first registration stays.

        Args:
            work: who waits.
            awaited: for whom.
            prefix: how the id of the message begins that wakes it.
        """
        since = {waiter.parent: waiter.hint.occurred_at for waiter in self._ledger.waits(work.key)}
        now = self._clock.now()
        for one in awaited:
            hint = work.wake_up(f"{prefix}{self._clock.new_id()}")
            at = since.get(one)
            work.awaited[one] = Waiter(one, work.key, replace(hint, occurred_at=now if at is None else at))
        self._ledger.wait_for([work.awaited[one] for one in awaited])

    def tell(self, work: Work, slot: str, kind: IssueKind, awaited: Collection[Identity], text: str) -> None:
        """Plan an issue about those that a record has waited for for a while.

        Args:
            work: who waits.
            slot: of the issue.
            kind: of the issue.
            awaited: for whom it is registered.
            text: what is to be said of them; ``{names}`` in it stands for their names.
        """
        since = [at for one in awaited if (at := work.awaited[one].hint.occurred_at) is not None]
        late = bool(since) and self._clock.now() - min(since) >= GRACE
        if not awaited or not (late or slot in work.current.issues):
            return
        rows = tuple(sorted(f"{one.table}:{','.join(one.key)}" for one in awaited if isinstance(one, RowId)))
        records = tuple(sorted(one.id for one in awaited if isinstance(one, SalesforceId)))
        told = text.format(names=", ".join([*rows, *records]))
        work.planned.conflicts.append(Conflict(slot, kind, rows or None, records or None, text=told))
