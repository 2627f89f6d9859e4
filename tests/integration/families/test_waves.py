"""Twenty families of four generations, made on both sides at once, while readers look at them."""

from tests.bench.families import GENERATIONS, measure
from tests.integration.families.conftest import Household

FAMILIES = 20


def test_no_child_is_ever_seen_without_its_parent(home: Household) -> None:
    """Whatever is told of first: in the end all are on both sides, below the same parents, and nobody waits."""
    wave = measure(home, FAMILIES)

    assert wave.orphans == []
    assert wave.unlike == []
    assert len(home.records("Account")) + len(home.records("Contact", "LastName")) == FAMILIES * GENERATIONS
    assert min(wave.looks["postgres"], wave.looks["salesforce"]) > 0
    assert wave.results["waiting"] > 0
    assert home.issues() == []
