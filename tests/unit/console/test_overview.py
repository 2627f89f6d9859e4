"""The overview."""

import json
import threading

import pytest

from chalicelib.console.asking import Asker, Source
from chalicelib.console.overview import Told
from chalicelib.core.errors import Unavailable
from tests.fakes.clock import FakeClock
from tests.unit.console.bench import Bench


def silent() -> object:
    """A source that does not answer."""
    raise Unavailable("connection\n  refused")


def test_it_shows_what_is_known(bench: Bench) -> None:
    """Lag, counts and parts."""
    body = bench.browser("vic").get("/console/overview").body
    for text in ("Everything does well", "61 ms", "250 ms", "99,800", "account, contact kept the same", "CONFLICT"):
        assert text in body


def test_a_part_is_not_a_page(bench: Bench) -> None:
    """The same, without what is around it."""
    body = bench.browser("vic").get("/console/overview/now", headers={"hx-request": "true"}).body
    assert body.startswith('<div id="now"')
    assert "<html" not in body


def test_what_does_not_answer_is_told_for_itself(bench: Bench) -> None:
    """Everything else is shown as ever."""
    bench.answers |= {"postgres": silent, "figures": silent}
    body = bench.browser("vic").get("/console/overview").body
    assert "1 part needs a look" in body
    assert "connection refused; look at it" in body
    assert "The metrics do not answer" in body
    assert "account, contact kept the same" in body


def test_what_is_unwell_says_what_to_do(bench: Bench) -> None:
    """In the banner."""
    bench.answers["queues"] = lambda: Told(ok=False, text="2 dead: look at the log", numbers={"dead": 2})
    bench.answers["ledger"] = silent
    body = bench.browser("vic").get("/console/overview").body
    assert "2 parts need a look" in body
    assert "2 dead: look at the log" in body


def test_texts_are_shown_as_text(bench: Bench) -> None:
    """A script in one is none."""
    bench.answers["ledger"] = lambda: Told(ok=False, text="<script>alert(1)</script>")
    body = bench.browser("vic").get("/console/overview").body
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)" in body


def test_programs_get_numbers(bench: Bench) -> None:
    """The same that the page shows."""
    bench.answers["postgres"] = silent
    content = json.loads(bench.browser("vic").get("/console/api/overview").body)
    parts = {part["name"]: part for part in content["parts"]}
    assert content["well"] is False
    assert parts["queues"]["numbers"]["waiting"] == 3
    assert (parts["postgres"]["state"], parts["postgres"]["numbers"]) == ("silent", {})
    assert content["figures"]["directions"][0]["p95"]["values"] == [0.2, None, 0.25]


def test_programs_are_told_that_nothing_was_measured(bench: Bench) -> None:
    """Where the metrics do not answer."""
    bench.answers["figures"] = silent
    assert json.loads(bench.browser("vic").get("/console/api/overview").body)["figures"] is None


def test_nothing_is_asked_twice_within_seconds(bench: Bench) -> None:
    """However many look."""
    asked: list[int] = []

    def count() -> Told:
        asked.append(1)
        return Told(ok=True, text=f"asked {len(asked)} times")

    bench.answers["ledger"] = count
    browser = bench.browser("vic")
    assert "asked 1 times" in browser.get("/console/overview").body
    assert "asked 1 times" in bench.browser("ann").get("/console/overview").body
    bench.clock.advance(4.0)
    assert "asked 2 times" in browser.get("/console/overview").body


def test_after_a_change_everything_is_asked_anew(bench: Bench) -> None:
    """So that whoever acts sees what it did."""
    browser = bench.browser("ann")
    browser.get("/console/overview")
    bench.answers["ledger"] = lambda: Told(ok=True, text="now otherwise")
    bench.parts.board.forget()
    assert "now otherwise" in browser.get("/console/overview").body


def test_who_does_not_answer_in_time_is_not_asked_again_before() -> None:
    """Its answer is taken when it comes."""
    released, asked = threading.Event(), []

    def slow() -> str:
        asked.append(1)
        released.wait(10)
        return "here"

    clock = FakeClock()
    asker = Asker({"slow": Source(slow, 60.0, "wait"), "fast": Source(lambda: "now", 60.0, "")}, clock, patience=0.01)
    answers = asker.ask()
    assert (answers["slow"].value, answers["fast"].value) == (None, "now")
    assert answers["slow"].problem == "no answer within 0 s; wait"
    asker.ask()
    released.set()
    while asker.ask()["slow"].value is None:
        pass
    assert asked == [1]


def test_a_defect_is_not_hidden(bench: Bench) -> None:
    """Only what a source is known to raise is told of as its silence."""

    def broken() -> object:
        raise ZeroDivisionError

    bench.answers["ledger"] = broken
    browser = bench.browser("vic")
    with pytest.raises(ZeroDivisionError):
        browser.get("/console/overview")
