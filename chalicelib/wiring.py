"""The one place where everything is put together, each part when it is first needed.

Lambda functions that never touch Postgres or Salesforce must not pay for their libraries at a cold start: that is why
adapters are imported inside the functions that build them.
"""
# ruff: noqa: PLC0415

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.clock import SystemClock
from chalicelib.core.errors import ConfigurationError
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Side
from chalicelib.core.ports import Clock, Records, Rows
from chalicelib.core.settle import Settler
from chalicelib.settings import DatabaseSecret, RelayHost, SalesforceSecret, Settings, WebhookSecret, Writer

if TYPE_CHECKING:
    from chalicelib.aws.agenda import Agenda
    from chalicelib.aws.archive import Archive
    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.aws.queues import Receipts, SqsHints
    from chalicelib.aws.secrets import Secrets
    from chalicelib.aws.state import Installation, Probe, State
    from chalicelib.aws.table import Table
    from chalicelib.aws.telemetry import Telemetry
    from chalicelib.jobs.change_events import ChangeEvents
    from chalicelib.jobs.dead_letters import DeadLetters
    from chalicelib.jobs.health import Report
    from chalicelib.jobs.installing import Installer
    from chalicelib.jobs.operators import Operators
    from chalicelib.jobs.settling import Batch, Message
    from chalicelib.jobs.sweep import Sweep
    from chalicelib.postgres.connection import PostgresConnection
    from chalicelib.postgres.relay import Relay
    from chalicelib.salesforce.client import Client, Connection
    from chalicelib.webhooks import Webhooks

RELAY_MARGIN = 5.0  # seconds that a function keeps for its end
INSTALLATION_AGE = 60.0  # seconds for which a container works with the installation that it has read


