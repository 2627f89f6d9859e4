"""Operators' commands. An error is one clear line on the error stream, and exit status 2.

Who reads the output may stop at any line (`| head`): the command ends quietly then.
"""

import argparse
import getpass
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from chalicelib import pages
from chalicelib.admin import metadata_options, salesforce_metadata
from chalicelib.core.audit import TERMINAL
from chalicelib.core.errors import ConfigurationError, TwinledgerError
from chalicelib.core.model import Side
from chalicelib.desk import (
    FAILED,
    RECORD,
    UNFINISHED,
    ignore,
    ignore_options,
    issues,
    issues_options,
    lines,
    positive,
    resolve,
    retry,
    revert,
    revert_options,
    settle,
    show,
)
from chalicelib.erasures import erase, erase_options
from chalicelib.filling import backfill, backfill_options
from chalicelib.restores import rebase, rebase_options
from chalicelib.rotation import rotate_webhook_secret, rotation_options
from chalicelib.stops import pause, pause_options, resume, resume_options
from chalicelib.wiring import Wiring

UNWELL = 1  # exit status: a part does not do what it should

Command: TypeAlias = Callable[[Wiring, argparse.Namespace], int | None]


def main(arguments: Sequence[str], wiring: Wiring | None = None) -> int:
    """Run one command; the exit status."""
    options = parsed(arguments)
    try:
        status = _run(wiring or Wiring(), options) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor is it told when the process ends
        return 0
    except TwinledgerError as error:
        for line in str(error).splitlines():
            print(f"{type(error).__name__}: {line}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    return status


def _run(wiring: Wiring, options: argparse.Namespace) -> int | None:
    """Run a command; what a person does by it is written down before, and completed after."""
    command: Command = options.command
    if command not in ACTS or getattr(options, "dry_run", False):
        return command(wiring, options)
    given = (getattr(options, name, None) for name in ("id", "record", "mapping"))
    texts = [*(getattr(options, "value", None) or ()), *(getattr(options, "field", None) or ())]
    actor = getattr(options, "actor", None) or getpass.getuser()
    verb = command.__name__.replace("_", " ")
    fields = [text.partition("=")[0] for text in texts]
    with wiring.auditor().noted(actor, TERMINAL, verb, [one for one in given if one], fields) as note:
        status = command(wiring, options)
        if status:
            note.outcome = "under way" if status == UNFINISHED else "not done"
        return status


def check(wiring: Wiring, _options: argparse.Namespace) -> None:
    """Compare the mapping file with the database and the org; name every misfit."""
    with wiring.installer() as installer:
        resolved = installer.check()
    lines(f"warning: {warning}" for warning in resolved.warnings)
    names = ", ".join(mapping.name for mapping in resolved.mappings.mappings)
    lines([f"{wiring.settings.mappings} fits both systems: {names}"])


def install(wiring: Wiring, options: argparse.Namespace) -> None:
    """Install outbox and triggers in the database, and have the functions work with the mapping file."""
    with wiring.installer() as installer:
        if options.dry_run:
            lines([installer.plan() or "-- everything is installed already"])
            return
        done = installer.install()
    lines(f"warning: {warning}" for warning in done.warnings)
    names = ", ".join(mapping.name for mapping in done.installation.mappings.mappings)
    lines([f"installed: {names}; {len(done.sql)} steps in the database, org {done.installation.organization_id}"])
    older = wiring.archive.index_older()
    if older:
        lines([f"{older} issues of an earlier version were brought into the index by kind"])


def uninstall(wiring: Wiring, options: argparse.Namespace) -> None:
    """Take outbox, triggers and, unless they are to be kept, the sfid columns out of the database."""
    if not options.yes:
        raise ConfigurationError("this removes triggers, outbox and sfid columns from the database: add --yes")
    with wiring.installer() as installer:
        installer.uninstall(keep_links=options.keep_links)
    lines(["uninstalled; the ledger, with its history, is kept"])


def probe(wiring: Wiring, _options: argparse.Namespace) -> int:
    """Try out on the org what conditional writes rest on. It creates and deletes records."""
    with wiring.installer() as installer:
        mappings = installer.check().mappings
    found = wiring.probe(mappings)
    lines(found.findings)
    lines([f"org {found.organization_id} {'has passed' if found.passed else 'has not passed'}"])
    return 0 if found.passed else FAILED


def relay(wiring: Wiring, options: argparse.Namespace) -> None:
    """Relay captured changes to the queue until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    wiring.relay(options.alive).run(stop)


def status(wiring: Wiring, options: argparse.Namespace) -> int:
    """Show how every part does, what is on its way, and what waits for a person; exit status 1 where one does not."""
    findings = wiring.status()
    if options.json:
        lines([pages.as_json(findings)])
    else:
        lines(f"{'ok' if one.ok else 'FAILED':8}{one.name:12}{one.text}" for one in findings)
    return 0 if all(one.ok for one in findings) else UNWELL


ACTS: frozenset[Command] = frozenset(
    {ignore, install, pause, probe, resolve, resume, retry, revert, rotate_webhook_secret, settle, uninstall}
)
"""The commands by which a person changes something."""


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; ``command`` does it."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__.replace("_", "-"), help=run.__doc__, description=run.__doc__)
        added.set_defaults(command=run)
        return added

    command(check)
    command(install).add_argument("--dry-run", action="store_true", help="print the SQL, and do nothing")
    removing = command(uninstall)
    removing.add_argument("--yes", action="store_true", help="really do it")
    removing.add_argument("--keep-links", action="store_true", help="keep the sfid columns")
    command(probe)
    metadata_options(command(salesforce_metadata))
    backfill_options(command(backfill))
    erase_options(command(erase))
    alive = "touch it every few seconds, for a health check"
    command(relay).add_argument("--alive", type=Path, metavar="FILE", help=alive)
    command(status).add_argument("--json", action="store_true", help="for machines")
    rotation_options(command(rotate_webhook_secret))
    command(settle).add_argument("record", metavar="RECORD", help=RECORD)
    issues_options(command(issues))
    showing = command(show)
    showing.add_argument("record", metavar="RECORD", help=RECORD)
    showing.add_argument("--limit", type=positive, default=20, help="how much history (20)")
    showing.add_argument("--json", action="store_true", help="in full, for machines")
    deciding = command(resolve)
    deciding.add_argument("id", metavar="ID", help="issue id")
    how = deciding.add_mutually_exclusive_group(required=True)
    how.add_argument("--take", choices=[str(side) for side in Side], help="the side whose values both are to hold")
    how.add_argument(
        "--value",
        metavar="FIELD=VALUE",
        action="append",
        help="a value for both sides; once for each field of the issue; FIELD= empties it",
    )
    deciding.add_argument("--actor", default=getpass.getuser(), help="who decides (you)")
    waiting = deciding.add_mutually_exclusive_group()
    waiting.add_argument("--wait", type=float, default=30.0, metavar="SECONDS", help="for how long at most (30)")
    waiting.add_argument("--no-wait", action="store_true", help="return at once")
    revert_options(command(revert))
    pause_options(command(pause))
    resume_options(command(resume))
    ignore_options(command(ignore))
    rebase_options(command(rebase))
    command(retry).add_argument("record", metavar="RECORD", help=RECORD)
    return parser
