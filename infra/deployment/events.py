"""The stack that brings change events from an event bus to the function: infra/events.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.deployment import cloudformation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.deployment.chalice import Deployment
    from infra.deployment.stages import Stage

TEMPLATE = Path(__file__).resolve().parents[1] / "events.yaml"
FUNCTION = "change_events"
DEAD_LETTERS = "take_salesforce_dead_letters"


def stack_name(stage: Stage) -> str:
    """The name of the stack with the rule."""
    return f"{stage.stack}-events"


def create(client: Any, stage: Stage, bus: str, outputs: Mapping[str, str], deployment: Deployment) -> None:
    """Create or update the stack; delete it where there is no event bus any more.

    Args:
        client: A boto3 client of CloudFormation.
        stage: Its settings.
        bus: The event bus; empty for none.
        outputs: Of the stage's first stack.
        deployment: The functions.

    Raises:
        StackError: CloudFormation did not.
    """
    if not bus:
        cloudformation.delete(client, stack_name(stage))
        return
    parameters = {
        "Stage": stage.name,
        "EventBusName": bus,
        "ChangeEventsArn": deployment.functions[FUNCTION],
        "DeadLettersArn": deployment.functions[DEAD_LETTERS],
        "FailedEventsArn": outputs["FailedEventsArn"],
        "FailedEventsUrl": outputs["FailedEventsUrl"],
    }
    cloudformation.deploy(client, stack_name(stage), TEMPLATE, parameters)
