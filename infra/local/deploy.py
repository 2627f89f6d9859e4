"""Deploy the application with chalice from a copy that holds one stage's generated configuration.

The copy keeps the generated configuration out of the work tree, and chalice's packages between deployments, so that a
deployment builds the dependencies only when `requirements.txt` has changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.processes import log_end

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOURCES = ("app.py", "requirements.txt", "chalicelib")
PARTIAL_BATCHES = ["ReportBatchItemFailures"]
KEPT_PACKAGES = 6
DEPLOY_SECONDS = 600


class DeployError(RuntimeError):
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


def stage_variables(stage: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """The functions' environment variables that follow from the stack's outputs."""
    return {
        "TWINLEDGER_STAGE": stage,
        "TWINLEDGER_LEDGER_TABLE": outputs["LedgerTable"],
        "TWINLEDGER_SALESFORCE_QUEUE_URL": outputs["SalesforceChangesUrl"],
        "TWINLEDGER_POSTGRES_QUEUE_URL": outputs["PostgresChangesUrl"],
        "TWINLEDGER_DATABASE_SECRET": outputs["DatabaseSecretArn"],
        "TWINLEDGER_SALESFORCE_SECRET": outputs["SalesforceSecretArn"],
        "TWINLEDGER_WEBHOOK_SECRET": outputs["WebhookSecretArn"],
    }


def stage_configuration(committed: dict[str, Any], stage: str, outputs: Mapping[str, str]) -> dict[str, Any]:
    """The committed chalice configuration with `stage` completed by the stack's outputs."""
    settings = committed["stages"].get(stage, {})
    variables = settings.get("environment_variables", {}) | stage_variables(stage, outputs)
    completed = settings | {"iam_role_arn": outputs["FunctionRoleArn"], "environment_variables": variables}
    return committed | {"stages": {**committed["stages"], stage: completed}}


def build(source: Path, target: Path, stage: str, outputs: Mapping[str, str]) -> None:
    """Copy what chalice deploys from `source` to `target`, with the completed configuration.

    Raises:
        DeployError: A file that chalice needs is not in `source`.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        if not (source / name).exists():
            raise DeployError(f"{source / name} does not exist")
        _replace(source / name, target / name)
    settings = target / ".chalice"
    settings.mkdir(exist_ok=True)
    for policy in (source / ".chalice").glob("policy*.json"):
        _replace(policy, settings / policy.name)
    committed = json.loads((source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    completed = json.dumps(stage_configuration(committed, stage, outputs), indent=2)
    (settings / "config.json").write_text(completed, encoding="utf-8")


def fingerprint(target: Path) -> str:
    """A hash of all that a deployment from `target` depends on."""
    digest = hashlib.sha256()
    files = [target / ".chalice" / "config.json", *(target / name for name in SOURCES)]
    for path in sorted(each for file in files for each in ([file] if file.is_file() else file.rglob("*"))):
        if path.is_file():
            digest.update(f"{path.relative_to(target)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


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


def _replace(source: Path, target: Path) -> None:
    """Make `target` an exact copy of the file or folder `source`."""
    if source.is_file():
        shutil.copy2(source, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _forget_old_packages(folder: Path) -> None:
    """Keep the newest packages: each change of the application makes one more."""
    packages = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    layers = [package for package in packages if "layer" in package.name]
    others = [package for package in packages if package not in layers]
    for package in [*others[KEPT_PACKAGES:], *layers[2:]]:
        package.unlink()
