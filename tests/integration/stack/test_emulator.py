"""The AWS emulator of the one-machine stack, with what its start-up changes."""

from __future__ import annotations

import io
import itertools
import json
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import psutil
import pytest
import requests

from infra.local.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROLE = "arn:aws:iam::000000000000:role/any"

HANDLER = """
import json, os, time

IMPORTED_BY = os.getpid()

def record(event):
    for each in event["Records"]:
        yield json.loads(each["body"]), each["attributes"]["MessageGroupId"]

def consume(event, context):
    import boto3
    sqs = boto3.client("sqs")
    for body, group in record(event):
        began = time.time()
        time.sleep(body.get("seconds", 0))
        note = {"group": group, "number": body["number"], "began": began, "ended": time.time()}
        note |= {"process": os.getpid(), "importer": IMPORTED_BY}
        sqs.send_message(QueueUrl=os.environ["NOTES"], MessageBody=json.dumps(note))
        if body.get("fail"):
            raise ValueError("as asked")

def echo(event, context):
    if event.get("fail"):
        raise ValueError("as asked")
    return {
        "process": os.getpid(),
        "code": os.path.realpath(__file__),
        "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
        "region": os.environ["AWS_REGION"],
    }
"""

SWAGGER = {
    "swagger": "2.0",
    "info": {"version": "1.0", "title": "imported"},
    "x-amazon-apigateway-binary-media-types": ["image/*"],
    "paths": {
        "/page": {
            "options": {
                "x-amazon-apigateway-integration": {
                    "type": "mock",
                    "requestTemplates": {"application/json": '{"statusCode": 200}'},
                    "responses": {
                        "default": {
                            "statusCode": "200",
                            "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
                        }
                    },
                }
            }
        }
    },
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A throw-away emulator for the module."""
    with Emulator() as running:
        yield running


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Make clients of an emptied emulator."""
    emulator.reset()
    clients: list[Any] = []

    def make(service: str) -> Any:
        clients.append(boto3.client(service, **emulator.client_arguments))
        return clients[-1]

    yield make
    for each in clients:
        each.close()


def deploy(client: Callable[[str], Any], name: str, **environment: str) -> str:
    """Create the function `name` of the handler above; its ARN is returned."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(zipfile.ZipInfo("app.py"), HANDLER)
    return str(
        client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler=f"app.{name}",
            Code={"ZipFile": archive.getvalue()},
            Timeout=30,
            Environment={"Variables": environment},
        )["FunctionArn"]
    )


def fifo(client: Callable[[str], Any], name: str, **attributes: str) -> tuple[str, str]:
    """Create a FIFO queue; its URL and its ARN are returned."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def consume(client: Callable[[str], Any], **attributes: str) -> tuple[Callable[..., None], Callable[[int], list[Any]]]:
    """A FIFO queue with a consuming function: how to send to it, and how to get the notes that its runs leave."""
    url, arn = fifo(client, "work", **attributes)
    sqs = client("sqs")
    notes = sqs.create_queue(QueueName="notes")["QueueUrl"]
    deploy(client, "consume", NOTES=notes)
    client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="consume", BatchSize=1)

    def send(group: str, number: int, **more: object) -> None:
        sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps({"number": number, **more}),
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}-{number}",
        )

    def collect(count: int) -> list[Any]:
        found: list[Any] = []
        deadline = time.monotonic() + 20
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} notes"
            for message in sqs.receive_message(QueueUrl=notes, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
                "Messages", []
            ):
                sqs.delete_message(QueueUrl=notes, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    return send, collect


def test_reset_empties_it(emulator: Emulator, client: Callable[[str], Any]) -> None:
    """After a reset nothing of before is there."""
    fifo(client, "gone")
    emulator.reset()
    assert client("sqs").list_queues().get("QueueUrls", []) == []


def test_message_groups_run_side_by_side(client: Callable[[str], Any]) -> None:
    """A FIFO event source runs one invocation per message group at the same time."""
    send, collect = consume(client)
    for group in "abc":
        send(group, 1, seconds=1.0)
    notes = collect(3)
    assert max(note["began"] for note in notes) < min(note["ended"] for note in notes)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere each environment imports for itself")
def test_environments_share_one_import(client: Callable[[str], Any]) -> None:
    """Environments that run side by side are processes of their own, started from one that imported the code."""
    send, collect = consume(client)
    for group in "abc":
        send(group, 1, seconds=1.0)
    notes = collect(3)
    assert len({note["process"] for note in notes}) == 3
    assert len({note["importer"] for note in notes}) == 1


def test_a_message_group_keeps_its_order(client: Callable[[str], Any]) -> None:
    """Within a group the next message waits for the one before it, whatever other groups do."""
    send, collect = consume(client)
    for number in range(4):
        for group in "ab":
            send(group, number, seconds=0.1)
    notes = collect(8)
    for group in "ab":
        own = sorted((note for note in notes if note["group"] == group), key=lambda note: note["began"])
        assert [note["number"] for note in own] == [0, 1, 2, 3]
        assert all(first["ended"] <= second["began"] for first, second in itertools.pairwise(own))


def test_failures_reach_the_dead_letter_queue(client: Callable[[str], Any]) -> None:
    """A message that fails each time moves to the dead-letter queue; the other groups go on meanwhile."""
    dead_url, dead_arn = fifo(client, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "2"})
    send, collect = consume(client, VisibilityTimeout="1", RedrivePolicy=redrive)
    send("bad", 1, fail=True)
    send("good", 1)
    assert sorted(note["group"] for note in collect(3)) == ["bad", "bad", "good"]
    moved = client("sqs").receive_message(QueueUrl=dead_url, WaitTimeSeconds=10)["Messages"]
    assert [json.loads(message["Body"])["number"] for message in moved] == [1]


