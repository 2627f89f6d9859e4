"""Least privilege: each function's role allows what its code does, and nothing else.

That no function does more is held by every test of this folder: see the fixture ``permitted``.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from chalice.local import LambdaContext

import app
from chalicelib.aws.state import Probe
from chalicelib.core.ledger import EntryChange, Intent
from chalicelib.core.model import Change, Hint, RowId, SalesforceId
from chalicelib.jobs.bursts import TOGETHER
from chalicelib.jobs.settling import BatchIncomplete
from chalicelib.settings import Lane
from chalicelib.wiring import MARGIN, Wiring
from tests.integration.application.conftest import API_KEY, OPERATOR_TOKEN, TOKEN, World, environment, schedule
from tests.integration.application.permissions import API, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.ledger import Entry
    from tests.integration.application.permissions import Permissions

LAMBDA = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}
"""What Lambda itself does by the role, not the code: logs, and the queue as event source ("Using Lambda with SQS").
What a function did not take it puts into the queue of failed events, and takes it from there, too."""

RARE = {
    "relay_changes": {"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
}
"""What only an entry needs that did not fit into one transaction: whoever reads it next puts the rest in place. Settle
steps do it too; tests/integration/aws/test_dynamo_ledger.py drives it."""


@contextmanager
def cold(world: World) -> Iterator[None]:
    """A container's first call: nothing is known yet that another function has read."""
    warm = app.wiring
    app.wiring = Wiring(environment(world.stage))
    try:
        yield
    finally:
        app.wiring.renew()
        app.wiring = warm


@pytest.fixture(scope="module", autouse=True)
def _each_cold(world: World) -> Iterator[None]:
    invoke = World.invoke

    def anew(self: World, function: str, event: dict[str, Any]) -> None:
        with cold(self):
            invoke(self, function, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "invoke", anew)
        yield


@pytest.fixture(scope="module")
def driven(world: World, permissions: Permissions) -> Permissions:
    """Every function, through what it does in good days and in bad ones."""
    world.wiring.state.save_probe(Probe(world.wiring.client.organization_id, passed=True, at=world.wiring.clock.now()))
    assert world.manage("install") == 0
    _children_before_parents(world)
    _messages_that_meet_a_lease(world)
    with cold(world):
        _api(world)
    _change_events(world)
    _dead_letters(world)
    _due_now(world)
    world.invoke("sweep", schedule())
    world.database.execute("TRUNCATE account CASCADE")
    relay = LambdaContext("relay_changes", 512, max_runtime_ms=round(1000 * (MARGIN + 3)))
    with cold(world):
        app.app.handler_map["relay_changes"](schedule(), relay)
    return permissions


def test_each_permission_is_used(driven: Permissions) -> None:
    """What a role allows, its function does."""
    unused = {
        function: {
            (action, resource)
            for action, resource in allowed - driven.used[function]
            if action not in LAMBDA | RARE.get(function, set()) and not resource.endswith("-failed-events")
        }
        for function, allowed in driven.allowed.items()
    }
    assert {function: left for function, left in unused.items() if left} == {}


def test_every_function_has_a_role(driven: Permissions) -> None:
    """Of its own: those of the application are those of the template."""
    assert set(driven.used) == set(driven.allowed) == {API} | set(app.app.handler_map) - ROUTES


def test_resources_are_named(driven: Permissions) -> None:
    """No role allows anything on everything, or every action of a service."""
    named = [pair for allowed in driven.allowed.values() for pair in allowed]
    assert [pair for pair in named if "*" in pair[0] or pair[1] == "*"] == []


def _children_before_parents(world: World) -> None:
    """A contact's message comes before its account's: it waits, and is woken by the function that links the account."""
    link = "INSERT INTO account (name, sfid) VALUES ('Parent', %s) RETURNING id::text"
    account = _waiting_contact(world)
    row = _insert(world, link, account)
    _work_off(world, Hint(RowId("public.account", row), Change.CREATED, "row-parent"))
    row = _waiting_row(world)
    _work_off(world, Hint(RowId("public.account", row), Change.CREATED, "row-parent-2"))
    row = _waiting_row(world)
    account = _record_of(world, "Account", {"Name": "Parent"})
    world.database.execute("UPDATE account SET sfid = %s WHERE id = %s", (account, *row))
    _work_off(world, Hint(SalesforceId("Account", account), Change.CREATED, "parent"))
    account = _waiting_contact(world)
    _work_off(world, Hint(SalesforceId("Account", account), Change.CREATED, "parent-3"))
    _children_of_both_lanes(world)
    _waiting_contact(world)
    _due_now(world)
    world.invoke("sweep", schedule())


