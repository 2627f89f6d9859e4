"""What the environment and the secrets say. Whatever is missing or malformed is told in one go, with its remedy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from chalicelib.core.errors import ConfigurationError
from chalicelib.core.model import Side

Choice = TypeVar("Choice", bound=StrEnum)

MAPPINGS_FILE = "chalicelib/mappings.toml"
PREFIX = "TWINLEDGER_"


class RelayHost(StrEnum):
    """Where the relay of captured changes runs."""

    LAMBDA = "lambda"  # a function that is started every minute
    PROCESS = "process"  # `python manage.py relay`, kept running by the user


class EventsTaken(StrEnum):
    """Which change events of Salesforce's Event Relay are taken."""

    ALL = "all"  # nothing else tells of changes
    EXISTENCE = "existence"  # outbound messages tell of creations and updates, and bring the values along


class Writer(StrEnum):
    """How records are written in Salesforce."""

    APEX = "apex"  # the class of infra/salesforce: compare and set in one transaction
    CONDITIONAL = "conditional"  # If-Unmodified-Since, for orgs without the class


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    Attributes:
        stage: name of the deployment; a dimension of every metric.
        ledger_table: DynamoDB table.
        salesforce_queue_url: FIFO queue of hints from Salesforce.
        postgres_queue_url: FIFO queue of hints from Postgres.
        bulk_queue_url: FIFO queue of the bulk lane, for hints of both sides.
        database_secret: name or ARN of the secret with the database's address.
        salesforce_secret: name or ARN of the secret with the org's credentials.
        webhook_secret: name or ARN of the secret that callers of the webhooks have to know.
        console_secret: name or ARN of the secret with who may use the console; empty: nobody may.
        mappings: path of the mapping file.
        writer: how records are written.
        retention: days for which history and closed issues are kept.
        relay: where the relay runs.
        events: which change events are taken.
        brake_deletions: deletions of a mapping on one side within ten minutes that pause it; 0: any number may pass.
        brake_changes: the same for creations and updates.
        api_share: how much of the org's daily API requests may be used for people's edits to be sent, in percent.
        api_share_bulk: the same for the bulk lane.
    """

    stage: str
    ledger_table: str
    salesforce_queue_url: str
    postgres_queue_url: str
    bulk_queue_url: str
    database_secret: str
    salesforce_secret: str
    webhook_secret: str
    console_secret: str = ""
    mappings: str = MAPPINGS_FILE
    writer: Writer = Writer.APEX
    retention: int = 90
    relay: RelayHost = RelayHost.LAMBDA
    events: EventsTaken = EventsTaken.ALL
    brake_deletions: int = 500
    brake_changes: int = 0
    api_share: int = 98
    api_share_bulk: int = 80

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the environment.

        Raises:
            ConfigurationError: with a line for each variable that is missing or malformed.
        """
        reading = Reading("the environment variable", environment, PREFIX)
        settings = cls(
            stage=reading.text("STAGE", "the stage's name, such as dev"),
            ledger_table=reading.text("LEDGER_TABLE", "the stack's output LedgerTable"),
            salesforce_queue_url=reading.url("SALESFORCE_QUEUE_URL", "the stack's output SalesforceChangesUrl"),
            postgres_queue_url=reading.url("POSTGRES_QUEUE_URL", "the stack's output PostgresChangesUrl"),
            bulk_queue_url=reading.url("BULK_QUEUE_URL", "the stack's output BulkChangesUrl"),
            database_secret=reading.text("DATABASE_SECRET", "the stack's output DatabaseSecretArn"),
            salesforce_secret=reading.text("SALESFORCE_SECRET", "the stack's output SalesforceSecretArn"),
            webhook_secret=reading.text("WEBHOOK_SECRET", "the stack's output WebhookSecretArn"),
            console_secret=reading.optional("CONSOLE_SECRET") or "",
            mappings=reading.optional("MAPPINGS") or MAPPINGS_FILE,
            writer=reading.choice("SALESFORCE_WRITER", Writer, Writer.APEX),
            retention=reading.days("RETENTION_DAYS", 90),
            relay=reading.choice("RELAY", RelayHost, RelayHost.LAMBDA),
            events=reading.choice("CHANGE_EVENTS", EventsTaken, EventsTaken.ALL),
            brake_deletions=reading.number("BRAKE_DELETIONS", 500),
            brake_changes=reading.number("BRAKE_CHANGES", 0),
            api_share=reading.percent("API_SHARE", 98),
            api_share_bulk=reading.percent("API_SHARE_BULK", 80),
        )
        reading.check()
        return settings


class Lane(StrEnum):
    """The queues: one for each side, whose edits somebody waits for, and one for what is one of many."""

    SALESFORCE = Side.SALESFORCE.value
    POSTGRES = Side.POSTGRES.value
    BULK = "bulk"


def queue_name(environment: Mapping[str, str], lane: Lane) -> str:
    """The name of a lane's queue: of its address, or, where nothing is set yet, as infra/stack.yaml names it."""
    url = environment.get(f"{PREFIX}{lane.name}_QUEUE_URL", "")
    stage = environment.get(f"{PREFIX}STAGE") or "dev"
    return url.rsplit("/", 1)[-1] or f"twinledger-{stage}-{lane}-changes.fifo"


def dead_letter_queue(queue: str) -> str:
    """The name of a queue's dead-letter queue, as infra/stack.yaml names it."""
    return queue.removesuffix(".fifo") + "-dead-letter.fifo"


