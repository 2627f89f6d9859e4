"""Whether the stack's queues are what the application needs: a queue of their names may have been there before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

LANES = ("Salesforce", "Postgres", "Bulk")


def check(client: Any, outputs: Mapping[str, str], function_seconds: int) -> None:
    """Look at every queue.

    Args:
        client: A boto3 client of SQS.
        outputs: The stack's outputs.
        function_seconds: Time-out of the functions that the queues start. A message has to be hidden for six times
            that (Lambda developer guide, "Using Lambda with Amazon SQS").

    Raises:
        DeploymentError: One is missing, or is of another type, or hides its messages too shortly.
    """
    for lane in LANES:
        changes, dead = f"{lane}Changes", f"{lane}ChangesDeadLetter"
        for name in (changes, dead):
            found = _attributes(client, outputs[f"{name}Url"])
            _check_type(outputs[f"{name}Arn"], found, function_seconds * 6)
        redrive = json.loads(_attributes(client, outputs[f"{changes}Url"]).get("RedrivePolicy", "{}"))
        if redrive.get("deadLetterTargetArn") != outputs[f"{dead}Arn"]:
            raise DeploymentError(
                f"the queue {_name(outputs[f'{changes}Arn'])} has another dead-letter queue than its own"
            )


def _check_type(arn: str, found: Mapping[str, str], seconds: int) -> None:
    if found.get("FifoQueue") != "true" or found.get("ContentBasedDeduplication") == "true":
        kind = "deduplicates by content" if found.get("FifoQueue") == "true" else "is a standard queue"
        remedy = "a FIFO queue without that is needed: delete it, wait a minute, and deploy again"
        raise DeploymentError(f"the queue {_name(arn)} {kind}; {remedy}")
    if int(found["VisibilityTimeout"]) < seconds:
        told = f"the queue {_name(arn)} hides its messages for {found['VisibilityTimeout']} s"
        raise DeploymentError(f"{told}; {seconds} s are needed, six times the functions' time-out")


def _attributes(client: Any, url: str) -> dict[str, str]:
    try:
        return dict(client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])
    except ClientError as error:
        raise DeploymentError(f"the queue {url.rsplit('/', 1)[-1]}: {error.response['Error']['Message']}") from error


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]
