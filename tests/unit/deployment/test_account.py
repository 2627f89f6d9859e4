"""Signing in to the account: what AWS refuses is one line with its remedy."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from infra.deployment.account import connect
from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSAL = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error>
<RequestId>1</RequestId></ErrorResponse>"""


class Refusing(BaseHTTPRequestHandler):
    """AWS, for credentials that it does not know (STS API Reference, "Common Errors")."""

    def do_POST(self) -> None:
        """Refuse."""
        self.send_response(403)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS that lets nobody in."""
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    for name, value in (("ACCESS_KEY_ID", "nobody"), ("SECRET_ACCESS_KEY", "wrong"), ("DEFAULT_REGION", "eu-west-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    yield
    server.shutdown()
    server.server_close()


def test_credentials_that_are_refused(refusing: None) -> None:
    """AWS' own words, and what to do."""
    told = "AWS refused the credentials: The security token included in the request is invalid: sign in again, or set "
    with pytest.raises(DeploymentError, match=f"^{told}AWS_PROFILE$"):
        connect()


def test_a_profile_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DeploymentError, match=r"profile \(nobody\) could not be found: correct AWS_PROFILE"):
        connect()
