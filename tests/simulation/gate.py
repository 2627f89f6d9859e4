"""The gate: takes away one guard after the other, and says how soon that is noticed.

``python -m tests.simulation.gate [--starts 5] [--guard NAME]``
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.simulation.mutants import MUTANTS, SWITCH, Mutant
from tests.simulation.runs import run

APART = 100_000  # seeds between two starts


@dataclass(frozen=True)
class Caught:
    """How a mutant was noticed.

    Attributes:
        seeds: until it was, from each start; None: it was not before the ceiling.
        reason: what was noticed, the first time.
    """

    seeds: tuple[int | None, ...]
    reason: str

    @property
    def always(self) -> bool:
        """Whether it was noticed from every start."""
        return None not in self.seeds


def hunt(mutant: Mutant, starts: int) -> Caught:
    """Run seeds with the guard off until a promise is broken, from several starts."""
    found: list[int | None] = []
    reason = ""
    with mutant.off():
        for start in range(starts):
            seeds = range(start * APART + 1, start * APART + 1 + mutant.ceiling)
            number, broken = next(
                ((n, why) for n, seed in enumerate(seeds, 1) if (why := _broken(seed, mutant))), (None, "")
            )
            found.append(number)
            reason = reason or broken
    return Caught(tuple(found), reason)


def _broken(seed: int, mutant: Mutant) -> str:
    """What one seed breaks; a mutant that stumbles is noticed too."""
    try:
        return run(seed, mutant.weather)[1] or ""
    except Exception as error:  # noqa: BLE001 - whatever it is
        return f"{type(error).__name__}: {error}"


def test_fails(mutant: Mutant) -> Caught:
    """Run the mutant's own test with the guard off."""
    environment = os.environ | {SWITCH: mutant.guard}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "tests.simulation.mutated",
        "-p",
        "no:cacheprovider",
        mutant.test,
    ]
    failed = subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 1  # noqa: S603
    return Caught((1 if failed else None,), mutant.test if failed else "")


def main() -> int:
    """Say of each guard how soon its absence is noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.gate", description="Prove that the hunt works.")
    parser.add_argument("--starts", type=int, default=5, help="starting points for each guard")
    parser.add_argument("--guard", choices=[mutant.guard for mutant in MUTANTS], action="append")
    given = parser.parse_args()
    unnoticed = 0
    print(f"{'guard':45} {'median':>7} {'most':>6} {'ceiling':>8}  noticed by")
    for mutant in MUTANTS:
        if given.guard and mutant.guard not in given.guard:
            continue
        began = time.monotonic()
        caught = test_fails(mutant) if mutant.test else hunt(mutant, given.starts)
        seen = [number for number in caught.seeds if number is not None]
        unnoticed += not caught.always
        median = f"{statistics.median(seen):.0f}" if seen else "-"
        most = str(max(seen)) if caught.always else "NOT"
        by = caught.reason if mutant.test else f"{mutant.weather}: {caught.reason[:70]}"
        print(
            f"{mutant.guard:45} {median:>7} {most:>6} {mutant.ceiling:>8}  {by}  ({time.monotonic() - began:.0f} s)",
            flush=True,
        )
    print(f"{unnoticed} guards may be taken away unnoticed" if unnoticed else "every guard is missed when it is gone")
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main())
