"""The org as jsforce sees it: a client of another language, which the project itself does not use.

Node and npm have to be there; jsforce is installed once below `.local/cache`. Without them the tests are skipped.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.local.ports import free_port
from tests.integration.npm import installed
from tests.integration.org.support import OrgClient, start_org

SOURCE = Path(__file__).with_name("jsforce")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each step of the script answered; the org says of itself that it is where it really is."""
    node, folder = installed(SOURCE, "jsforce")
    port = free_port()
    invoice = {"Number__c": {"type": "string", "externalId": True, "unique": True}}
    configuration = tmp_path_factory.mktemp("org") / "org.json"
    configuration.write_text(
        json.dumps(
            {
                "instanceUrl": f"http://127.0.0.1:{port}",
                "apps": [{"consumerKey": "key", "consumerSecret": "secret"}],
                "objects": [{"name": "Invoice__c", "fields": invoice}],
            }
        )
    )
    process, _ = start_org("--port", str(port), "--config", str(configuration), "--session", "alice=alices-session")
    org = OrgClient(port)
    shutil.copy(SOURCE / "drive.js", folder)
    access = {"ORG_URL": org.url, "CONSUMER_KEY": "key", "CONSUMER_SECRET": "secret", "SESSION": "alices-session"}
    done = subprocess.run(  # noqa: S603
        [node, "drive.js"],
        cwd=folder,
        env=os.environ | access,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    alice = org.control("users", method="GET")["alice"]
    org.http.close()
    process.terminate()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"alice": alice, "url": org.url}


def test_logins(told: dict[str, Any]) -> None:
    """By a session id, and by client credentials."""
    identity = {"user_id": told["alice"]["userId"], "username": "alice@example.com"}
    assert told["session"] == identity | {"organization_id": "00Dxx0000001gPFEAY"}
    assert told["clientCredentials"] == {"organizationId": "00Dxx0000001gPFEAY", "instanceUrl": told["url"]}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("describe", {"name": "Contact", "reference": ["reference", ["Account"], "Account"], "global": True}),
        ("create", [True, True, []]),
        ("retrieve", ["Poe", True, "Contact"]),
        ("query", [1, True, "Poe", "Acme", 1, None]),
        ("update", [True, True, "1"]),
        ("upsert", [True, False, ["two"]]),
        ("composite", [[201, 200, 412], "composite"]),
        ("bulkQuery", [250, ["Id", "LastName"], 18]),
        ("replication", [True, "string", 2]),
        ("delete", [True, [True]]),
        ("limits", [["Max", "Remaining"], 100_000]),
    ],
)
def test_a_step(told: dict[str, Any], step: str, expected: Any) -> None:
    """Each answers what an org would."""
    assert expected == told[step]


def test_collections(told: dict[str, Any]) -> None:
    """Many records a call, each with its own result."""
    assert told["collections"] == {
        "made": [True, False, True],
        "code": "REQUIRED_FIELD_MISSING",
        "updated": [True, True],
        "read": ["2", "2"],
        "upserted": [False, True],
        "deleted": [True, True],
    }


def test_bulk_ingest(told: dict[str, Any]) -> None:
    """A job with its three lists of results."""
    expected = {"counts": [250, 1, 0], "created": "true", "error": "REQUIRED_FIELD_MISSING"}
    assert told["bulkIngest"] == expected


def test_errors(told: dict[str, Any]) -> None:
    """Their codes are where jsforce looks for them."""
    codes = ["ENTITY_IS_DELETED", "REQUIRED_FIELD_MISSING", "INVALID_FIELD", "INVALID_FIELD", "INVALID_SESSION_ID"]
    assert told["errors"] == codes
