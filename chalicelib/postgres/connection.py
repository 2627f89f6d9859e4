"""Connections: encrypted and verified, bounded in time, one per process and used again."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from chalicelib.core.errors import TwinledgerError, Unavailable
from chalicelib.postgres.errors import translate_connect

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Result = TypeVar("Result")

DEFAULTS: Mapping[str, str | int] = {
    "connect_timeout": 5,  # seconds
    "keepalives": 1,
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds that sent data may stay without an acknowledgement
}


def is_local(host: str) -> bool:
    """Whether a host is this machine: a Unix socket's folder, localhost, or a loopback address."""
    if host.startswith(("/", "@")) or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parameters(dsn: str, application_name: str, options: str = "") -> dict[str, str | int]:
    """Connection parameters: those of the DSN, and ours where it says nothing.

    A connection to another machine is encrypted, and its certificate and host name are verified, unless the DSN names
    another ``sslmode`` (libpq's own default takes any certificate, or none). Without ``sslrootcert`` the system's
    certificates count.

    Raises:
        psycopg.ProgrammingError: the DSN cannot be parsed.
    """
    given = {name: value for name, value in conninfo_to_dict(dsn).items() if value is not None}
    hosts = str(given.get("hostaddr") or given.get("host") or "").split(",")
    tls: dict[str, str | int] = {}
    if not all(is_local(host) for host in hosts):
        tls = {"sslmode": "verify-full", "sslrootcert": ssl.get_default_verify_paths().cafile or "system"}
    ours = {**DEFAULTS, **tls, "application_name": application_name}
    if options:
        ours["options"] = options
    return {**ours, **given}


def connect(dsn: str, application_name: str, options: str = "") -> Connection:
    """Open a connection in autocommit mode: transactions are begun by statement.

    Raises:
        Unavailable: the server does not answer, or cannot take a connection now.
        AccessDenied: it does not let us in.
        ConfigurationError: the DSN, the database or the certificate is wrong.
    """
    try:
        return psycopg.connect(autocommit=True, **parameters(dsn, application_name, options))  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise translate_connect(error) from error


def dead(error: psycopg.Error, connection: Connection) -> bool:
    """Whether the connection cannot be used again: it broke, or the server ends it or became read-only."""
    return connection.closed or (error.sqlstate or "").startswith(("08", "57P", "25006"))


@dataclass
class PostgresConnection:
    """One connection, opened when it is first needed and kept: a pool of one, for a Lambda container.

    A container may sleep for minutes between two calls, and the server or a firewall may end the connection meanwhile;
    so the first exchange of a piece of work, as long as it writes nothing, is made again on a new connection.

    Attributes:
        dsn: address of the database, or what gives it for each new connection.
        application_name: what the server shows of us.
        lock_timeout: milliseconds that a write waits for a row.
        statement_timeout: milliseconds that one statement may take.
        idle_timeout: milliseconds after which the server ends a transaction of ours that does nothing: a worker that
            was killed keeps its row locks no longer.
    """

    dsn: str | Callable[[], str] = field(repr=False)  # holds a password
    application_name: str = "twinledger"
    lock_timeout: int = 2_000
    statement_timeout: int = 10_000
    idle_timeout: int = 10_000
    _open: Connection | None = None
    _retired: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the connection for one thread."""
        with self._lock:
            yield

    def get(self) -> Connection:
        """The connection, opened where there is none.

        Raises:
            TwinledgerError: see :func:`connect`.
        """
        with self._lock:  # two threads would open one each, and leave one open
            if self._retired:
                raise Unavailable("this connection was given up for one with other credentials")
            if self._open is None or self._open.closed:
                dsn = self.dsn if isinstance(self.dsn, str) else self.dsn()
                self._open = connect(dsn, self.application_name)
            return self._open

    def first(self, work: Callable[[Connection], Result]) -> Result:
        """Do work that changes nothing; once more on a new connection where the old one turns out to be dead.

        Raises:
            TwinledgerError: no connection could be made, or the work says so.
            psycopg.Error: the work failed.
        """
        connection = self.get()
        try:
            return work(connection)
        except (psycopg.Error, TwinledgerError) as error:
            cause = error if isinstance(error, psycopg.Error) else error.__cause__
            if not isinstance(cause, psycopg.Error) or not dead(cause, connection):
                raise
            self.drop()
        return work(self.get())

    def roll_back(self, error: psycopg.Error | None = None) -> None:
        """End the transaction, whatever its state; a connection on which that fails is given up."""
        connection = self._open
        if connection is None:
            return
        if error is not None and dead(error, connection):
            self.drop()
            return
        try:
            connection.rollback()
        except psycopg.Error:
            self.drop()  # closing it rolls back too

    def drop(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def retire(self) -> None:
        """Close the connection for good: whoever still has it gets no other by it."""
        with self._lock:
            self._retired = True
            self.drop()
