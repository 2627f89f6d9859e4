"""`python -m infra.deployment deploy | destroy | secret | addresses | environment`."""

from __future__ import annotations

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import boto3.exceptions
import botocore.exceptions
import requests

from chalicelib.core.errors import TwinledgerError
from infra.deployment.deploy import deploy
from infra.deployment.destroy import destroy
from infra.deployment.errors import DeploymentError
from infra.deployment.progress import Progress, one_line
from infra.deployment.secret_values import KINDS
from infra.deployment.target import ROOT, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILURES = (
    DeploymentError,
    TwinledgerError,
    OSError,
    requests.RequestException,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    boto3.exceptions.Boto3Error,
)


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status."""
    given = _parser().parse_args(arguments)
    progress = Progress()
    try:
        _run(given, progress)
    except FAILURES as error:
        where = f" failed at '{progress.step}'" if progress.step else ""
        log = f"; see {progress.log}" if progress.log and progress.log.exists() else ""
        print(f"{given.command}{where}: {one_line(error)}{log}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{given.command}: interrupted at '{progress.step}'; the same command goes on", file=sys.stderr)
        return 130
    return 0


def _run(given: argparse.Namespace, progress: Progress) -> None:
    find = partial(Target.of, given.stage, given.stages, given.work, progress)
    if given.command == "deploy":
        deploy(find, progress)
        return
    if given.command == "destroy":
        destroy(find, progress, delete_ledger=given.delete_ledger)
        return
    target = find()
    if given.command == "secret":
        target.read_outputs()
        target.secrets.put(given.kind, sys.stdin.read())
    elif given.command == "addresses":
        for what, value in target.addresses(target.deployed(), show_secrets=given.show_secrets).items():
            print(f"{what:20}{value}")
    else:
        target.read_outputs()
        variables = target.environment | {"AWS_DEFAULT_REGION": target.account.region}
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deployment", description="A stage in an AWS account.")
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "deploy": "bring the stage into the account, or up to date",
        "destroy": "take the stage away; ledger, secrets and queues stay where not asked otherwise",
        "secret": "give a secret the value, JSON, that is read from standard input",
        "addresses": "where Salesforce's messages go",
        "environment": "the variables with which manage.py works on the stage, for eval",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--stage", required=True, help="infra/stages/STAGE.toml, or a section of .chalice/config.json"
        )
        command.add_argument("--stages", type=Path, help="folder of the stages' files, by default infra/stages")
        command.add_argument("--work", type=Path, default=ROOT / ".local" / "deployment", help="copies and logs")
        if name == "destroy":
            command.add_argument("--delete-ledger", action="store_true", help="ledger, secrets and queues, too")
        if name == "secret":
            command.add_argument("kind", choices=[*KINDS])
        if name == "addresses":
            command.add_argument("--show-secrets", action="store_true", help="with the token and the key")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
