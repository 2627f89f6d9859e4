"""Issues in the console: seen, decided, and told honestly where somebody was faster."""

import json
import re
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from chalicelib.console.web import FORM, Response
from chalicelib.core.ledger import Issue
from chalicelib.core.model import Side
from tests.unit.console.bench import Bench, Browser
from tests.unit.core.scene import Pair, Scene


@dataclass
class Desk:
    """A console over two systems in memory, with people at it."""

    bench: Bench

    @property
    def scene(self) -> Scene:
        """The two systems."""
        return self.bench.desk.scene

    def conflict(self, ours: str = "Acme P", theirs: str = "Acme S") -> tuple[Pair, Issue]:
        """A name that was edited on both sides."""
        pair = self.scene.linked(Name="Acme")
        self.scene.edit_both(pair, {"Name": ours}, {"Name": theirs})
        self.scene.drain()
        return pair, next(issue for issue in self.scene.open_issues() if issue.sfid == pair.sfid)

    def version(self, browser: Browser, issue: Issue) -> str:
        """What a person's page says."""
        return str(json.loads(browser.get(f"/console/api/issues/{issue.id}").body)["version"])


@pytest.fixture
def desk() -> Desk:
    """One without issues."""
    return Desk(Bench())


@pytest.fixture
def ann(desk: Desk) -> Browser:
    """An operator."""
    return desk.bench.browser("ann")


@pytest.fixture
def vic(desk: Desk) -> Browser:
    """A viewer."""
    return desk.bench.browser("vic")


def test_the_list_shows_what_both_sides_hold(desk: Desk, vic: Browser) -> None:
    """And leads to the issue; filters and counts stand above it."""
    _, issue = desk.conflict()
    page = vic.get("/console/issues").body

    assert f"/console/issues/{issue.id}" in page
    assert ("Acme P" in page, "Acme S" in page) == (True, True)
    assert issue.id not in vic.get("/console/issues", query={"mapping": "contact"}).body
    assert issue.id not in vic.get("/console/issues", query={"state": "closed"}).body


def test_a_filter_that_is_none_is_refused_in_words(desk: Desk, vic: Browser) -> None:
    """The list is there all the same."""
    answer = vic.get("/console/issues", query={"mapping": "acount"})
    assert answer.status == 400
    assert "acount" in answer.body


def test_issues_are_found_by_the_record(desk: Desk, vic: Browser) -> None:
    """One issue is shown at once; a record that there is not is said to be none."""
    pair, issue = desk.conflict()
    found = vic.get("/console/issues", query={"find": pair.sfid or ""})
    assert (found.status, found.headers["Location"].endswith(f"/issues/{issue.id}")) == (303, True)
    assert vic.get("/console/issues", query={"find": "001000000000009AAA"}).status == 404


def test_an_issue_shows_both_sides_and_what_was_agreed(desk: Desk, ann: Browser, vic: Browser) -> None:
    """With buttons for those who may act, and a word for those who may not."""
    _, issue = desk.conflict()
    seen, shown = vic.get(f"/console/issues/{issue.id}").body, ann.get(f"/console/issues/{issue.id}").body

    assert "Agreed before" in seen
    assert ('value="salesforce"' in seen, 'value="salesforce"' in shown) == (False, True)
    assert "needs the role operator" in seen
    assert ann.get("/console/issues/none").status == 404


@pytest.mark.parametrize("path", ["/console/issues", "/console/issues/{id}"])
def test_a_script_in_a_value_is_text(desk: Desk, ann: Browser, path: str) -> None:
    """Wherever a value of a record is shown."""
    _, issue = desk.conflict("<script>alert(1)</script>", "'\"><img src=x onerror=alert(2)>")
    page = ann.get(path.format(id=issue.id)).body

    assert "<script>alert" not in page
    assert "<img" not in page
    assert "alert(1)" in re.sub(r"<[^>]*>", "", page)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"deed": "salesforce"}, "Acme S"),
        ({"deed": "postgres"}, "Acme P"),
        ({"deed": "values", "pick.Name": "own", "own.Name": "Acme both"}, "Acme both"),
    ],
)
def test_a_decision_is_previewed_and_reaches_both_sides(
    desk: Desk, ann: Browser, fields: dict[str, str], expected: str
) -> None:
    """It is written down with who did it."""
    pair, issue = desk.conflict()
    form = {**fields, "version": desk.version(ann, issue)}
    preview = ann.post(f"/console/issues/{issue.id}/preview", form)
    before = desk.scene.both(pair, "Name")
    acted = ann.post(f"/console/issues/{issue.id}/act", form)
    desk.scene.queue.append(desk.scene.message(pair, Side.SALESFORCE, content=False))
    desk.scene.drain()

    assert (preview.status, expected in preview.body, before) == (200, True, ("Acme P", "Acme S"))
    assert acted.status == 303
    assert desk.scene.both(pair, "Name") == (expected, expected)
    [act] = desk.bench.desk.audit.page("2026-09", 10)
    assert (act.actor, act.role, act.subjects) == ("ann", "operator", (issue.id,))


