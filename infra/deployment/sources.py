"""The queues as event sources of the functions: what chalice cannot set."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from infra.deployment.chalice import Deployment
    from infra.deployment.stages import Stage

SETTLING = frozenset({"settle_salesforce_changes", "settle_postgres_changes"})
"""What people's edits wait for; all else leaves the two systems to it."""
FEWEST = 2
"""The least that can be asked for (Lambda API Reference, ScalingConfig)."""
PAUSE = 1.0
PATIENCE = 120.0


def settings(stage: Stage, function: str) -> dict[str, Any]:
    """How a queue starts `function`: single messages of a batch may fail, and only so many batches run at once."""
    concurrency = stage.concurrency if function in SETTLING else FEWEST
    return {
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": concurrency},
    }


def complete(client: Any, deployment: Deployment, stage: Stage) -> None:
    """Set it for every queue's function, and read it back.

    Args:
        client: A boto3 client of Lambda.
        deployment: What chalice has deployed.
        stage: How many at once.

    Raises:
        DeploymentError: A function's event source is not as it was set, or is not enabled.
    """
    for function, source in deployment.queue_sources.items():
        _ready(client, source)
        client.update_event_source_mapping(UUID=source, **settings(stage, function))
    for function, source in deployment.queue_sources.items():
        found = _ready(client, source)
        wanted = settings(stage, function) | {"State": "Enabled"}
        if wrong := [f"{name} is {found.get(name)}" for name, value in wanted.items() if found.get(name) != value]:
            raise DeploymentError(f"the event source of {function} is not as it was set: {', '.join(wrong)}")


def forget_unknown(client: Any, deployment: Deployment | None, prefix: str, kept: str) -> int:
    """Delete event sources of a deployment that failed: chalice does not know them, and cannot create them again.

    Args:
        client: A boto3 client of Lambda.
        deployment: What chalice knows; None for nothing.
        prefix: What the names of the stage's functions begin with.
        kept: The queue whose event source is CloudFormation's, not chalice's.

    Returns:
        How many there were.
    """
    known = set(deployment.queue_sources.values()) if deployment else set()
    pages = client.get_paginator("list_event_source_mappings").paginate()
    found = [each for page in pages for each in page["EventSourceMappings"]]
    others = [each for each in found if each["EventSourceArn"] != kept and each["UUID"] not in known]
    unknown = [each["UUID"] for each in others if each["FunctionArn"].split(":")[6].startswith(prefix)]
    for source in unknown:
        client.delete_event_source_mapping(UUID=source)
    return len(unknown)


def _ready(client: Any, source: str) -> dict[str, Any]:
    """The event source once nothing of it is under way: while it is, it takes no change.

    Raises:
        DeploymentError: It was under way for two minutes.
    """
    deadline = time.monotonic() + PATIENCE
    while (found := client.get_event_source_mapping(UUID=source))["State"].endswith("ing"):
        if time.monotonic() > deadline:
            raise DeploymentError(f"the event source {source} has been {found['State']} for two minutes: run it again")
        time.sleep(PAUSE)
    return dict(found)
