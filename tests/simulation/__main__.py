"""Runs seeds: ``python -m tests.simulation --seeds 1000 [--first 1] [--weather NAME] [--trace SEED]``."""

import argparse
import sys
import time
from collections import Counter

from tests.simulation.promises import check
from tests.simulation.weathers import WEATHERS
from tests.simulation.world import BrokenPromise, World


def run(seed: int, name: str, *, trace: bool = False) -> tuple[World, str | None]:
    """One run; the broken promise, if any."""
    world = World(seed, WEATHERS[name], trace=trace)
    try:
        world.run()
        check(world)
    except BrokenPromise as broken:
        return world, str(broken)
    return world, None


def main() -> int:
    """Run, and say how often each promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Hunt for lost edits.")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--weather", choices=sorted(WEATHERS), action="append")
    parser.add_argument("--trace", type=int, metavar="SEED")
    given = parser.parse_args()
    names = given.weather or sorted(WEATHERS)
    if given.trace is not None:
        world, broken = run(given.trace, names[0], trace=True)
        print("\n".join(world.story))
        print(broken or "every promise was kept")
        return int(broken is not None)
    failures = 0
    for name in names:
        broken: list[tuple[int, str]] = []
        counts: Counter[str] = Counter()
        started = time.monotonic()
        for seed in range(given.first, given.first + given.seeds):
            world, reason = run(seed, name)
            counts.update(world.counts)
            if reason is not None:
                broken.append((seed, reason))
        failures += len(broken)
        speed = given.seeds / (time.monotonic() - started)
        print(f"{name:16} {len(broken)} of {given.seeds} seeds broke a promise; {speed:.0f} seeds a second", flush=True)
        for seed, reason in broken[:8]:
            print(f"    seed {seed}: {reason[:140]}")
        print("    " + ", ".join(f"{key} {count}" for key, count in sorted(counts.items())))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
