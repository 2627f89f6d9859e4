"""The three-way merge of one unit: which value both sides should hold, if that can be said without a person.

base vs Postgres   base vs Salesforce       outcome
same               same                     KEEP, or FOLLOW where one side is behind by a form
changed            same                     CARRY Postgres' value
same               changed                  CARRY Salesforce's value
changed            changed, to the same     AGREE
changed            changed, to another      CONFLICT: the policy decides (chalicelib.core.plan)
no base            no base                  AGREE where equal, CARRY where one side is null, else CONFLICT
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.core.ledger import Base, BaseState, Remembered, alike
from chalicelib.core.model import Side

MAX_HOPS = 3  # sync writes in a row that only follow automation; more is an echo storm


class Verdict(StrEnum):
    """What the merge of one unit says."""

    KEEP = "keep"  # nothing moved
    AGREE = "agree"  # both sides hold the same value
    CARRY = "carry"  # one side's edit goes to the other
    FOLLOW = "follow"  # nobody edited; one side is behind by a form, or by half of a person's answer
    CONFLICT = "conflict"  # two edits of one unit
    STORM = "storm"  # automation of the two sides never agrees: leave both as they are


@dataclass(frozen=True, slots=True)
class Merge:
    """The outcome for one unit.

    Attributes:
        verdict: what to do.
        source: for CARRY and STORM: the side whose value moved; None elsewhere.
        target: what both sides should hold; None for CONFLICT and STORM, and for a KEEP that keeps two forms.
        user: whether it carries a user's change (ends a chain of hops).
        echo: whether it only passes on what automation did beside our own write.
        answer_open: for CONFLICT: the conflict is with half of a person's answer, so the unit has no base any more.
        base: the base to remember where the merge itself changes it (STORM); None elsewhere.
    """

    verdict: Verdict
    source: Side | None = None
    target: Remembered | None = None
    user: bool = False
    echo: bool = False
    answer_open: bool = False
    base: Base | None = None


def merge(
    base: Base | None,
    postgres: Remembered,
    salesforce: Remembered,
    *,
    hops: int,
    echo_postgres: Remembered | None,
    echo_salesforce: Remembered | None,
) -> Merge:
    """Merge one unit.

    Args:
        base: the unit's bases; None on first contact.
        postgres: what Postgres holds, or was last known to hold where the row is gone.
        salesforce: what Salesforce holds, or was last known to hold where the record is gone.
        hops: sync writes in a row that only followed automation.
        echo_postgres: the value that Postgres' triggers set beside our last write; None: they did not.
        echo_salesforce: the value that Salesforce's automation set beside our last write; None: it did not.
    """
    if alike(postgres, salesforce):
        return Merge(Verdict.AGREE, target=postgres)
    if base is None:
        return _first_contact(postgres, salesforce)
    base = _landed(base, postgres, salesforce)
    moved_postgres = not alike(postgres, base.postgres)
    moved_salesforce = not alike(salesforce, base.salesforce)
    if moved_postgres and moved_salesforce:
        return Merge(Verdict.CONFLICT, answer_open=base.state is BaseState.HALF)
    if moved_postgres:
        return _one_moved(base, Side.POSTGRES, postgres, hops, echo_postgres)
    if moved_salesforce:
        return _one_moved(base, Side.SALESFORCE, salesforce, hops, echo_salesforce)
    return _none_moved(base, postgres, salesforce, hops)


def _landed(base: Base, postgres: Remembered, salesforce: Remembered) -> Base:
    """Who sets by hand what a person's answer was to bring to a side has only been faster: it has landed there."""
    if base.state is not BaseState.HALF:
        return base
    return replace(
        base,
        postgres=base.agreed if alike(postgres, base.agreed) else base.postgres,
        salesforce=base.agreed if alike(salesforce, base.agreed) else base.salesforce,
    )


def _first_contact(postgres: Remembered, salesforce: Remembered) -> Merge:
    """No base: an empty side takes the other's value, anything else is for the first-contact policy."""
    if all(value is None for value in salesforce):
        return Merge(Verdict.CARRY, Side.POSTGRES, postgres, user=True)
    if all(value is None for value in postgres):
        return Merge(Verdict.CARRY, Side.SALESFORCE, salesforce, user=True)
    return Merge(Verdict.CONFLICT)


def _none_moved(base: Base, postgres: Remembered, salesforce: Remembered, hops: int) -> Merge:
    """Nobody edited, and still the sides differ: one is behind, or both keep their form."""
    if base.state is BaseState.STOPPED:
        return Merge(Verdict.KEEP)
    if base.state is BaseState.FORM and hops >= MAX_HOPS:
        stopped = Base(base.agreed, base.postgres, base.salesforce, BaseState.STOPPED)
        return Merge(Verdict.STORM, base=stopped)
    target = postgres if alike(postgres, base.agreed) else salesforce
    return Merge(Verdict.FOLLOW, target=target)


def _one_moved(base: Base, side: Side, moved: Remembered, hops: int, echo: Remembered | None) -> Merge:
    """One side moved: its value is carried, unless it meets half of a person's answer or a storm."""
    if base.state is BaseState.HALF and not alike(base.of(side), base.agreed):
        # The answer had landed on the other side only, and this side was edited since: the person saw neither.
        return Merge(Verdict.CONFLICT, answer_open=True)
    if alike(moved, echo):
        if hops >= MAX_HOPS:
            known = base.of(side.other)
            postgres, salesforce = (moved, known) if side is Side.POSTGRES else (known, moved)
            return Merge(Verdict.STORM, side, base=Base(base.agreed, postgres, salesforce, BaseState.STOPPED))
        return Merge(Verdict.CARRY, side, moved, echo=True)
    return Merge(Verdict.CARRY, side, moved, user=True)
