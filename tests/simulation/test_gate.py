"""The hunt works: whatever guard is taken away, it is missed."""

import pytest

from tests.simulation.gate import hunt
from tests.simulation.mutants import BY_GUARD, MUTANTS

QUICK = [mutant.guard for mutant in MUTANTS if mutant.weather and mutant.ceiling <= 3000]


@pytest.mark.parametrize("guard", QUICK)
def test_a_guard_is_missed_when_it_is_gone(guard: str) -> None:
    """The simulator breaks a promise before the ceiling; the rarest are left to the gate itself."""
    caught = hunt(BY_GUARD[guard], starts=1)

    assert caught.always


def test_a_guard_is_back_afterwards() -> None:
    """Nothing of a mutant outlives its hunt."""
    patched = [(owner, name, owner.__dict__[name]) for mutant in MUTANTS for owner, name, _ in mutant.patches]
    for mutant in MUTANTS:
        with mutant.off():
            pass

    assert all(owner.__dict__[name] is was for owner, name, was in patched)