class Wiring:
    """All parts of one process.

    Args:
        environment: environment variables.
        clock: time and ids.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, clock: Clock | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self.clock: Clock = SystemClock() if clock is None else clock
        self._installed: tuple[float, Installation | None] | None = None
        self._settler: tuple[Installation, Settler] | None = None
        self._refused: set[str] = set()  # secrets whose content was refused

    @cached_property
    def settings(self) -> Settings:
        """What the environment says.

        Raises:
            ConfigurationError: something is missing.
        """
        return Settings.of(self._environment)

    @cached_property
    def telemetry(self) -> "Telemetry":
        """Logs, metrics, traces."""
        from chalicelib.aws.telemetry import Telemetry

        return Telemetry(self._environment.get("TWINLEDGER_STAGE", ""))

    # --- AWS

    @cached_property
    def _table(self) -> "Table":
        from chalicelib.aws import clients
        from chalicelib.aws.table import Table

        name = self.settings.ledger_table
        return Table(clients.dynamodb(), name, self.clock)

    @cached_property
    def archive(self) -> "Archive":
        """Issues and history."""
        from chalicelib.aws.archive import DAY, Archive

        return Archive(self._table, self.settings.retention * DAY)

    @cached_property
    def ledger(self) -> "DynamoLedger":
        """The ledger."""
        from chalicelib.aws.ledger import DynamoLedger

        return DynamoLedger(self._table, self.archive, self.clock)

    @cached_property
    def agenda(self) -> "Agenda":
        """Hints for later."""
        from chalicelib.aws.agenda import Agenda

        return Agenda(self._table)

    @cached_property
    def state(self) -> "State":
        """The installation's own items."""
        from chalicelib.aws.state import State

        return State(self._table)

    @cached_property
    def secrets(self) -> "Secrets":
        """Secrets Manager."""
        from chalicelib.aws import clients
        from chalicelib.aws.secrets import Secrets

        return Secrets(clients.secretsmanager())

    @cached_property
    def hints(self) -> "SqsHints":
        """The queues, as the way to have a record settled."""
        from chalicelib.aws import clients
        from chalicelib.aws.queues import SqsHints

        urls = {side: self.queue_url(side) for side in Side}
        return SqsHints(clients.sqs(), urls)

    def receipts(self, side: Side) -> "Receipts":
        """The queue of one side, as its consumer sees it."""
        from chalicelib.aws import clients
        from chalicelib.aws.queues import Receipts

        return Receipts(clients.sqs(), self.queue_url(side))

    def queue_url(self, side: Side) -> str:
        """The queue of one side."""
        settings = self.settings
        return settings.salesforce_queue_url if side is Side.SALESFORCE else settings.postgres_queue_url

    # --- the installation

    def installation(self) -> "Installation | None":
        """What `manage.py install` agreed on, at most a minute old; None where it has not run."""
        now = self.clock.now()
        if self._installed is None or self._installed[1] is None or now - self._installed[0] > INSTALLATION_AGE:
            self._installed = now, self.state.installation()
        return self._installed[1]

    def installed(self) -> "Installation":
        """The installation.

        Raises:
            ConfigurationError: there is none.
        """
        installation = self.installation()
        if installation is None:
            raise ConfigurationError("nothing is installed yet: run `python manage.py install`")
        return installation

    # --- both systems

    @cached_property
    def connection(self) -> "PostgresConnection":
        """The connection to Postgres; opened when it is first used."""
        from chalicelib.postgres.connection import PostgresConnection

        return PostgresConnection(self.database_secret().dsn)

    @cached_property
    def client(self) -> "Client":
        """The org; signs in when it is first used."""
        from chalicelib.salesforce.client import Client

        return Client(self._org(), self.clock)

    def database_secret(self) -> DatabaseSecret:
        """The database's address."""
        name = self.settings.database_secret
        return DatabaseSecret.of(self._secret(name), name)

    def webhook_secret(self) -> WebhookSecret:
        """What callers of the webhooks have to know."""
        name = self.settings.webhook_secret
        return WebhookSecret.of(self.secrets.read(name), name)

    def _org(self) -> "Connection":
        from chalicelib.salesforce.auth import ClientCredentials, JwtBearer
        from chalicelib.salesforce.client import Connection

        name = self.settings.salesforce_secret
        secret = SalesforceSecret.of(self._secret(name), name)
        if secret.username is not None and secret.private_key is not None:
            signed = JwtBearer(secret.login_url, secret.client_id, secret.username, secret.private_key)
            return Connection(signed, local_url=secret.local_url)
        shared = ClientCredentials(secret.login_url, secret.client_id, secret.client_secret or "")
        return Connection(shared, local_url=secret.local_url)

    def records(self, installation: "Installation") -> Records:
        """The Salesforce side of an installation."""
        from chalicelib.jobs.guards import GuardedRecords

        return GuardedRecords(self.bare_records(), installation.organization_id, lambda: self.client.organization_id)

    def bare_records(self) -> Records:
        """The Salesforce side by the chosen writer, whichever org it is."""
        from chalicelib.salesforce.apex_writer import ApexRecords
        from chalicelib.salesforce.conditional_writer import ConditionalRecords
        from chalicelib.salesforce.reader import Reader

        reader = Reader(self.client)
        if self.settings.writer is Writer.APEX:
            return ApexRecords(self.client, reader)
        return ConditionalRecords(self.client, reader)

    def rows(self, installation: "Installation") -> Rows:
        """The Postgres side of an installation."""
        from chalicelib.jobs.guards import GuardedRows
        from chalicelib.postgres.install import identity
        from chalicelib.postgres.rows import PostgresRows

        rows = PostgresRows(self.connection, installation.mappings)
        return GuardedRows(rows, installation.database, lambda: self.connection.first(identity))

    # --- the work

    def settler(self) -> Settler:
        """The settle step of the installation as it is now.

        Raises:
            ConfigurationError: nothing is installed, or the org has not passed the probe.
        """
        installation = self.installed()
        if self._settler is None or self._settler[0] != installation:
            from chalicelib.jobs.guards import check_probed

            organization_id = installation.organization_id
            check_probed(installation.mappings, organization_id, self.state.probe(organization_id))
            self._settler = (
                installation,
                Settler(
                    mappings=installation.mappings,
                    ledger=self.ledger,
                    rows=self.rows(installation),
                    records=self.records(installation),
                    hints=self.hints,
                    clock=self.clock,
                    organization_id=installation.organization_id,
                ),
            )
        return self._settler[1]

    def batch(self, side: Side) -> "Batch":
        """The consumer of one queue."""
        from chalicelib.aws.queues import hint_of
        from chalicelib.jobs.settling import Batch

        return Batch(
            settler=self.settler(),
            receipts=self.receipts(side),
            agenda=self.agenda,
            read=hint_of,
            clock=self.clock,
            telemetry=self.telemetry,
            denied=self.renew,
        )

    def renew(self) -> None:
        """Read the credentials again before the next use: a system did not let us in with those that are known."""
        if "connection" in self.__dict__:
            self.connection.drop()
            del self.connection
        self.__dict__.pop("client", None)
        self._settler = None
        self._refused = {self.settings.database_secret, self.settings.salesforce_secret}

    def _secret(self, name: str) -> Mapping[str, Any]:
        content = self.secrets.read(name, fresh=name in self._refused)
        self._refused.discard(name)
        return content

    def messages(self, event: Mapping[str, Any]) -> "list[Message]":
        """The messages of Lambda's SQS event."""
        from chalicelib.jobs.settling import Message

        return [Message.of(record) for record in event["Records"]]

    def dead_letters(self) -> "DeadLetters":
        """The consumer of the dead-letter queues."""
        from chalicelib.aws.queues import hint_of
        from chalicelib.jobs.dead_letters import DeadLetters

        installation = self.installed()
        return DeadLetters(
            mappings=installation.mappings,
            organization_id=installation.organization_id,
            ledger=self.ledger,
            report=self.archive.report,
            read=hint_of,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def sweep(self) -> "Sweep":
        """The sweep of Salesforce."""
        from chalicelib.jobs.sweep import Sweep
        from chalicelib.salesforce.changes import Changes, changes_since

        def find(object_name: str, since: int, now: float) -> Changes:
            return changes_since(self.client, object_name, since, now)

        installation = self.installed()
        return Sweep(
            mappings=installation.mappings,
            installed_at=installation.installed_at,
            find=find,
            checkpoints=self.state,
            hints=self.hints,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def run_sweep(self) -> None:
        """Send hints for what no message told of, and for what was put off.

        Raises:
            TwinledgerError: something of it failed; the next sweep does it again.
        """
        from chalicelib.jobs.sweep import wake

        if self.installation() is None:
            return
        wake(self.agenda, self.hints, self.clock, self.telemetry)
        self.sweep().salesforce()

    def run_relay(self, seconds: float) -> None:
        """Relay captured changes for a while, where no process of the user's does.

        Raises:
            Halted: the database does not let us in.
        """
        from chalicelib.jobs.relaying import run_for

        if self.settings.relay is RelayHost.LAMBDA and self.installation() is not None:
            run_for(self.relay(), seconds - RELAY_MARGIN)

    def relay(self) -> "Relay":
        """The relay of captured changes."""
        from chalicelib.jobs.relaying import Truncations, tell_status
        from chalicelib.postgres.relay import Relay

        installation = self.installed()
        truncated = Truncations(installation.mappings, self.ledger, self.hints, self.clock)
        dsn = self.database_secret().dsn
        return Relay(dsn, self.hints, on_truncate=truncated, on_status=tell_status(self.telemetry))

    def health(self, api_key: str | None) -> "Report":
        """How the deployment does: itself, or with an API key everything behind it."""
        from chalicelib.jobs import health

        if api_key is None:
            return health.alive(self._environment.get("TWINLEDGER_STAGE", ""))
        if not self.webhooks.authorized(api_key):
            return health.REFUSED
        return health.deep(self._environment.get("TWINLEDGER_STAGE", ""), self.parts())

    @contextmanager
    def installer(self) -> "Iterator[Installer]":
        """What compares the mapping file with both systems, with a connection to the database of its own.

        Raises:
            TwinledgerError: the database does not let us in.
        """
        from chalicelib.jobs.installing import Installer
        from chalicelib.postgres.connection import connect

        with connect(self.database_secret().dsn, "twinledger-install") as connection:
            yield Installer(
                file=Path(self.settings.mappings),
                client=self.client,
                connection=connection,
                state=self.state,
                clock=self.clock,
            )

    def probe(self, mappings: Mappings) -> "Probe":
        """Try out on the org what the sync relies on, and remember what was found."""
        from chalicelib.aws.state import Probe
        from chalicelib.salesforce.probe import passed, probe

        findings = probe(self.client, mappings.mappings, apex=self.settings.writer is Writer.APEX)
        lines = tuple(
            f"ok: {one.name}: {one.detail}" if one.ok else f"FAILED: {one.name}: {one.detail}; {one.remedy}"
            for one in findings
        )
        found = Probe(self.client.organization_id, passed(findings), self.clock.now(), lines)
        self.state.save_probe(found)
        return found

    def operators(self) -> "Operators":
        """A person's actions."""
        from chalicelib.jobs.operators import Operators

        return Operators(
            mappings=self.installed().mappings,
            ledger=self.ledger,
            issues=self.archive,
            hints=self.hints,
            clock=self.clock,
        )

    def parts(self) -> "Mapping[str, Callable[[], object]]":
        """What has to answer, each by something that asks it."""
        return {
            "installation": self.installed,
            "queues": lambda: [self.receipts(side).waiting() for side in Side],
            "postgres": lambda: self.connection.first(lambda connection: connection.execute("SELECT 1").fetchone()),
            "salesforce": lambda: self.client.user_id,
        }

    def change_events(self) -> "ChangeEvents":
        """The consumer of Salesforce's Event Relay."""
        from chalicelib.jobs.change_events import ChangeEvents

        def resync(objects: Iterable[str]) -> None:
            self.sweep().salesforce(objects)

        installation = self.installed()
        return ChangeEvents(
            mappings=installation.mappings,
            organization_id=installation.organization_id,
            hints=self.hints,
            resync=resync,
            telemetry=self.telemetry,
        )

    @cached_property
    def webhooks(self) -> "Webhooks":
        """What Salesforce calls."""
        from chalicelib.webhooks import Webhooks

        return Webhooks(
            secret=self.webhook_secret, installation=self.installation, hints=self.hints, telemetry=self.telemetry
        )
