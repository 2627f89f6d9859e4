"""What callers know stands in no log line, no metric, no trace and no answer, whatever becomes of their requests."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.callers import signature_of
from tests.integration.application.conftest import API_KEY, SIGNING_KEY, TOKEN, World, environment
from tests.unit.test_webhooks import message, notification

ROOT = Path(__file__).resolve().parents[3]
OUTBOUND = "/webhooks/outbound-messages/{token}"
EVENTS = "/webhooks/events"

# Runs the application as Lambda does, in a process of its own: whatever it prints is what a log would have.
PROGRAM = """
import json, logging, os, sys
from types import SimpleNamespace
logging.basicConfig(level=logging.INFO)
import app

context = SimpleNamespace(aws_request_id="request")
for turn in json.load(sys.stdin):
    os.environ["_X_AMZN_TRACE_ID"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    app.wiring = app.Wiring({**os.environ, **turn["environment"]})
    if turn["defect"]:
        app.wiring.__dict__["webhooks"] = SimpleNamespace()
    answer = app.app(turn["event"], context)
    print(json.dumps({"told": turn["name"], "answer": answer}), flush=True)
"""


def request(resource: str, body: bytes, method: str = "POST", token: str = TOKEN, **headers: str) -> dict[str, Any]:
    """API Gateway's event of a request."""
    path = resource.replace("{token}", token)
    kind = "text/xml" if resource == OUTBOUND else "application/json"
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": kind, **headers},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"token": token},
        "requestContext": {"httpMethod": method, "resourcePath": resource, "path": f"/api{path}"},
        "body": body.decode(),
        "isBase64Encoded": False,
        "stageVariables": None,
    }


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """Where the X-Ray daemon listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


def received(listening: socket.socket) -> list[str]:
    """Every segment that has come."""
    segments = []
    while True:
        try:
            segments.append(listening.recv(65_536).decode())
        except BlockingIOError:
            return segments


def turns(organization: str) -> list[tuple[str, int, dict[str, Any], dict[str, str], bool]]:
    """Name, status of the answer, request, variables that are others, and whether a defect of ours is in the way."""
    good = message(notification(), org=organization).encode()
    event = json.dumps({"object": "Account", "record_id": "001000000000001AAA", "change": "updated", "event_id": "e"})
    told, at = event.encode(), str(int(time.time()))
    signed = {"x-twinledger-timestamp": at, "x-twinledger-signature": signature_of(SIGNING_KEY, at, told)}
    keyed = {"x-api-key": API_KEY}
    away = {"TWINLEDGER_SALESFORCE_QUEUE_URL": "http://127.0.0.1:9/no-such.fifo"}
    return [
        ("good", 200, request(OUTBOUND, good), {}, False),
        ("of another org", 403, request(OUTBOUND, message(notification()).encode()), {}, False),
        ("malformed", 400, request(OUTBOUND, b"<a>" + TOKEN.encode()), {}, False),
        ("a token with something after it", 403, request(OUTBOUND, good, token=f"{TOKEN}x"), {}, False),
        ("too large", 413, request(OUTBOUND, b" " * 6_000_000), {}, False),
        ("of another method", 405, request(OUTBOUND, good, method="PUT"), {}, False),
        ("of another type", 415, request(OUTBOUND, good, **{"content-type": "text/plain"}), {}, False),
        ("a defect", 500, request(OUTBOUND, good), {}, True),
        ("good events", 202, request(EVENTS, told, **keyed), {}, False),
        ("signed events", 202, request(EVENTS, told, **signed), {}, False),
        ("a signature that is none", 403, request(EVENTS, told + b" ", **signed), {}, False),
        ("malformed events", 400, request(EVENTS, b"{", **keyed), {}, False),
        ("a defect with events", 500, request(EVENTS, told, **keyed), {}, True),
        ("no queue", 503, request(OUTBOUND, good), away, False),
        ("no queue for events", 503, request(EVENTS, told, **keyed), away, False),
        ("no secret", 503, request(OUTBOUND, good), {"TWINLEDGER_WEBHOOK_SECRET": "no-such-secret"}, False),
    ]


def test_no_secret_is_told(installed: World, daemon: socket.socket) -> None:
    """The application answers as it should, tells what it has to tell, and none of it holds a secret."""
    asked = turns(installed.wiring.installed().organization_id)
    names = ("name", "status", "event", "environment", "defect")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={
            **os.environ,
            **environment(installed.stage),
            "AWS_MAX_ATTEMPTS": "1",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
        },
        input=json.dumps([dict(zip(names, turn, strict=True)) for turn in asked]),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    answers = {line["told"]: line["answer"]["statusCode"] for line in lines if "told" in line}
    assert answers == {name: status for name, status, *_ in asked}

    segments = received(daemon)
    assert len([text for text in segments if '"name": "## outbound_messages"' in text]) == 8
    assert {"Received", "Refused", "Malformed"} <= set().union(*lines)
    errors = [line for line in lines if line.get("level") == "ERROR"]
    assert len([line for line in errors if "exception" in line]) == 2, "a defect is told with its traceback"
    assert len([line for line in errors if line["message"].endswith("sent again")]) == 3

    everything = "\n".join([done.stdout, done.stderr, *segments])
    assert [secret for secret in (TOKEN, API_KEY, SIGNING_KEY) if secret in everything] == []
