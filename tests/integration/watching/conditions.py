"""What sets the alarms off: each of ours by the application itself, whose lines of the log are the proof.

Each condition returns what was written to the standard output, which is the log of a function.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import app
from chalicelib.aws.sweeps import Position
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.model import Change, Hint, RowId, SalesforceId, Side
from chalicelib.jobs.braking import Limits
from chalicelib.jobs.relaying import tell_status
from chalicelib.postgres.relay import RelayStatus
from chalicelib.settings import Lane
from chalicelib.wiring import MARGIN
from tests.contract.live_bench import CONSUMER_KEY, LOGIN_URL, USERNAME, private_pem
from tests.fakes.hints import MemoryHints
from tests.integration.application.conftest import TOKEN, World
from tests.unit.test_wiring import certificate

DAY = 86_400.0

Condition: TypeAlias = Callable[[World], str]


@contextmanager
def log() -> Iterator[io.StringIO]:
    """What the functions write meanwhile."""
    with redirect_stdout(io.StringIO()) as written:
        yield written


def dead_letter(world: World) -> str:
    """A message was received too often."""
    record = {"messageId": "1", "receiptHandle": "r", "body": "junk", "attributes": {}}
    with log() as written:
        world.invoke("take_salesforce_dead_letters", {"Records": [record]})
    return written.getvalue()


def late_row(world: World) -> str:
    """An edit in Postgres is told of a minute after its commit."""
    found = world.database.execute("INSERT INTO account (name) VALUES ('Late') RETURNING id").fetchone()
    assert found is not None
    return _late(world, RowId("public.account", (str(found[0]),)))


def late_record(world: World) -> str:
    """An edit in Salesforce is told of a minute after its commit."""
    made = world.org.user("POST", "sobjects/Account", {"Name": "Late"}).json()
    return _late(world, SalesforceId("Account", made["id"]))


def _late(world: World, identity: RowId | SalesforceId) -> str:
    now = world.wiring.clock.now()
    hint = Hint(identity, Change.UPDATED, f"late-{now}", occurred_at=now - 60.0)
    world.wiring.hints.send([hint])
    with log() as written:
        while not world.pump(hint.side):
            pass
    return written.getvalue()


def deep_outbox(world: World) -> str:
    """More changes are captured than the queue takes."""
    world.database.execute("INSERT INTO account (name) SELECT 'Many' FROM generate_series(1, 1000)")
    taking = world.wiring.hints
    world.wiring.__dict__["hints"] = MemoryHints(room=0)
    with log() as written:
        world.invoke("relay_changes", SCHEDULED | {"seconds": MARGIN + 1.0})
    world.wiring.__dict__["hints"] = taking
    world.database.execute("TRUNCATE twinledger.outbox")
    return written.getvalue()


def late_relay(world: World) -> str:
    """Changes lie unsent; what the relay tells then, without the minute's wait."""
    status = RelayStatus(leader=True, depth=2000, unsent=1, lag=61.0, sent=0, covered=0, retries=9)
    with log() as written, world.wiring.observed("relay_changes", None):
        tell_status(world.wiring.telemetry, world.wiring.clock)(status)
    return written.getvalue()


def long_pause(world: World) -> str:
    """The sweep did not run for longer than Salesforce remembers deletions."""
    sweeps, then = world.wiring.sweeps, int(world.wiring.clock.now() - 20 * DAY)
    known = sweeps.positions(["Account"]).get("Account", Position(then, then))
    sweeps.save("Account", replace(known, covered=then, looked=then, span=None))
    return swept(world)


def closed_door(world: World) -> str:
    """The org does not let us in."""
    with secret(world, client_secret="wrong"):
        hint = Hint(SalesforceId("Account", "001000000000001AAA"), Change.UPDATED, f"halted-{world.wiring.clock.now()}")
        world.wiring.hints.send([hint])
        with log() as written, suppress(TwinledgerError):
            while not world.pump(Side.SALESFORCE):
                pass
    return written.getvalue()


def many_issues(world: World) -> str:
    """Fifty issues are opened."""
    now = world.wiring.clock.now()
    for number in range(50):
        issue = Issue(f"many-{number}", f"key-{number}", "account", "Name", IssueKind.REJECTED, now, now)
        world.wiring.archive.report(issue)
    return swept(world)


def runaway_deletions(world: World) -> str:
    """More rows are deleted at once than the brake lets pass."""
    made = world.database.execute("INSERT INTO account (name) SELECT 'Braked' FROM generate_series(1, 3) RETURNING id")
    rows = [RowId("public.account", (str(number),)) for (number,) in made.fetchall()]
    _told(world, rows, Change.CREATED)
    _settled(world)
    brake = app.wiring._brake
    limits, brake._limits = brake._limits, Limits(deletions=2)
    try:
        world.database.execute("DELETE FROM account WHERE name = 'Braked'")
        _told(world, rows, Change.DELETED)
        with log() as written:
            world.until(lambda: "account" in world.wiring.pauses.all())
            _settled(world)  # what is left is put aside
    finally:
        brake._limits = limits
    world.manage("resume", "account")
    _settled(world)
    return written.getvalue()


