"""The running one-machine stack, as its users and its operator see it."""

import json
import os
import platform
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import boto3
import psycopg
import requests
from botocore.exceptions import EndpointConnectionError

from chalicelib.settings import Lane, dead_letter_queue
from chalicelib.wiring import Wiring
from infra.local.layout import ROOT, Layout

API = "services/data/v66.0"
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
SETTLING = ("settle_salesforce_changes", "settle_postgres_changes", "settle_bulk_changes")
CALM_SECONDS = 240.0

FIELDS: Mapping[str, str] = {
    "FirstName": "first_name",
    "LastName": "last_name",
    "Email": "email",
    "Phone": "phone",
    "Title": "title",
    "Birthdate": "birthdate",
    "MailingStreet": "mailing_street",
    "MailingCity": "mailing_city",
    "MailingPostalCode": "mailing_postal_code",
    "MailingCountry": "mailing_country",
}
"""The sample's contact: Salesforce's fields, and their columns."""


class StackDown(RuntimeError):
    """There is no running stack to measure; the message says what to do."""


GONE = (EndpointConnectionError, psycopg.OperationalError, requests.ConnectionError)
"""What a call raises whose server is not there any more."""


class Refused(RuntimeError):
    """The simulated org, or the application, refused a call."""


@dataclass
class Org:
    """The simulated org: one user's session, and the control API.

    Attributes:
        url: its address.
        token: the user's session.
    """

    url: str
    token: str = field(repr=False)
    _http: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self._http.headers["Authorization"] = f"Bearer {self.token}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the REST API; the answer's JSON, None where it has none.

        Raises:
            Refused: the org answered with an error.
        """
        answer = self._http.request(method, f"{self.url}/{path}", json=body, timeout=30)
        if not answer.ok:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def edit(self, sfid: str, values: Mapping[str, str | None]) -> None:
        """Edit a contact."""
        self.call("PATCH", f"{API}/sobjects/Contact/{sfid}", dict(values))

    def create(self, values: Mapping[str, str | None]) -> str:
        """Create a contact; its id."""
        return str(self.call("POST", f"{API}/sobjects/Contact", dict(values))["id"])

    def delete(self, sfid: str) -> None:
        """Delete a contact."""
        self.call("DELETE", f"{API}/sobjects/Contact/{sfid}")

    def field(self, sfid: str, name: str) -> str | None:
        """One field of a contact."""
        return self.call("GET", f"{API}/sobjects/Contact/{sfid}?fields={name}")[name]  # type: ignore[no-any-return]

    def contacts(self, names: Sequence[str]) -> dict[str, dict[str, str | None]]:
        """These fields of all contacts, by id."""
        page = self.call("GET", f"{API}/query?q=SELECT+Id,{','.join(names)}+FROM+Contact")
        records = list(page["records"])
        while not page["done"]:
            page = self.call("GET", page["nextRecordsUrl"].lstrip("/"))
            records += page["records"]
        return {record["Id"]: {name: record[name] for name in names} for record in records}

    def stats(self) -> dict[str, Any]:
        """What the org has counted."""
        return self.call("GET", "__org__/stats")  # type: ignore[no-any-return]

    def calls(self) -> dict[str, int]:
        """API calls by kind, those of this module's users included."""
        return dict(self.stats()["apiCalls"]["byKind"])

    def undelivered(self) -> int:
        """Outbound messages and events that are still on their way."""
        stats = self.stats()
        queues = stats["outbound"]["queues"]
        waiting = sum(queue["pending"] + queue["inFlight"] + queue["waitingForRetry"] for queue in queues)
        return int(waiting + stats["events"]["pending"])


