"""The org as a child process, and the clients that tests drive it with."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

ROOT = Path(__file__).resolve().parents[3]
HOST = "simulated.my.salesforce.com"
VERSION = "66.0"


class LocalAdapter(HTTPAdapter):
    """Sends what is meant for Salesforce's hosts to a port of this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Rewrite scheme and host, and say which host was meant."""
        parts = urlsplit(request.url or "")
        request.headers["X-Org-Host"] = parts.netloc
        request.url = urlunsplit(("http", f"127.0.0.1:{self._port}", parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


def start_org(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    """Start the org on a free port and wait until it is ready."""
    command = [sys.executable, "-m", "infra.local.org", "--port", "0", *arguments]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if "ready on" not in line:
        process.kill()
        raise RuntimeError(f"the org did not start: {line!r}")
    return process, int(line.strip().rsplit(":", 1)[1])


class OrgClient:
    """The control API, sessions and clients for one running org."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = requests.Session()
        self.http.trust_env = False
        self._tokens: dict[str, str] = {}

    def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """Call the control API and return its answer."""
        answer = self.http.request(method, f"{self.url}/__org__/{path}", json=body)
        assert answer.ok, answer.text
        return answer.json()

    def stats(self) -> Any:
        """What the org counted."""
        return self.control("stats", method="GET")

    def token(self, user: str) -> str:
        """A session of a user; it lasts over resets."""
        if user not in self._tokens:
            self._tokens[user] = self.control("tokens", {"user": user})["token"]
        return self._tokens[user]

    def session(self, client: str = "tests") -> requests.Session:
        """A requests session that reaches the org by its Salesforce host."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Sforce-Call-Options"] = f"client={client}"
        session.mount("https://", LocalAdapter(self.port))
        return session

    def salesforce(self, user: str = "integration", client: str = "tests") -> Salesforce:
        """A simple-salesforce client with a user's session."""
        return Salesforce(
            session_id=self.token(user), instance_url=f"https://{HOST}", version=VERSION, session=self.session(client)
        )

    def call(self, method: str, path: str, body: Any = None, user: str = "alice", **options: Any) -> requests.Response:
        """Call the data API with plain requests."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} | options.pop("headers", {})
        url = f"{self.url}/services/data/v{VERSION}/{path}"
        return self.http.request(method, url, json=body, headers=headers, **options)

    def apex(self, *operations: dict[str, Any], user: str = "integration") -> list[dict[str, Any]]:
        """Call the Apex class and return its results."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        answer = self.http.post(
            f"{self.url}/services/apexrest/twinledger/v1",
            json={"contract": 1, "operations": list(operations)},
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results


def eventually(probe: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Ask again until the probe answers something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")
