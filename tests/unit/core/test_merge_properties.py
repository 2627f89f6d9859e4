"""What holds for every merge, whatever the two sides and the ledger hold."""

from dataclasses import replace
from typing import Any

from hypothesis import given

from chalicelib.core.ledger import Base, Remembered, alike
from chalicelib.core.merge import Merge, Verdict, merge
from chalicelib.core.recover import settled
from tests.unit.core.strategies import known, merges, units


def quiet(base: Base | None, postgres: Remembered, salesforce: Remembered) -> Merge:
    """A merge beside which no automation was seen."""
    return merge(base, postgres, salesforce, hops=0, echo_postgres=None, echo_salesforce=None)


def mirrored(base: Base | None) -> Base | None:
    """The same, with the sides exchanged."""
    return base and Base(base.agreed, base.salesforce, base.postgres, base.state)


@given(merges())
def test_a_merge_does_not_know_the_sides(case: dict[str, Any]) -> None:
    """Exchange the sides, and the outcome is the same with its sides exchanged."""
    straight = merge(**case)
    crossed = merge(
        mirrored(case["base"]),
        case["salesforce"],
        case["postgres"],
        hops=case["hops"],
        echo_postgres=case["echo_salesforce"],
        echo_salesforce=case["echo_postgres"],
    )

    assert straight == replace(
        crossed,
        source=crossed.source and crossed.source.other,
        base=mirrored(crossed.base),
        target=straight.target if alike(straight.target, crossed.target) else crossed.target,
    )


@given(merges())
def test_a_merge_invents_nothing(case: dict[str, Any]) -> None:
    """Its target is what one of the sides holds."""
    assert merge(**case).target in {None, case["postgres"], case["salesforce"]}


@given(units, units, units)
def test_a_conflict_is_two_edits_of_different_values(
    base: Remembered, postgres: Remembered, salesforce: Remembered
) -> None:
    """Both sides left the agreed value, for different ones; nothing else is a conflict."""
    conflict = quiet(settled(known(base)), postgres, salesforce).verdict is Verdict.CONFLICT

    assert conflict is (base not in {postgres, salesforce} and postgres != salesforce)


@given(merges())
def test_a_merged_unit_is_at_rest(case: dict[str, Any]) -> None:
    """Once its target stands on both sides, or its storm is stopped, there is nothing more to do."""
    once = merge(**case)
    if once.base is not None:
        again = quiet(once.base, case["postgres"], case["salesforce"])
    else:
        target = once.target or case["postgres"]
        again = quiet(settled(known(target)), target, target)

    assert again.verdict in {Verdict.AGREE, Verdict.KEEP}
