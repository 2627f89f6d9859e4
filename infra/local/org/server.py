"""The org over HTTP: sessions, limits and faults around the data API, and the connection itself."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.local.org import apex, oauth, rest
from infra.local.org.calls import Answer, Call
from infra.local.org.control import control_routes
from infra.local.org.errors import OrgError, fail, not_found
from infra.local.org.faults import Effects
from infra.local.org.state import API_VERSIONS, Org
from infra.local.org.users import Session

_HANG_SECONDS = 300.0
_LONGEST_URI = 16_384
_TRANSPORT = "org.transport"
_HTML = b"<html><head><title>Service Unavailable</title></head><body>Service Unavailable</body></html>"
_RELEASES = {number: ("Winter", "Spring", "Summer")[(number - 59) % 3] for number in API_VERSIONS}


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the connection to the app so that an answer can be lost."""

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]


class Dated:
    """Gives each answer the org's own ``Date``, which follows its clock."""

    def __init__(self, app: ASGIApp, org: Org) -> None:
        self._app = app
        self._org = org

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_dated(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", self._org.clock.http_date())]
            await send(message)

        await self._app(scope, receive, send_dated)


def build_app(org: Org) -> ASGIApp:
    """The ASGI application of an org."""
    gate = _Gate(org)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        org.resume()
        yield
        for task in tuple(org.tasks):
            task.cancel()
        await org.outbound.close()

    app = Starlette(
        routes=[
            Route(
                "/services/data/v{version}/{path:path}", gate.data, methods=["GET", "POST", "PATCH", "DELETE", "PUT"]
            ),
            Route("/services/apexrest/{path:path}", gate.apex, methods=["GET", "POST"]),
            Route("/services/data", gate.versions),
            Route("/services/data/", gate.versions),
            Route("/services/oauth2/token", gate.token, methods=["POST"]),
            Route("/services/oauth2/userinfo", gate.identity, methods=["GET", "POST"]),
            Route("/id/{org_id}/{user_id}", gate.identity),
            Mount("/__org__", routes=control_routes(org)),
        ],
        lifespan=lifespan,
    )
    return Dated(app, org)


class _Gate:
    """What every call passes: its session, the limits, the faults that strike the connection."""

    def __init__(self, org: Org) -> None:
        self._org = org

    async def versions(self, _request: Request) -> Response:
        """Answer the list of versions, which needs no session."""
        listed = [
            {"label": f"{_RELEASES[n]} '{(n - 59) // 3 + 24}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
            for n in API_VERSIONS
        ]
        return _response(Answer(200, listed))

    async def token(self, request: Request) -> Response:
        """Answer the token endpoint."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        effects = Effects()
        try:
            self._org.faults.strike(effects, "token", None, "")
            answer = oauth.token(self._org, form, _basic(request), _host(request))
        except OrgError as error:
            answer = oauth.refused("unknown_error", str(error), error.status)
        self._org.stats.api_calls["token"] += 1
        return await self._finish(request, answer, effects)

    async def identity(self, request: Request) -> Response:
        """Answer who the session's user is."""
        try:
            session = self._session(request, "66.0")
        except OrgError:
            return Response("Bad_OAuth_Token", 403)
        return _response(Answer(200, oauth.identity(self._org, session.user, f"https://{_host(request)}")))

    async def data(self, request: Request) -> Response:
        """Answer the data API."""
        raw_path = request.scope["raw_path"].decode("ascii").split("/services/data/v", 1)[1]
        version, _, rest_path = raw_path.partition("/")
        segments = tuple(unquote(part) for part in rest_path.split("/") if part)
        return await self._call(request, version, segments)

    async def apex(self, request: Request) -> Response:
        """Answer the Apex REST class."""
        return await self._call(request, "66.0", ("apexrest", *request.path_params["path"].strip("/").split("/")))

    async def _call(self, request: Request, version: str, path: tuple[str, ...]) -> Response:
        body = await request.body()
        effects = Effects()
        marker = object()
        try:
            answer = await self._guarded(request, version, path, body=body, effects=effects, marker=marker)
        except OrgError as error:
            answer = Answer(error.status, error.body())
        finally:
            self._org.running_calls.pop(marker, None)
        used = self._org.stats.used(self._org.clock.now())
        answer.headers = answer.headers | {"Sforce-Limit-Info": f"api-usage={used}/{self._org.settings.daily_limit}"}
        self._org.stats.statuses[str(answer.status)] += 1
        return await self._finish(request, answer, effects)

    async def _guarded(
        self, request: Request, version: str, path: tuple[str, ...], *, body: bytes, effects: Effects, marker: object
    ) -> Answer:
        session = self._session(request, version)
        apex_call = path[:1] == ("apexrest",)
        call = Call(
            method=request.method,
            path=path,
            query=dict(request.query_params),
            headers={key.decode("latin-1"): value.decode("latin-1") for key, value in request.scope["headers"]},
            session=session,
            version=f"v{version}",
            raw_body=body,
            effects=effects,
        )
        self._check_limits("apex" if apex_call else rest.call_kind(call), marker)
        if len(request.scope["raw_path"]) + len(request.scope["query_string"]) > _LONGEST_URI:
            raise fail("URI_TOO_LONG", "The URI is longer than 16,384 bytes", status=414)
        if version.removesuffix(".0") not in _VERSIONS:
            raise not_found()
        if apex_call:
            return await self._apex(call)
        return await rest.answer(self._org, call)

    async def _apex(self, call: Call) -> Answer:
        self._org.faults.strike(call.effects, "apex", None, call.session.user.name)
        await call.effects.wait()
        if "/".join(call.path[1:]) != apex.PATH:
            raise fail("NOT_FOUND", "Could not find a match for URL")
        if call.method == "GET":
            return apex.describe(self._org, call.session)
        return await apex.settle(self._org, call.session, call.effects, call.raw_body)

    def _session(self, request: Request, version: str) -> Session:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        name = self._org.tokens.user_of(token) if scheme.lower() in {"bearer", "oauth"} else None
        user = self._org.users.get(name) if name else None
        if user is None:
            raise fail("INVALID_SESSION_ID", "Session expired or invalid")
        options = request.headers.get("sforce-call-options", "")
        parts = dict(part.strip().partition("=")[::2] for part in options.split(","))
        duplicates = request.headers.get("sforce-duplicate-rule-header", "").lower().replace(" ", "")
        return Session(user, parts.get("client", ""), f"rest/{version}", "allowsave=true" in duplicates)

    def _check_limits(self, kind: str, marker: object) -> None:
        org, now = self._org, time.monotonic()
        if org.stats.used(org.clock.now()) >= org.settings.daily_limit:
            raise fail("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        org.stats.count_call(kind, org.clock.now())
        limit = org.settings.concurrent_limit
        if len(org.running_calls) >= limit:
            long = sum(1 for start in org.running_calls.values() if now - start >= org.settings.long_call_seconds)
            if long >= limit:
                text = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
                raise fail("REQUEST_LIMIT_EXCEEDED", text)
        org.running_calls[marker] = now

    async def _finish(self, request: Request, answer: Answer, effects: Effects) -> Response:
        if effects.latency_ms:
            await asyncio.sleep(effects.latency_ms / 1000)
        if effects.hang:
            released = self._org.faults.released
            try:
                await asyncio.wait_for(released.wait(), _HANG_SECONDS)
            except TimeoutError:
                effects.lost_answer = True
        if effects.lost_answer or effects.hang:
            request.scope[_TRANSPORT].abort()
            await asyncio.sleep(0)
        if effects.html and answer.status >= 500:
            return Response(_HTML, answer.status, media_type="text/html")
        return _response(answer)


_VERSIONS = frozenset(str(number) for number in API_VERSIONS)


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user, password


def _host(request: Request) -> str:
    """The host that the client meant; an adapter that redirects to this port says it in ``X-Org-Host``."""
    return request.headers.get("x-org-host") or request.headers.get("host", "")


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(None, answer.status, answer.headers)
    body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    return Response(body, answer.status, answer.headers, answer.media_type)


def make_server(org: Org, port: int) -> uvicorn.Server:
    """A uvicorn server for an org on 127.0.0.1."""
    return uvicorn.Server(
        uvicorn.Config(
            build_app(org),
            host="127.0.0.1",
            port=port,
            http=Protocol,
            loop="uvloop",
            access_log=False,
            log_level="warning",
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=2,
        )
    )
