"""Who may use which route, by enumeration of all of them; and what every answer carries."""

import json
from dataclasses import replace

import pytest

from chalicelib.console.gate import HEADERS
from chalicelib.console.routes import ROUTES, Access, Route
from chalicelib.console.sessions import IDLE, digest
from chalicelib.console.web import FORM, JSON, MOST_BYTES, Response
from chalicelib.core.errors import Unavailable
from tests.unit.console.bench import HOST, TOKENS, Bench, Browser

SAME = {"sec-fetch-site": "same-origin", "content-type": FORM}
CLOSED = [route for route in ROUTES if route.access is not Access.ANYONE]
ACTING = [route for route in CLOSED if route.acts]
OPERATORS = [route for route in ROUTES if route.access is Access.OPERATOR]


def name(route: Route) -> str:
    """For the test's id."""
    return f"{route.method} {route.path}"


def every(routes: list[Route]) -> pytest.MarkDecorator:
    """For each of these routes."""
    return pytest.mark.parametrize("route", routes, ids=name)


def path_of(route: Route) -> str:
    """An address of the route."""
    return route.path.translate(str.maketrans("", "", "{}"))


def refused(response: Response, route: Route) -> bool:
    """Whether it is a refusal that says what to do."""
    if route.is_api:
        return response.status in (401, 403) and bool(json.loads(response.body)["error"])
    if response.status == 303:
        return "/console/sign-in" in response.headers["Location"]
    return response.status in (401, 403) and response.body != ""


@every(CLOSED)
def test_nobody_comes_in_without_a_session(bench: Bench, route: Route) -> None:
    """Whoever is not signed in is sent to the sign-in, and a program is told."""
    response = bench.send(route.method, path_of(route), headers=SAME)
    assert refused(response, route)


@every(CLOSED)
def test_nobody_comes_in_with_a_session_that_is_over(bench: Bench, route: Route) -> None:
    """Half an hour without a request ends it."""
    browser = bench.browser("ann")
    csrf = browser.csrf
    bench.clock.advance(IDLE)
    response = browser.post(path_of(route), csrf=csrf, headers=SAME) if route.acts else browser.get(path_of(route))
    assert refused(response, route)


@every(CLOSED)
def test_nobody_comes_in_with_a_session_made_up(bench: Bench, route: Route) -> None:
    """Nor with the digest that the ledger has."""
    known = next(iter(bench.browser("ann").cookies.values()))
    for made_up in ("made-up", digest(known)):
        browser = Browser(bench, {"__Host-twinledger": made_up})
        response = browser.post(path_of(route), csrf=digest("")) if route.acts else browser.get(path_of(route))
        assert refused(response, route)


@every(OPERATORS)
def test_a_viewer_does_not_act(bench: Bench, route: Route) -> None:
    """And is told why."""
    browser = bench.browser("vic")
    response = browser.post(path_of(route)) if route.acts else browser.get(path_of(route))
    assert response.status == 403
    assert "viewer" in response.body


@every(ACTING)
def test_an_act_without_the_token_of_the_session_is_refused(bench: Bench, route: Route) -> None:
    """Or with another session's."""
    browser = bench.browser("ann")
    other = bench.browser("ann").csrf
    for csrf in (None, "made-up", other):
        assert browser.post(path_of(route), csrf=csrf).status == 403


@every([route for route in ROUTES if route.acts])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": f"https://{HOST}"},
        {"sec-fetch-site": "", "origin": "https://elsewhere.example"},
        {"sec-fetch-site": "", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": ""},
    ],
    ids=str,
)
def test_an_act_from_a_foreign_page_is_refused(bench: Bench, route: Route, headers: dict[str, str]) -> None:
    """Whatever it has of the session's."""
    browser = bench.browser("ann")
    fields = {"token": TOKENS["ann"]}
    assert browser.post(path_of(route), fields, headers=headers).status == 403


def test_an_older_browser_tells_its_origin(bench: Bench) -> None:
    """Which is the console's own."""
    browser = bench.browser("ann")
    headers = {"sec-fetch-site": "", "origin": f"https://{HOST}"}
    assert browser.post("/console/sign-out", headers=headers).status == 303