@dataclass(frozen=True)
class Stack:
    """A running stack.

    Attributes:
        content: of the stack file.
        layout: where its processes' files are.
    """

    content: Mapping[str, Any] = field(repr=False)
    layout: Layout

    @classmethod
    def running(cls, layout: Layout | None = None) -> "Stack":
        """The stack of this working copy. From then on this process talks to its AWS.

        Raises:
            StackDown: it does not run.
        """
        layout = layout or Layout()
        try:
            stack = cls(json.loads(layout.stack_file.read_text(encoding="utf-8")), layout)
        except FileNotFoundError:
            raise StackDown("no stack runs here: start it by make up") from None
        try:
            psycopg.connect(stack.content["postgres_app_dsn"], connect_timeout=3).close()
            requests.get(f"{stack.content['salesforce_url']}/__org__/health", timeout=3)
            requests.get(f"{stack.content['aws_endpoint_url']}/_ministack/health", timeout=3)
        except (psycopg.OperationalError, requests.RequestException) as error:
            raise StackDown(f"the stack does not answer: {type(error).__name__}; start it by make up") from error
        os.environ.update(stack.content["environment"])
        stack.pause(paused=False)  # a bench that was killed may have left it paused
        return stack

    @cached_property
    def org(self) -> Org:
        """The org."""
        return Org(self.content["salesforce_url"], self.content["salesforce_token"])

    def new_org(self, user: str | None = None) -> Org:
        """The org, for another thread; as another user, where one is named."""
        url = self.content["salesforce_url"]
        if user is None:
            return Org(url, self.content["salesforce_token"])
        self.org.call("POST", "__org__/users", {"name": user})
        return Org(url, self.org.call("POST", "__org__/tokens", {"user": user})["token"])

    def app(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the application, in autocommit mode."""
        return psycopg.connect(self.content["postgres_app_dsn"], autocommit=True)

    def owner(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the owner, who sees the outbox; in autocommit mode."""
        return psycopg.connect(self.content["postgres_dsn"], autocommit=True)

    @cached_property
    def wiring(self) -> Wiring:
        """The application's own parts."""
        return Wiring(self.content["environment"])

    def client(self, service: str) -> Any:
        """A client of AWS."""
        make: Any = boto3.client
        return make(service)

    @cached_property
    def sqs(self) -> Any:
        """SQS."""
        return self.client("sqs")

    def tell(self, sfid: str) -> None:
        """Send an event of a contact, as a flow would.

        Raises:
            Refused: the application did not take it.
        """
        event = {
            "object": "Contact",
            "record_id": sfid,
            "change": "updated",
            "event_id": str(uuid.uuid4()),
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        answer = requests.post(
            f"{self.content['api_url']}/webhooks/events",
            json=event,
            headers={"x-api-key": self.content["console_token"]},
            timeout=30,
        )
        if not answer.ok:
            raise Refused(f"an event: {answer.status_code} {answer.text[:300]}")

    @property
    def queues(self) -> tuple[str, ...]:
        """The addresses of the queues, and then of their dead-letter queues."""
        urls = [self.queue_of(lane) for lane in Lane]
        return (*urls, *map(dead_letter_queue, urls))

    def queue_of(self, lane: Lane) -> str:
        """The address of a lane's queue."""
        address: str = self.content["environment"][f"TWINLEDGER_{lane.name}_QUEUE_URL"]
        return address

    def waiting(self, url: str) -> int:
        """Messages in a queue, those in flight included."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(COUNTS))["Attributes"]
        return sum(int(found[name]) for name in COUNTS)

    def busy(self, owner: psycopg.Connection[tuple[Any, ...]]) -> dict[str, int]:
        """What is still on its way, by where; empty: nothing."""
        (outbox,) = owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone() or (0,)
        counts = {url.rsplit("/", 1)[-1].removesuffix(".fifo"): self.waiting(url) for url in self.queues}
        counts |= {"outbox": int(outbox), "org": self.org.undelivered()}
        return {name: count for name, count in counts.items() if count}

    def calm(self) -> None:
        """Wait until nothing is on its way.

        Raises:
            TimeoutError: it took too long.
        """
        deadline = time.monotonic() + CALM_SECONDS
        with self.owner() as owner:
            while busy := self.busy(owner):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"still on its way: {busy}")
                time.sleep(0.1)

    def function(self, name: str) -> str:
        """The deployed name of a function of the application."""
        return f"twinledger-{self.content['environment']['TWINLEDGER_STAGE']}{f'-{name}' if name else ''}"

    def pause(self, *, paused: bool) -> None:
        """Have the settle functions take no message, or take them again."""
        functions = self.client("lambda")
        names = {self.function(name) for name in SETTLING}
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            if source["FunctionArn"].rsplit(":", 1)[-1] in names and (source["State"] == "Enabled") is paused:
                functions.update_event_source_mapping(UUID=source["UUID"], Enabled=not paused)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The settle functions take no message meanwhile."""
        self.pause(paused=True)
        try:
            yield
        finally:
            self.pause(paused=False)


def circumstances() -> str:
    """What a figure is worth little without: the commit (marked where files were changed), the Python, the load."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    version, load = platform.python_version(), os.getloadavg()[0]
    commit = done.stdout.strip() or "unknown"
    return f"commit {commit}, Python {version}, load average {load:.1f} on {os.cpu_count()} processors"
