"""The command by which everything goes that the sync still holds of a deleted record."""

import argparse
import getpass

from chalicelib.core.audit import TERMINAL
from chalicelib.desk import RECORD, lines
from chalicelib.repairs import erasing
from chalicelib.wiring import Wiring

BEYOND = (
    "beyond its reach: backups of the ledger and of the database until they expire (35 days at most for the ledger's); "
    "messages that are still queued, 14 days at most; logs hold no values. A restored backup brings it back: erase it "
    "again then"
)


def erase(wiring: Wiring, options: argparse.Namespace) -> None:
    """Take out all that the sync holds of a record which both sides have deleted: a person is to be forgotten."""
    named = wiring.names().find(options.record)
    with erasing(wiring) as job:
        if options.dry_run:
            found = job.holds(named).counts
            lines(f"{count:6}  {what}" for what, count in found.items())
            lines(["these would go; nothing was changed" if found else "the ledger holds nothing of it"])
            return
        with wiring.auditor().noted(options.actor, TERMINAL, "erase", [named.key or ""]):
            erased = job.erase(named, lambda rows: lines([f"{rows:6}  rows in Twinledger's tables in Postgres"]))
    lines(f"{count:6}  {what}" for what, count in erased.counts.items())
    lines(["erased", BEYOND])


def erase_options(parser: argparse.ArgumentParser) -> None:
    """What `erase` may be told."""
    parser.add_argument("record", metavar="RECORD", help=RECORD)
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--actor", default=getpass.getuser(), help="who does it (you)")
