"""The environment and the secrets: everything that is wrong is told at once, with its remedy."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.settings import (
    DatabaseSecret,
    EventsTaken,
    Lane,
    RelayHost,
    SalesforceSecret,
    Settings,
    Writer,
    dead_letter_queue,
    queue_name,
)

COMPLETE = {
    "TWINLEDGER_STAGE": "dev",
    "TWINLEDGER_LEDGER_TABLE": "table",
    "TWINLEDGER_SALESFORCE_QUEUE_URL": "https://sqs/1/salesforce.fifo",
    "TWINLEDGER_POSTGRES_QUEUE_URL": "https://sqs/1/postgres.fifo",
    "TWINLEDGER_BULK_QUEUE_URL": "https://sqs/1/bulk.fifo",
    "TWINLEDGER_DATABASE_SECRET": "database",
    "TWINLEDGER_SALESFORCE_SECRET": "salesforce",
    "TWINLEDGER_WEBHOOK_SECRET": "webhooks",
}
SHARED = {"login_url": "https://a.my.salesforce.com", "client_id": "id", "client_secret": "secret"}
SIGNED = {"login_url": "https://login.salesforce.com", "client_id": "id", "username": "u", "private_key": "pem"}


def problems(call: Callable[[], object]) -> list[str]:
    """The lines of the error."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    return str(caught.value).splitlines()


def test_a_complete_environment_is_read() -> None:
    """What may be left out has a default."""
    settings = Settings.of(COMPLETE)
    assert (settings.stage, settings.ledger_table) == ("dev", "table")
    assert (settings.writer, settings.relay, settings.retention) == (Writer.APEX, RelayHost.LAMBDA, 90)
    assert settings.mappings == "chalicelib/mappings.toml"


def test_what_may_be_left_out_may_be_given() -> None:
    """Each of them."""
    given = {
        "TWINLEDGER_MAPPINGS": "other.toml",
        "TWINLEDGER_SALESFORCE_WRITER": "conditional",
        "TWINLEDGER_RELAY": "process",
        "TWINLEDGER_CHANGE_EVENTS": "existence",
        "TWINLEDGER_RETENTION_DAYS": "7",
    }
    settings = Settings.of(COMPLETE | given)
    assert (settings.mappings, settings.writer) == ("other.toml", Writer.CONDITIONAL)
    assert (settings.relay, settings.retention) == (RelayHost.PROCESS, 7)
    assert settings.events is EventsTaken.EXISTENCE


def test_an_empty_environment_is_told_line_by_line() -> None:
    """Every variable that is missing, with where its value comes from."""
    lines = problems(lambda: Settings.of({}))
    assert len(lines) == len(COMPLETE)
    assert all(f"{name} is not set: give " in line for name, line in zip(COMPLETE, lines, strict=True))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWINLEDGER_STAGE", " "),
        ("TWINLEDGER_POSTGRES_QUEUE_URL", "postgres.fifo"),
        ("TWINLEDGER_SALESFORCE_WRITER", "magic"),
        ("TWINLEDGER_RELAY", "magic"),
        ("TWINLEDGER_CHANGE_EVENTS", "magic"),
        ("TWINLEDGER_API_SHARE", "0"),
        ("TWINLEDGER_API_SHARE_BULK", "101"),
        ("TWINLEDGER_API_SHARE_BULK", "most"),
        ("TWINLEDGER_RETENTION_DAYS", "0"),
        ("TWINLEDGER_RETENTION_DAYS", "-1"),
        ("TWINLEDGER_RETENTION_DAYS", "a year"),
    ],
)
def test_a_malformed_variable_is_named(name: str, value: str) -> None:
    """One line, with the remedy."""
    [line] = problems(lambda: Settings.of(COMPLETE | {name: value}))
    assert line.startswith(f"the environment variable {name} is not valid: give ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (SHARED, SalesforceSecret("https://a.my.salesforce.com", "id", "secret")),
        (
            {"instance_url": "https://a.my.salesforce.com", "client_id": "id", "client_secret": "secret"},
            SalesforceSecret("https://a.my.salesforce.com", "id", "secret"),
        ),
        (
            SIGNED | {"local_url": "http://127.0.0.1:1"},
            SalesforceSecret("https://login.salesforce.com", "id", None, "u", "pem", local_url="http://127.0.0.1:1"),
        ),
    ],
)
def test_both_ways_of_signing_in_are_read(content: dict[str, Any], expected: SalesforceSecret) -> None:
    """A client secret with the org's own address, or a user and a key."""
    assert SalesforceSecret.of(content, "salesforce") == expected


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({}, ["instance_url", "client_id", "client_secret"]),
        ({**SHARED, "login_url": "a.my.salesforce.com"}, ["login_url"]),
        ({**SHARED, "client_secret": 7}, ["client_secret"]),
        ({**SIGNED, "private_key": ""}, ["private_key"]),
        ({"username": "u"}, ["login_url", "client_id", "private_key"]),
    ],
)
def test_a_malformed_salesforce_secret_is_told(content: dict[str, Any], names: list[str]) -> None:
    """Each member that is wrong, and the secret's name; never its content."""
    lines = problems(lambda: SalesforceSecret.of(content, "twin/salesforce"))
    assert [line.split()[5] for line in lines] == names
    assert all("twin/salesforce" in line for line in lines)


@pytest.mark.parametrize("dsn", [None, "", 7])
def test_a_malformed_database_secret_is_told(dsn: object) -> None:
    """The remedy shows the form of an address."""
    [line] = problems(lambda: DatabaseSecret.of({"dsn": dsn}, "database"))
    assert "postgresql://" in line
    assert DatabaseSecret.of({"dsn": "host=db"}, "database").dsn == "host=db"


def test_a_database_secret_says_how_we_are_known() -> None:
    """By the password in the address, unless it says otherwise; another word is refused with those that there are."""
    assert [
        DatabaseSecret.of({"dsn": "host=db", "auth": auth}, "database").iam for auth in ("iam", "password", None)
    ] == [
        True,
        False,
        False,
    ]
    [line] = problems(lambda: DatabaseSecret.of({"dsn": "host=db", "auth": "kerberos"}, "database"))
    assert "give password or iam" in line


def test_no_secret_is_shown() -> None:
    """A secret that gets into a log or a traceback by accident shows nothing."""
    secrets = [
        DatabaseSecret("hush"),
        SalesforceSecret("https://a", "id", "hush", "u", "hush"),
    ]
    assert "hush" not in repr(secrets)


def test_queues_are_named_by_their_addresses() -> None:
    """Or, while nothing is deployed, as infra/stack.yaml names them."""
    assert queue_name(COMPLETE, Lane.POSTGRES) == "postgres.fifo"
    assert queue_name({}, Lane.SALESFORCE) == "twinledger-dev-salesforce-changes.fifo"
    assert queue_name({"TWINLEDGER_STAGE": "x"}, Lane.POSTGRES) == "twinledger-x-postgres-changes.fifo"
    assert queue_name({}, Lane.BULK) == "twinledger-dev-bulk-changes.fifo"
    assert dead_letter_queue("twinledger-x-postgres-changes.fifo") == ("twinledger-x-postgres-changes-dead-letter.fifo")
