"""How people come in by an operator token, and leave."""

from http import HTTPStatus
from typing import ClassVar

from chalicelib.console.call import Call
from chalicelib.console.people import holder
from chalicelib.console.routes import ROOT
from chalicelib.console.sessions import Tickets, cookie, digest
from chalicelib.console.web import Response, see_other
from chalicelib.core.ports import Clock

WINDOW = 600.0  # seconds in which attempts are counted together
MOST = 20  # attempts from one address
OVERVIEW = f"{ROOT}/overview"


class Attempts:
    """Counts attempts to sign in, by address.

    Args:
        tickets: where they are counted.
        clock: time.
    """

    TOO_MANY: ClassVar[str] = "Too many attempts to sign in came from this address: wait for ten minutes."

    def __init__(self, tickets: Tickets, clock: Clock) -> None:
        self._tickets = tickets
        self._clock = clock

    def another(self, source: str) -> bool:
        """Count one more; whether it may be made.

        Raises:
            TwinledgerError: the ledger refused.
        """
        now = self._clock.now()
        begun = now - now % WINDOW
        return self._tickets.count("attempts", f"{digest(source)}#{int(begun)}", begun + 2 * WINDOW) <= MOST


def home(call: Call) -> Response:
    """The overview, which sends on to the sign-in whoever is not signed in."""
    return see_other(call.request, OVERVIEW)


def form(call: Call) -> Response:
    """The sign-in."""
    if call.session is not None:
        return see_other(call.request, OVERVIEW)
    return _form(call, call.request.query.get("next", ""))


def sign_in(call: Call) -> Response:
    """Begin a session where the operator token is known."""
    fields, parts = call.request.form(), call.parts
    way = fields.get("next", "")
    if not Attempts(parts.tickets, parts.clock).another(call.request.source):
        return _form(call, way, Attempts.TOO_MANY, HTTPStatus.TOO_MANY_REQUESTS)
    token = fields.get("token", "").strip()
    person = holder(parts.people(), token) or holder(parts.people(fresh=True), token)
    if person is None:
        return _form(call, way, "This operator token is not known.", HTTPStatus.UNAUTHORIZED)
    if call.session is not None:
        parts.sessions.end(call.session)
    _, kept = parts.sessions.begin(call.request, person.name, person.role, person.sha256)
    return see_other(call.request, own_page(way)).with_cookie(kept)


def sign_out(call: Call) -> Response:
    """End the session."""
    call.parts.sessions.end(call.who)
    return see_other(call.request, f"{ROOT}/sign-in").with_cookie(cookie(call.request, "", 0))


def own_page(path: str) -> str:
    """Where to go after the sign-in: only ever a page of the console."""
    plain = path.isascii() and path.isprintable() and not set(path) & set("\\?#:") and "//" not in path
    return path if plain and path.startswith(f"{ROOT}/") and "/sign-" not in path else OVERVIEW


def _form(call: Call, way: str, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    content = {"next": own_page(way), "problem": problem, "active": ""}
    return call.parts.pages.page("sign_in.html", call.request, call.session, content, status)
