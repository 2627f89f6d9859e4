"""Whether a record is to be there: what the planner decides before it looks at any field.

both gone                                      a tombstone
alive in the ledger, one gone, other unedited  delete the other (or leave it: on_delete = keep)
the same, and a child of it is kept            DELETE_EDIT: the missing side comes back
merged into another in Salesforce, row edited  DELETE_EDIT: it is left to a person; its record stays merged
alive in the ledger, one gone, other edited    DELETE_EDIT: the record is kept, the missing side comes back
a tombstone, one alive                         a user revived it: the other side comes back
never settled, one there                       create the other
outside of the mapping's filter on a side      nothing, and the bases stay
outside when last seen, one gone since         leave the other: its deletion is none of the mapping's
"""

from dataclasses import dataclass

from chalicelib.core.ledger import BaseState, Entry, Existence, IssueKind, alike
from chalicelib.core.mapping import ObjectMapping, OnDelete
from chalicelib.core.model import Side
from chalicelib.core.plan import DELETE_SLOT, Conflict, Plan, Seen
from chalicelib.core.recover import Ground, buried, remember, unit_values

DELETES = {Side.POSTGRES: Existence.DELETE_POSTGRES, Side.SALESFORCE: Existence.DELETE_SALESFORCE}


@dataclass(frozen=True, slots=True)
class Life:
    """One record, as far as its existence goes.

    Attributes:
        mapping: the record's mapping.
        entry: the ledger's entry.
        ground: bases and existence after recovery.
        seen: both sides.
    """

    mapping: ObjectMapping
    entry: Entry
    ground: Ground
    seen: Seen

    def decide(self, result: Plan) -> None:
        """Set what is to become of the record; see the module."""
        in_postgres, in_salesforce = self.seen.in_postgres, self.seen.in_salesforce
        if self.seen.outside:
            self._leave(result)
            return
        if in_postgres and in_salesforce:
            return
        if not in_postgres and not in_salesforce:
            result.alive = False
            return
        survivor = Side.POSTGRES if in_postgres else Side.SALESFORCE
        merged = self.seen.merged_into
        left_alone = self.entry.alive is False and self.entry.survivor is survivor
        if left_alone or (self.ground.alive and self.entry.outside):
            result.alive, result.survivor = False, survivor
        elif self.ground.alive and (merged or not self.seen.needed) and not self._edited(survivor):
            self._follow(result, survivor)
        elif self.ground.alive and merged:
            self._hold(result, merged)
        else:
            if self.ground.alive:
                result.conflicts.append(_kept(survivor, itself=self._edited(survivor)))
            self._bring_back(result, survivor.other)

    def _leave(self, result: Plan) -> None:
        """The record is outside of the mapping's filter: what is in question is asked again when it comes back."""
        result.outside = True
        result.alive, result.survivor = self.ground.alive, self.entry.survivor
        result.closed = dict.fromkeys(self.entry.issues, "the record left the mapping's filter")
        result.refused_answers = list(self.entry.answers)

    def end(self, result: Plan) -> None:
        """The record ends here: its issues are over, answers come too late."""
        result.closed = dict.fromkeys(self.entry.issues, "the record was deleted")
        result.refused_answers = list(self.entry.answers)
        result.unmarked |= set(self.entry.ignored)
        if not self.seen.in_postgres and self.seen.salesforce is not None:
            held = unit_values(self.mapping, self.seen.salesforce.values)
            in_bin = {name: remember(values) for name, values in held.items()}
            result.bases = buried(result.bases, in_bin, None)

    def _follow(self, result: Plan, survivor: Side) -> None:
        """The other side was deleted, and this one has nothing new."""
        result.alive = False
        if self.mapping.on_delete is OnDelete.KEEP or survivor not in self.mapping.creates:
            result.survivor = survivor  # nothing is deleted on a side that the mapping never writes
        else:
            result.existence = DELETES[survivor]

    def _hold(self, result: Plan, winner: str) -> None:
        """The row has what the loser's record never got, and undeleting that one would undo the merge."""
        result.held = True
        result.alive = self.ground.alive
        text = (
            f"merged into {winner} in Salesforce, edited in Postgres: bring over to that record what is to stay and "
            "delete the row, or undelete the record"
        )
        result.conflicts.append(Conflict(DELETE_SLOT, IssueKind.DELETE_EDIT, None, None, text=text))
        result.refused_answers = list(self.entry.answers)

    def _bring_back(self, result: Plan, side: Side) -> None:
        if side not in self.mapping.creates:
            result.alive, result.survivor = False, side.other
        elif side is Side.POSTGRES:
            result.existence = Existence.INSERT_POSTGRES
        elif self.seen.salesforce is not None:
            result.existence = Existence.UNDELETE_SALESFORCE
        else:
            result.existence = Existence.CREATE_SALESFORCE

    def _edited(self, side: Side) -> bool:
        """Whether a side holds anything that the other did not get; half of a person's answer counts."""
        row, record = self.seen.postgres, self.seen.salesforce
        there = row if side is Side.POSTGRES else record
        if side is Side.POSTGRES and row is not None and row.unreadable:
            return True  # nobody can tell whether it was edited
        for name, held in unit_values(self.mapping, there.values if there is not None else {}).items():
            base = self.ground.bases.get(name)
            if base is None or not alike(remember(held), base.of(side)):
                return True
            if base.state is BaseState.HALF and alike(base.of(side), base.agreed):
                return True
        return False


def _kept(survivor: Side, *, itself: bool) -> Conflict:
    edited = "edited" if itself else "what refers to it edited"
    text = f"deleted in {survivor.other.title()}, {edited} in {survivor.title()}: the record was kept"
    return Conflict(DELETE_SLOT, IssueKind.DELETE_EDIT, None, None, text)