def _children_of_both_lanes(world: World) -> None:
    """A child that came by the bulk lane is woken by it, whichever lane its parent comes by; and a live one live."""
    row = _waiting_row(world, bulk=True)
    _work_off(world, Hint(RowId("public.account", row), Change.CREATED, "row-parent-3"))
    row = _waiting_row(world, bulk=True)
    account = _record_of(world, "Account", {"Name": "Parent"})
    world.database.execute("UPDATE account SET sfid = %s WHERE id = %s", (account, *row))
    _work_off(world, Hint(SalesforceId("Account", account), Change.CREATED, "parent-2"))
    for bulk in (True, False):
        row = _waiting_row(world, bulk=bulk)
        _work_off(world, Hint(RowId("public.account", row), Change.CREATED, f"row-parent-4-{bulk}", bulk=True))
    account = _waiting_contact(world)
    row = _insert(world, "INSERT INTO account (name, sfid) VALUES ('Parent', %s) RETURNING id::text", account)
    _work_off(world, Hint(RowId("public.account", row), Change.CREATED, "row-parent-5", bulk=True))


def _waiting_contact(world: World) -> str:
    """A contact in Salesforce that waits for its account; the account's id."""
    account = _record_of(world, "Account", {"Name": "Parent"})
    contact = _record_of(world, "Contact", {"LastName": "Child", "AccountId": account})
    _work_off(world, Hint(SalesforceId("Contact", contact), Change.CREATED, f"child-{contact}"))
    return account


def _waiting_row(world: World, *, bulk: bool = False) -> tuple[str]:
    """A contact in Postgres that waits for its account; the account's primary key."""
    account = _insert(world, "INSERT INTO account (name) VALUES (%s) RETURNING id::text", "Parent")
    insert = "INSERT INTO contact (last_name, account_id) VALUES ('Child', %s) RETURNING id::text"
    contact = _insert(world, insert, *account)
    _work_off(world, Hint(RowId("public.contact", contact), Change.CREATED, f"row-child-{contact}", bulk=bulk))
    return account


def _record_of(world: World, name: str, values: dict[str, str]) -> str:
    """Create a record; its id."""
    return str(world.org.user("POST", f"sobjects/{name}", values).json()["id"])


def _insert(world: World, insert: str, value: str) -> tuple[str]:
    """Insert a row; its primary key."""
    made = world.database.execute(insert.encode(), (value,)).fetchone()
    assert made is not None
    return (made[0],)


def _messages_that_meet_a_lease(world: World) -> None:
    """Beside a record that another worker holds, one that fails: it is hidden, the other is deleted; then put off."""
    held, beside = [entry for entry in world.wiring.ledger.entries_of("account") if entry.sfid and entry.pk][:2]
    _hold(world, held)
    for entry in (held, beside):
        assert entry.sfid is not None
        assert entry.pk is not None
        hints = [SalesforceId("Account", entry.sfid), RowId("public.account", entry.pk)]
        _work_off(world, *(Hint(one, Change.UPDATED, f"lease-{entry.key}") for one in hints))
    world.database.execute("UPDATE account SET phone = '1' WHERE sfid = %s", (beside.sfid,))
    fault = {"errorCode": "SERVER_UNAVAILABLE", "times": 99}
    world.org.control("POST", "faults", fault)
    for lane in reversed(Lane):  # the bulk lane first: of what is put off of a record the last hint counts
        for receives in (1, 99):
            record = _record(world, beside, lane, receives)
            with suppress(BatchIncomplete):
                world.invoke(f"settle_{lane}_changes", {"Records": [record]})
    world.org.control("DELETE", "faults")


def _hold(world: World, entry: Entry) -> None:
    """Let another worker hold the record."""
    until = world.wiring.clock.now() + 60
    intent = Intent("other", {}, frozenset(), frozenset(), {}, {}, None, alive=True, lease_until=until)
    change = EntryChange(entry, replace(entry, version=entry.version + 1, intent=intent))
    world.wiring.ledger.write([change])


