"""A console with everything behind it in memory, and a browser's way of using it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from chalicelib.console.asking import Asker, Source
from chalicelib.console.gate import Console
from chalicelib.console.overview import Board, Direction, Figures, Series, Told
from chalicelib.console.parts import Parts
from chalicelib.console.people import Person
from chalicelib.console.render import Pages
from chalicelib.console.routes import ROUTES, Route
from chalicelib.console.sessions import Sessions, digest
from chalicelib.console.web import FORM, Request, Response
from chalicelib.core.errors import TwinledgerError
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.desk import MemoryDesk
from tests.fakes.tickets import MemoryTickets

HOST = "console.example"
PREFIX = "/api"
TOKENS = {"ann": "the-token-of-ann", "vic": "the-token-of-vic"}
ROLES = {"ann": "operator", "vic": "viewer"}


@dataclass
class Crowd:
    """Who has an operator token; ``known`` is what is remembered of ``actual``."""

    actual: list[Person] = field(
        default_factory=lambda: [Person(name, ROLES[name], digest(token)) for name, token in TOKENS.items()]
    )
    known: list[Person] | None = None

    def __call__(self, *, fresh: bool = False) -> Iterable[Person]:
        """Implements :class:`chalicelib.console.people.People`."""
        if fresh or self.known is None:
            self.known = list(self.actual)
        return self.known


def series(*values: float | None) -> Series:
    """Values of a metric."""
    return Series("a metric", values)


FIGURES = Figures(
    directions=(
        Direction("Salesforce to Postgres", series(0.05, None, 0.061), series(0.2, None, 0.25), series(3.0, None, 5.0)),
        Direction("Postgres to Salesforce", series(None), series(None), series(None)),
    ),
    conflicts=series(1.0, 2.0),
    merged=series(4.0),
    calls_used=series(200.0),
    calls_left=series(99_800.0),
)


@dataclass
class Bench:
    """The console, and what is behind it."""

    clock: FakeClock = field(default_factory=FakeClock)
    tickets: MemoryTickets = field(default_factory=MemoryTickets)
    people: Crowd = field(default_factory=Crowd)
    answers: dict[str, Callable[[], object]] = field(default_factory=dict)
    failures: list[tuple[str, TwinledgerError]] = field(default_factory=list)
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    routes: tuple[Route, ...] = ROUTES
    patience: float = 2.0

    def __post_init__(self) -> None:
        self.answers = {
            "ledger": lambda: Told(ok=True, text="account, contact kept the same"),
            "queues": lambda: Told(
                ok=True, text="none dead", numbers={"waiting": 3, "dead": 0, "salesforce": 1, "postgres": 2}
            ),
            "postgres": lambda: Told(ok=True, text="7 wait", numbers={"depth": 7, "age": 2.5, "relayed": 1.0}),
            "issues": lambda: Told(ok=True, text="2 open", numbers={"open": 2, "kind CONFLICT": 2}),
            "figures": lambda: FIGURES,
        } | self.answers
        sources = {name: Source(self._asks(name), 4.0, "look at it") for name in self.answers}
        self.parts = Parts(
            stage="test",
            clock=self.clock,
            pages=Pages("test"),
            tickets=self.tickets,
            sessions=Sessions(self.tickets, self.clock),
            people=self.people,
            board=Board(Asker(sources, self.clock, self.patience)),
            desk=self.desk,
            audit=self.audit,
        )
        self.console = Console(self.parts, lambda what, error: self.failures.append((what, error)))

    def _asks(self, name: str) -> Callable[[], object]:
        def ask() -> object:
            return self.answers[name]()

        return ask

    def send(self, method: str, path: str, **given: Any) -> Response:
        """Send a request; ``given`` are members of :class:`chalicelib.console.web.Request`."""
        route, arguments = self._route(method, path)
        headers = {"host": HOST, "x-forwarded-proto": "https"} | given.pop("headers", {})
        request = Request(method, path, PREFIX, "192.0.2.1", headers, arguments=arguments, **given)
        return self.console.serve(route, request)

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route in self.routes:
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.path))
            found = re.fullmatch(pattern, path)
            if found and route.method == method:
                return route, found.groupdict()
        raise LookupError(f"{method} {path}")

    def browser(self, name: str) -> "Browser":
        """Somebody who has signed in."""
        browser = Browser(self)
        assert browser.post("/console/sign-in", {"token": TOKENS[name]}, csrf=None).status == 303
        return browser


@dataclass
class Browser:
    """Keeps cookies, and sends what a browser sends."""

    bench: Bench
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **given: Any) -> Response:
        """Follow a link."""
        return self._send("GET", path, given.pop("headers", {}), **given)

    def post(
        self, path: str, fields: Mapping[str, str] | None = None, csrf: str | None = "", headers: Any = None
    ) -> Response:
        """Send a form of the console's own page; with the session's token, another one, or none."""
        own = {"csrf": self.csrf if csrf == "" else csrf} if csrf is not None else {}
        sent = {"content-type": FORM, "sec-fetch-site": "same-origin", "origin": "null"} | (headers or {})
        return self._send("POST", path, sent, body=urlencode({**own, **(fields or {})}).encode())

    @property
    def csrf(self) -> str:
        """The token that the pages of this session have."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.get("/console/overview").body)
        return found[1] if found else ""

    def _send(self, method: str, path: str, headers: Mapping[str, str], **given: Any) -> Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.bench.send(method, path, headers={**headers, "cookie": cookie}, **given)
        for kept in response.cookies:
            name, _, value = kept.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response
