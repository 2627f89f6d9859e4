"""The gate: who may use which route, and what every answer carries."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import quote

from chalicelib.console.call import Call
from chalicelib.console.entry import Attempts
from chalicelib.console.parts import Parts
from chalicelib.console.people import bearer, holder
from chalicelib.console.routes import ROOT, Route
from chalicelib.console.sessions import Session, digest
from chalicelib.console.web import MOST_BYTES, Request, Response, to_json
from chalicelib.core.errors import TwinledgerError

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
TLS_HEADERS: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}


class Console:
    """Answers requests.

    Args:
        parts: what the handlers have.
        failed: is told what could not be answered.
    """

    def __init__(self, parts: Parts, failed: Callable[[str, TwinledgerError], None]) -> None:
        self._parts = parts
        self._failed = failed

    def serve(self, route: Route, request: Request) -> Response:
        """Answer a request to a route."""
        try:
            response = self._answer(route, request)
        except TwinledgerError as error:
            self._failed("the console could not answer a request", error)
            response = self._refuse(
                request, None, HTTPStatus.SERVICE_UNAVAILABLE, f"What is behind the console did not answer: {error}"
            )
        return response.with_headers(HEADERS if request.local else {**HEADERS, **TLS_HEADERS})

    def _answer(self, route: Route, request: Request) -> Response:
        if len(request.body) > MOST_BYTES:
            text = f"This has {len(request.body)} bytes, and {MOST_BYTES} are the most."
            return self._refuse(request, None, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        token = _bearer_token(request)
        if token and route.is_api:
            return self._answer_bearer(route, request, token)
        session = self._session(request)
        if not route.access.allows(None if session is None else session.role):
            return self._not_allowed(request, session)
        wrong = _foreign(route, request, session) if route.acts else ""
        if wrong:
            return self._refuse(request, session, HTTPStatus.FORBIDDEN, wrong)
        return route.find()(Call(request, session, self._parts))

    def _answer_bearer(self, route: Route, request: Request, token: str) -> Response:
        """A program brings its token along with every request, which no page can make a browser do."""
        person = holder(self._parts.people(), token) or holder(self._parts.people(fresh=True), token)
        if person is None:
            tries = Attempts(self._parts.tickets, self._parts.clock)
            if not tries.another(request.source):
                return self._refuse(request, None, HTTPStatus.TOO_MANY_REQUESTS, tries.TOO_MANY)
            return self._refuse(request, None, HTTPStatus.UNAUTHORIZED, "This operator token is not known.")
        now = self._parts.clock.now()
        session = Session("", person.name, person.role, now, now, "", person.sha256)
        if not route.access.allows(session.role):
            return self._not_allowed(request, session)
        return route.find()(Call(request, session, self._parts))

    def _session(self, request: Request) -> Session | None:
        """Who asks: as the session says, but with the role that the secret gives a token now."""
        session = self._parts.sessions.of(request)
        if session is None or not session.credential:
            return session
        person = bearer(self._parts.people(), session.credential)
        if person is None or (person.name, person.role) != (session.actor, session.role):
            self._parts.sessions.end(session)
            return None
        return session

    def _not_allowed(self, request: Request, session: Session | None) -> Response:
        if session is not None:
            text = f"{session.actor} is signed in as a {session.role}, who may look at everything and change nothing."
            return self._refuse(request, session, HTTPStatus.FORBIDDEN, text)
        text = "Nobody is signed in, or the session is over: sign in."
        if request.is_api:
            return self._refuse(request, None, HTTPStatus.UNAUTHORIZED, text)
        way = f"?next={quote(request.path, safe='/')}" if request.method == "GET" and not request.is_fragment else ""
        address = f"{request.prefix}{ROOT}/sign-in{way}"
        if request.is_fragment:
            return Response(text, HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": address})
        return Response("", HTTPStatus.SEE_OTHER, headers={"Location": address})

    def _refuse(self, request: Request, session: Session | None, status: HTTPStatus, text: str) -> Response:
        if request.is_api:
            return to_json({"error": text}, status)
        content = {"title": status.phrase, "text": text, "active": ""}
        return self._parts.pages.page("refused.html", request, session, content, status)


def _foreign(route: Route, request: Request, session: Session | None) -> str:
    """Why a request that changes something is not one of our own pages'; empty where it is.

    Without referrers a browser calls the origin of a form ``null``, and only ``Sec-Fetch-Site`` tells where it comes
    from (Fetch Standard, "append a request Origin header"; Fetch Metadata Request Headers).
    """
    site = request.headers.get("sec-fetch-site")
    ours = site == "same-origin" if site else request.headers.get("origin") == request.origin
    if not ours:
        return "This was sent by a page that is not the console's."
    if route.foreign or session is None:
        return ""
    given = request.headers.get(CSRF_HEADER) or request.form().get(CSRF_FIELD, "")
    if digest(given) != digest(session.csrf):
        return "This page belongs to another session: load it again, and do it there."
    return ""


def _bearer_token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
