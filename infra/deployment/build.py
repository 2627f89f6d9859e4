"""A copy of what chalice deploys, with one stage's generated configuration.

The copy keeps the generated configuration out of the work tree, and chalice's packages between deployments, so that a
deployment builds the dependencies only when `requirements.txt` has changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from infra.deployment.errors import DeploymentError
from infra.deployment.stacks import roles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.deployment.stages import Stage

SOURCES = ("app.py", "requirements.txt", "chalicelib")
POLICIES = "policy-*.json"  # what api_gateway_policy_file may name


class BuildError(DeploymentError):
    """A file that chalice needs is not there; the message names it."""


def stage_variables(stage: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """The functions' environment variables that follow from the stack's outputs."""
    return {
        "TWINLEDGER_STAGE": stage,
        "TWINLEDGER_LEDGER_TABLE": outputs["LedgerTable"],
        "TWINLEDGER_SALESFORCE_QUEUE_URL": outputs["SalesforceChangesUrl"],
        "TWINLEDGER_POSTGRES_QUEUE_URL": outputs["PostgresChangesUrl"],
        "TWINLEDGER_BULK_QUEUE_URL": outputs["BulkChangesUrl"],
        "TWINLEDGER_DATABASE_SECRET": outputs["DatabaseSecretArn"],
        "TWINLEDGER_SALESFORCE_SECRET": outputs["SalesforceSecretArn"],
        "TWINLEDGER_WEBHOOK_SECRET": outputs["WebhookSecretArn"],
        "TWINLEDGER_CONSOLE_SECRET": outputs["ConsoleSecretArn"],
    }


def stage_configuration(committed: dict[str, Any], stage: Stage, outputs: Mapping[str, str]) -> dict[str, Any]:
    """The committed chalice configuration with `stage` completed by its settings and the stack's outputs."""
    settings = committed["stages"].get(stage.name, {})
    variables = settings.get("environment_variables", {}) | stage_variables(stage.name, outputs)
    functions = {name: dict(own) for name, own in settings.get("lambda_functions", {}).items()}
    for name, role in roles(outputs).items():
        functions[name] = functions.get(name, {}) | {"iam_role_arn": role}
    completed = settings | {"environment_variables": variables, "lambda_functions": functions}
    # Every stage's REST API has the application's name: in API Gateway's metrics only its own stage tells them apart
    completed["api_gateway_stage"] = stage.name
    if stage.subnets:
        completed |= {"subnet_ids": list(stage.subnets), "security_group_ids": list(stage.security_groups)}
    return committed | {"stages": {**committed["stages"], stage.name: completed}}


def stage_environment(source: Path, stage: Stage, outputs: Mapping[str, str]) -> dict[str, str]:
    """All environment variables of the stage's functions, for a process that runs the application's code elsewhere."""
    completed = stage_configuration(_committed(source), stage, outputs)
    common: dict[str, str] = completed.get("environment_variables", {})
    own: dict[str, str] = completed["stages"][stage.name]["environment_variables"]
    return common | own


def build(source: Path, target: Path, stage: Stage, outputs: Mapping[str, str]) -> None:
    """Copy what chalice deploys from `source` to `target`, with the completed configuration.

    Raises:
        BuildError: A file that chalice needs is not in `source`.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in SOURCES:
        if not (source / name).exists():
            raise BuildError(f"{source / name} does not exist")
        _replace(source / name, target / name)
    settings = target / ".chalice"
    settings.mkdir(exist_ok=True)
    for policy in settings.glob(POLICIES):
        policy.unlink()
    for policy in (source / ".chalice").glob(POLICIES):
        _replace(policy, settings / policy.name)
    completed = json.dumps(stage_configuration(_committed(source), stage, outputs), indent=2)
    (settings / "config.json").write_text(completed, encoding="utf-8")


def fingerprint(target: Path) -> str:
    """A hash of all that a deployment from `target` depends on."""
    digest = hashlib.sha256()
    settings = target / ".chalice"
    files = [settings / "config.json", *settings.glob(POLICIES), *(target / name for name in SOURCES)]
    for path in sorted(each for file in files for each in ([file] if file.is_file() else file.rglob("*"))):
        if path.is_file():
            digest.update(f"{path.relative_to(target)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _committed(source: Path) -> dict[str, Any]:
    committed: dict[str, Any] = json.loads((source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return committed


def _replace(source: Path, target: Path) -> None:
    """Make `target` an exact copy of the file or folder `source`."""
    if source.is_file():
        shutil.copy2(source, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
