"""Runs of the simulator: one seed, a range of them, and the shortest schedule of a seed that breaks a promise."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.simulation.promises import check
from tests.simulation.weathers import BROKEN, WEATHERS
from tests.simulation.world import BrokenPromise, World


@dataclass
class Report:
    """What a range of seeds came to.

    Attributes:
        weather: its name.
        seeds: how many were run.
        events: happenings and steps of workers, in all.
        broken: seeds that broke a promise, and which.
        counts: how often each call, fault and result was seen.
        seconds: how long it took.
    """

    weather: str
    seeds: int = 0
    events: int = 0
    broken: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def run(seed: int, weather: str, *, trace: bool = False, most: int | None = None) -> tuple[World, str | None]:
    """One run; the broken promise, if any."""
    world = World(seed, (WEATHERS | BROKEN)[weather], trace=trace, most=most)
    try:
        world.run()
        check(world)
    except BrokenPromise as broken:
        return world, str(broken)
    return world, None


def run_all(weather: str, seeds: Iterable[int], told: Callable[[Report], None] = lambda _: None) -> Report:
    """A range of seeds; ``told`` is called after each."""
    report, began = Report(weather), time.monotonic()
    for seed in seeds:
        world, reason = run(seed, weather)
        report.seeds += 1
        report.events += world.events
        report.counts.update(world.counts)
        report.counts.update(world.lineage.counts)
        if reason is not None:
            report.broken[seed] = reason
        report.seconds = time.monotonic() - began
        told(report)
    return report


def shortest(seed: int, weather: str) -> int | None:
    """The fewest happenings after which this seed breaks a promise; None: it breaks none."""
    world, reason = run(seed, weather)
    if reason is None:
        return None
    return next((most for most in range(world.happenings + 1) if run(seed, weather, most=most)[1] is not None), None)
