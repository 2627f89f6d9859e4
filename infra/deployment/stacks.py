"""The CloudFormation stacks of a stage: ledger, queues and secrets; then roles and log groups of the functions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.deployment import cloudformation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deployment.stages import Stage

TEMPLATES = Path(__file__).resolve().parents[1]
LEDGER = TEMPLATES / "stack.yaml"
FUNCTIONS = TEMPLATES / "functions.yaml"
ROLE = "RoleArn"


def functions_name(stage: Stage) -> str:
    """The name of the stack with roles and log groups."""
    return f"{stage.stack}-functions"


def create_ledger(client: Any, stage: Stage, **parameters: str) -> dict[str, str]:
    """Create or update the stack with ledger, queues and secrets; its outputs.

    Raises:
        StackError: CloudFormation did not.
    """
    return cloudformation.deploy(client, stage.stack, LEDGER, {"Stage": stage.name} | parameters)


def create_functions(client: Any, stage: Stage, outputs: Mapping[str, str]) -> dict[str, str]:
    """Create or update the stack with roles and log groups; its outputs with those of the ledger's stack.

    Raises:
        StackError: CloudFormation did not.
    """
    known = client.get_template_summary(TemplateBody=FUNCTIONS.read_text(encoding="utf-8"))["Parameters"]
    names = {parameter["ParameterKey"] for parameter in known}
    parameters = {name: value for name, value in outputs.items() if name in names} | {
        "Stage": stage.name,
        "LogRetentionDays": str(stage.log_retention_days),
        "Vpc": "yes" if stage.subnets else "no",
        "DatabaseLogin": stage.database_login,
    }
    return {**outputs, **cloudformation.deploy(client, functions_name(stage), FUNCTIONS, parameters)}


def outputs(client: Any, stage: Stage) -> dict[str, str]:
    """The outputs of both stacks, as they are now; none where they are not there."""
    return cloudformation.outputs(client, stage.stack) | cloudformation.outputs(client, functions_name(stage))


def roles(outputs: Mapping[str, str]) -> dict[str, str]:
    """The role of each function by its name in `app.py`."""
    found = {name.removesuffix(ROLE): arn for name, arn in outputs.items() if name.endswith(ROLE)}
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): arn for name, arn in found.items()}
