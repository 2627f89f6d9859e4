"""The simulated org as a process, and the bench of the real adapters on it."""

# ruff: noqa: D102 - the bench's methods are described once, at Bench

import math
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields
from chalicelib.core.ports import Records
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.auth import ClientCredentials, JwtBearer
from chalicelib.salesforce.client import Client, Connection
from chalicelib.salesforce.conditional_writer import ConditionalRecords
from chalicelib.salesforce.reader import Reader

ROOT = Path(__file__).parents[2]
LOGIN_URL = "https://login.salesforce.com"
MY_DOMAIN = "https://acme.my.salesforce.com"
CONSUMER_KEY = "consumer-key"
CONSUMER_SECRET = "consumer-secret"
USERNAME = "integration@example.com"


class SystemClock:
    """Real time."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def new_id(self) -> str:
        return str(time.time_ns())


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The app's key, one for the whole run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    """The same as PEM."""
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return private_key().private_bytes(kind, form, serialization.NoEncryption()).decode()


def public_pem() -> str:
    """Its public half as PEM."""
    kind, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key().public_key().public_bytes(kind, form).decode()


class Org:
    """A running simulated org, and what its control API does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()

    def control(self, method: str, name: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.url}/__org__/{name}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def reset(self) -> None:
        self.control("POST", "reset")
        app = {"consumerKey": CONSUMER_KEY, "consumerSecret": CONSUMER_SECRET, "certificate": public_pem()}
        self.control("POST", "apps", app)
        self.control("POST", "settings", {"clockOffsetSeconds": 0.0, "lockWaitSeconds": 0.2})
        self.alice = {"Authorization": f"Bearer {self.control('POST', 'tokens', {'user': 'alice'})['token']}"}

    def user(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A user's REST call."""
        url = f"{self.url}/services/data/v66.0/{path}"
        return self._http.request(method, url, json=body, headers=self.alice, timeout=10)

    @property
    def calls(self) -> int:
        """REST calls since the reset."""
        return int(self.control("GET", "stats")["apiCalls"]["total"])

    def connection(self, *, jwt: bool = True) -> Connection:
        if jwt:
            return Connection(JwtBearer(LOGIN_URL, CONSUMER_KEY, USERNAME, private_pem()), local_url=self.url)
        return Connection(ClientCredentials(MY_DOMAIN, CONSUMER_KEY, CONSUMER_SECRET), local_url=self.url)

    def client(self, *, jwt: bool = True) -> Client:
        return Client(self.connection(jwt=jwt), SystemClock())


@contextmanager
def running_org() -> Iterator[Org]:
    """Start an org on a free port, and stop it."""
    command = [sys.executable, "-m", "infra.local.org", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        assert process.stdout is not None
        ready = re.search(r"http://\S+", process.stdout.readline())
        assert ready is not None, "the simulated org did not start"
        yield Org(ready[0])
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


class LiveBench:
    """The real adapters on the simulated org."""

    records: Records

    def __init__(self, org: Org, *, apex: bool) -> None:
        org.reset()
        self.org = org
        self.apex = apex
        self._offset = 0.0
        self.client = org.client()
        reader = Reader(self.client)
        self.records = ApexRecords(self.client, reader) if apex else ConditionalRecords(self.client, reader)

    def _ok(self, answer: requests.Response) -> Any:
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def add(self, object_name: str, values: Fields) -> str:
        answer = self._ok(self.org.user("POST", f"sobjects/{object_name}", values))
        return str(answer["id"])

    def edit(self, object_name: str, record_id: str, values: Fields) -> None:
        self._ok(self.org.user("PATCH", f"sobjects/{object_name}/{record_id}", values))

    def delete(self, object_name: str, record_id: str) -> None:
        self._ok(self.org.user("DELETE", f"sobjects/{object_name}/{record_id}"))

    def undelete(self, object_name: str, record_id: str) -> None:
        self.org.control("POST", "undelete", {"ids": [record_id], "user": "alice"})

    def merge(self, object_name: str, winner: str, loser: str) -> None:
        self.org.control("POST", "merge", {"master": winner, "losers": [loser], "user": "alice"})

    def purge(self, record_id: str) -> None:
        self.org.control("POST", "purge", {"ids": [record_id]})

    def count(self, object_name: str) -> int:
        answer = self._ok(self.org.user("GET", f"query?q=SELECT+Id+FROM+{object_name}"))
        return int(answer["totalSize"])

    def next_second(self) -> None:
        self._shift(self._offset + 3)

    def same_second(self) -> None:
        now = time.time() + self._offset
        self._shift(self._offset + math.ceil(now) - now)

    def _shift(self, offset: float) -> None:
        self._offset = offset
        self.org.control("POST", "settings", {"clockOffsetSeconds": offset})

    def suffix(self, field: str, text: str) -> None:
        rule = {
            "object": "Account",
            "when": "update",
            "timing": "after",
            "set": field,
            "action": "suffix",
            "value": text,
        }
        self.org.control("POST", "automation", rule)

    def refuse(self, field: str, value: str) -> None:
        rule = {"object": "Account", "errorIf": f"{field} = '{value}'", "message": "the rule says no", "field": field}
        self.org.control("POST", "validation-rules", rule)

    def without(self, mapping: ObjectMapping, field: str, value: str) -> ObjectMapping:
        return replace(mapping, soql=f"{field} <> '{value}'")

    def hide(self, field: str) -> None:
        user = {"name": "integration", "username": USERNAME, "readOnly": [], "hidden": [f"Account.{field}"]}
        self.org.control("POST", "users", user)

    @contextmanager
    def locked(self, record_id: str) -> Iterator[None]:
        self.org.control("POST", "settings", {"commitMs": 1500.0})
        holder = threading.Thread(target=self.edit, args=("Account", record_id, {"Industry": "Banking"}))
        holder.start()
        while not self.org.control("GET", "stats")["openTransactions"]:
            time.sleep(0.01)
        self.org.control("POST", "settings", {"commitMs": 0.0})
        yield
        holder.join()
