"""A record on its way through the application's own entry points, both ways."""

import json
import threading
import time
from typing import Any

import pytest
from chalice.local import LambdaContext

import app
from chalicelib.callers import signature_of
from chalicelib.core.errors import AccessDenied, TwinledgerError
from chalicelib.settings import Lane
from chalicelib.wiring import MARGIN, Wiring
from tests.integration.application.conftest import API_KEY, SIGNING_KEY, TOKEN, World, environment, schedule


@pytest.fixture(scope="module")
def sfid(installed: World) -> str:
    """An account that was made in Postgres and has come to Salesforce."""
    installed.database.execute("INSERT INTO account (name, phone) VALUES ('Acme', '1')")

    def linked() -> list[tuple[Any, ...]]:
        return installed.database.execute("SELECT sfid FROM account WHERE sfid IS NOT NULL").fetchall()

    installed.until(lambda: bool(linked()))
    return str(linked()[0][0])


def conflict(world: World, sfid: str, ours: str, theirs: str) -> str:
    """Edit a phone on both sides at once; the issue's id."""
    world.database.execute("UPDATE account SET phone = %s WHERE sfid = %s", (ours, sfid))
    world.org.user("PATCH", f"sobjects/Account/{sfid}", {"Phone": theirs})
    world.until(lambda: any(issue.sfid == sfid for issue in world.wiring.archive.open_issues()))
    return next(issue.id for issue in world.wiring.archive.open_issues() if issue.sfid == sfid)


def test_a_row_becomes_a_record(installed: World, sfid: str) -> None:
    """By trigger, outbox, relay, queue and settle step."""
    record = installed.record(sfid)
    assert (record["Name"], record["Phone"]) == ("Acme", "1")


def test_an_edit_in_salesforce_reaches_the_row(installed: World, sfid: str) -> None:
    """By outbound message, webhook, queue and settle step."""
    installed.org.user("PATCH", f"sobjects/Account/{sfid}", {"Website": "acme.example"})
    installed.until(lambda: installed.column("website", sfid) == "acme.example")


def test_an_edit_in_postgres_reaches_the_record(installed: World, sfid: str) -> None:
    """And its echo comes to rest."""
    installed.database.execute("UPDATE account SET industry = 'Banking' WHERE sfid = %s", (sfid,))
    installed.until(lambda: installed.record(sfid)["Industry"] == "Banking")


