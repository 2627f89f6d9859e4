"""`python -m infra.deployment destroy`, a deployment after it, and the end of the ledger. The stage's last tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.deployment.conftest import Deployed


def stacks_of(stage: Deployed) -> set[str]:
    """The stacks that are there."""
    found = stage.client("cloudformation").list_stacks()["StackSummaries"]
    return {each["StackName"] for each in found if each["StackStatus"] != "DELETE_COMPLETE"}


def functions_of(stage: Deployed) -> list[str]:
    """The functions that are there."""
    return [each["FunctionName"] for each in stage.client("lambda").list_functions()["Functions"]]


def ledger_of(stage: Deployed) -> set[str]:
    """The partitions of the ledger's records."""
    items = stage.client("dynamodb").scan(TableName="twinledger-dev-ledger")["Items"]
    return {item["pk"]["S"] for item in items if item["pk"]["S"].startswith(("record#", "installation"))}


def test_ledger_stays_and_is_taken_up_again(deployed: Deployed) -> None:
    """What works is gone, what was learnt is not; the next deployment finds an installed stage."""
    before = ledger_of(deployed)
    done = deployed.run("destroy")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ledger, secrets, key and queues stay, in twinledger-dev" in done.stdout
    assert (functions_of(deployed), stacks_of(deployed)) == ([], {"twinledger-dev"})
    assert deployed.client("apigateway").get_rest_apis()["items"] == []
    assert deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    again = deployed.run("deploy")
    assert (again.returncode, again.stderr) == (0, "")
    assert "an event acknowledged" in again.stdout
    assert before <= ledger_of(deployed)


def test_ledger_goes_only_by_the_name_of_its_stage(deployed: Deployed) -> None:
    """Any other word stops it before anything is done."""
    before = functions_of(deployed)
    done = deployed.run("destroy", "--delete-ledger", given="yes\n")
    assert done.returncode == 1
    assert done.stderr.endswith("that was not dev: nothing was done\n")
    assert functions_of(deployed) == before != []


def test_ledger_goes_with_everything(deployed: Deployed) -> None:
    """Table, secrets, queues and stacks are gone, the key has its term; a second time there is nothing to destroy."""
    key = deployed.client("kms").describe_key(KeyId="alias/twinledger-dev")["KeyMetadata"]["KeyId"]
    done = deployed.run("destroy", "--delete-ledger", given="dev\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert (functions_of(deployed), stacks_of(deployed)) == ([], set())
    assert deployed.client("dynamodb").list_tables()["TableNames"] == []
    assert deployed.client("secretsmanager").list_secrets()["SecretList"] == []
    assert deployed.client("sqs").list_queues().get("QueueUrls", []) == []
    assert deployed.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    again = deployed.run("destroy")
    assert again.returncode == 1
    assert "there is no stack twinledger-dev in us-east-1" in again.stderr
