"""Parents before children: a child waits for its parent, a parent wakes its children.

    child:   no link seen | register as a waiter | look again: still none -> acknowledge
    parent:        link written | ask for waiters, send each its message, then delete it

Whichever comes last sees the other: the child looks again after it registered, the parent asks after it linked. A
parent does so on every pass, even one that had nothing to do, for the pass that linked it may have died.
"""

from collections.abc import Sequence

from chalicelib.core.errors import ParentMissing, TwinledgerError
from chalicelib.core.ledger import Existence
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Identity, SalesforceId, Side
from chalicelib.core.ports import Clock, Hints, Ledger
from chalicelib.core.work import Result, Work


class Families:
    """Waiters and those that wake them."""

    def __init__(self, mappings: Mappings, ledger: Ledger, hints: Hints, clock: Clock) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._hints = hints
        self._clock = clock

    def await_unlinked(self, works: Sequence[Work]) -> list[Work]:
        """Register children whose row names a parent that Salesforce does not have yet; those that can go on."""
        ready = []
        for work in works:
            unlinked = list(work.row.unlinked.values()) if work.row is not None else []
            if not unlinked or work.plan is None or not work.plan.alive:
                ready.append(work)
            elif not work.registered:
                self._register(work, unlinked)  # and look again, from the start
            elif work.plan.existence is Existence.CREATE_SALESFORCE:
                work.end(Result.WAITING)
            else:
                ready.append(work)  # its other fields go on
        return ready

    def await_blamed(self, work: Work, error: ParentMissing) -> bool:
        """Register a child for the parents that a side does not have; False where the error names none."""
        values = {name: value for side in Side for name, value in work.planned.fields.get(side, {}).items()}
        parents: list[Identity] = []
        for name in error.fields:
            field, value = work.mapping.by_name.get(name), values.get(name)
            parent = self._mappings.by_name.get(field.parent) if field is not None and field.parent else None
            if parent is not None and isinstance(value, str):
                parents.append(SalesforceId(parent.object, value))
        if not parents:
            return False
        if not work.registered:
            self._register(work, parents)
        elif work.planned.existence is not None:
            work.end(Result.WAITING)
        else:
            work.without |= {unit.name for unit in work.mapping.units if set(unit.fields) & set(error.fields)}
        return True

    def _register(self, work: Work, parents: Sequence[Identity]) -> None:
        self._ledger.wait_for(work.wake_up(f"wait:{self._clock.new_id()}"), work.key, parents)
        work.registered = True

    def tidy(self, works: Sequence[Work]) -> None:
        """See :meth:`_tidy`; where that fails, the messages come again."""
        try:
            self._tidy(works)
        except TwinledgerError as error:
            for work in works:
                work.fail(error)

    def _tidy(self, works: Sequence[Work]) -> None:
        """Wake the children of these records, and remove the registrations of those that need not wait any more."""
        parents = [
            identity
            for work in works
            if work.mapping.name in self._mappings.parents and work.linked
            for identity in work.identities
        ]
        waiting = self._ledger.waiters(parents) if parents else ()
        if waiting:
            self._hints.send([waiter.hint for waiter in waiting])
            self._ledger.forget(waiting)
        for work in works:
            if work.result in {Result.SETTLED, Result.UNCHANGED} and (work.registered or work.recovered):
                own = self._ledger.waits(work.key)
                if own:
                    self._ledger.forget(own)
