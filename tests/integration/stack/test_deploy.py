"""The literal `chalice deploy` into the emulator, from a copy with a generated configuration."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from infra.deployment import build, chalice, events, sources, stacks
from infra.deployment.stages import Stage
from infra.local.emulator import Emulator
from infra.local.processes import plain_environment
from tests.integration.emulators import clients_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]

APP = """
import json, os, boto3
from chalice import Chalice, Response
from chalicelib import reply

app = Chalice(app_name="twinledger")
queue = os.environ["TWINLEDGER_SALESFORCE_QUEUE_URL"].rsplit("/", 1)[-1]

@app.route("/health")
def health():
    return reply.HEALTH

@app.route("/webhooks/outbound-messages/{token}", methods=["POST"], content_types=["text/xml"])
def outbound_messages(token):
    return Response(app.current_request.raw_body.decode(), headers={"Content-Type": "text/xml"})

@app.on_sqs_message(queue=queue, batch_size=10)
def take_salesforce_dead_letters(event):
    failed = [{"itemIdentifier": each.to_dict()["messageId"]} for each in event if "bad" in each.body]
    return {"batchItemFailures": failed}

@app.lambda_function()
def change_events(event, context):
    body = json.dumps(event["detail"])
    boto3.client("sqs").send_message(QueueUrl=os.environ["HEARD"], MessageBody=body)
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """A throw-away emulator for the module."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Make clients of the emulator."""
    with clients_of(emulator) as get:
        yield get


