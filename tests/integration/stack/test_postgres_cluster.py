"""The private PostgreSQL server of the one-machine stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from infra.local.postgres import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWNED_BY_A_CHILD = """
import time
from infra.local.postgres import Cluster

with Cluster() as cluster:
    print(cluster.pid, cluster.folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A throw-away server for the module."""
    with Cluster() as running:
        yield running


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is not a child of this one."""
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def test_owner_is_no_superuser(cluster: Cluster) -> None:
    """The owner of the database has the rights that a managed service gives, and no more."""
    with psycopg.connect(cluster.dsn) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper, rolcreaterole, pg_get_userbyid(datdba)"
            " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
    assert row == ("twinledger", False, False, "twinledger")


def test_application_writes_rows_and_owns_nothing(cluster: Cluster) -> None:
    """The application role edits the owner's rows and cannot change the table."""
    dsn = cluster.create_database("application_rights")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE public.account (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)")
    with psycopg.connect(cluster.address("app", "application_rights")) as connection:
        assert connection.execute("INSERT INTO account (name) VALUES ('Ada') RETURNING id").fetchall() == [(1,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("ALTER TABLE account ADD COLUMN phone text")


def test_password_is_asked(cluster: Cluster) -> None:
    """A connection over TCP with a wrong password is refused."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.dsn.replace(cluster.passwords["twinledger"], "wrong"))


def test_databases_are_separate(cluster: Cluster) -> None:
    """A dropped database takes nothing from another one."""
    first, second = cluster.create_database("first"), cluster.create_database("second")
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE public.only_here ()")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('public.only_here')").fetchone() == (None,)
    cluster.drop_database("first")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first)


def test_settings_reach_the_server() -> None:
    """A given setting is the server's."""
    with Cluster(settings={"deadlock_timeout": "123ms"}) as own, psycopg.connect(own.dsn) as connection:
        assert connection.execute("SHOW deadlock_timeout").fetchone() == ("123ms",)


def test_nothing_is_left(cluster: Cluster) -> None:
    """The end of the context leaves neither process nor folder."""
    with Cluster() as own:
        pid, folder = own.pid, own.folder
        assert pid is not None
        assert folder is not None
        assert folder.is_dir()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def test_data_outlives_a_killed_server(tmp_path: Path) -> None:
    """A durable server that was killed starts again with its data, on the same folder and passwords."""
    killed = Cluster(tmp_path / "postgres", durable=True)
    try:
        killed.start()
        with psycopg.connect(killed.dsn) as connection:
            connection.execute("CREATE TABLE public.kept AS SELECT 42 AS answer")
        assert killed.pid is not None
        os.kill(killed.pid, signal.SIGKILL)
        again = Cluster(killed.folder, port=killed.port, passwords=killed.passwords, durable=True)
        again.start()
        with psycopg.connect(again.dsn) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        again.stop()
        assert again.pid is None
    finally:
        killed.remove()


def test_start_replaces_a_server_left_behind(tmp_path: Path) -> None:
    """A server that nobody holds any more is stopped by the next start on its folder."""
    forgotten = Cluster(tmp_path / "postgres")
    forgotten.start()
    try:
        before = forgotten.pid
        again = Cluster(forgotten.folder, passwords=forgotten.passwords)
        again.start()
        assert before != again.pid
        with psycopg.connect(again.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        again.stop()
    finally:
        forgotten.remove()


def test_server_dies_with_its_owner() -> None:
    """A throw-away server stops, and its folder goes, when its owner is killed by SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", OWNED_BY_A_CHILD], stdout=subprocess.PIPE, text=True) as owner:  # noqa: S603
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        owner.kill()
    wait_until_gone(int(pid))
    deadline = time.monotonic() + 10
    while os.path.exists(folder):  # noqa: PTH110
        assert time.monotonic() < deadline, f"{folder} is still there"
        time.sleep(0.02)
