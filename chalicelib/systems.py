"""The two systems as one process reaches them, each when it is first needed."""
# ruff: noqa: PLC0415

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.cloud import Cloud
from chalicelib.console_secret import ConsoleSecret
from chalicelib.core.ports import Clock, Records, Rows
from chalicelib.settings import DatabaseSecret, SalesforceSecret, Writer
from chalicelib.webhook_secret import WebhookSecret

if TYPE_CHECKING:
    from chalicelib.aws.state import Installation
    from chalicelib.jobs.braking import Brake
    from chalicelib.jobs.budget import Budget, Shares
    from chalicelib.postgres.connection import Connection as PlainConnection
    from chalicelib.postgres.connection import PostgresConnection
    from chalicelib.salesforce.client import Client, Connection, Usage


class Systems(Cloud):
    """What one process needs of Postgres and Salesforce.

    Args:
        environment: environment variables.
        clock: time and ids.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, clock: Clock | None = None) -> None:
        super().__init__(environment, clock)
        self._refused: set[str] = set()  # secrets whose content was refused

    @cached_property
    def connection(self) -> "PostgresConnection":
        """The connection to Postgres; opened when it is first used."""
        from chalicelib.postgres.connection import PostgresConnection

        return PostgresConnection(self.database_address)

    @cached_property
    def client(self) -> "Client":
        """The org; signs in when it is first used."""
        from chalicelib.salesforce.client import Client

        return Client(self._org(), self.clock)

    @property
    def usage(self) -> "Usage | None":
        """What the org has said of its daily allowance of API requests; None: it was not asked anything yet."""
        return self.client.usage if "client" in self.__dict__ else None

    def database_secret(self) -> DatabaseSecret:
        """The database's address."""
        name = self.settings.database_secret
        return DatabaseSecret.of(self._secret(name), name)

    def database_address(self, refused: bool = False) -> str:
        """The database's address as it is known, or, where that was refused, as the secret has it now.

        With IAM authentication it has a new token in it each time.
        """
        if refused:
            self._refused.add(self.settings.database_secret)
        secret = self.database_secret()
        if not secret.iam:
            return secret.dsn
        from chalicelib.aws.database_tokens import token
        from chalicelib.postgres.address import with_token

        return with_token(secret.dsn, token)

    def certificate_ends(self) -> float | None:
        """When the certificate of the sign-in ends, seconds since the epoch; None: not known."""
        from chalicelib.salesforce.auth import certificate_ends

        secret = self._salesforce_secret()
        return None if secret.certificate is None else certificate_ends(secret.certificate)

    def webhook_secret(self, *, fresh: bool = False) -> WebhookSecret:
        """What callers of the webhooks have to know; as it is now, or as it was minutes ago at most."""
        name = self.settings.webhook_secret
        return WebhookSecret.of(self.secrets.read(name, fresh=fresh), name)

    def console_secret(self, *, fresh: bool = False) -> ConsoleSecret:
        """Who may use the console; as it is now, or as it was minutes ago at most."""
        name = self.settings.console_secret
        return ConsoleSecret.of(self.secrets.read(name, fresh=fresh), name) if name else ConsoleSecret()

    def _org(self) -> "Connection":
        from chalicelib.salesforce.auth import ClientCredentials, JwtBearer
        from chalicelib.salesforce.client import Connection

        secret = self._salesforce_secret()
        if secret.username is not None and secret.private_key is not None:
            signed = JwtBearer(secret.login_url, secret.client_id, secret.username, secret.private_key)
            return Connection(signed, local_url=secret.local_url)
        shared = ClientCredentials(secret.login_url, secret.client_id, secret.client_secret or "")
        return Connection(shared, local_url=secret.local_url)

    def _salesforce_secret(self) -> SalesforceSecret:
        name = self.settings.salesforce_secret
        return SalesforceSecret.of(self._secret(name), name)

    def records(self, installation: "Installation") -> Records:
        """The Salesforce side of an installation."""
        from chalicelib.jobs.budget import BudgetedRecords
        from chalicelib.jobs.guards import GuardedRecords
        from chalicelib.jobs.lock_groups import GroupedRecords

        grouped = GroupedRecords(self.bare_records(), self.holds, lambda: self.budget.bulk, self.clock, self.telemetry)
        records = BudgetedRecords(grouped, self.budget)
        return GuardedRecords(records, installation.organization_id, lambda: self.client.organization_id, self._brake)

    @cached_property
    def budget(self) -> "Budget":
        """What may be asked of the org yet."""
        from chalicelib.jobs.budget import Budget

        return Budget(lambda: self.client, self.shares, self.clock, self.telemetry)

    @property
    def shares(self) -> "Shares":
        """The lanes' shares of the org's API requests."""
        from chalicelib.jobs.budget import Shares

        return Shares(self.settings.api_share, self.settings.api_share_bulk)

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
        from chalicelib.jobs.guards import BrakedRows, check_database
        from chalicelib.postgres.identity import identity
        from chalicelib.postgres.rows import PostgresRows

        def met(connection: "PlainConnection") -> None:
            check_database(installation.database, identity(connection))

        return BrakedRows(PostgresRows(self.connection, installation.mappings, met), self._brake)

    @cached_property
    def _brake(self) -> "Brake":
        from chalicelib.jobs.braking import Brake, Limits

        settings = self.settings
        limits = Limits(settings.brake_deletions, settings.brake_changes)
        return Brake(self.pauses, limits, self.clock, self.telemetry)

    def renew(self) -> None:
        """Read the credentials again before the next use: a system did not let us in with those that are known."""
        if "connection" in self.__dict__:
            self.connection.retire()
            del self.connection
        self.__dict__.pop("client", None)
        self._refused = {self.settings.database_secret, self.settings.salesforce_secret}

    def _secret(self, name: str) -> Mapping[str, Any]:
        content = self.secrets.read(name, fresh=name in self._refused)
        self._refused.discard(name)
        return content