@pytest.fixture(scope="module")
def outputs(client: Callable[[str], Any]) -> dict[str, str]:
    """The CloudFormation stacks' outputs."""
    stage = Stage("local")
    made = stacks.create_ledger(client("cloudformation"), stage, EventBus="yes", VisibilityTimeout="30")
    return stacks.create_functions(client("cloudformation"), stage, made)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, client: Callable[[str], Any]) -> Path:
    """A small application of the same shape as the real one."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "requirements.txt").write_text("", encoding="utf-8")
    (folder / "chalicelib").mkdir()
    (folder / "chalicelib" / "__init__.py").touch()
    (folder / "chalicelib" / "reply.py").write_text("HEALTH = {'answer': 'first'}", encoding="utf-8")
    (folder / ".chalice").mkdir()
    committed = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    heard = client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    committed["environment_variables"]["HEARD"] = heard
    committed["automatic_layer"] = False
    (folder / ".chalice" / "config.json").write_text(json.dumps(committed), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(
    emulator: Emulator, outputs: dict[str, str], source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], chalice.Deployment]:
    """Deploy the application as it is now."""
    folder = tmp_path_factory.mktemp("build")

    def now() -> chalice.Deployment:
        build.build(source, folder / "copy", Stage("local"), outputs)
        environment = plain_environment(**emulator.client_environment)
        return chalice.Chalice(folder / "copy", "local", environment, folder / "deploy.log").deploy()

    return now


@pytest.fixture(scope="module")
def deployment(run: Callable[[], chalice.Deployment]) -> chalice.Deployment:
    """The first deployment."""
    return run()


def url(emulator: Emulator, deployment: chalice.Deployment) -> str:
    """The address of the deployed API."""
    return deployment.api_url(emulator.endpoint_url)


def test_routes_answer(emulator: Emulator, deployment: chalice.Deployment) -> None:
    """JSON and XML routes are served, and another media type is refused."""
    base = url(emulator, deployment)
    assert requests.get(f"{base}/health", timeout=30).json() == {"answer": "first"}
    page = f"{base}/webhooks/outbound-messages/some-token"
    sent = requests.post(
        page, data="<a>ä</a>".encode(), headers={"Content-Type": "text/xml; charset=UTF-8"}, timeout=30
    )
    assert (sent.status_code, sent.content) == (200, "<a>ä</a>".encode())
    assert requests.post(page, json={}, timeout=30).status_code == 415


def test_failed_messages_of_a_batch_stay(
    client: Callable[[str], Any], outputs: dict[str, str], deployment: chalice.Deployment
) -> None:
    """With the settings that chalice cannot make, only those messages of a batch are deleted that did not fail."""
    sources.complete(client("lambda"), deployment, Stage("local"))
    sqs, queue = client("sqs"), outputs["SalesforceChangesUrl"]
    entries = [
        {"Id": body, "MessageBody": body, "MessageGroupId": body, "MessageDeduplicationId": body}
        for body in ("good", "bad", "fine")
    ]
    sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + 20
    counts: list[int] = []
    while counts != [0, 1]:
        assert time.monotonic() < deadline, counts
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        counts = [int(found[name]) for name in names]
        time.sleep(0.05)


def test_events_of_a_custom_bus_are_routed(
    client: Callable[[str], Any], outputs: dict[str, str], source: Path, deployment: chalice.Deployment
) -> None:
    """The rule that chalice cannot make brings the bus's events to the function; making it twice is no harm."""
    for _ in range(2):
        events.create(client("cloudformation"), Stage("local"), outputs["EventBusName"], outputs, deployment)
    entry = {
        "Source": "aws.partner/salesforce.com/any",
        "DetailType": "any",
        "Detail": '{"a": 1}',
        "EventBusName": outputs["EventBusName"],
    }
    client("events").put_events(Entries=[entry])
    heard = client("sqs").get_queue_url(QueueName="heard")["QueueUrl"]
    (message,) = client("sqs").receive_message(QueueUrl=heard, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"]) == {"a": 1}


def test_second_deployment_replaces_the_code(
    emulator: Emulator, source: Path, deployment: chalice.Deployment, run: Callable[[], chalice.Deployment]
) -> None:
    """A changed application takes the place of the first one, at the same address."""
    (source / "chalicelib" / "reply.py").write_text("HEALTH = {'answer': 'second'}", encoding="utf-8")
    again = run()
    assert again.rest_api_id == deployment.rest_api_id
    assert requests.get(f"{url(emulator, again)}/health", timeout=30).json() == {"answer": "second"}


def test_failure_shows_what_chalice_said(
    source: Path, run: Callable[[], chalice.Deployment], deployment: chalice.Deployment
) -> None:
    """An application that cannot be imported is told with its own error."""
    good = (source / "app.py").read_text(encoding="utf-8")
    (source / "app.py").write_text("raise RuntimeError('the reason')", encoding="utf-8")
    try:
        with pytest.raises(chalice.DeployError, match="the reason"):
            run()
    finally:
        (source / "app.py").write_text(good, encoding="utf-8")


def test_missing_source_is_named(tmp_path: Path) -> None:
    """A folder without an application is refused with the file's name."""
    with pytest.raises(build.BuildError, match=r"app\.py does not exist"):
        build.build(tmp_path, tmp_path / "copy", Stage("local"), {})


def test_configuration_is_completed() -> None:
    """The stage gets the stack's outputs beside what is committed for it; other stages stay."""
    committed = {
        "environment_variables": {"COMMON": "1"},
        "stages": {
            "local": {"environment_variables": {"OWN": "2"}, "lambda_functions": {"sweep": {"lambda_timeout": 9}}},
            "dev": {"xray": True},
        },
    }
    names = ("LedgerTable", "SalesforceChangesUrl", "PostgresChangesUrl", "BulkChangesUrl", "SweepRoleArn")
    secrets = ("DatabaseSecretArn", "SalesforceSecretArn", "WebhookSecretArn", "ConsoleSecretArn")
    completed = build.stage_configuration(committed, Stage("local"), {name: name for name in (*names, *secrets)})
    assert completed["stages"]["dev"] == {"xray": True}
    assert completed["environment_variables"] == {"COMMON": "1"}
    assert completed["stages"]["local"] == {
        "api_gateway_stage": "local",
        "lambda_functions": {"sweep": {"lambda_timeout": 9, "iam_role_arn": "SweepRoleArn"}},
        "environment_variables": {
            "OWN": "2",
            "TWINLEDGER_STAGE": "local",
            "TWINLEDGER_LEDGER_TABLE": "LedgerTable",
            "TWINLEDGER_SALESFORCE_QUEUE_URL": "SalesforceChangesUrl",
            "TWINLEDGER_POSTGRES_QUEUE_URL": "PostgresChangesUrl",
            "TWINLEDGER_BULK_QUEUE_URL": "BulkChangesUrl",
            "TWINLEDGER_DATABASE_SECRET": "DatabaseSecretArn",
            "TWINLEDGER_SALESFORCE_SECRET": "SalesforceSecretArn",
            "TWINLEDGER_WEBHOOK_SECRET": "WebhookSecretArn",
            "TWINLEDGER_CONSOLE_SECRET": "ConsoleSecretArn",
        },
    }


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    """Any changed, added or removed file of the application changes the fingerprint; compiled files do not."""
    outputs = dict.fromkeys(
        (
            *("LedgerTable", "SalesforceChangesUrl", "PostgresChangesUrl", "BulkChangesUrl", "SweepRoleArn"),
            *("DatabaseSecretArn", "SalesforceSecretArn", "WebhookSecretArn", "ConsoleSecretArn"),
        ),
        "x",
    )
    source = tmp_path / "source"
    (source / "chalicelib").mkdir(parents=True)
    (source / ".chalice").mkdir()
    for name, content in (("app.py", ""), ("requirements.txt", ""), (".chalice/config.json", '{"stages": {}}')):
        (source / name).write_text(content, encoding="utf-8")

    def fingerprint() -> str:
        build.build(source, tmp_path / "copy", Stage("local"), outputs)
        return build.fingerprint(tmp_path / "copy")

    first = fingerprint()
    assert fingerprint() == first
    (source / "chalicelib" / "query.sql").write_text("SELECT 1", encoding="utf-8")
    second = fingerprint()
    (source / "chalicelib" / "query.sql").write_text("SELECT 2", encoding="utf-8")
    assert len({first, second, fingerprint()}) == 3
    (source / "chalicelib" / "query.sql").unlink()
    (source / "chalicelib" / "__pycache__").mkdir()
    (source / "chalicelib" / "__pycache__" / "x.pyc").touch()
    assert fingerprint() == first
    policy = source / ".chalice" / "policy-webhooks.json"
    policy.write_text("{}", encoding="utf-8")
    assert fingerprint() != first, "a policy of the API is deployed, too"
    assert (tmp_path / "copy" / ".chalice" / policy.name).read_text(encoding="utf-8") == "{}"
    policy.unlink()
    assert fingerprint() == first
