"""The commands by which a person stops the sync, of one mapping or of all, and goes on."""

import argparse
import getpass

from chalicelib import pages
from chalicelib.aws.pauses import EVERYTHING, named
from chalicelib.desk import lines
from chalicelib.wiring import Wiring

RESUME_SECONDS = 20.0  # for which resuming sends what was put aside


def pause(wiring: Wiring, options: argparse.Namespace) -> None:
    """Settle nothing of a mapping, or of any, until `resume`: changes are captured and kept meanwhile."""
    scope = EVERYTHING if options.all else options.mapping
    wiring.pausing().pause(scope, options.reason, options.actor)
    lines([f"{named(scope)} is paused; what is under way ends within seconds; `resume` goes on"])


def resume(wiring: Wiring, options: argparse.Namespace) -> None:
    """Go on with what `pause`, or the brake, has stopped."""
    scope = EVERYTHING if options.all else options.mapping
    was = wiring.pausing().resume(scope, let_pass=options.let_pass)
    lines([f"{named(scope)} is settled again; {was.actor or 'the brake'} had paused it at {pages.moment(was.at)}"])
    sent = wiring.send_back(wiring.clock.now() + RESUME_SECONDS)
    lines([f"{sent} records are on their way; what is left, the sweep sends within minutes"])


def pause_options(parser: argparse.ArgumentParser) -> None:
    """What `pause` may be told."""
    _common(parser)
    parser.add_argument("--reason", default="", help="why, for whoever looks at `status`")


def resume_options(parser: argparse.ArgumentParser) -> None:
    """What `resume` may be told."""
    _common(parser)
    passing = "let mass changes of the next hour pass the brake: they are right"
    parser.add_argument("--let-pass", action="store_true", help=passing)


def _common(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group(required=True)
    scope.add_argument("mapping", nargs="?", metavar="MAPPING", help="its name in the mapping file")
    scope.add_argument("--all", action="store_true", help="every mapping")
    parser.add_argument("--actor", default=getpass.getuser(), help="who does it (you)")
