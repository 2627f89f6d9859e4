"""The command by which the sync goes on with a database that was restored."""

import argparse
import getpass
from collections.abc import Mapping

from chalicelib import desk, pages
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Side
from chalicelib.core.rebase import Fate
from chalicelib.desk import UNFINISHED, lines
from chalicelib.jobs.names import name_of
from chalicelib.jobs.rebasing import Tally
from chalicelib.jobs.restoring import last_settled
from chalicelib.repairs import rebasing, restoring
from chalicelib.wiring import Wiring

RESUME_SECONDS = 20.0  # for which what was put aside is sent
TOLD_EVERY = 5.0  # seconds between two lines of progress

WORDS: Mapping[Fate, str] = {
    Fate.SAME: "hold what the ledger says",
    Fate.RESTORED: "hold old values, and get Salesforce's",
    Fate.CARRIED: "differ, and Salesforce gets what the rows hold",
    Fate.EDITED: "were edited since the restore: merged, or an issue where both sides have moved",
    Fate.LOST: "came after the backup: their rows are made again of what Salesforce holds",
    Fate.BURIED: "were deleted after the backup: their rows are deleted again",
    Fate.REVIVED: "were deleted after the backup: they come back in Salesforce",
}


def rebase(wiring: Wiring, options: argparse.Namespace) -> int:
    """Go on with a database that was restored, copied or promoted, without taking its old values for edits."""
    take = Side(options.take)
    with restoring(wiring) as frame:
        restored = frame.look()
        begun = frame.begun(restored)
        if begun is not None:
            moment = begun.moment
        elif options.restored_at:
            moment = desk.moment(options.restored_at)
        else:
            moment = last_settled(wiring.ledger, restored.installation.mappings)
        lines([f"what was captured after {pages.moment(moment)} counts as edited since the restore"])
        actor = "" if options.dry_run else options.actor
        under_way = None if options.dry_run else frame.begin(restored, take, moment, actor)
        work = rebasing(wiring, restored, frame.connection, take=take, moment=moment, actor=actor)
        tallies = []
        for mapping in restored.installation.mappings.mappings:
            tallies.append(work.rebase(mapping.name, Progress(wiring)))
            lines(_page(tallies[-1], mapping))
        if under_way is None:
            return 0
        held = sum(len(tally.held) for tally in tallies)
        if held:
            lines([f"{held} records are held by other workers: run it again; until then nothing is settled"])
            return UNFINISHED
        if options.let_pass:
            wiring.pausing().let_pass()
        frame.finish(restored, under_way)
    wiring.installed(fresh=True)
    sent = wiring.send_back(wiring.clock.now() + RESUME_SECONDS)
    moved = sum(count for tally in tallies for fate, count in tally.fates.items() if fate is not Fate.SAME)
    lines([f"rebased: {moved} records differ, {sent} are on their way; what is left, the sweep sends within minutes"])
    if not under_way.pauses:
        lines(["everything is still paused, as it was before: `resume --all` goes on"])
    return 0


class Progress:
    """A line now and then about a long piece of work."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._told = wiring.clock.now()

    def __call__(self, tally: Tally) -> None:
        """So much was found."""
        now = self._wiring.clock.now()
        if now - self._told >= TOLD_EVERY:
            self._told = now
            lines([f"{tally.mapping}: {tally.fates.total()} records so far"])


def _page(tally: Tally, mapping: ObjectMapping) -> list[str]:
    """What was found of a mapping."""
    told = [f"{tally.mapping}: {tally.fates.total()} records"]
    for fate, words in WORDS.items():
        count = tally.fates[fate]
        if not count:
            continue
        names = [name_of(mapping, entry.sfid, entry.pk) for entry in tally.examples[fate]]
        examples = "" if fate is Fate.SAME else f" ({', '.join(names)}{', ...' if count > len(names) else ''})"
        told.append(f"  {count:>7}  {words}{examples}")
    return told


def rebase_options(parser: argparse.ArgumentParser) -> None:
    """What `rebase` may be told."""
    parser.add_argument(
        "--take",
        choices=[str(side) for side in Side],
        required=True,
        help="salesforce: restored values are no edits, and the rows get what they have lost; postgres: what the rows "
        "hold counts, for the restore was to bring it back, or nothing was lost",
    )
    parser.add_argument(
        "--restored-at",
        metavar="MOMENT",
        help="any moment between the backup and the first edit after the restore (when anything was last settled)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would become of the records, and do nothing")
    passing = "let mass changes of the next hour pass the brake: they are right"
    parser.add_argument("--let-pass", action="store_true", help=passing)
    parser.add_argument("--actor", default=getpass.getuser(), help="who does it (you)")