class Auth(StrEnum):
    """How the database knows us."""

    PASSWORD = "password"  # noqa: S105 - a word; the password stands in the address
    IAM = "iam"  # a token of RDS stands for it


@dataclass(frozen=True, slots=True)
class DatabaseSecret:
    """The secret with the database's address.

    Attributes:
        dsn: libpq connection string.
        iam: whether it has no password, and a token signed with the AWS credentials stands for one.
    """

    dsn: str = field(repr=False)
    iam: bool = False

    @classmethod
    def of(cls, content: Mapping[str, Any], name: str) -> "DatabaseSecret":
        """Read the secret's JSON.

        Raises:
            ConfigurationError: something is missing.
        """
        reading = Reading(f"the secret {name}: the member", content)
        dsn = reading.text("dsn", "a libpq address, postgresql://USER:PASSWORD@HOST/DATABASE")
        auth = reading.choice("auth", Auth, Auth.PASSWORD)
        reading.check()
        return cls(dsn, iam=auth is Auth.IAM)


@dataclass(frozen=True, slots=True)
class SalesforceSecret:
    """The secret with the org's credentials. Either a client secret, or a user name and a private key.

    Attributes:
        login_url: where tokens are minted.
        client_id: consumer key of the External Client App.
        client_secret: of the client credentials flow.
        username: of the JWT bearer flow.
        private_key: of the JWT bearer flow, PEM.
        certificate: the one that was uploaded to the org for the private key, PEM; None: when it ends is not known.
        local_url: a server that stands for the org on this machine; None in production.
    """

    login_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    private_key: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    local_url: str | None = None

    @classmethod
    def of(cls, content: Mapping[str, Any], name: str) -> "SalesforceSecret":
        """Read the secret's JSON.

        Raises:
            ConfigurationError: something is missing.
        """
        reading = Reading(f"the secret {name}: the member", content)
        signed = "username" in content or "private_key" in content
        login = "login_url" if "login_url" in content or signed else "instance_url"
        secret = cls(
            login_url=reading.url(login, "the org's My Domain, https://DOMAIN.my.salesforce.com"),
            client_id=reading.text("client_id", "the consumer key of the External Client App"),
            client_secret=None if signed else reading.text("client_secret", "the app's consumer secret"),
            username=reading.text("username", "the integration user's name") if signed else None,
            private_key=reading.text("private_key", "the app's private key, PEM") if signed else None,
            certificate=reading.optional("certificate") if signed else None,
            local_url=reading.optional("local_url"),
        )
        reading.check()
        return secret


class Reading:
    """Reads named values and collects what is wrong with them."""

    def __init__(self, what: str, content: Mapping[str, Any], prefix: str = "") -> None:
        self._what = what
        self._content = content
        self._prefix = prefix
        self._problems: list[str] = []

    def check(self) -> None:
        """Raise what was found."""
        if self._problems:
            raise ConfigurationError("\n".join(self._problems))

    def optional(self, name: str) -> str | None:
        """A text that may be missing."""
        return self.text(name, "a text, or leave it out") if self._content.get(self._prefix + name) else None

    def text(self, name: str, remedy: str) -> str:
        """A text that has to be there."""
        return self._valid(name, remedy, lambda value: isinstance(value, str) and value.strip() != "") or ""

    def url(self, name: str, remedy: str) -> str:
        """An address."""
        schemes = ("https://", "http://")
        return self._valid(name, remedy, lambda value: isinstance(value, str) and value.startswith(schemes)) or ""

    def several(self, name: str, remedy: str, valid: Callable[[Any], bool], *, optional: bool = False) -> list[Any]:
        """A list whose items are all valid: at least one, or where it may be left out, none."""
        if optional and self._content.get(self._prefix + name) in (None, []):
            return []
        found = self._valid(
            name, remedy, lambda value: isinstance(value, list) and value != [] and all(map(valid, value))
        )
        return list(found or ())

    def choice(self, name: str, kind: type[Choice], default: Choice) -> Choice:
        """One of a few words."""
        if not self._content.get(self._prefix + name):
            return default
        return kind(self._valid(name, " or ".join(kind), lambda value: value in set(kind)) or default)

    def number(self, name: str, default: int) -> int:
        """A whole number, 0 included."""
        text = self._content.get(self._prefix + name)
        valid = self._valid(name, "a whole number", lambda value: value.isdecimal()) if text else None
        return default if valid is None else int(valid)

    def percent(self, name: str, default: int) -> int:
        """A share of something."""
        text = self._content.get(self._prefix + name)
        remedy = "a whole number of percent, 1 to 100"
        valid = self._valid(name, remedy, lambda value: value.isdecimal() and 0 < int(value) <= 100) if text else None
        return int(valid) if valid else default

    def days(self, name: str, default: int) -> int:
        """A number of days."""
        text = self._content.get(self._prefix + name)
        remedy = "a whole number of days, 1 at least"
        valid = self._valid(name, remedy, lambda value: value.isdecimal() and int(value) > 0) if text else None
        return int(valid) if valid else default

    def _valid(self, name: str, remedy: str, valid: Callable[[Any], bool]) -> Any:
        value = self._content.get(self._prefix + name)
        if value is not None and valid(value):
            return value
        state = "is not set" if value is None else "is not valid"
        self._problems.append(f"{self._what} {self._prefix}{name} {state}: give {remedy}")
        return None