def test_the_token_of_a_session_may_come_in_a_header(bench: Bench) -> None:
    """As a script sends it."""
    browser = bench.browser("ann")
    headers = {"x-csrf-token": browser.csrf}
    assert browser.post("/console/sign-out", csrf=None, headers=headers).status == 303


@every(list(ROUTES))
def test_every_answer_has_the_headers(bench: Bench, route: Route) -> None:
    """Those of refusals included."""
    response = bench.send(route.method, path_of(route), headers=SAME)
    assert {header: response.headers[header] for header in HEADERS} == HEADERS
    assert "Strict-Transport-Security" in response.headers


@every(list(ROUTES))
def test_every_route_has_a_handler(route: Route) -> None:
    """And a summary, and a name that no other has."""
    assert callable(route.find())
    assert route.summary
    assert [each.name for each in ROUTES].count(route.name) == 1


def test_a_program_comes_in_by_its_token(bench: Bench) -> None:
    """Without a session; a page does not take it."""
    headers = {"authorization": f"Bearer {TOKENS['vic']}"}
    assert bench.send("GET", "/console/api/overview", headers=headers).status == 200
    assert bench.send("GET", "/console/overview", headers=headers).status == 303
    assert bench.tickets.kept == {}


def test_a_program_with_a_wrong_token_is_refused(bench: Bench) -> None:
    """And is kept waiting where it goes on."""
    headers = {"authorization": "Bearer wrong"}
    seen = [bench.send("GET", "/console/api/overview", headers=headers).status for _ in range(21)]
    assert seen == [401] * 20 + [429]


def test_a_new_token_is_good_at_once(bench: Bench) -> None:
    """Where it is not known, the secret is read again."""
    bench.people()
    bench.people.actual.append(replace(bench.people.actual[0], name="new", sha256=digest("new-token")))
    assert bench.send("GET", "/console/api/overview", headers={"authorization": "bearer new-token"}).status == 200


def test_a_viewers_program_does_not_act(bench: Bench) -> None:
    """Every acting route of the interface."""
    for route in OPERATORS:
        if route.is_api:
            headers = {"authorization": f"Bearer {TOKENS['vic']}", "content-type": JSON}
            assert bench.send(route.method, path_of(route), headers=headers).status == 403


def test_a_body_that_is_too_large_is_refused(bench: Bench) -> None:
    """Before anything is made of it."""
    response = bench.send("POST", "/console/sign-in", headers=SAME, body=b"x" * (MOST_BYTES + 1))
    assert response.status == 413


def test_a_ledger_that_does_not_answer_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In plain words, and to the log."""

    def silent(*_: object) -> None:
        raise Unavailable("no answer")

    browser = bench.browser("ann")
    monkeypatch.setattr(bench.tickets, "get", silent)
    response = browser.get("/console/overview")
    assert response.status == 503
    assert "no answer" in response.body
    assert [what for what, _ in bench.failures] == ["the console could not answer a request"]


def test_a_part_of_a_page_sends_the_page_to_the_sign_in(bench: Bench) -> None:
    """The page that wanted it, not the part of it."""
    response = bench.send("GET", "/console/overview/now", headers={"hx-request": "true"})
    assert response.status == 401
    assert response.headers["HX-Redirect"] == "/api/console/sign-in"


def test_nothing_is_served_without_tls_but_on_this_machine(bench: Bench) -> None:
    """A cookie for this machine has no prefix, for it could not be set; nor is TLS asked for next time."""
    headers = {**SAME, "host": "127.0.0.1:4566", "x-forwarded-proto": "http"}
    body = f"token={TOKENS['ann']}".encode()
    response = bench.send("POST", "/console/sign-in", headers=headers, body=body)
    assert response.status == 303
    [kept] = response.cookies
    assert kept.startswith("twinledger=")
    assert "Secure" not in kept
    assert "Strict-Transport-Security" not in response.headers
