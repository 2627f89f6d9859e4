"""The start: the file, the arguments, and what cannot start."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.org.support import ROOT, OrgClient, start_org

CONFIGURATION = {
    "users": {
        "alice": {"token": "alice-of-the-file", "hidden": ["Account.Phone"]},
        "carol": {"username": "c@example.com"},
    },
    "apps": [{"consumerKey": "file-app", "consumerSecret": "s", "runAs": "carol"}],
    "objects": [{"name": "Invoice__c", "fields": {"Amount__c": {"type": "currency"}}}],
    "outboundMessages": [{"object": "Account", "url": "http://127.0.0.1:9/", "fields": ["Name"]}],
    "events": {"entities": ["Account"]},
    "settings": {"queryPageSize": 7},
    "sandbox": True,
    "instanceUrl": "https://acme.my.salesforce.com",
}


@pytest.fixture
def configured(tmp_path: Path) -> Any:
    """An org of its own, started with a file and a connected app by arguments."""
    path = tmp_path / "org.json"
    path.write_text(json.dumps(CONFIGURATION))
    process, port = start_org("--config", str(path), "--consumer-key", "argument-app", "--consumer-secret", "t")
    client = OrgClient(port)
    yield client
    client.http.close()
    process.terminate()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def _facts(org: OrgClient) -> list[Any]:
    headers = {"Authorization": "Bearer alice-of-the-file"}
    query = "SELECT IsSandbox FROM Organization"
    found = org.http.get(f"{org.url}/services/data/v66.0/query", params={"q": query}, headers=headers).json()
    described = org.http.get(f"{org.url}/services/data/v66.0/sobjects/Account/describe", headers=headers).json()
    tokens = [
        org.http.post(
            f"{org.url}/services/oauth2/token",
            data={"grant_type": "client_credentials", "client_id": app, "client_secret": secret},
        ).json()["instance_url"]
        for app, secret in (("file-app", "s"), ("argument-app", "t"))
    ]
    return [
        found["records"][0]["IsSandbox"],
        "Phone" in {field["name"] for field in described["fields"]},
        "Invoice__c" in org.control("objects", method="GET"),
        [d["name"] for d in org.control("outbound-messages", method="GET")],
        org.control("cdc", method="GET")["entities"],
        org.control("settings", method="GET")["queryPageSize"],
        org.control("health", method="GET")["status"],
        tokens,
    ]


def test_the_file_says_how_the_org_starts_and_a_reset_returns_to_it(configured: OrgClient) -> None:
    """Users, apps, objects, deliveries, settings."""
    url = "https://acme.my.salesforce.com"
    expected = [True, False, True, ["Twinledger_Account"], ["Account"], 7, "ready", [url, url]]
    first = _facts(configured)
    configured.control("outbound-messages", method="DELETE")
    configured.control("settings", {"queryPageSize": 9})
    configured.control("reset")
    assert [first, _facts(configured)] == [expected, expected]


@pytest.mark.parametrize(
    ("configuration", "arguments", "reason"),
    [
        ({"user": {}}, [], "unknown keys ['user']"),
        ({"objects": [{"fields": {}}]}, [], "an object needs a name"),
        ({"objects": [{"name": "A__c", "keyPrefix": "001"}]}, [], "key prefix 001 belongs to Account"),
        ({"apps": [{"consumerKey": "k", "certificate": "no PEM"}]}, [], "PEM"),
        ({"settings": {"speed": 1}}, [], "unknown setting 'speed'"),
        ({}, ["--session", "nobody=token"], "--session needs USER=TOKEN"),
    ],
)
def test_what_cannot_start_says_why(
    tmp_path: Path, configuration: dict[str, Any], arguments: list[str], reason: str
) -> None:
    """One line and exit status 1."""
    path = tmp_path / "org.json"
    path.write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "infra.local.org", "--port", "0", "--config", str(path), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    assert done.returncode == 1
    assert reason in done.stderr.splitlines()[-1]
