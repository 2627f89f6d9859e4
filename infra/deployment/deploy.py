"""The steps of a deployment, each of which does nothing where there is nothing to do."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from chalicelib.wiring import Wiring
from infra.deployment import alarms, build, cloudformation, events, packages, queues, sources, stacks
from infra.deployment.errors import DeploymentError
from infra.deployment.smoke import SmokeTest
from infra.deployment.target import ROOT, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.deployment.account import Account
    from infra.deployment.chalice import Deployment
    from infra.deployment.progress import Progress

RUNTIME = (3, 12)


def deploy(find: Callable[[], Target], progress: Progress) -> None:
    """Bring a stage into the account, or bring it up to date.

    Args:
        find: Reads the stage and signs in to the account.
        progress: Where the steps are told.

    Raises:
        DeploymentError: A step was not done; the steps before it are, and need not be done again.
    """
    with progress.during("Check") as details:
        target = find()
        check_python(target.account)
        details.extend([f"account {target.account.id}", target.account.region])
    with progress.during(f"Stack {target.stage.stack}"):
        create_ledger(target)
    with progress.during("Queues"):
        queues.check(target.account.client("sqs"), target.outputs, _function_seconds())
    with progress.during("Secrets") as details:
        if target.secrets.generate():
            details.append("tokens of the webhooks made up")
        target.secrets.check()
    deployment = deploy_functions(target)
    if target.stage.event_bus:
        check_bus(target)
    with progress.during(f"Stack {events.stack_name(target.stage)}") as details:
        client, bus = target.account.client("cloudformation"), target.stage.event_bus
        events.create(client, target.stage, bus, target.outputs, deployment)
        details.append(bus or "no event bus, no change events")
    with progress.during(f"Stack {alarms.stack_name(target.stage)}"):
        alarms.create(target.account.client("cloudformation"), target.stage, target.outputs)
    with progress.during("Smoke test") as details:
        details.extend(smoke_test(target, deployment))
    _tell(target, deployment)


def check_python(account: Account) -> None:
    """Refuse another Python than the functions': chalice picks runtime and wheels of the one that it runs on.

    Raises:
        DeploymentError: It is another one. An emulator runs the functions on a Python of its own.
    """
    if sys.version_info[:2] != RUNTIME and account.endpoint_url is None:
        wanted, found = ".".join(map(str, RUNTIME)), ".".join(map(str, sys.version_info[:2]))
        raise DeploymentError(f"this is Python {found}, the functions need {wanted}: make setup PYTHON=python{wanted}")


def create_ledger(target: Target) -> None:
    """Create or update the stack with ledger, queues and secrets.

    Raises:
        DeploymentError: CloudFormation did not; or there is a ledger whose stack is gone.
    """
    client, name = target.account.client("cloudformation"), target.stage.stack
    if cloudformation.status(client, name) is None and has_table(target, f"{name}-ledger"):
        told = f"the table {name}-ledger is there, but not its stack {name}"
        raise DeploymentError(f"{told}: take it back as docs/deployment.md says under 'A ledger without its stack'")
    target.outputs = stacks.create_ledger(client, target.stage)


def has_table(target: Target, name: str) -> bool:
    """Whether the account has that table."""
    client = target.account.client("dynamodb")
    try:
        client.describe_table(TableName=name)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def check_bus(target: Target) -> None:
    """Look for the event bus, which Salesforce creates and an admin of the account associates.

    Raises:
        DeploymentError: It is not there.
    """
    client, bus = target.account.client("events"), target.stage.event_bus
    try:
        client.describe_event_bus(Name=bus)
    except client.exceptions.ResourceNotFoundException as error:
        remedy = "associate the partner event source with an event bus in EventBridge, or correct event_bus"
        raise DeploymentError(f"there is no event bus {bus} in {target.account.region}: {remedy}") from error


def deploy_functions(target: Target) -> Deployment:
    """Create roles and log groups, package, deploy, and set what chalice cannot.

    Raises:
        DeploymentError: chalice failed, or the packages are too large, or a setting was not taken.
    """
    progress, chalice = target.progress, target.chalice
    with progress.during(f"Stack {stacks.functions_name(target.stage)}"):
        client = target.account.client("cloudformation")
        target.outputs = stacks.create_functions(client, target.stage, target.outputs)
    build.build(ROOT, chalice.build, target.stage, target.outputs)
    packaged = any((chalice.build / ".chalice" / "deployments").glob("*layer*"))
    note = "" if packaged else "packing the dependencies for the first time"
    with progress.during("Packages", log=chalice.log, note=note) as details:
        chalice.package()
        details.extend(map(str, packages.check(chalice.build / "package")))
    client = target.account.client("lambda")
    with progress.during("chalice deploy", log=chalice.log) as details:
        before = target.record.restore()
        kept = target.outputs["FailedEventsArn"]
        if unknown := sources.forget_unknown(client, before, f"{target.stage.stack}-", kept):
            details.append(f"{unknown} event sources of a failed deployment deleted")
        deployment = chalice.deploy()
        target.record.save()
    with progress.during("Event sources"):
        sources.complete(client, deployment, target.stage)
    return deployment


def smoke_test(target: Target, deployment: Deployment) -> list[str]:
    """Ask the API; what was seen.

    Raises:
        DeploymentError: It does not answer as it should.
    """
    installed = Wiring(target.environment).installation() is not None
    test = SmokeTest(deployment.api_url(target.account.endpoint_url), target.secrets.webhooks(), installed)
    return [*test.run(), *([] if installed else ["nothing is installed yet"])]


def _function_seconds() -> int:
    committed = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return int(committed["lambda_timeout"])


def _tell(target: Target, deployment: Deployment) -> None:
    name, out = target.stage.name, target.progress.out
    target.progress.say(f"The stage {name} is deployed")
    for what, value in target.addresses(deployment, show_secrets=False).items():
        print(f"  {what:20}{value}", file=out)
    print(f"  TOKEN and API_KEY:  python -m infra.deployment addresses --stage {name} --show-secrets", file=out)
    print(f'  Operators:          eval "$(python -m infra.deployment environment --stage {name})"', file=out)
    print("                      python manage.py check; python manage.py probe; python manage.py install", file=out)