def _settled(world: World) -> None:
    world.until(lambda: world.wiring.receipts(Lane.POSTGRES).waiting() == 0)


def _told(world: World, rows: Sequence[RowId], change: Change) -> None:
    now = world.wiring.clock.now()
    world.wiring.hints.send([Hint(row, change, f"{change}-{row.key}-{now}", occurred_at=now) for row in rows])


def much_asked(world: World) -> str:
    """The org has nearly used up its allowance."""
    with running_out(world):
        return swept(world)


@contextmanager
def running_out(world: World) -> Iterator[None]:
    """The org has used more than nine tenths of its allowance, and will not have used it up for some requests."""
    for _ in range(400):
        world.org.user("GET", "limits")
    used = world.org.control("GET", "stats")["dailyUsed"]
    world.org.control("POST", "settings", {"dailyLimit": int((used + 20) / 0.95)})
    try:
        yield
    finally:
        world.org.control("POST", "settings", {"dailyLimit": 100_000})


def strangers(world: World) -> str:
    """Somebody calls who knows no token."""
    return _called(world, "no-such-token", 403)


def mumblers(world: World) -> str:
    """Somebody calls who knows a token, and says nothing that can be read."""
    return _called(world, TOKEN, 400)


def _called(world: World, token: str, status: int) -> str:
    with log() as written:
        for _ in range(20):
            url = f"/webhooks/outbound-messages/{token}"
            answer = world.client.http.post(url, headers={"Content-Type": "text/xml"}, body=b"<a/>")
            assert answer.status_code == status
    return written.getvalue()


def old_token(world: World) -> str:
    """A caller presents a token that was made 400 days ago."""
    client, name = world.stage.client("secretsmanager"), world.stage.outputs["WebhookSecretArn"]
    before = client.get_secret_value(SecretId=name)["SecretString"]
    made = datetime.fromtimestamp(world.wiring.clock.now() - 400 * DAY, UTC).isoformat()
    tokens = [{"secret": "a-token-that-is-old", "created_at": made}]
    client.put_secret_value(SecretId=name, SecretString=json.dumps(json.loads(before) | {"tokens": tokens}))
    world.wiring.webhook_secret(fresh=True)
    written = _called(world, "a-token-that-is-old", 400)
    client.put_secret_value(SecretId=name, SecretString=before)
    world.wiring.webhook_secret(fresh=True)
    return written


def old_certificate(world: World) -> str:
    """The certificate is good for ten days yet."""
    ends = world.wiring.clock.now() + 10 * DAY
    signed = {"login_url": LOGIN_URL, "username": USERNAME, "private_key": private_pem()}
    with secret(world, **signed, certificate=certificate(ends)):
        return swept(world)


def swept(world: World) -> str:
    """The sweep runs."""
    with log() as written:
        world.invoke("sweep", SCHEDULED)
    return written.getvalue()


@contextmanager
def secret(world: World, **members: str) -> Iterator[None]:
    """The org's secret has other content for a while."""
    client, name = world.stage.client("secretsmanager"), world.stage.outputs["SalesforceSecretArn"]
    before = client.get_secret_value(SecretId=name)["SecretString"]
    content = json.loads(before) | {"client_id": CONSUMER_KEY} | members
    client.put_secret_value(SecretId=name, SecretString=json.dumps(content))
    world.wiring.renew()
    try:
        yield
    finally:
        client.put_secret_value(SecretId=name, SecretString=before)
        world.wiring.renew()


SCHEDULED: dict[str, Any] = {
    "version": "0",
    "account": "000000000000",
    "region": "us-east-1",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-01-01T00:00:00Z",
    "id": "1",
    "resources": [],
}

# In this order: where the lowest value of a minute counts, the first one is the one that sets it off.
CONDITIONS: dict[str, Condition] = {
    "dead-letters": dead_letter,
    "lag-to-salesforce": late_row,
    "lag-to-postgres": late_record,
    "relay-lag": late_relay,
    "outbox-depth": deep_outbox,
    "sweep-incomplete": long_pause,
    "halted": closed_door,
    "braked": runaway_deletions,
    "issues-open": many_issues,
    "issues-rising": many_issues,
    "api-quota-warning": much_asked,
    "api-quota-critical": much_asked,
    "webhook-refusals": strangers,
    "webhook-malformed": mumblers,
    "certificate": old_certificate,
    "webhook-secret-age": old_token,
}
