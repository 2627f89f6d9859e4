"""Deploy the application with chalice, and set what chalice itself cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.deployment.errors import DeploymentError
from infra.deployment.progress import log_end

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PARTIAL_BATCHES = ["ReportBatchItemFailures"]
KEPT_PACKAGES = 6
DEPLOY_SECONDS = 600


class DeployError(DeploymentError):
    """chalice did not deploy; the message holds the end of its output."""


@dataclass(frozen=True)
class Deployment:
    """What chalice says it has deployed: the resources of `.chalice/deployed/<stage>.json`."""

    resources: tuple[dict[str, str], ...]

    @property
    def rest_api_id(self) -> str:
        """The id of the REST API."""
        return next(each["rest_api_id"] for each in self.resources if each["resource_type"] == "rest_api")

    @property
    def functions(self) -> dict[str, str]:
        """The ARN of each function by its name in `app.py`."""
        return {
            each["name"]: each["lambda_arn"] for each in self.resources if each["resource_type"] == "lambda_function"
        }

    @property
    def queue_sources(self) -> list[str]:
        """The ids of the event source mappings of the queues."""
        return [each["event_uuid"] for each in self.resources if each["resource_type"] == "sqs_event"]


def run_chalice(chalice: Path, target: Path, stage: str, environment: Mapping[str, str], log: Path) -> Deployment:
    """Run `chalice deploy --stage <stage>` in `target`.

    Raises:
        DeployError: chalice failed or took longer than ten minutes.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                [chalice, "deploy", "--stage", stage],
                cwd=target,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=DEPLOY_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeployError(f"chalice deploy took longer than {DEPLOY_SECONDS} s") from error
    if done.returncode:
        raise DeployError(f"chalice deploy failed:\n{log_end(log)}")
    _forget_old_packages(target / ".chalice" / "deployments")
    return deployed(target, stage)


def deployed(target: Path, stage: str) -> Deployment:
    """What was deployed last from `target`."""
    record = json.loads((target / ".chalice" / "deployed" / f"{stage}.json").read_text(encoding="utf-8"))
    return Deployment(tuple(record["resources"]))


def forget(target: Path) -> None:
    """Forget what was deployed, when the account is empty again."""
    shutil.rmtree(target / ".chalice" / "deployed", ignore_errors=True)


def report_partial_batches(client: Any, deployment: Deployment) -> None:
    """Let the queues' functions report which messages of a batch failed, which chalice cannot ask for."""
    for source in deployment.queue_sources:
        client.update_event_source_mapping(UUID=source, FunctionResponseTypes=PARTIAL_BATCHES)


def route_events(events: Any, functions: Any, bus: str, arn: str, name: str) -> None:
    """Send everything on the event bus `bus` to the function `arn`: chalice knows the default bus only.

    Args:
        events: A boto3 client of EventBridge.
        functions: A boto3 client of Lambda.
        bus: The event bus's name.
        arn: The function.
        name: The rule's name.
    """
    rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": name, "Arn": arn}])
    try:
        functions.add_permission(
            FunctionName=arn,
            StatementId=name,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule["RuleArn"],
        )
    except functions.exceptions.ResourceConflictException:
        return  # the permission is there since an earlier deployment


def _forget_old_packages(folder: Path) -> None:
    """Keep the newest packages: each change of the application makes one more."""
    packages = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    layers = [package for package in packages if "layer" in package.name]
    others = [package for package in packages if package not in layers]
    for package in [*others[KEPT_PACKAGES:], *layers[2:]]:
        package.unlink()
