"""Put the application into the running services: its stack, secrets, functions, tables, triggers and messages."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import requests
from psycopg import sql

from chalicelib.salesforce.metadata.messages import FIXED_FIELDS
from infra.deployment import build, chalice, events, programs, sources, stacks
from infra.deployment.stages import ONE_MACHINE, Stage
from infra.local.credentials import INSTANCE_URL
from infra.local.layout import ROOT
from infra.local.processes import plain_environment

if TYPE_CHECKING:
    from infra.local.services import Services

COMMAND_SECONDS = 120
MESSAGE_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
SEEDED = ("account", "contact")


class ApplicationError(RuntimeError):
    """A command of the application failed; the message holds the end of its output."""


@dataclass
class Application:
    """The application on the services of one stack.

    Args:
        services: What it runs on.
        outputs: Of its CloudFormation stack.
        deployment: What is deployed of it.
        stage: Its stage.
    """

    services: Services
    outputs: dict[str, str] = field(default_factory=dict)
    deployment: chalice.Deployment = field(default_factory=lambda: chalice.Deployment(()))
    stage: Stage = field(default_factory=lambda: Stage(ONE_MACHINE))

    @property
    def api_url(self) -> str:
        """The address of the deployed REST API."""
        return self.deployment.api_url(self.services.emulator.endpoint_url)

    @property
    def outbound_messages_url(self) -> str:
        """Where the org posts outbound messages; the token in it is the secret."""
        return f"{self.api_url}/webhooks/outbound-messages/{self.services.credentials.webhook_token}"

    @property
    def record_events_url(self) -> str:
        """Where a flow or a trigger posts an event as JSON, with the header `x-api-key`."""
        return f"{self.api_url}/webhooks/events"

    @property
    def environment(self) -> dict[str, str]:
        """What a process on this machine needs to run the application's code."""
        variables = build.stage_environment(self.services.layout.source, self.stage, self.outputs)
        return variables | self.services.emulator.client_environment

    def create_stack(self) -> None:
        """Create or update the CloudFormation stacks in the emulator.

        Raises:
            StackError: The emulator refused it.
        """
        client = self._client("cloudformation")
        outputs = stacks.create_ledger(client, self.stage, EventBus="yes")
        self.outputs = stacks.create_functions(client, self.stage, outputs)

    def put_secrets(self) -> None:
        """Give the secrets their values."""
        credentials, services = self.services.credentials, self.services
        values: dict[str, dict[str, Any]] = {
            "DatabaseSecretArn": {"dsn": services.cluster.dsn},
            "SalesforceSecretArn": {
                "login_url": INSTANCE_URL,
                "instance_url": INSTANCE_URL,
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "local_url": services.org_url,
            },
            "WebhookSecretArn": {"tokens": [credentials.webhook_token], "api_keys": [credentials.console_token]},
            "ConsoleSecretArn": {"operators": [_operator(credentials.console_token)]},
        }
        client = self._client("secretsmanager")
        for output, value in values.items():
            client.put_secret_value(SecretId=self.outputs[output], SecretString=json.dumps(value))

    @property
    def installed(self) -> bool:
        """Whether the triggers are those of the deployed application."""
        return self.services.credentials.installed == self.services.credentials.deployed

    def deploy(self) -> bool:
        """Deploy with chalice where the application or its configuration has changed; whether it did.

        Raises:
            DeployError: chalice failed.
        """
        layout, credentials = self.services.layout, self.services.credentials
        build.build(layout.source, layout.build, self.stage, self.outputs)
        fingerprint = self._fingerprint()
        if credentials.deployed == fingerprint:
            self.deployment = chalice.deployed(layout.build, self.stage.name)
            return False
        if not credentials.deployed:
            chalice.forget(layout.build)
        environment = plain_environment(**self.services.emulator.client_environment)
        self.deployment = chalice.Chalice(layout.build, self.stage.name, environment, layout.log("deploy")).deploy()
        sources.complete(self._client("lambda"), self.deployment, self.stage)
        client, bus = self._client("cloudformation"), self.outputs["EventBusName"]
        events.create(client, self.stage, bus, self.outputs, self.deployment)
        credentials.deployed = fingerprint
        credentials.save(layout.credentials)
        return True

    def create_tables(self) -> None:
        """Create the sample's tables where they are not there yet."""
        with psycopg.connect(self.services.cluster.dsn) as connection:
            if connection.execute("SELECT to_regclass('public.contact')").fetchone() == (None,):
                connection.execute(_sql("sample.sql"))

    def seed(self) -> dict[str, list[str]]:
        """Write the small data set as the application's role, the first time only.

        Returns:
            The primary keys of the rows that were written, by table; empty where the set was written before.
        """
        credentials = self.services.credentials
        if credentials.seeded:
            return {}
        with psycopg.connect(self.services.cluster.app_dsn) as connection:
            connection.execute(_sql("seed.sql"))
            written = {table: _written(connection, table) for table in SEEDED}
        credentials.seeded = True
        credentials.save(self.services.layout.credentials)
        return written

    def install(self) -> None:
        """Let the application try the org out, once, and install its triggers.

        Raises:
            ApplicationError: The application refused the org or the database.
        """
        if not self.services.credentials.installed:
            self.manage("probe")
        self.manage("install")
        self.services.credentials.installed = self.services.credentials.deployed
        self.services.credentials.save(self.services.layout.credentials)

    def relink(self) -> None:
        """Have every row and every record settled again.

        Raises:
            ApplicationError: It failed, or took longer than two minutes.
        """
        self._run("-m", "infra.local.relink", PYTHONPATH=str(ROOT))

    def manage(self, *arguments: str) -> None:
        """Run a command of `manage.py`.

        Raises:
            ApplicationError: It failed, or took longer than two minutes.
        """
        self._run("manage.py", *arguments)

    def _run(self, *arguments: str, **environment: str) -> None:
        """Run a Python program of the application's."""
        layout = self.services.layout
        wrong = programs.run(
            [sys.executable, *arguments],
            folder=layout.source,
            environment=plain_environment(**self.services.marker, **self.environment, **environment),
            log=layout.log("manage"),
            seconds=COMMAND_SECONDS,
        )
        if wrong:
            raise ApplicationError(f"{' '.join(arguments)} {wrong}")

    def tell_org(self) -> None:
        """Let the org send outbound messages and change events of every mapped object."""
        objects = self._mapped_objects()
        url = self.outbound_messages_url
        known = {each["object"]: (each["url"], each["fields"]) for each in self._org("GET", "outbound-messages")}
        # To define one again would drop the messages that it has not delivered yet.
        for name, mapped in objects.items():
            fields = [*mapped, *FIXED_FIELDS]  # as in the metadata that an admin deploys
            if known.get(name) != (url, fields):
                self._org("POST", "outbound-messages", {"object": name, "url": url, "fields": fields, "when": "both"})
        self._org("POST", "cdc", {"entities": sorted(objects)})

    def busy(self) -> str:
        """What is still on its way between the two systems; empty when nothing is."""
        sqs = self._client("sqs")
        for name in ("SalesforceChangesUrl", "PostgresChangesUrl", "BulkChangesUrl"):
            counts = sqs.get_queue_attributes(QueueUrl=self.outputs[name], AttributeNames=list(MESSAGE_COUNTS))
            if waiting := sum(int(counts["Attributes"][each]) for each in MESSAGE_COUNTS):
                return f"{waiting} messages in {self.outputs[name].rsplit('/', 1)[-1]}"
        stats = self._org("GET", "stats")
        outbound = sum(q["pending"] + q["inFlight"] + q["waitingForRetry"] for q in stats["outbound"]["queues"])
        if pending := outbound + stats["events"]["pending"]:
            return f"{pending} messages in the simulated org"
        return ""

    def check_health(self) -> None:
        """Ask the deployed application whether it is well.

        Raises:
            ApplicationError: It is not.
        """
        answer = requests.get(f"{self.api_url}/health", timeout=60)
        if not answer.ok:
            raise ApplicationError(f"the deployed application is not well: {answer.status_code} {answer.text[:500]}")

    def _org(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the simulated org's control interface.

        Raises:
            ApplicationError: It refused.
        """
        answer = requests.request(method, f"{self.services.org_url}/__org__/{path}", json=body, timeout=10)
        if not answer.ok:
            raise ApplicationError(f"the simulated org refused {path}: {answer.text}")
        return answer.json()

    def _mapped_objects(self) -> dict[str, list[str]]:
        """The mapped objects with their fields, from the mapping file."""
        layout = self.services.layout
        mappings = tomllib.loads((layout.source / "chalicelib" / "mappings.toml").read_text(encoding="utf-8"))
        return {mapping["object"]: list(mapping["fields"]) for mapping in mappings.values() if "object" in mapping}

    def _fingerprint(self) -> str:
        layout = self.services.layout
        digest = hashlib.sha256(build.fingerprint(layout.build).encode())
        digest.update((layout.source / "manage.py").read_bytes())
        return digest.hexdigest()

    def _client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(service, **self.services.emulator.client_arguments)


def _operator(token: str) -> dict[str, str]:
    """The one who may use the console here, as its secret names people."""
    return {"name": "local", "role": "operator", "sha256": hashlib.sha256(token.encode()).hexdigest()}


def _sql(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()


def _written(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[str]:
    """The primary keys of the rows that the open transaction wrote."""
    query = sql.SQL("SELECT id::text FROM public.{} WHERE xmin = pg_current_xact_id()::xid ORDER BY id")
    return [str(key) for (key,) in connection.execute(query.format(sql.Identifier(table)))]