def _api(world: World) -> None:
    """A message of each kind, and both depths of health."""
    [sfid] = [entry.sfid for entry in world.wiring.ledger.entries_of("account") if entry.sfid][:1]
    event = {"object": "Account", "record_id": sfid, "change": "updated", "event_id": "permissions"}
    headers = {"Content-Type": "application/json", "x-api-key": API_KEY}
    post, get = world.client.http.post, world.client.http.get
    many = [event | {"event_id": f"permissions-{number}"} for number in range(TOGETHER + 1)]
    for body in (event, many):
        assert post("/webhooks/events", headers=headers, body=json.dumps(body).encode()).status_code == 202
    message = post(f"/webhooks/outbound-messages/{TOKEN}", headers={"Content-Type": "text/xml"}, body=b"<a/>")
    assert message.status_code == 400
    _console(world)
    assert get("/health?deep=1", headers={"x-api-key": API_KEY}).status_code in (200, 503)


def _console(world: World) -> None:
    """Somebody signs in, looks, and signs out; a session that was used a while ago is prolonged."""
    browser = {"Host": "127.0.0.1", "Origin": "http://127.0.0.1"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    post, get = world.client.http.post, world.client.http.get
    answer = post("/console/sign-in", headers=browser | form, body=f"token={OPERATOR_TOKEN}".encode())
    assert answer.status_code == 303
    browser["Cookie"] = answer.headers["Set-Cookie"][0].partition(";")[0]
    page = get("/console/overview", headers=browser)
    assert page.status_code == 200
    assert get("/console/issues", headers=browser).status_code == 200
    token = page.body.decode().partition('name="csrf" value="')[2].partition('"')[0]
    assert post("/console/sign-out", headers=browser | form, body=f"csrf={token}".encode()).status_code == 303


def _change_events(world: World) -> None:
    """One with its records, and one that tells of an unknown number of them."""
    source = f"aws.partner/salesforce.com/{world.wiring.installed().organization_id}/0YL"
    [sfid] = [entry.sfid for entry in world.wiring.ledger.entries_of("account") if entry.sfid][:1]
    for kind, ids in (("UPDATE", [sfid]), ("GAP_OVERFLOW", [])):
        header = {"entityName": "Account", "changeType": kind, "recordIds": ids}
        event = {"id": kind, "source": source, "detail": {"payload": {"ChangeEventHeader": header}}}
        world.invoke("change_events", event)


def _dead_letters(world: World) -> None:
    [entry] = [entry for entry in world.wiring.ledger.entries_of("account") if entry.sfid and entry.pk][:1]
    for lane in Lane:
        world.invoke(f"take_{lane}_dead_letters", {"Records": [_record(world, entry, lane, 6)]})


def _record(world: World, entry: Entry, lane: Lane, receives: int) -> dict[str, Any]:
    """A message about a record, as Lambda gives it, which was really received."""
    identity = (
        SalesforceId("Account", entry.sfid or "")
        if lane is Lane.SALESFORCE
        else RowId("public.account", entry.pk or ())
    )
    told = f"record-{lane}-{receives}-{world.wiring.clock.new_id()}"
    world.wiring.hints.send([Hint(identity, Change.UPDATED, told, bulk=lane is Lane.BULK)])
    sqs, url = world.stage.client("sqs"), world.queue_url(lane)
    message = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], WaitTimeSeconds=5)["Messages"][0]
    attributes = message["Attributes"] | {"ApproximateReceiveCount": str(receives)}
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": attributes,
    }


def _work_off(world: World, *hints: Hint) -> None:
    """Send hints, and pump until the queues are empty."""
    world.wiring.hints.send(hints)
    world.until(lambda: all(world.wiring.receipts(lane).waiting() == 0 for lane in Lane))


def _due_now(world: World) -> None:
    """Let the time pass of everything that is put off."""
    dynamodb, table = world.stage.client("dynamodb"), world.stage.outputs["LedgerTable"]
    for item in dynamodb.scan(TableName=table, FilterExpression="attribute_exists(due_at)")["Items"]:
        key = {"pk": item["pk"], "sk": item["sk"]}
        value = {":now": {"N": "1"}}
        dynamodb.update_item(
            TableName=table, Key=key, UpdateExpression="SET due_at = :now", ExpressionAttributeValues=value
        )
