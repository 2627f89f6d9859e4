"""One org process for the whole folder, reset before each test."""

from collections.abc import Iterator

import pytest
from simple_salesforce import Salesforce

from tests.integration.org.support import OrgClient, start_org


@pytest.fixture(scope="session")
def _running_org() -> Iterator[OrgClient]:
    process, port = start_org("--session", "alice=fixed-session-of-alice")
    client = OrgClient(port)
    yield client
    client.http.close()
    process.terminate()
    process.wait(10)
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture
def org(_running_org: OrgClient) -> OrgClient:
    """The org, as it is after a start."""
    _running_org.control("reset")
    return _running_org


@pytest.fixture
def sf(org: OrgClient) -> Iterator[Salesforce]:
    """An unmodified simple-salesforce client of the integration user."""
    client = org.salesforce()
    yield client
    client.session.close()


@pytest.fixture
def alice(org: OrgClient) -> Iterator[Salesforce]:
    """An unmodified simple-salesforce client of an ordinary user."""
    client = org.salesforce("alice")
    yield client
    client.session.close()
