"""A stage with a database and an org, the application in it, and a stand-in for Lambda and API Gateway."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from chalice.local import LambdaContext
from chalice.test import BaseClient, Client

import app
from chalicelib.aws import queues
from chalicelib.aws.queues import deduplication_of
from chalicelib.aws.state import Probe
from chalicelib.commands import main
from chalicelib.console.sessions import digest
from chalicelib.core.model import Hint
from chalicelib.jobs.settling import BatchIncomplete
from chalicelib.settings import Lane
from chalicelib.wiring import Wiring
from infra.local.postgres import Cluster
from tests.contract.conftest import aws
from tests.contract.live_bench import CONSUMER_KEY, CONSUMER_SECRET, MY_DOMAIN, Org, running_org
from tests.integration.application.permissions import Permissions
from tests.integration.aws.stage import Stage

__all__ = ["aws"]

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "infra" / "local" / "sample.sql"
MAPPINGS = ROOT / "chalicelib" / "mappings.toml"
TOKEN = "a-token-of-the-test-stage"
API_KEY = "an-api-key-of-the-test-stage"
OPERATOR_TOKEN = "an-operator-token-of-the-test-stage"
SIGNING_KEY = "an-hmac-key-of-the-test-stage"
OUTPUTS = {
    "TWINLEDGER_LEDGER_TABLE": "LedgerTable",
    "TWINLEDGER_SALESFORCE_QUEUE_URL": "SalesforceChangesUrl",
    "TWINLEDGER_POSTGRES_QUEUE_URL": "PostgresChangesUrl",
    "TWINLEDGER_BULK_QUEUE_URL": "BulkChangesUrl",
    "TWINLEDGER_DATABASE_SECRET": "DatabaseSecretArn",
    "TWINLEDGER_SALESFORCE_SECRET": "SalesforceSecretArn",
    "TWINLEDGER_WEBHOOK_SECRET": "WebhookSecretArn",
    "TWINLEDGER_CONSOLE_SECRET": "ConsoleSecretArn",
}
HANDLERS = {lane: f"settle_{lane}_changes" for lane in Lane}


@dataclass
class World:
    """Everything that the application meets.

    Attributes:
        stage: AWS.
        org: Salesforce.
        database: Postgres, as the owner of the sample's tables, in autocommit mode.
        wiring: the application's parts.
        client: calls the application as API Gateway and Lambda do.
    """

    stage: Stage
    org: Org
    database: psycopg.Connection[tuple[Any, ...]]
    wiring: Wiring
    client: Client

    def manage(self, *arguments: str) -> int:
        """Run a command of manage.py in this process."""
        return main(arguments, self.wiring)

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        """Call a function as Lambda does, with the 30 seconds that it has there; Chalice's own client gives three."""
        app.app.handler_map[function](event, LambdaContext(function, 512, max_runtime_ms=30_000))

    def queue_url(self, lane: Lane) -> str:
        """The address of a lane's queue."""
        return self.stage.outputs[f"{lane.title()}ChangesUrl"]

    def pump(self, lane: Lane) -> int:
        """Deliver one batch of a queue to its function, and delete it if the call returns; how many there were."""
        sqs, url = self.stage.client("sqs"), self.queue_url(lane)
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", [])
        if received:
            self.invoke(HANDLERS[lane], {"Records": [as_lambda_gets(message) for message in received]})
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(received)

    def until(self, arrived: Callable[[], bool]) -> None:
        """Pump until something is so; what a function wants to have again, it gets again."""
        deadline = threading.Event()
        timer = threading.Timer(20, deadline.set)
        timer.start()
        while not arrived():
            assert not deadline.is_set(), "it did not arrive"
            for lane in Lane:
                with suppress(BatchIncomplete):
                    self.pump(lane)
        timer.cancel()

    def column(self, name: str, sfid: str) -> str | None:
        """A column of an account's row."""
        found = self.database.execute(f"SELECT {name} FROM account WHERE sfid = %s", (sfid,)).fetchone()  # noqa: S608
        return None if found is None else found[0]

    def record(self, sfid: str) -> dict[str, Any]:
        """An account in Salesforce."""
        body: dict[str, Any] = self.org.user("GET", f"sobjects/Account/{sfid}").json()
        return body


def environment(aws: Stage, mappings: Path = MAPPINGS) -> dict[str, str]:
    """The environment variables of the functions."""
    outputs = {variable: aws.outputs[output] for variable, output in OUTPUTS.items()}
    return outputs | {"TWINLEDGER_STAGE": "test", "TWINLEDGER_MAPPINGS": str(mappings)}


def schedule() -> dict[str, Any]:
    """What EventBridge sends on a schedule."""
    names = ("version", "account", "region", "detail-type", "source", "time", "id")
    return dict.fromkeys(names, "") | {"detail": {}, "resources": []}


