"""The CloudFormation template: valid, and what the emulator makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cfnlint.api import lint_all

from infra.deployment import cloudformation
from infra.local.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).parents[3] / "infra" / "stack.yaml"
PARAMETERS = {"Stage": "test", "EventBus": "yes"}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A throw-away emulator for the module."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> dict[str, str]:
    """The outputs of the stack, created once."""
    client = boto3.client("cloudformation", **emulator.client_arguments)
    made = cloudformation.deploy(client, "twinledger-test", TEMPLATE, PARAMETERS)
    client.close()
    return made


def call(emulator: Emulator, service: str, operation: str, **arguments: object) -> dict[str, Any]:
    """One call of an AWS service."""
    client = boto3.client(service, **emulator.client_arguments)
    try:
        return dict(getattr(client, operation)(**arguments))
    finally:
        client.close()


@pytest.mark.parametrize("template", sorted(TEMPLATE.parent.glob("*.yaml")), ids=lambda template: template.name)
def test_linter_has_no_complaint(template: Path) -> None:
    """cfn-lint knows every property and sees no dangling reference: no error, no warning."""
    matches = lint_all(template.read_text(encoding="utf-8"))
    assert [str(match) for match in matches if match.rule.severity != "informational"] == []


@pytest.mark.parametrize("side", ["Salesforce", "Postgres"])
def test_queue_is_strict(emulator: Emulator, outputs: dict[str, str], side: str) -> None:
    """A queue is FIFO per record, hides a message long enough, and has a FIFO dead-letter queue."""
    found = call(
        emulator, "sqs", "get_queue_attributes", QueueUrl=outputs[f"{side}ChangesUrl"], AttributeNames=["All"]
    )["Attributes"]
    expected = {
        "QueueArn": outputs[f"{side}ChangesArn"],
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "VisibilityTimeout": "180",
    }
    assert {key: found[key] for key in expected} == expected
    redrive = json.loads(found["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == outputs[f"{side}ChangesDeadLetterArn"]
    assert int(redrive["maxReceiveCount"]) == 5
    assert outputs[f"{side}ChangesDeadLetterArn"].endswith(f"twinledger-test-{side.lower()}-changes-dead-letter.fifo")


def test_indexes_are_sparse(emulator: Emulator, outputs: dict[str, str]) -> None:
    """An item is in an index only while it has the index's keys."""

    def keys(index: str, shard: str) -> list[str]:
        answer = call(
            emulator,
            "dynamodb",
            "query",
            TableName=outputs["LedgerTable"],
            IndexName=index,
            KeyConditionExpression=f"{shard} = :shard",
            ExpressionAttributeValues={":shard": {"S": "0"}},
        )
        return [item["pk"]["S"] for item in answer["Items"]]

    items: list[dict[str, dict[str, str]]] = [
        {"pk": {"S": "plain"}, "sk": {"S": "entry"}},
        {"pk": {"S": "due"}, "sk": {"S": "entry"}, "due_shard": {"S": "0"}, "due_at": {"N": "1.5"}},
        {"pk": {"S": "issue"}, "sk": {"S": "1"}, "issue_shard": {"S": "0"}, "issue_at": {"S": "2026-01-01"}},
    ]
    for item in items:
        call(emulator, "dynamodb", "put_item", TableName=outputs["LedgerTable"], Item=item)
    assert (keys("due", "due_shard"), keys("issues", "issue_shard")) == (["due"], ["issue"])


def test_secrets_wait_for_their_values(emulator: Emulator, outputs: dict[str, str]) -> None:
    """Each secret is there, and takes its value after the creation of the stack."""
    for name in ("Database", "Salesforce", "Webhook"):
        secret = outputs[f"{name}SecretArn"]
        call(emulator, "secretsmanager", "put_secret_value", SecretId=secret, SecretString=name)
        assert call(emulator, "secretsmanager", "get_secret_value", SecretId=secret)["SecretString"] == name


def test_deploying_again_changes_nothing(emulator: Emulator, outputs: dict[str, str]) -> None:
    """The same template and parameters give the same stack."""
    client = boto3.client("cloudformation", **emulator.client_arguments)
    again = cloudformation.deploy(client, "twinledger-test", TEMPLATE, PARAMETERS)
    client.close()
    assert again == outputs


def test_refusal_names_the_reason(emulator: Emulator, tmp_path: Path) -> None:
    """A template that cannot be created is refused with CloudFormation's own words."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("Resources: {Nothing: {Type: 'AWS::No::Such'}}", encoding="utf-8")
    client = boto3.client("cloudformation", **emulator.client_arguments)
    with pytest.raises(cloudformation.StackError, match="AWS::No::Such"):
        cloudformation.deploy(client, "broken", broken, {})
    client.close()
