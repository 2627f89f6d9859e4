"""A database for each module, emptied for each test."""

from collections.abc import Iterator

import pytest

from chalicelib.postgres.connection import Connection, PostgresConnection
from chalicelib.postgres.rows import PostgresRows
from infra.local.postgres import Cluster
from tests.integration.postgres.sample import MAPPINGS, create_database, empty, open_database


@pytest.fixture(scope="module")
def database(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """The name of a database of the module's own, with the sample and Twinledger in it."""
    name = request.module.__name__.rpartition(".")[2]
    create_database(cluster, name)
    return name


@pytest.fixture(scope="module")
def dsn(cluster: Cluster, database: str) -> str:
    """Its address, as the owner."""
    return cluster.dsn.rpartition("/")[0] + "/" + database


@pytest.fixture
def owner(dsn: str) -> Iterator[Connection]:
    """The owner's connection, in autocommit mode, to empty tables."""
    with open_database(dsn) as connection:
        empty(connection)
        yield connection


@pytest.fixture
def app(cluster: Cluster, database: str, owner: Connection) -> Iterator[Connection]:
    """The application's connection, in autocommit mode: it has no right on anything of Twinledger's."""
    with open_database(cluster.address("app", database)) as connection:
        yield connection


@pytest.fixture
def connection(dsn: str, owner: Connection) -> Iterator[PostgresConnection]:
    """The adapter's connection."""
    made = PostgresConnection(dsn, lock_timeout=3_000)
    yield made
    made.drop()


@pytest.fixture
def rows(connection: PostgresConnection) -> PostgresRows:
    """The adapter."""
    return PostgresRows(connection, MAPPINGS)


@pytest.fixture
def _no_user_triggers(owner: Connection) -> Iterator[None]:
    """Take a test's trigger away."""
    yield
    owner.execute("DROP FUNCTION IF EXISTS public.user_trigger CASCADE")
