"""A stage with the application in it, and its alarms."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.state import Probe
from infra.deployment import cloudformation
from infra.local.metrics import Forwarder
from tests.integration.application.conftest import World, aws, kept_the_same, permissions, world
from tests.integration.watching.template import TEMPLATE

if TYPE_CHECKING:
    pass

__all__ = ["aws", "kept_the_same", "permissions", "world"]

STAGE = "test"
LOGS = f"/aws/lambda/twinledger-{STAGE}"


@dataclass
class Watch:
    """The alarms of a stage, and who is told.

    Attributes:
        world: the stage.
        cloudwatch: a boto3 client.
        forwarder: makes metrics of log lines.
        queue: what subscribes to the topic.
        alarms: as DescribeAlarms tells them, by name without the stage.
    """

    world: World
    cloudwatch: Any
    forwarder: Forwarder
    queue: str
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)

    def log(self, text: str) -> None:
        """Note what a function wrote in its log, and have its metrics forwarded."""
        logs = self.world.stage.client("logs")
        now = int(self.world.wiring.clock.now() * 1000)  # in a log nothing is noted that is older than the rest
        events = [{"timestamp": now, "message": line} for line in text.splitlines()]
        logs.put_log_events(logGroupName=LOGS, logStreamName="one", logEvents=events)
        self.forwarder.forward()

    def state(self, name: str) -> str:
        """What the emulator has made of an alarm."""
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[f"twinledger-{STAGE}-{name}"])["MetricAlarms"]
        return str(found["StateValue"])

    def told(self) -> list[dict[str, Any]]:
        """What the topic has brought."""
        sqs = self.world.stage.client("sqs")
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            found += [json.loads(json.loads(each["Body"])["Message"]) for each in messages]
            for each in messages:
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture(scope="module")
def watch(world: World) -> Watch:
    """The application, installed, with all its alarms."""
    world.wiring.state.save_probe(Probe(world.wiring.client.organization_id, passed=True, at=world.wiring.clock.now()))
    assert world.manage("install") == 0
    sns, sqs, logs = (world.stage.client(name) for name in ("sns", "sqs", "logs"))
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cloudformation.deploy(
        world.stage.client("cloudformation"), "test-alarms", TEMPLATE, {"Stage": STAGE, "AlarmTopicArn": topic}
    )
    logs.create_log_stream(logGroupName=LOGS, logStreamName="one")
    cloudwatch = world.stage.client("cloudwatch")
    watch = Watch(world, cloudwatch, Forwarder(logs, cloudwatch, LOGS), queue)
    for page in cloudwatch.get_paginator("describe_alarms").paginate():
        for alarm in page["MetricAlarms"]:
            watch.alarms[alarm["AlarmName"].removeprefix(f"twinledger-{STAGE}-")] = alarm
    return watch
