"""Parents before children: a child waits for its parent, a parent wakes its children.

    child:   no link seen | register as a waiter | look again: still none -> acknowledge
    parent:        link written | ask for waiters, send each its message, then delete it

Whichever comes last sees the other: the child looks again after it registered, the parent asks after it linked. A
parent does so on every pass, even one that had nothing to do, for the pass that linked it may have died.

A child registers anew on every pass, under a new id, and what is removed is only what was known before:

    worker 1:  settles the child | ....................................... | forgets what it knew: another id, it stays
    worker 2:                       a newer row names a missing parent: registers, looks again, acknowledges

A parent that is not there after a while may never come: then an issue says whom the child waits for. Records that wait
for each other would wait for ever: see :mod:`chalicelib.core.circles`.
"""

from collections.abc import Collection, Sequence

from chalicelib.core.circles import Circles
from chalicelib.core.departures import Departures
from chalicelib.core.errors import ParentMissing, TwinledgerError
from chalicelib.core.ledger import IssueKind
from chalicelib.core.losers import Losers
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Change, Hint, Identity, RowId, SalesforceId, Side
from chalicelib.core.plan import PARENT_SLOT, WAITS
from chalicelib.core.ports import Clock, Hints, Ledger, Waiter
from chalicelib.core.registrations import Registrations
from chalicelib.core.work import LEFT, WAKE, Result, Work


class Families:
    """Waiters and those that wake them."""

    def __init__(
        self,
        *,
        mappings: Mappings,
        ledger: Ledger,
        hints: Hints,
        clock: Clock,
        registrations: Registrations,
        circles: Circles,
        departures: Departures,
        losers: Losers,
    ) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._hints = hints
        self._clock = clock
        self._registrations = registrations
        self._circles = circles
        self._departures = departures
        self._losers = losers

    def recall(self, works: Sequence[Work]) -> None:
        """Note what records are registered for that were woken, or that an earlier worker may have registered."""
        for work in works:
            if work.waits is None and (work.woken or work.recovered or WAITS.keys() & work.current.issues.keys()):
                work.waits = list(self._ledger.waits(work.key))

    def await_unlinked(self, works: Sequence[Work]) -> list[Work]:
        """Register children whose row names a parent that Salesforce does not have yet; those that can go on.

        Of those that are to be created nothing is written before their parents are there, unless they wait for each
        other; of others, only the references are left as they are.
        """
        ready = []
        for work in works:
            syncs = work.planned.alive and not work.planned.outside
            missing: set[Identity] = set(work.row.unlinked.values()) if work.row is not None and syncs else set()
            if not missing <= work.awaited.keys():
                self._registrations.register(work, missing - work.awaited.keys(), WAKE)
                continue  # and look again, from the start
            waiters = self._waiters(work) if missing else ()
            self._departures.claim(waiters, _new(work, missing))
            if missing and work.creates_record and not self._goes_first(work, missing, waiters):
                work.planned.put_off(work.ground)
                work.planned.held_back |= {Side.SALESFORCE} & work.current.refusals.keys()
            self._tell(work, missing | work.blamed)
            ready.append(work)
        return ready

    def blamed(self, work: Work, error: ParentMissing) -> set[Identity]:
        """The parents that a side does not have, as the references say which it named; empty: it names none."""
        values = {name: value for side in Side for name, value in work.planned.fields.get(side, {}).items()}
        parents: set[Identity] = set()
        for name in error.fields:
            field, value = work.mapping.by_name.get(name), values.get(name)
            parent = self._mappings.by_name.get(field.parent) if field is not None and field.parent else None
            if parent is not None and isinstance(value, str):
                parents.add(SalesforceId(parent.object, value))
        return parents

    def await_blamed(self, work: Work, side: Side, error: ParentMissing, parents: set[Identity]) -> bool:
        """Register a child for parents that a side does not have; whether nothing is left but to wait for them."""
        if side is Side.SALESFORCE and self._losers.replaced(work, parents):
            return False
        awaited = parents | _losers(work, parents)
        if not awaited <= work.awaited.keys():
            self._registrations.register(work, awaited - work.awaited.keys(), WAKE)
            return False
        waiters = self._waiters(work)
        self._departures.claim(waiters, _new(work, parents))
        if work.planned.existence is not None and not self._goes_first(work, parents, waiters):
            self._tell(work, parents)
            return True
        work.blamed |= parents
        work.without |= {unit.name for unit in work.mapping.units if set(unit.fields) & set(error.fields)}
        return False

    def _waiters(self, work: Work) -> Sequence[Waiter]:
        return self._ledger.waiters(work.identities)

    def _goes_first(self, work: Work, parents: Collection[Identity], waiters: Sequence[Waiter]) -> bool:
        """Whether a record is to be made without its parents, which wait for it; where another is, that one is woken.

        Nobody is in a circle for whom nobody waits.
        """
        if not waiters:
            return False
        kind = RowId if work.creates_record else SalesforceId
        (own,) = (one for one in work.identities if isinstance(one, kind))
        circle = self._circles.around(own)
        if circle is None or circle.first is None:
            return False
        if circle.first == own:
            return circle.members >= set(parents)
        self._hints.send([Hint(circle.first, Change.UPDATED, f"{WAKE}{self._clock.new_id()}")])
        return False

    def _tell(self, work: Work, missing: Collection[Identity]) -> None:
        """Plan an issue about parents that have been missing for a while."""
        text = "waits for {names}, which the other side does not have"
        self._registrations.tell(work, PARENT_SLOT, IssueKind.PARENT_MISSING, missing, text)

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
        children = self._ledger.waiters(parents) if parents else ()
        waiting = [waiter for waiter in children if not waiter.hint.hint_id.startswith(LEFT)]
        waiting += self._departures.waiting(works)
        if waiting:
            self._hints.send([waiter.hint for waiter in waiting])
            self._ledger.forget(waiting)
        settled = [work for work in works if work.result in {Result.SETTLED, Result.UNCHANGED}]
        known = [waiter for work in settled for waiter in (*(work.waits or ()), *work.awaited.values())]
        if known:
            self._ledger.forget(known)


def _losers(work: Work, winners: Collection[Identity]) -> set[Identity]:
    """Those that were merged into winners which are missing: undeleted, they are meant themselves again."""
    named = {one.id: one for one in winners if isinstance(one, SalesforceId)}
    return {SalesforceId(named[winner].object, loser) for loser, winner in work.winners.items() if winner in named}


def _new(work: Work, parents: set[Identity]) -> set[Identity]:
    """Those that it did not wait for before: who waits for it to leave has looked since, and knows that it is there.

    Else the two would wake each other for ever, where the parent cannot come back.
    """
    return parents - {waiter.parent for waiter in work.waits or ()}
