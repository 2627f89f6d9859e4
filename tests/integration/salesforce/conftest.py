"""A scripted Salesforce and a simulated org."""

from collections.abc import Iterator

import pytest

from chalicelib.salesforce.auth import ClientCredentials
from chalicelib.salesforce.client import Client, Connection
from tests.contract.live_bench import CONSUMER_KEY, CONSUMER_SECRET, MY_DOMAIN, Org, SystemClock, running_org
from tests.integration.salesforce.stub import Stub, serve


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server that says what the test lined up."""
    with serve() as stub:
        yield stub


@pytest.fixture
def client(stub: Stub) -> Client:
    """A client of the stub."""
    credentials = ClientCredentials(MY_DOMAIN, CONSUMER_KEY, CONSUMER_SECRET)
    return Client(Connection(credentials, local_url=stub.url), SystemClock())


@pytest.fixture(scope="module")
def org_process() -> Iterator[Org]:
    """One simulated org for a module."""
    with running_org() as org:
        yield org


@pytest.fixture
def org(org_process: Org) -> Org:
    """The org, empty."""
    org_process.reset()
    return org_process
