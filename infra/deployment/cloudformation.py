"""Create or update a CloudFormation stack and read its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

POLL_SECONDS = 0.2
MAX_POLLS = 600


class StackError(DeploymentError):
    """CloudFormation refused the template, or rolled the stack back; the message has its reasons."""


def deploy(client: Any, name: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Bring the stack `name` to `template` and wait for it.

    Args:
        client: A boto3 client of CloudFormation.
        name: The stack's name.
        template: The template's file.
        parameters: The template's parameters.

    Returns:
        The stack's outputs by their keys.

    Raises:
        StackError: The stack was not created or updated.
    """
    request = {
        "StackName": name,
        "TemplateBody": template.read_text(encoding="utf-8"),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    try:
        if _exists(client, name):
            _update(client, request)
        else:
            client.create_stack(**request)
            _wait(client, "stack_create_complete", name)
    except ClientError as error:
        raise StackError(f"CloudFormation refused the stack {name}: {error.response['Error']['Message']}") from error
    return outputs(client, name)


def outputs(client: Any, name: str) -> dict[str, str]:
    """The outputs of the stack `name` by their keys."""
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _exists(client: Any, name: str) -> bool:
    try:
        client.describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _update(client: Any, request: dict[str, Any]) -> None:
    try:
        client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in error.response["Error"]["Message"]:
            return
        raise
    _wait(client, "stack_update_complete", request["StackName"])


def _wait(client: Any, waiter: str, name: str) -> None:
    try:
        client.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": POLL_SECONDS, "MaxAttempts": MAX_POLLS})
    except WaiterError as error:
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason")
        ]
        raise StackError(f"CloudFormation did not complete {name}: {'; '.join(reasons) or error}") from error
