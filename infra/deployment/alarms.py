"""The stack with a stage's alarms and its dashboard: infra/alarms.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.deployment import cloudformation
from infra.deployment.cloudformation import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deployment.stages import Stage

TEMPLATE = Path(__file__).resolve().parents[1] / "alarms.yaml"


def stack_name(stage: Stage) -> str:
    """The name of the stack with the alarms."""
    return f"{stage.stack}-alarms"


def parameters(stage: Stage, outputs: Mapping[str, str]) -> dict[str, str]:
    """The template's parameters: the stage, its topic, and what its settings say of the alarms.

    Args:
        stage: Its settings.
        outputs: Of the stage's first stack.
    """
    own = {name: str(value) for name, value in stage.alarms.items()}
    return own | {"Stage": stage.name, "AlarmTopicArn": outputs["AlarmTopicArn"]}


def create(client: Any, stage: Stage, outputs: Mapping[str, str]) -> dict[str, str]:
    """Create or update alarms and dashboard; the stack's outputs.

    Args:
        client: A boto3 client of CloudFormation.
        stage: Its settings.
        outputs: Of the stage's first stack.

    Raises:
        StackError: CloudFormation did not, or a setting is no parameter of the template.
    """
    summary = client.get_template_summary(TemplateBody=TEMPLATE.read_text(encoding="utf-8"))
    known = [each["ParameterKey"] for each in summary["Parameters"]]
    if unknown := sorted(stage.alarms.keys() - known):
        raise StackError(f"alarms of the stage {stage.name}: no parameter {', '.join(unknown)}: {', '.join(known)}")
    return cloudformation.deploy(client, stack_name(stage), TEMPLATE, parameters(stage, outputs))
