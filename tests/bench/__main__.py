"""Latency and round trips on the running stack: `python -m tests.bench`; every section, or those that are named.

`python -m tests.bench issues` needs no stack: it fills a table of its own with 100,000 issues, and pages through them.
"""

import argparse
import sys
from collections.abc import Callable, Mapping

from tests.bench import bursts, issues, roundtrips, settling
from tests.bench.stack import GONE, Stack, StackDown, circumstances

SECTIONS: Mapping[str, Callable[[Stack, int], str]] = {
    "roundtrips": roundtrips.run,
    "settle": settling.run,
    "bursts": lambda stack, edits: bursts.run(stack, max(1, edits // 4)),
}


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; by default all; or issues alone"
    )
    parser.add_argument("--edits", type=int, default=200, help="in each direction; a burst has a quarter of them")
    options = parser.parse_args(arguments)
    if options.sections == ["issues"]:
        print(circumstances())
        print(issues.run(), flush=True)
        return 0
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown or options.edits < 2:
        parser.error(f"no section {', '.join(unknown)}" if unknown else "two edits are the fewest")
    try:
        stack = Stack.running()
        print(circumstances())
        for name in options.sections or SECTIONS:
            print(SECTIONS[name](stack, options.edits), flush=True)
    except StackDown as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except GONE as error:
        print(f"bench: the stack went away meanwhile: {type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