def as_lambda_gets(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


def _of_this_module(module: str, hint: Hint) -> str:
    """A deduplication id that no other module's messages have: ids begin anew with each, and the queues remember."""
    return hashlib.sha256(f"{module} {deduplication_of(hint)}".encode()).hexdigest()


@contextmanager
def served(client: Client) -> Iterator[str]:
    """API Gateway: an HTTP server in front of the application, which works on one request at a time as in Lambda."""
    one_at_a_time = threading.Lock()  # Chalice keeps the current request in the application

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with one_at_a_time:
                answer = client.http.post(self.path, headers={"Content-Type": "text/xml"}, body=body)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="package")
def permissions(aws: Stage) -> Iterator[Permissions]:
    """What the functions' roles allow, and what the functions have done since."""
    found = Permissions.of(aws)
    with pytest.MonkeyPatch.context() as patch:
        found.watch(patch)
        yield found


@pytest.fixture(autouse=True)
def permitted(permissions: Permissions) -> Iterator[None]:
    """No function does in a test what its role does not allow."""
    yield
    refused, permissions.refused = permissions.refused, []
    assert refused == []


@pytest.fixture(scope="module")
def kept_the_same() -> tuple[Path, Path]:
    """The tables, and the mapping file."""
    return SAMPLE, MAPPINGS


@contextmanager
def raised(aws: Stage, cluster: Cluster, kept: tuple[Path, Path], module: str) -> Iterator[World]:
    """Tables, an empty org and an empty ledger, and secrets that lead to them; nothing is installed.

    Args:
        aws: the stage.
        cluster: where the database is made.
        kept: the file with the tables, and the mapping file.
        module: who needs it; the database is called after it.
    """
    tables, mappings = kept
    with running_org() as org, pytest.MonkeyPatch.context() as patch:
        org.reset()
        empty_ledger(aws)
        dsn = cluster.create_database(module.rpartition(".")[2])
        secrets = {
            "DatabaseSecretArn": {"dsn": dsn},
            "SalesforceSecretArn": {
                "login_url": MY_DOMAIN,
                "client_id": CONSUMER_KEY,
                "client_secret": CONSUMER_SECRET,
                "local_url": org.url,
            },
            "ConsoleSecretArn": {"operators": [{"name": "ann", "role": "operator", "sha256": digest(OPERATOR_TOKEN)}]},
            "WebhookSecretArn": {"tokens": [TOKEN], "api_keys": [API_KEY], "hmac_keys": [SIGNING_KEY]},
        }
        for name, value in secrets.items():
            aws.client("secretsmanager").put_secret_value(SecretId=aws.outputs[name], SecretString=json.dumps(value))
        patch.setenv("AWS_ENDPOINT_URL", aws.options["endpoint_url"])
        patch.setenv("AWS_DEFAULT_REGION", aws.options["region_name"])
        patch.setenv("AWS_ACCESS_KEY_ID", aws.options["aws_access_key_id"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", aws.options["aws_secret_access_key"])
        wiring = Wiring(environment(aws, mappings))
        patch.setattr(app, "wiring", wiring)
        patch.setattr(BaseClient, "_patched_env_vars", lambda _client, _variables: nullcontext())  # two calls at once
        patch.setattr(queues, "deduplication_of", lambda hint: _of_this_module(module, hint))
        with psycopg.connect(dsn, autocommit=True) as database, Client(app.app) as client:
            database.execute(tables.read_bytes())
            yield World(aws, org, database, wiring, client)
        wiring.connection.retire()


def empty_ledger(aws: Stage) -> None:
    """Forget what another module has left in the ledger and the queues."""
    dynamodb, table = aws.client("dynamodb"), aws.outputs["LedgerTable"]
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    for name in ("SalesforceChangesUrl", "PostgresChangesUrl", "BulkChangesUrl"):
        aws.client("sqs").purge_queue(QueueUrl=aws.outputs[name])


@pytest.fixture(scope="module")
def world(
    aws: Stage,
    cluster: Cluster,
    permissions: Permissions,
    kept_the_same: tuple[Path, Path],
    request: pytest.FixtureRequest,
) -> Iterator[World]:
    """The sample's tables, an empty org and an empty ledger, and secrets that lead to them; nothing is installed."""
    with raised(aws, cluster, kept_the_same, request.module.__name__) as found:
        yield found


@pytest.fixture(scope="module")
def gateway(world: World) -> Iterator[str]:
    """The application's address."""
    with served(world.client) as url:
        yield url


@pytest.fixture(scope="module")
def installed(world: World, gateway: str) -> Iterator[World]:
    """The application, installed, with a relay, and an org that delivers outbound messages to it."""
    world.wiring.state.save_probe(Probe(world.wiring.client.organization_id, passed=True, at=world.wiring.clock.now()))
    assert world.manage("install") == 0
    fields = ["Name", "Phone", "Website", "Industry", "AnnualRevenue", "LastModifiedDate", "LastModifiedById"]
    own = ["Twinledger_Key__c", "Twinledger_Op__c"]
    url = f"{gateway}/webhooks/outbound-messages/{TOKEN}"
    world.org.control("POST", "outbound-messages", {"object": "Account", "url": url, "fields": [*fields, *own]})
    stop = threading.Event()
    relay = threading.Thread(target=world.wiring.relay().run, args=(stop,))
    relay.start()
    yield world
    stop.set()
    relay.join()
