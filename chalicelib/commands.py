"""Operators' commands. An error is one clear line on the error stream, and exit status 2."""

import argparse
import getpass
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias

from chalicelib.core.errors import ConfigurationError, Rejected, TwinledgerError
from chalicelib.core.model import Side
from chalicelib.wiring import Wiring

FAILED = 2

Command: TypeAlias = Callable[[Wiring, argparse.Namespace], int | None]


def main(arguments: Sequence[str], wiring: Wiring | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(wiring or Wiring(), options) or 0
    except TwinledgerError as error:
        for line in str(error).splitlines():
            print(f"{type(error).__name__}: {line}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def check(wiring: Wiring, _options: argparse.Namespace) -> None:
    """Compare the mapping file with the database and the org; name every misfit."""
    with wiring.installer() as installer:
        resolved = installer.check()
    _lines(f"warning: {warning}" for warning in resolved.warnings)
    names = ", ".join(mapping.name for mapping in resolved.mappings.mappings)
    _lines([f"{wiring.settings.mappings} fits both systems: {names}"])


def install(wiring: Wiring, options: argparse.Namespace) -> None:
    """Install outbox and triggers in the database, and have the functions work with the mapping file."""
    with wiring.installer() as installer:
        if options.dry_run:
            _lines([installer.plan() or "-- everything is installed already"])
            return
        done = installer.install()
    _lines(f"warning: {warning}" for warning in done.warnings)
    names = ", ".join(mapping.name for mapping in done.installation.mappings.mappings)
    _lines([f"installed: {names}; {len(done.sql)} steps in the database, org {done.installation.organization_id}"])


def uninstall(wiring: Wiring, options: argparse.Namespace) -> None:
    """Take outbox, triggers and, unless they are to be kept, the sfid columns out of the database."""
    if not options.yes:
        raise ConfigurationError("this removes triggers, outbox and sfid columns from the database: add --yes")
    with wiring.installer() as installer:
        installer.uninstall(keep_links=options.keep_links)
    _lines(["uninstalled; the ledger, with its history, is kept"])


def probe(wiring: Wiring, _options: argparse.Namespace) -> int:
    """Try out on the org what conditional writes rest on. It creates and deletes records."""
    with wiring.installer() as installer:
        mappings = installer.check().mappings
    found = wiring.probe(mappings)
    _lines(found.findings)
    _lines([f"org {found.organization_id} {'has passed' if found.passed else 'has not passed'}"])
    return 0 if found.passed else FAILED


def relay(wiring: Wiring, _options: argparse.Namespace) -> None:
    """Relay captured changes to the queue until stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    wiring.relay().run(stop)


def status(wiring: Wiring, _options: argparse.Namespace) -> None:
    """Show the installation, the probe, what is in the queues, and how many issues are open."""
    installation = wiring.installed()
    found = wiring.state.probe(installation.organization_id)
    _lines(
        [
            f"mappings     {', '.join(installation.mappings.by_name)}",
            f"org          {installation.organization_id}",
            f"database     {installation.database}",
            f"installed    {_time(installation.installed_at)}",
            f"probe        {'never' if found is None else 'passed' if found.passed else 'FAILED'}",
            *(f"{side:13}{wiring.receipts(side).waiting()} changes on their way" for side in Side),
            f"issues       {_counted(len(wiring.archive.open_issues(limit=1000)), 1000)} open",
        ]
    )


def settle(wiring: Wiring, options: argparse.Namespace) -> int:
    """Settle one record now, here."""
    hint = wiring.operators().hint(options.key)
    [outcome] = wiring.settler().settle([hint])
    reason = "" if outcome.error is None else f": {type(outcome.error).__name__}: {outcome.error}"
    _lines([f"{outcome.result}{reason}"])
    return 0 if outcome.acknowledged else FAILED


def issues(wiring: Wiring, options: argparse.Namespace) -> None:
    """List open issues, the oldest first."""
    for issue in wiring.archive.open_issues(limit=options.limit, after=options.after or ""):
        what = ", ".join(issue.fields) or issue.slot
        _lines([f"{issue.id}  {_time(issue.opened_at)}  {issue.kind}  {issue.mapping} {issue.key}  {what}"])


def show(wiring: Wiring, options: argparse.Namespace) -> None:
    """Show an issue, or a record with its issues and history."""
    issue = wiring.archive.issue(options.id)
    if issue is not None:
        _json(issue)
        return
    entry = wiring.ledger.read([options.id]).get(options.id)
    if entry is None:
        raise Rejected(f"{options.id} is neither an issue nor a record that the ledger knows")
    past = wiring.archive.history(options.id, options.limit)
    _json({"entry": entry, "issues": wiring.archive.issues_of(options.id), "history": past})


def resolve(wiring: Wiring, options: argparse.Namespace) -> None:
    """Decide a conflict: take one side's value, or give another."""
    if options.take:
        wiring.operators().take(options.id, Side(options.take), options.actor)
    else:
        wiring.operators().decide(options.id, _values(options.value), options.actor)
    _lines(["decided; the record is being settled"])


def retry(wiring: Wiring, options: argparse.Namespace) -> None:
    """Have a parked record, or one whose message was given up, tried once more."""
    wiring.operators().retry(options.id)
    _lines(["the record is being tried again"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        added.set_defaults(command=run)
        return added

    command(check)
    command(install).add_argument("--dry-run", action="store_true", help="print the SQL, and do nothing")
    removing = command(uninstall)
    removing.add_argument("--yes", action="store_true", help="really do it")
    removing.add_argument("--keep-links", action="store_true", help="keep the sfid columns")
    command(probe)
    command(relay)
    command(status)
    command(settle).add_argument("key", metavar="KEY", help="record key")
    listing = command(issues)
    listing.add_argument("--limit", type=int, default=50)
    listing.add_argument("--after", metavar="ID", help="go on after this issue")
    showing = command(show)
    showing.add_argument("id", metavar="ID", help="issue id or record key")
    showing.add_argument("--limit", type=int, default=20, help="how much history")
    deciding = command(resolve)
    deciding.add_argument("id", metavar="ID", help="issue id")
    how = deciding.add_mutually_exclusive_group(required=True)
    how.add_argument("--take", choices=[str(side) for side in Side], help="the side whose values both are to hold")
    how.add_argument("--value", metavar="JSON", help='values by field: {"Phone": "+44 20 7946 0000"}')
    deciding.add_argument("--actor", default=getpass.getuser(), help="who decides")
    command(retry).add_argument("id", metavar="ID", help="record key or issue id")
    return parser


def _values(text: str) -> dict[str, bool | str | None]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise Rejected(f"--value is no JSON: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(value, bool | str | None) for value in values.values()):
        raise Rejected("--value is no JSON object of texts, true, false or null; a number is given as a text")
    return values


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _json(value: object) -> None:
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """Dataclasses, sets and mappings with other keys as JSON knows them."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_name(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    return value


def _name(key: object) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _counted(count: int, most: int) -> str:
    return f"{count} or more" if count == most else str(count)
