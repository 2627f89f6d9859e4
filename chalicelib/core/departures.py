"""Children before their parents, where a parent is deleted: what refers to it is settled first.

A deletion in Salesforce takes the details along, and clears the look-ups; a foreign key deletes the rows below, or
sets them to NULL, or refuses. Each of these would undo what somebody did to a child on the other side. So a record is
deleted once nobody refers to it any more on that side, of all that is mapped:

    parent:  to be deleted, a child is left | registers | looks again: still there -> wakes the child, acknowledge
    child:   settled: gone, or given to another parent | asks who waits for it to leave, and sends each its message

It registers for one of its children only, the last of those that were found: once that one has left, it looks again.

A child that outlives the deletion, for it was edited, waits for its parent in turn. Then the parent is not deleted but
comes back. Whichever of the two registers last sees it:

    parent:  registers for the child | sees: the child waits for me -> comes back
    child:   registers for the parent | sees: my parent waits for me to leave -> wakes it
"""

from collections.abc import Collection, Mapping, Sequence

from chalicelib.core.ledger import Existence, IssueKind, alike
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Change, Hint, Identity, RecordKey
from chalicelib.core.plan import CHILDREN_SLOT, Plan
from chalicelib.core.ports import Hints, Ledger, Records, Waiter
from chalicelib.core.recover import remember
from chalicelib.core.registrations import Registrations
from chalicelib.core.work import LEFT, Work


class Departures:
    """Deletions that wait, and those that they wait for.

    Args:
        mappings: what is kept the same.
        ledger: holds the registrations.
        records: the Salesforce side.
        hints: the way to wake.
        registrations: registers those who wait.
    """

    def __init__(
        self, mappings: Mappings, ledger: Ledger, records: Records, hints: Hints, registrations: Registrations
    ) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._records = records
        self._hints = hints
        self._registrations = registrations

    def left(self, works: Sequence[Work]) -> Mapping[RecordKey, Sequence[Identity]]:
        """Those that are to be deleted in Salesforce and have children there.

        user:  ................................ makes a child, or edits one
        we:       look: no child | ................................... DELETE takes it along: seconds, not more

        Postgres looks in the transaction that deletes.

        Raises:
            TwinledgerError: Salesforce did not answer.
        """
        found: dict[RecordKey, Sequence[Identity]] = {}
        for name in dict.fromkeys(work.mapping.name for work in works):
            asked = [work for work in works if work.mapping.name == name and _deletes_record(work)]
            references = self._mappings.references.get(name, ())
            if asked and references:
                children = self._records.children(references, [work.sfid or "" for work in asked])
                found |= {work.key: left for work, left in zip(asked, children, strict=True) if left}
        return found

    def await_children(self, work: Work, children: Sequence[Identity]) -> bool:
        """Register a deletion for the last of the children; whether nothing is left but to wait for it."""
        last = children[-1]
        if last not in work.awaited:
            self._registrations.register(work, [last], LEFT)
            return False
        if not work.needed and {waiter.hint.identity for waiter in self._ledger.waiters(work.identities)} & {*children}:
            work.needed = True
            return False
        text = "is to be deleted, and {names} and perhaps others still refer to it"
        self._registrations.tell(work, CHILDREN_SLOT, IssueKind.CHILDREN_LEFT, [last], text)
        operation = work.operation  # the queue must not take a later one for this one
        self._hints.send([Hint(child, Change.UPDATED, f"{LEFT}{operation}:{at}") for at, child in enumerate(children)])
        return True

    def claim(self, waiters: Collection[Waiter], parents: Collection[Identity]) -> None:
        """Wake the parents of a child that are about to be deleted, and wait for just this child to leave."""
        leaving = [one for one in waiters if one.hint.hint_id.startswith(LEFT)]
        keys = set(self._ledger.find(parents).values()) if leaving else set()
        due = [one.hint for one in leaving if one.key in keys]
        if due:
            self._hints.send(due)

    def waiting(self, works: Sequence[Work]) -> Sequence[Waiter]:
        """Who waits for one of these to leave, as far as they may have left somebody."""
        gone = [identity for work in works if _may_have_left(work) for identity in work.identities]
        return [one for one in self._ledger.waiters(gone) if one.hint.hint_id.startswith(LEFT)] if gone else ()


def _deletes_record(work: Work) -> bool:
    return work.planned.existence is Existence.DELETE_SALESFORCE


def _may_have_left(work: Work) -> bool:
    """Whether a pass has ended or changed what its record refers to, or an earlier one may have died when it had."""
    references = _references(work.mapping)
    if not references or work.plan is None:
        return False
    plan = work.planned
    gone = plan.alive is False and plan.survivor is None
    told = bool(references & work.untold) or any(_moved(plan, unit) for unit in references & plan.target.keys())
    return gone or told


def _moved(plan: Plan, unit: str) -> bool:
    """Whether a unit was given another value: on one side by us, or by users on both."""
    base = plan.bases.get(unit)
    return unit in plan.on_postgres or base is None or not alike(remember(plan.target[unit]), base.agreed)


def _references(mapping: ObjectMapping) -> frozenset[str]:
    """The units that refer to a parent."""
    return frozenset(
        unit.name for unit in mapping.units if any(mapping.by_name[name].parent is not None for name in unit.fields)
    )
