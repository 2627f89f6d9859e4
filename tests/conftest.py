"""Fixtures that several parts share."""

from collections.abc import Iterator

import pytest

from infra.local.postgres import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One throw-away Postgres server for the whole run; each module takes databases of its own."""
    with Cluster() as running:
        yield running