def test_a_record_that_has_moved_is_shown_as_it_is_now(desk: Desk, ann: Browser) -> None:
    """Nothing is decided about what nobody saw."""
    pair, issue = desk.conflict()
    form = {"deed": "postgres", "version": desk.version(ann, issue)}
    desk.scene.edit_salesforce(pair, Name="Acme later")
    desk.scene.drain()

    for path in ("preview", "act"):
        answer = ann.post(f"/console/issues/{issue.id}/{path}", form)
        assert (answer.status, "Acme later" in answer.body) == (409, True)
    assert desk.scene.both(pair, "Name") == ("Acme P", "Acme later")


@pytest.mark.parametrize("fields", [{}, {"deed": "salesforce"}, {"deed": "win", "version": "1"}])
def test_a_form_that_says_nothing_is_refused(desk: Desk, ann: Browser, fields: dict[str, str]) -> None:
    """With what it has to say."""
    _, issue = desk.conflict()
    for path in ("preview", "act"):
        assert ann.post(f"/console/issues/{issue.id}/{path}", fields).status == 400
        assert ann.post(f"/console/api/issues/{issue.id}/{path}", fields).status == 400


def test_several_are_previewed_and_decided_together(desk: Desk, ann: Browser) -> None:
    """Each for itself: one that has moved is left alone, and said so."""
    cases = [desk.conflict(f"P{number}", f"S{number}") for number in range(3)]
    versions = [(issue, desk.version(ann, issue)) for _, issue in cases]
    desk.scene.edit_salesforce(cases[2][0], Name="later")
    desk.scene.drain()
    chosen = [("issue", f"{issue.id}:{version}") for issue, version in versions]
    preview = _post_lists(ann, "/console/issues-chosen", [("deed", "postgres"), *chosen])
    acted = _post_lists(ann, "/console/issues-chosen/act", [("deed", "postgres"), *chosen])
    for pair, _ in cases:
        desk.scene.queue.append(desk.scene.message(pair, Side.SALESFORCE, content=False))
    desk.scene.drain()

    assert (preview.status, "has moved" in preview.body, acted.status) == (200, True, 200)
    assert [desk.scene.both(pair, "Name") for pair, _ in cases] == [("P0", "P0"), ("P1", "P1"), ("P2", "later")]
    assert "Choose at least one issue" in _post_lists(ann, "/console/issues-chosen", [("deed", "postgres")]).body
    typed = _post_lists(ann, "/console/issues-chosen", [("deed", "values"), *chosen])
    assert (typed.status, "one issue at a time" in typed.body) == (400, True)


def _post_lists(browser: Browser, path: str, fields: list[tuple[str, str]]) -> Response:

    headers = {"content-type": FORM, "sec-fetch-site": "same-origin", "origin": "null"}
    return browser._send("POST", path, headers, body=urlencode([("csrf", browser.csrf), *fields]).encode())


def test_programs_see_and_do_the_same(desk: Desk, ann: Browser) -> None:
    """By JSON, with the version that an act has to name."""
    pair, issue = desk.conflict()
    listed = json.loads(ann.get("/console/api/issues", query={"limit": "1"}).body)
    counted = json.loads(ann.get("/console/api/issue-counts").body)
    shown = json.loads(ann.get(f"/console/api/issues/{issue.id}").body)

    assert [one["id"] for one in listed["issues"]] == [issue.id]
    assert {"mapping": "account", "kind": "CONFLICT", "open": 1} in counted["counts"]
    assert {"salesforce", "postgres", "values", "ignore"} <= set(shown["deeds"])
    assert ann.get("/console/api/issues", query={"limit": "many"}).status == 400
    assert ann.get("/console/api/issues/none").status == 404
    form = {"deed": "ignore", "reason": "both are right", "version": shown["version"]}
    assert ann.post(f"/console/api/issues/{issue.id}/preview", form).status == 200
    assert ann.post(f"/console/api/issues/{issue.id}/act", form).status == 200
    desk.scene.queue.append(desk.scene.message(pair, Side.SALESFORCE, content=False))
    desk.scene.drain()
    assert ann.post(f"/console/api/issues/{issue.id}/act", form).status == 409
    assert (desk.scene.open_issues(), desk.scene.both(pair, "Name")) == ([], ("Acme P", "Acme S"))
    assert json.loads(ann.get("/console/api/audit").body) is not None
    assert ann.get("/console/audit").status == 200
