"""The running one-machine stack: `make up` first."""

from __future__ import annotations

import json
import stat
from typing import Any

import psutil
import pytest
import requests

from infra.local.layout import Layout
from infra.local.processes import marked
from infra.local.roundtrip import RoundTrip

pytestmark = pytest.mark.stack
LAYOUT = Layout()


@pytest.fixture(scope="module")
def addresses() -> dict[str, Any]:
    """What `make up` wrote."""
    if not LAYOUT.stack_file.exists():
        pytest.skip("the stack is not up")
    return dict(json.loads(LAYOUT.stack_file.read_text(encoding="utf-8")))


@pytest.fixture
def contact(trip: RoundTrip) -> str:
    """A contact to edit."""
    found = trip.contact()
    assert found is not None
    return found


@pytest.fixture
def trip(addresses: dict[str, Any]) -> RoundTrip:
    """A user of both sides."""
    return RoundTrip(addresses["postgres_app_dsn"], addresses["salesforce_url"], addresses["salesforce_token"])


def test_addresses_are_private_and_complete(addresses: dict[str, Any]) -> None:
    """The file has every address and credential, for its owner only."""
    assert stat.S_IMODE(LAYOUT.stack_file.stat().st_mode) == 0o600
    wanted = {"postgres_dsn", "salesforce_url", "salesforce_token", "api_url", "console_url", "console_token"}
    hooks = {"outbound_messages_url", "record_events_url", "record_events_api_key"}
    assert (wanted | hooks | {"aws_endpoint_url"}) <= set(addresses)


def test_servers_listen_on_this_machine_only(addresses: dict[str, Any]) -> None:
    """No process of the stack listens on an address that another machine could reach."""
    listening = {
        connection.laddr.ip
        for process in marked(str(LAYOUT.home))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_edits_arrive(trip: RoundTrip, contact: str) -> None:
    """An edit of either side arrives at the other one."""
    assert trip.to_salesforce(contact) > 0
    assert trip.to_postgres(contact) > 0


def test_killed_relay_comes_back(trip: RoundTrip, contact: str) -> None:
    """The relay is started again when it dies, and the edits made meanwhile arrive."""
    relays = [process for process in marked(str(LAYOUT.home)) if process.cmdline()[-2:] == [_manage(), "relay"]]
    workers = [process for process in relays if "infra.local.supervisor" not in process.cmdline()]
    assert workers
    for process in workers:
        process.kill()
    assert trip.to_salesforce(contact) > 0


def test_webhook_without_its_token_is_refused(addresses: dict[str, Any]) -> None:
    """The deployed API asks for the token."""
    page = f"{addresses['api_url']}/webhooks/outbound-messages/{'x' * 32}"
    answer = requests.post(page, data="<a/>", headers={"Content-Type": "text/xml"}, timeout=30)
    assert answer.status_code == 403


def _manage() -> str:
    return str(LAYOUT.source / "manage.py")
