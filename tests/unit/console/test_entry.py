"""How people come in, and leave."""

from dataclasses import replace

import pytest

from chalicelib.console.entry import MOST, WINDOW, own_page
from chalicelib.console.sessions import IDLE, LIFE, TOUCHED, digest
from tests.unit.console.bench import TOKENS, Bench, Browser


def test_a_token_begins_a_session(bench: Bench) -> None:
    """Whose cookie no script sees; the ledger has a digest of it alone."""
    browser = Browser(bench)
    response = browser.post("/console/sign-in", {"token": f" {TOKENS['ann']} "}, csrf=None)
    assert response.status == 303
    assert response.headers["Location"] == "/api/console/overview"
    [kept] = response.cookies
    assert kept.endswith("; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure")
    secret = browser.cookies["__Host-twinledger"]
    assert [key for _, key in bench.tickets.kept] == [digest(secret)]
    assert secret not in repr(bench.tickets.kept)
    assert "ann" in browser.get("/console/overview").body


def test_a_wrong_token_is_refused(bench: Bench) -> None:
    """Nothing of it is shown again."""
    browser = Browser(bench)
    response = browser.post("/console/sign-in", {"token": "wrong<b>"}, csrf=None)
    assert response.status == 401
    assert "not known" in response.body
    assert "wrong" not in response.body
    assert browser.cookies == {}


def test_no_token_is_no_token(bench: Bench) -> None:
    """Not even where somebody's digest is that of nothing."""
    bench.people.actual.append(replace(bench.people.actual[0], name="nobody", sha256=digest("")))
    assert Browser(bench).post("/console/sign-in", {"token": ""}, csrf=None).status == 401
    assert Browser(bench).post("/console/sign-in", csrf=None).status == 401


def test_too_many_attempts_are_kept_waiting(bench: Bench) -> None:
    """Those with a right token, too; ten minutes later it is good."""
    for _ in range(MOST):
        assert Browser(bench).post("/console/sign-in", {"token": "wrong"}, csrf=None).status == 401
    fields = {"token": TOKENS["ann"]}
    assert Browser(bench).post("/console/sign-in", fields, csrf=None).status == 429
    bench.clock.advance(WINDOW)
    assert Browser(bench).post("/console/sign-in", fields, csrf=None).status == 303


def test_signing_out_ends_the_session(bench: Bench) -> None:
    """On the server: whoever has kept the cookie has nothing."""
    browser = bench.browser("ann")
    kept = dict(browser.cookies)
    assert browser.post("/console/sign-out").headers["Location"] == "/api/console/sign-in"
    assert browser.cookies == {"__Host-twinledger": ""}
    assert Browser(bench, kept).get("/console/overview").status == 303


def test_a_session_ends_after_eight_hours(bench: Bench) -> None:
    """However busy it was."""
    browser = bench.browser("ann")
    begun = bench.clock.now()
    while bench.clock.now() - begun < LIFE - IDLE:
        bench.clock.advance(IDLE - 1)
        assert browser.get("/console/overview").status == 200
    bench.clock.advance(begun + LIFE - bench.clock.now())
    assert browser.get("/console/overview").status == 303


def test_a_use_is_noted_once_a_minute(bench: Bench) -> None:
    """Not with every request."""
    browser = bench.browser("ann")
    [(content, _)] = bench.tickets.kept.values()
    bench.clock.advance(TOUCHED - 1)
    browser.get("/console/overview")
    assert [content for content, _ in bench.tickets.kept.values()] == [content]
    bench.clock.advance(1)
    browser.get("/console/overview")
    assert [content["seen"] for content, _ in bench.tickets.kept.values()] == [repr(bench.clock.now())]


def test_a_session_that_is_ended_meanwhile_does_not_come_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a request that has read it before."""
    browser = bench.browser("ann")
    bench.clock.advance(TOUCHED)
    prolong = bench.tickets.prolong

    def late(kind: str, key: str, content: dict[str, str], expires_at: float) -> bool:
        bench.tickets.drop(kind, key)
        return prolong(kind, key, content, expires_at)

    monkeypatch.setattr(bench.tickets, "prolong", late)
    assert browser.get("/console/overview").status == 303
    assert bench.tickets.kept == {}


def test_a_token_that_is_taken_back_ends_its_sessions(bench: Bench) -> None:
    """And one whose role was changed: the next sign-in has the new one."""
    browser, other = bench.browser("ann"), bench.browser("vic")
    bench.people.actual[:] = [replace(bench.people.actual[1], role="operator")]
    bench.people(fresh=True)
    assert browser.get("/console/overview").status == 303
    assert other.get("/console/overview").status == 303
    assert bench.tickets.kept == {}


def test_who_is_signed_in_needs_no_form(bench: Bench) -> None:
    """The sign-in leads to the overview, and so does the address of the console."""
    browser = bench.browser("vic")
    assert browser.get("/console/sign-in").headers["Location"] == "/api/console/overview"
    assert browser.get("/console").headers["Location"] == "/api/console/overview"


def test_a_second_sign_in_ends_the_first(bench: Bench) -> None:
    """One browser has one session."""
    browser = bench.browser("ann")
    browser.post("/console/sign-in", {"token": TOKENS["vic"]}, csrf=None)
    assert len(bench.tickets.kept) == 1
    assert "vic" in browser.get("/console/overview").body


def test_the_sign_in_leads_back(bench: Bench) -> None:
    """To the page that was wanted."""
    wanted = bench.send("GET", "/console/overview/now").headers["Location"]
    assert wanted == "/api/console/sign-in?next=/console/overview/now"
    form = bench.send("GET", "/console/sign-in", query={"next": "/console/overview/now"})
    assert 'name="next" value="/console/overview/now"' in form.body
    fields = {"token": TOKENS["ann"], "next": "/console/overview/now"}
    sent = Browser(bench).post("/console/sign-in", fields, csrf=None)
    assert sent.headers["Location"] == "/api/console/overview/now"


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere.example/console/",
        "//elsewhere.example/console/",
        "/\\elsewhere.example",
        "/console//elsewhere.example",
        "/console/\\elsewhere",
        "/console/a\r\nSet-Cookie: x",
        "/console/sign-out",
        "/health",
        "",
    ],
)
def test_it_leads_nowhere_else(path: str) -> None:
    """Only to pages of the console."""
    assert own_page(path) == "/console/overview"


def test_a_script_gets_a_redirect_that_it_follows(bench: Bench) -> None:
    """A part of a page that is sent by a script cannot be sent on by a status."""
    browser = bench.browser("ann")
    response = browser.post("/console/sign-out", headers={"hx-request": "true"})
    assert (response.status, response.headers["HX-Redirect"]) == (200, "/api/console/sign-in")
