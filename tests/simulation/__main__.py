"""Hunts for lost edits: ``python -m tests.simulation --seeds 1000 [--first 1] [--weather NAME] [--trace SEED]``.

A range of seeds may be run in parts: each seed is a run of its own, and replays exactly.
"""

import argparse
import sys
from collections import Counter
from contextlib import nullcontext

from tests.simulation.paths import branches, counted
from tests.simulation.runs import Report, run, run_all, shortest
from tests.simulation.weathers import BROKEN, WEATHERS

SHOWN = 8  # broken seeds of a weather


def main() -> int:
    """Run, and say how often each promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Hunt for lost edits.")
    parser.add_argument("--seeds", type=int, default=1000, help="seeds of each weather")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--weather", choices=sorted(WEATHERS | BROKEN), action="append", help="one or more; else all")
    parser.add_argument("--counts", action="store_true", help="say how often each fault, call and result was seen")
    parser.add_argument("--branches", action="store_true", help="list the branches of the core that were never taken")
    parser.add_argument("--trace", type=int, metavar="SEED", help="tell the story of one seed, as short as it breaks")
    given = parser.parse_args()
    names = given.weather or sorted(WEATHERS)
    if given.trace is not None:
        return _trace(given.trace, names[0])
    ways, untaken = Counter[str](), list[str]()
    with counted(ways) if given.counts else nullcontext(), branches(untaken) if given.branches else nullcontext():
        reports = [_report(name, range(given.first, given.first + given.seeds)) for name in names]
    broken = sum(len(report.broken) for report in reports)
    seeds, events = sum(report.seeds for report in reports), sum(report.events for report in reports)
    seconds = sum(report.seconds for report in reports)
    speed, size = seeds / max(seconds, 1e-9), events / max(seeds, 1)
    print(f"{seeds} schedules of {size:.0f} events on average, {speed:.0f} a second: {broken} broke a promise")
    if given.counts:
        counts = sum((report.counts for report in reports), ways)
        for what, count in sorted(counts.items()):
            print(f"    {count:12}  {what}")
    for line in untaken:
        print(line)
    return int(broken > 0)


def _report(name: str, seeds: range) -> Report:
    def progress(report: Report) -> None:
        if sys.stderr.isatty() and report.seeds % 50 == 0:
            print(f"\r{name:20} {report.seeds} of {len(seeds)}", end="", file=sys.stderr, flush=True)

    report = run_all(name, seeds, progress)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    rate = report.seeds / max(report.seconds, 1e-9)
    print(f"{name:20} {len(report.broken)} of {report.seeds} seeds broke a promise; {rate:.0f} a second", flush=True)
    for seed, reason in list(report.broken.items())[:SHOWN]:
        print(f"    seed {seed}: {reason[:160]}")
    return report


def _trace(seed: int, name: str) -> int:
    world, broken = run(seed, name, trace=True, most=shortest(seed, name))
    print("\n".join(world.story))
    print(f"{broken or 'every promise was kept'}, after {world.happenings} happenings")
    return int(broken is not None)


if __name__ == "__main__":
    sys.exit(main())
