"""Latency and round trips on the running stack: `python -m tests.bench`; every section, or those that are named.

`python -m tests.bench bulk --records 20000` loads so many records on both sides while people edit; only where named.

`python -m tests.bench issues` needs no stack: it fills a table of its own with 100,000 issues, and pages through them.
Nor does `python -m tests.bench families`: 1,000 families of four generations are made on both sides at once; nor
`python -m tests.bench handover`: relays take over from each other; nor `python -m tests.bench coldstart`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping

from tests.bench import bursts, coldstart, families, issues, loads, locks, roundtrips, settling
from tests.bench.handover import run as handover
from tests.bench.stack import GONE, Stack, StackDown, circumstances

SECTIONS: Mapping[str, Callable[[Stack, int], str]] = {
    "roundtrips": roundtrips.run,
    "settle": settling.run,
    "bursts": lambda stack, edits: bursts.run(stack, max(1, edits // 4)),
    "calls": loads.calls,
    "locks": locks.run,
}
LOADS = {"bulk": loads.bulk}  # take their time: only where they are named
ALONE: Mapping[str, Callable[[argparse.Namespace], str]] = {
    "issues": lambda _options: issues.run(),
    "families": lambda options: families.run(options.families),
    "coldstart": lambda _options: coldstart.run(),
    "handover": lambda options: handover.run(options.handovers),
}


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help=f"{', '.join(SECTIONS)}; default: all; also bulk; or {', '.join(ALONE)} alone",
    )
    parser.add_argument("--edits", type=int, default=200, help="in each direction; a burst has a quarter of them")
    parser.add_argument("--families", type=int, default=1000, help="of four records each")
    parser.add_argument("--records", type=int, default=20_000, help="of the section bulk")
    parser.add_argument("--handovers", type=int, default=25, help="of relays whose time is over")
    options = parser.parse_args(arguments)
    if len(options.sections) == 1 and options.sections[0] in ALONE:
        print(circumstances())
        print(ALONE[options.sections[0]](options), flush=True)
        return 0
    unknown = [name for name in options.sections if name not in {**SECTIONS, **LOADS}]
    if unknown or options.edits < 2:
        parser.error(f"no section {', '.join(unknown)}" if unknown else "two edits are the fewest")
    try:
        stack = Stack.running()
        print(circumstances())
        for name in options.sections or SECTIONS:
            load = name in LOADS
            work, number = (LOADS[name], options.records) if load else (SECTIONS[name], options.edits)
            print(work(stack, number), flush=True)
    except StackDown as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except GONE as error:
        print(f"bench: the stack went away meanwhile: {type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
