"""What a deployment meets in an account where something was there before, or was left half done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.deployment import cloudformation, queues, sources, stacks
from infra.deployment.errors import DeploymentError
from infra.deployment.stages import Stage
from infra.local.emulator import Emulator
from tests.integration.emulators import clients_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator of this module's own: its queues are spoilt."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Make clients of the emulator."""
    with clients_of(emulator) as get:
        yield get


@pytest.fixture(scope="module")
def outputs(client: Callable[[str], Any]) -> dict[str, str]:
    """The stacks' outputs."""
    made = stacks.create_ledger(client("cloudformation"), Stage("test"))
    return stacks.create_functions(client("cloudformation"), Stage("test"), made)


def test_queues_of_the_stack_are_right(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """What the template creates is what the application needs."""
    queues.check(client("sqs"), outputs, 30)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({}, "is a standard queue; a FIFO queue without that is needed: delete it"),
        ({"FifoQueue": "true", "ContentBasedDeduplication": "true"}, "deduplicates by content; a FIFO queue"),
        ({"FifoQueue": "true", "VisibilityTimeout": "179"}, "hides its messages for 179 s; 180 s are needed"),
        ({"FifoQueue": "true", "VisibilityTimeout": "180"}, "has another dead-letter queue than its own"),
    ],
)
def test_queue_of_another_kind_is_refused(
    client: Callable[[str], Any], outputs: dict[str, str], attributes: dict[str, str], told: str
) -> None:
    """A queue that was there before under the name is told in one line, with the remedy."""
    name = f"spoilt-{len(attributes)}-{attributes.get('VisibilityTimeout', '')}"
    name += ".fifo" if attributes else ""
    url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = outputs["SalesforceChangesArn"].rsplit(":", 1)[0] + ":" + name
    with pytest.raises(DeploymentError) as error:
        queues.check(client("sqs"), outputs | {"SalesforceChangesUrl": url, "SalesforceChangesArn": arn}, 30)
    assert str(error.value).startswith(f"the queue {name} {told}")


def test_missing_queue_is_named(client: Callable[[str], Any], outputs: dict[str, str]) -> None:
    """A queue that somebody has deleted is told by its name."""
    gone = outputs | {"PostgresChangesUrl": outputs["PostgresChangesUrl"].replace("postgres", "nowhere")}
    with pytest.raises(DeploymentError, match=r"^the queue twinledger-test-nowhere-changes\.fifo: "):
        queues.check(client("sqs"), gone, 30)


def test_event_sources_of_a_failed_deployment_are_forgotten(
    client: Callable[[str], Any], outputs: dict[str, str]
) -> None:
    """Those of this stage's functions that no record has; those of another stage stay."""
    for stage, side in (("test", "Salesforce"), ("test2", "Postgres")):
        create_function(client("lambda"), f"twinledger-{stage}-settle", outputs)
        client("lambda").create_event_source_mapping(
            FunctionName=f"twinledger-{stage}-settle", EventSourceArn=outputs[f"{side}ChangesArn"]
        )
    assert sources.forget_unknown(client("lambda"), None, "twinledger-test-", outputs["FailedEventsArn"]) == 1
    left = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert [each["EventSourceArn"] for each in left] == [outputs["PostgresChangesArn"]]


def create_function(client: Any, name: str, outputs: dict[str, str]) -> None:
    """A function that is never called."""
    role = outputs["SweepRoleArn"]
    code = {"ZipFile": b"PK\x05\x06" + bytes(18)}
    client.create_function(FunctionName=name, Role=role, Runtime="python3.12", Handler="app.app", Code=code)


def test_stack_that_was_never_created_is_created_anew(client: Callable[[str], Any], tmp_path: Path) -> None:
    """A stack whose creation was rolled back cannot be updated: it makes room, and the failure's reason was told."""
    stack, cloud = tmp_path / "stack.yaml", client("cloudformation")
    alias = "{Type: AWS::KMS::Alias, Properties: {AliasName: without-prefix, TargetKeyId: any}}"
    stack.write_text(f"Resources: {{Alias: {alias}}}", encoding="ascii")
    with pytest.raises(cloudformation.StackError, match=r"did not complete again \(ROLLBACK_COMPLETE\): Alias: "):
        cloudformation.deploy(cloud, "again", stack, {})
    stack.write_text("Resources: {Queue: {Type: AWS::SQS::Queue}}", encoding="ascii")
    cloudformation.deploy(cloud, "again", stack, {})
    assert cloudformation.status(cloud, "again") == "CREATE_COMPLETE"
    cloudformation.delete(cloud, "again")
    assert cloudformation.status(cloud, "again") is None
    cloudformation.delete(cloud, "again")
    assert cloudformation.outputs(cloud, "again") == {}
