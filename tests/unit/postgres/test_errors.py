"""Every error that psycopg knows has a decision."""

import inspect

import psycopg
import pytest
from psycopg import errors as psycopg_errors

from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    Decision,
    Parked,
    ProtocolError,
    RecordLocked,
    Rejected,
    Throttled,
    TwinledgerError,
    Unavailable,
)
from chalicelib.postgres.errors import kind_of, rule, translate, translate_connect, translate_read

CLASSES = sorted(
    (found for _, found in inspect.getmembers(psycopg_errors, inspect.isclass) if issubclass(found, psycopg.Error)),
    key=lambda found: found.__name__,
)
WITH_CODE = [found for found in CLASSES if found.sqlstate is not None]
WITHOUT_CODE = [found for found in CLASSES if found.sqlstate is None]


def test_psycopg_has_the_errors_of_postgres() -> None:
    """The enumeration below is not empty."""
    assert len(WITH_CODE) > 200
    assert len(WITHOUT_CODE) >= 10


@pytest.mark.parametrize("error", WITH_CODE, ids=lambda error: f"{error.sqlstate} {error.__name__}")
def test_every_code_has_a_rule(error: type[psycopg.Error]) -> None:
    """No error with an SQLSTATE falls through to the rule for unknown ones."""
    assert error.sqlstate is not None
    assert rule(error.sqlstate) is not None


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_class_has_a_decision(error: type[psycopg.Error]) -> None:
    """Every class becomes one of our errors, in a write, in a read, and while connecting."""
    made = error("text")
    for found in (translate(made), translate_read(made), translate_connect(made)):
        assert isinstance(found, TwinledgerError)
        assert found.decision in Decision
    assert not isinstance(translate_read(made), Parked)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg_errors.LockNotAvailable, RecordLocked),
        (psycopg_errors.DeadlockDetected, RecordLocked),
        (psycopg_errors.SerializationFailure, RecordLocked),
        (psycopg_errors.QueryCanceled, Unavailable),
        (psycopg_errors.AdminShutdown, Unavailable),
        (psycopg_errors.ReadOnlySqlTransaction, Unavailable),
        (psycopg_errors.TooManyConnections, Throttled),
        (psycopg_errors.DiskFull, Unavailable),
        (psycopg_errors.UniqueViolation, Rejected),
        (psycopg_errors.StringDataRightTruncation, Rejected),
        (psycopg_errors.RaiseException, Rejected),
        (psycopg_errors.InsufficientPrivilege, Rejected),
        (psycopg_errors.UndefinedTable, Rejected),
        (psycopg_errors.InvalidPassword, AccessDenied),
        (psycopg_errors.InvalidCatalogName, ConfigurationError),
        (psycopg_errors.InFailedSqlTransaction, ProtocolError),
        (psycopg.OperationalError, Unavailable),
        (psycopg_errors.ConnectionTimeout, Unavailable),
        (psycopg.InterfaceError, ProtocolError),
        (psycopg.DataError, Rejected),
    ],
)
def test_decision_of_a_write(error: type[psycopg.Error], expected: type[TwinledgerError]) -> None:
    """What a write's error means."""
    assert kind_of(error("text")) is expected


def test_unknown_code_parks() -> None:
    """A code that nobody knows is the data's until a person says otherwise, and is never retried without bound."""

    class Unknown(psycopg.DatabaseError):
        sqlstate = "ZZ123"

    error = translate(Unknown("some text"), ["Name"])
    assert isinstance(error, Rejected)
    assert (str(error), error.code, error.fields) == ("some text", "ZZ123", ("Name",))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg_errors.InsufficientPrivilege, AccessDenied),
        (psycopg_errors.UndefinedTable, ConfigurationError),
        (psycopg_errors.InvalidTextRepresentation, ConfigurationError),
        (psycopg_errors.LockNotAvailable, RecordLocked),
        (psycopg_errors.AdminShutdown, Unavailable),
    ],
)
def test_decision_of_a_read(error: type[psycopg.Error], expected: type[TwinledgerError]) -> None:
    """A read has no data to be refused: a person mends mapping, installation or rights."""
    assert type(translate_read(error("text"))) is expected


def test_the_error_of_a_read_quotes_no_value() -> None:
    """It goes into logs, and what was asked for may be an address that is a primary key."""
    error = psycopg_errors.InvalidTextRepresentation('invalid input syntax for type bigint: "ann@example.com"')
    assert "ann" not in str(translate_read(error))
    assert "22P02" in str(translate_read(error))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('FATAL:  password authentication failed for user "x"', AccessDenied),
        ("FATAL:  no pg_hba.conf entry for host", AccessDenied),
        ("fe_sendauth: no password supplied", AccessDenied),
        ('FATAL:  role "x" does not exist', AccessDenied),
        ('FATAL:  database "x" does not exist', ConfigurationError),
        ("SSL error: certificate verify failed", ConfigurationError),
        ("FATAL:  the database system is starting up", Unavailable),
        ("FATAL:  sorry, too many clients already", Unavailable),
        ("connection timeout expired", Unavailable),
    ],
)
def test_decision_of_a_connection(text: str, expected: type[TwinledgerError]) -> None:
    """A connection's error has no code: its text says whether a person has to act."""
    assert type(translate_connect(psycopg.OperationalError(f"connection failed: {text}"))) is expected


@pytest.mark.parametrize(
    "text",
    [
        "connection failed: FATAL:  unsupported startup parameter in options: tcp_keepalives_idle",
        "connection failed: FATAL:  unsupported startup parameter: options",
        "FATAL:  Feature not supported: RDS Proxy currently doesn't support command-line options.",
    ],
)
def test_a_pooler_is_known_by_what_it_refuses(text: str) -> None:
    """It is not tried again: whoever runs the relay has to give another address, and is told so in one line."""
    found = translate_connect(psycopg.OperationalError(f"{text}\nand more"))
    assert type(found) is ConfigurationError
    assert "the relay needs the server itself" in str(found)
    assert "\n" not in str(found)