def test_a_conflict_is_shown_and_decided(installed: World, sfid: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Both values stand in the issue; the decision reaches both sides, and the loser is in the history."""
    issue_id = conflict(installed, sfid, "20", "30")
    capsys.readouterr()
    assert installed.manage("issues") == 0
    assert issue_id in capsys.readouterr().out
    assert installed.manage("show", issue_id, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["postgres"], shown["salesforce"]) == ({"Phone": "20"}, {"Phone": "30"})
    assert installed.manage("resolve", issue_id, "--take", "postgres", "--actor", "ann", "--no-wait") == 0
    installed.until(lambda: installed.record(sfid)["Phone"] == "20")
    capsys.readouterr()
    assert installed.manage("show", shown["key"], "--json") == 0
    past = json.loads(capsys.readouterr().out)
    assert past["entry"]["issues"] == {}
    assert {"before": {"Phone": "30"}, "after": {"Phone": "20"}}.items() <= past["history"][0].items()


def test_a_value_of_one_s_own_decides(installed: World, sfid: str) -> None:
    """Neither side's value, on both sides."""
    issue_id = conflict(installed, sfid, "40", "50")
    assert installed.manage("resolve", issue_id, "--value", "Phone=60", "--no-wait") == 0
    installed.until(lambda: installed.record(sfid)["Phone"] == installed.column("phone", sfid) == "60")


def test_a_record_is_settled_by_hand(installed: World, sfid: str, capsys: pytest.CaptureFixture[str]) -> None:
    """There and then, and by a retry through the queue."""
    [entry] = [entry for entry in installed.wiring.ledger.entries_of("account") if entry.sfid == sfid]
    capsys.readouterr()
    for name in (entry.key, sfid, f"public.account:{(entry.pk or ())[0]}"):
        assert installed.manage("settle", name) == 0
        assert capsys.readouterr().out == "unchanged\n"
    assert installed.manage("retry", sfid[:15]) == 0
    assert installed.pump(Lane.SALESFORCE) >= 1


def test_a_change_event_reaches_the_row(installed: World, sfid: str) -> None:
    """Without any outbound message."""
    installed.org.control("DELETE", "outbound-messages")
    installed.org.user("PATCH", f"sobjects/Account/{sfid}", {"Website": "event.example"})
    org = installed.wiring.installed().organization_id
    header = {"entityName": "Account", "changeType": "UPDATE", "recordIds": [sfid]}
    event = {
        "id": "e1",
        "source": f"aws.partner/salesforce.com/{org}/0YL",
        "detail": {"payload": {"ChangeEventHeader": header}},
    }
    installed.invoke("change_events", event)
    installed.until(lambda: installed.column("website", sfid) == "event.example")


def test_the_sweep_finds_what_no_message_told_of(installed: World, sfid: str) -> None:
    """Every dropped message converges."""
    installed.org.user("PATCH", f"sobjects/Account/{sfid}", {"Website": "swept.example"})
    installed.invoke("sweep", schedule())
    installed.until(lambda: installed.column("website", sfid) == "swept.example")


def test_events_of_flows_reach_the_row(installed: World, sfid: str) -> None:
    """Through the documented JSON contract."""
    installed.org.user("PATCH", f"sobjects/Account/{sfid}", {"Website": "flow.example"})
    body = {"object": "Account", "record_id": sfid, "change": "updated", "event_id": "flow-1"}
    answer = installed.client.http.post(
        "/webhooks/events",
        headers={"Content-Type": "application/json", "x-api-key": API_KEY},
        body=json.dumps(body).encode(),
    )
    assert answer.status_code == 202
    installed.until(lambda: installed.column("website", sfid) == "flow.example")


def test_events_may_be_signed(installed: World, sfid: str) -> None:
    """With the headers of the contract, spelled in any case."""
    body = json.dumps({"object": "Account", "record_id": sfid, "change": "updated", "event_id": "signed-1"}).encode()
    at = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Twinledger-Timestamp": at,
        "X-Twinledger-Signature": signature_of(SIGNING_KEY, at, body),
    }
    post = installed.client.http.post
    assert post("/webhooks/events", headers=headers, body=body).status_code == 202
    assert post("/webhooks/events", headers=headers, body=body + b" ").status_code == 403
    installed.until(lambda: installed.wiring.receipts(Lane.SALESFORCE).waiting() == 0)