def test_environment_outlives_an_exception(client: Callable[[str], Any]) -> None:
    """A handler that raised answers the next call in the same process, as on Lambda."""
    deploy(client, "echo")
    functions = client("lambda")

    def call(**event: object) -> Any:
        answer = functions.invoke(FunctionName="echo", Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    first, _ = call()
    failed, error = call(fail=True)
    last, _ = call()
    assert (error, failed["errorMessage"]) == ("Unhandled", "as asked")
    assert first["process"] == last["process"]


def test_cold_starts_share_unpacked_code(client: Callable[[str], Any]) -> None:
    """Each cold start of the same code is another process on the same files."""
    functions = client("lambda")

    def cold() -> Any:
        deploy(client, "echo")
        answer = json.loads(functions.invoke(FunctionName="echo", Payload="{}")["Payload"].read())
        functions.delete_function(FunctionName="echo")
        return answer

    first, second = cold(), cold()
    assert first["code"] == second["code"]
    assert first["process"] != second["process"]


def test_functions_find_the_emulator(emulator: Emulator, client: Callable[[str], Any]) -> None:
    """A function needs no configuration to talk to the emulator."""
    deploy(client, "echo")
    answer = json.loads(client("lambda").invoke(FunctionName="echo", Payload="{}")["Payload"].read())
    assert (answer["endpoint"], answer["region"]) == (emulator.endpoint_url, "us-east-1")


def test_swagger_import_keeps_the_preflight(emulator: Emulator, client: Callable[[str], Any]) -> None:
    """ImportRestApi, UpdateRestApi and PutRestApi do what chalice asks of them."""
    gateway = client("apigateway")
    api_id = gateway.import_rest_api(body=json.dumps(SWAGGER))["id"]
    gateway.update_rest_api(
        restApiId=api_id, patchOperations=[{"op": "replace", "path": "/minimumCompressionSize", "value": ""}]
    )
    gateway.create_deployment(restApiId=api_id, stageName="api")
    assert gateway.get_rest_api(restApiId=api_id)["binaryMediaTypes"] == ["image/*"]
    page = f"{emulator.endpoint_url}/restapis/{api_id}/api/_user_request_"
    assert requests.options(f"{page}/page", timeout=10).headers["Access-Control-Allow-Origin"] == "*"

    moved = {**SWAGGER, "paths": {"/moved": SWAGGER["paths"]["/page"]}}  # type: ignore[index]
    gateway.put_rest_api(restApiId=api_id, mode="overwrite", body=json.dumps(moved))
    gateway.create_deployment(restApiId=api_id, stageName="api")
    assert requests.options(f"{page}/moved", timeout=10).status_code == 200
    assert requests.options(f"{page}/page", timeout=10).status_code == 403


def test_partner_events_reach_a_queue(client: Callable[[str], Any]) -> None:
    """The simulated org's events go over a bus, with the source that the Event Relay gives them."""
    events, sqs = client("events"), client("sqs")
    url, arn = fifo(client, "heard", ContentBasedDeduplication="true")
    events.create_event_bus(Name="org")
    events.put_rule(Name="all", EventBusName="org", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    events.put_targets(
        Rule="all", EventBusName="org", Targets=[{"Id": "1", "Arn": arn, "SqsParameters": {"MessageGroupId": "org"}}]
    )

    def put(source: str) -> int:
        entry = {"Source": source, "DetailType": "ContactChangeEvent", "Detail": "{}", "EventBusName": "org"}
        return int(events.put_events(Entries=[entry])["FailedEntryCount"])

    assert (put("aws.partner/salesforce.com/00Dxx/0YLxx"), put("aws.other")) == (0, 1)
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["source"] == "aws.partner/salesforce.com/00Dxx/0YLxx"


def test_nothing_is_left() -> None:
    """The end of the context leaves neither process nor folder."""
    with Emulator() as own:
        pid, folder = own.pid, own.folder
        assert pid is not None
        assert folder is not None
        assert folder.is_dir()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def test_two_run_beside_each_other(client: Callable[[str], Any]) -> None:
    """A second emulator has its own port and its own state."""
    fifo(client, "here")
    with Emulator() as other:
        elsewhere = boto3.client("sqs", **other.client_arguments)
        assert elsewhere.list_queues().get("QueueUrls", []) == []
        elsewhere.close()
    assert len(client("sqs").list_queues()["QueueUrls"]) == 1
