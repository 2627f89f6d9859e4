"""The command that has everything settled, whether anybody has changed it or not."""

import argparse
import getpass

from chalicelib.aws.backfills import Backfill
from chalicelib.core.model import Side
from chalicelib.desk import lines
from chalicelib.repairs import backfilling
from chalicelib.wiring import Wiring

TELL_SECONDS = 2.0  # between two lines about the same mapping
LOOK_SECONDS = 0.5  # between two looks at the queue


def backfill(wiring: Wiring, options: argparse.Namespace) -> None:
    """Settle every record and row: the first load of sides that were filled before, and a proof that both are alike."""
    clock, told_at = wiring.clock, 0.0
    with backfilling(wiring) as job:
        for at in job.run(options.mapping, options.actor, restart=options.restart):
            if at.finished_at is not None or clock.now() - told_at >= TELL_SECONDS:
                lines([progress(at)])
                told_at = clock.now()
    if not options.no_wait:
        _wait(wiring)


def _wait(wiring: Wiring) -> None:
    """Tell how many messages are left, until none is."""
    clock, told_at = wiring.clock, 0.0
    while left := wiring.waiting():
        if clock.now() - told_at >= TELL_SECONDS:
            lines([f"{left} messages are still to be settled; to stop waiting changes nothing"])
            told_at = clock.now()
        clock.sleep(LOOK_SECONDS)
    lines(["everything that was told of is settled; `issues` lists what waits for a person"])


def progress(at: Backfill) -> str:
    """How far a backfill is, in a line."""
    counts = ", ".join(f"{at.seen[side]:,} of {at.totals[side]:,} in {side.title()}" for side in Side)
    return f"{at.mapping}: {counts}{'; all told of' if at.finished_at is not None else ''}"


def backfill_options(parser: argparse.ArgumentParser) -> None:
    """What `backfill` may be told."""
    parser.add_argument("mapping", nargs="*", metavar="MAPPING", help="its name in the mapping file (all of them)")
    parser.add_argument("--restart", action="store_true", help="begin anew what was not finished; else it goes on")
    parser.add_argument("--no-wait", action="store_true", help="return once everything was told of, settled or not")
    parser.add_argument("--actor", default=getpass.getuser(), help="who does it (you)")