def test_a_token_is_changed_while_messages_come(
    installed: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new one is good at once, the old one beside it until the end, and then it is not."""
    secrets, name = installed.stage.client("secretsmanager"), installed.stage.outputs["WebhookSecretArn"]
    kept = secrets.get_secret_value(SecretId=name)["SecretString"]
    running = Wiring(environment(installed.stage))
    monkeypatch.setattr(app, "wiring", running)

    def answer(token: str) -> int:
        path = f"/webhooks/outbound-messages/{token}"
        return int(installed.client.http.post(path, headers={"Content-Type": "text/xml"}, body=b"<a/>").status_code)

    try:
        assert answer(TOKEN) == 400, "let in, and then no message"
        capsys.readouterr()
        assert installed.manage("rotate-webhook-secret") == 0
        new = capsys.readouterr().out.strip().rpartition("/")[2]
        assert [answer(new), answer(TOKEN)] == [400, 400]
        assert installed.manage("rotate-webhook-secret", "--finish") == 0
        assert [answer(new), answer(TOKEN)] == [400, 400], "remembered for some minutes"
        running.secrets.read(name, fresh=True)
        assert [answer(new), answer(TOKEN)] == [400, 403]
    finally:
        secrets.put_secret_value(SecretId=name, SecretString=kept)


def test_a_message_that_fails_stays_in_its_queue(installed: World, sfid: str) -> None:
    """And the call fails, so that Lambda leaves it there."""
    installed.wiring.hints.send([installed.wiring.operators().hint(entry_key(installed, sfid))])
    fault = {"errorCode": "SERVER_UNAVAILABLE", "operation": "query", "times": 99}
    installed.org.control("POST", "faults", fault)
    with pytest.raises(TwinledgerError):
        installed.pump(Lane.SALESFORCE)
    installed.org.control("DELETE", "faults")
    installed.until(lambda: installed.wiring.receipts(Lane.SALESFORCE).waiting() == 0)


def test_changed_credentials_are_taken_without_a_deployment(installed: World, sfid: str) -> None:
    """The call that is refused fails, and the next one reads the secret again."""
    secrets, name = installed.stage.client("secretsmanager"), installed.stage.outputs["SalesforceSecretArn"]
    good = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps({**json.loads(good), "client_secret": "other"}))
    installed.wiring.renew()
    hint = installed.wiring.operators().hint(entry_key(installed, sfid))
    [outcome] = installed.wiring.settler().settle([hint])
    assert isinstance(outcome.error, AccessDenied)
    secrets.put_secret_value(SecretId=name, SecretString=good)
    installed.wiring.hints.send([hint])
    with pytest.raises(TwinledgerError):
        installed.pump(Lane.SALESFORCE)
    installed.until(lambda: installed.wiring.receipts(Lane.SALESFORCE).waiting() == 0)


def test_a_dead_letter_becomes_an_issue(installed: World) -> None:
    """Of either queue."""
    for side in ("salesforce", "postgres"):
        record: dict[str, Any] = {"messageId": side, "receiptHandle": "r", "body": "junk", "attributes": {}}
        installed.invoke(f"take_{side}_dead_letters", {"Records": [record]})
    found = {issue.id for issue in installed.wiring.archive.open_issues()}
    assert {"message-salesforce", "message-postgres"} <= found


def test_health_has_two_depths(installed: World) -> None:
    """The shallow one for monitors, the deep one for whoever knows a key."""
    get = installed.client.http.get
    shallow = get("/health")
    assert (shallow.status_code, json.loads(shallow.body)) == (200, {"status": "ok", "stage": "test"})
    assert get("/health?deep=1").status_code == 403
    deep = get("/health?deep=1", headers={"x-api-key": API_KEY})
    parts = dict.fromkeys(
        ["ledger", "paused", "queues", "postgres", "salesforce", "probe", "sweep", "backfill", "issues"], "ok"
    )
    assert json.loads(deep.body) == {"status": "ok", "stage": "test", "parts": parts}


def test_the_endpoints_refuse_by_themselves(installed: World) -> None:
    """The answers of the webhooks are the answers of the API."""
    post = installed.client.http.post
    xml = {"Content-Type": "text/xml; charset=UTF-8"}
    assert post("/webhooks/outbound-messages/wrong", headers=xml, body=b"<a/>").status_code == 403
    assert post(f"/webhooks/outbound-messages/{TOKEN}", headers=xml, body=b"<a/>").status_code == 400
    assert post("/webhooks/events", headers={"Content-Type": "application/json"}, body=b"{}").status_code == 403
    assert post(f"/webhooks/outbound-messages/{TOKEN}", headers=xml, body=b" " * 6_000_000).status_code == 413
    for path in (f"/webhooks/outbound-messages/{TOKEN}", "/webhooks/events"):
        assert post(path, headers={"Content-Type": "text/plain"}, body=b"{}").status_code == 415


@pytest.mark.parametrize(("body", "is_base64_encoded"), [("\ud800", False), ("no Base64", True), (None, False)])
def test_a_body_that_cannot_be_read_is_malformed(installed: World, body: str | None, is_base64_encoded: bool) -> None:
    """Neither text nor what API Gateway makes of bytes."""
    headers = {"content-type": "text/xml"}
    resource = "/webhooks/outbound-messages/{token}"
    event = {
        "headers": headers,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"token": TOKEN},
        "requestContext": {"httpMethod": "POST", "resourcePath": resource},
        "body": body,
        "isBase64Encoded": is_base64_encoded,
        "stageVariables": None,
    }
    assert app.app(event, LambdaContext("api", 512))["statusCode"] == 400


def test_the_relay_function_stands_by(installed: World) -> None:
    """While another relay leads it waits, and ends in time."""
    before = threading.active_count()
    installed.wiring.run_relay(MARGIN + 0.2)
    assert threading.active_count() == before


def entry_key(world: World, sfid: str) -> str:
    """The record key of an account."""
    return next(entry.key for entry in world.wiring.ledger.entries_of("account") if entry.sfid == sfid)
