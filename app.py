"""Every route and function of the deployment. What they do stands in ``chalicelib``."""

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Request, Response, SQSEvent

from chalicelib.console import web
from chalicelib.console.routes import ROUTES, Route
from chalicelib.console.web import FORM, JSON
from chalicelib.settings import Lane, dead_letter_queue, queue_name
from chalicelib.wiring import Wiring

app = Chalice(app_name="twinledger", configure_logs=False)  # the logger of that name is Powertools'
wiring = Wiring()

BATCH = 10  # the most that a FIFO queue gives a function at once
SALESFORCE_QUEUE = queue_name(os.environ, Lane.SALESFORCE)
POSTGRES_QUEUE = queue_name(os.environ, Lane.POSTGRES)
BULK_QUEUE = queue_name(os.environ, Lane.BULK)


# --- HTTP


@app.route("/webhooks/outbound-messages/{token}", methods=["POST"], content_types=["text/xml", "application/xml"])
def outbound_messages(token: str) -> Response:
    """Salesforce delivers outbound messages here."""
    with _observed("outbound_messages", app.lambda_context):
        answer = wiring.webhooks.outbound_message(token, _body())
    return Response(answer.body, headers={"Content-Type": answer.content_type}, status_code=answer.status)


@app.route("/webhooks/events", methods=["POST"])
def events() -> Response:
    """Flows and Apex tell of changed records here."""
    with _observed("events", app.lambda_context):
        answer = wiring.webhooks.events(_request().headers, _body())
    return Response(answer.body, headers={"Content-Type": answer.content_type}, status_code=answer.status)


@app.route("/health")
def health() -> Response:
    """Whether the deployment answers; with ``?deep=1`` and an API key also whether everything behind it does."""
    with _observed("health", app.lambda_context):
        deep = "deep" in (_request().query_params or ())
        report = wiring.health(_api_key() if deep else None)
    return Response(json.dumps(report.content), headers={"Content-Type": "application/json"}, status_code=report.status)


def _request() -> Request:
    request = app.current_request
    if request is None:
        raise LookupError("no request is under way")
    return request


def _body() -> bytes:
    """The body as it came; nothing where it is neither text nor Base64, which is refused as any malformed body is."""
    try:
        body = _request().raw_body or b""
        return body.encode() if isinstance(body, str) else bytes(body)
    except ValueError:
        return b""


def _api_key() -> str:
    return str(_request().headers.get("x-api-key", ""))


# --- the console


def _serve(route: Route) -> None:
    """Register a route of the console."""

    def view(**arguments: str) -> Response:
        with _observed("console", app.lambda_context):
            answer = wiring.console.serve(route, _console_request(arguments))
        headers: dict[str, Any] = {"Content-Type": answer.content_type, **answer.headers}
        if answer.cookies:
            headers["Set-Cookie"] = list(answer.cookies)
        return Response(answer.body, headers=headers, status_code=answer.status)

    types = [FORM, JSON] if route.acts else []
    app.route(route.path, methods=[route.method], name=route.name, content_types=types or [JSON])(view)


def _console_request(arguments: Mapping[str, str]) -> web.Request:
    """The request as the console knows it; what stands before its path is API Gateway's stage or base path."""
    request = _request()
    path = str(request.path)
    return web.Request(
        method=str(request.method),
        path=path,
        prefix=str(request.context.get("path", path)).removesuffix(path),
        source=str(request.context.get("identity", {}).get("sourceIp", "")),
        headers={name.lower(): str(value) for name, value in request.headers.items()},
        query={name: str(value) for name, value in (request.query_params or {}).items()},
        arguments=dict(arguments),
        body=_body(),
    )


for _route in ROUTES:
    _serve(_route)


# --- queues


@app.on_sqs_message(queue=SALESFORCE_QUEUE, batch_size=BATCH)
def settle_salesforce_changes(event: SQSEvent) -> None:
    """Settle the records that changed in Salesforce."""
    with _observed("settle_salesforce_changes", event.context):
        wiring.batch(Lane.SALESFORCE).work_off(wiring.messages(event.to_dict()))


@app.on_sqs_message(queue=POSTGRES_QUEUE, batch_size=BATCH)
def settle_postgres_changes(event: SQSEvent) -> None:
    """Settle the records that changed in Postgres."""
    with _observed("settle_postgres_changes", event.context):
        wiring.batch(Lane.POSTGRES).work_off(wiring.messages(event.to_dict()))


@app.on_sqs_message(queue=BULK_QUEUE, batch_size=BATCH)
def settle_bulk_changes(event: SQSEvent) -> None:
    """Settle records that are some of many, on either side."""
    with _observed("settle_bulk_changes", event.context):
        wiring.batch(Lane.BULK).work_off(wiring.messages(event.to_dict()))


@app.on_sqs_message(queue=dead_letter_queue(SALESFORCE_QUEUE), batch_size=BATCH)
def take_salesforce_dead_letters(event: SQSEvent) -> None:
    """Make issues of messages and change events from Salesforce that could not be worked off."""
    with _observed("take_salesforce_dead_letters", event.context):
        wiring.dead_letters().take(wiring.messages(event.to_dict()))


@app.on_sqs_message(queue=dead_letter_queue(POSTGRES_QUEUE), batch_size=BATCH)
def take_postgres_dead_letters(event: SQSEvent) -> None:
    """Make issues of messages from Postgres that could not be worked off."""
    with _observed("take_postgres_dead_letters", event.context):
        wiring.dead_letters().take(wiring.messages(event.to_dict()))


@app.on_sqs_message(queue=dead_letter_queue(BULK_QUEUE), batch_size=BATCH)
def take_bulk_dead_letters(event: SQSEvent) -> None:
    """Make issues of messages of the bulk lane that could not be worked off."""
    with _observed("take_bulk_dead_letters", event.context):
        wiring.dead_letters().take(wiring.messages(event.to_dict()))


# --- events and schedules


@app.lambda_function()
def change_events(event: dict[str, Any], context: Any) -> None:
    """Take an event of Salesforce's Event Relay; the rule on the partner's event bus is part of the infrastructure."""
    with _observed("change_events", context):
        wiring.change_events(_seconds(context)).take(event)


@app.schedule("rate(1 minute)")
def sweep(event: CloudWatchEvent) -> None:
    """Send hints for what no message told of, and for what was put off."""
    with _observed("sweep", event.context):
        wiring.run_sweep(_seconds(event.context))


@app.schedule("rate(1 minute)")
def relay_changes(event: CloudWatchEvent) -> None:
    """Relay captured changes until the next invocation has taken over, where no process does."""
    with _observed("relay_changes", event.context):
        wiring.run_relay(_seconds(event.context))


def _seconds(context: Any) -> float:
    """For how long this invocation may still run."""
    return float(context.get_remaining_time_in_millis()) / 1000


def _observed(function: str, context: Any) -> AbstractContextManager[None]:
    return wiring.observed(function, context)
