"""Create, update or delete a CloudFormation stack and read its outputs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
LONGEST_SECONDS = 1800.0
NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS")
"""States of a stack that was not created: it cannot be updated, only deleted."""


class StackError(DeploymentError):
    """CloudFormation refused the template, or rolled the stack back; the message has its reasons."""


def deploy(client: Any, name: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Bring the stack `name` to `template` and wait for it; one whose creation has failed is created anew.

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
        before = _ended(client, name)  # an interrupted deployment may have left something under way
        if before in NEVER_CREATED:
            delete(client, name)
        if before is None or before in NEVER_CREATED:
            client.create_stack(**request)
        elif not _update(client, request):
            return outputs(client, name)
    except ClientError as error:
        raise StackError(f"CloudFormation refused the stack {name}: {error.response['Error']['Message']}") from error
    _wait(client, name, ("CREATE_COMPLETE", "UPDATE_COMPLETE"))
    return outputs(client, name)


def delete(client: Any, name: str) -> None:
    """Delete the stack `name` and wait for it; nothing to do where there is none.

    Raises:
        StackError: Something of it could not be deleted.
    """
    found = stack(client, name)
    if found is not None:
        client.delete_stack(StackName=name)
        _wait(client, found["StackId"], ("DELETE_COMPLETE",))  # by its name it is not found once it is gone


def outputs(client: Any, name: str) -> dict[str, str]:
    """The outputs of the stack `name` by their keys; none where there is no such stack."""
    found = stack(client, name) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def status(client: Any, name: str) -> str | None:
    """The state of the stack `name`; None where there is none."""
    found = stack(client, name)
    return None if found is None else str(found["StackStatus"])


def stack(client: Any, name: str) -> dict[str, Any] | None:
    """What CloudFormation knows of the stack `name`; None where there is none."""
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return found


def _update(client: Any, request: dict[str, Any]) -> bool:
    """Begin an update; whether there is anything to update."""
    try:
        client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _wait(client: Any, name: str, wanted: tuple[str, ...]) -> None:
    """Wait until nothing of the stack `name`, or of that id, is under way.

    Raises:
        StackError: It ended in another state than those wanted, or took more than half an hour.
    """
    now = _ended(client, name) or "DELETE_COMPLETE"
    if now not in wanted:
        raise StackError(f"CloudFormation did not complete {name} ({now}): {_reasons(client, name)}")


def _ended(client: Any, name: str) -> str | None:
    began, pause = time.monotonic(), FIRST_PAUSE
    while (now := status(client, name)) is not None and now.endswith("_IN_PROGRESS"):
        if time.monotonic() - began > LONGEST_SECONDS:
            raise StackError(f"CloudFormation has been at {name} for half an hour: look at it in the console ({now})")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return now


def _reasons(client: Any, name: str) -> str:
    """What failed in the last operation on the stack, the first failure first: the others follow from it."""
    reasons: list[str] = []
    for event in client.describe_stack_events(StackName=name)["StackEvents"]:  # the newest first
        reason, state = event.get("ResourceStatusReason", ""), event["ResourceStatus"]
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and reason == "User Initiated":
            break
        if state.endswith("FAILED") and reason and "cancelled" not in reason:
            reasons.insert(0, f"{event['LogicalResourceId']}: {reason}")
    return "; ".join(dict.fromkeys(reasons)) or "it says no reason"
