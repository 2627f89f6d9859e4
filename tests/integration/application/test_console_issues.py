"""An issue is settled in the console, through the application's own entry points and under its role."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.application.conftest import OPERATOR_TOKEN, World

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Browser:
    """Somebody who has signed in."""

    world: World
    headers: dict[str, str] = field(default_factory=lambda: {"Host": "127.0.0.1", "Origin": "http://127.0.0.1"})
    token: str = ""

    def sign_in(self) -> None:
        """As an operator."""
        answer = self.post("/console/sign-in", {"token": OPERATOR_TOKEN})
        self.headers["Cookie"] = answer.headers["Set-Cookie"][0].partition(";")[0]
        page = self.get("/console/issues").body.decode()
        self.token = page.partition('name="csrf" value="')[2].partition('"')[0]

    def get(self, path: str) -> Any:
        """Follow a link."""
        return self.world.client.http.get(path, headers=self.headers)

    def post(self, path: str, fields: dict[str, str]) -> Any:
        """Send a form."""
        body = urlencode({"csrf": self.token, **fields}).encode()
        return self.world.client.http.post(path, headers=self.headers | FORM, body=body)


@pytest.fixture(scope="module")
def browser(installed: World) -> Browser:
    """An operator."""
    made = Browser(installed)
    made.sign_in()
    return made


def conflict(world: World) -> tuple[str, str]:
    """A phone that was edited on both sides; the Salesforce id and the issue's."""
    world.database.execute("INSERT INTO account (name, phone) VALUES ('Acme', '1')")

    def linked() -> list[tuple[Any, ...]]:
        query = "SELECT sfid FROM account WHERE sfid IS NOT NULL ORDER BY id DESC LIMIT 1"
        return world.database.execute(query).fetchall()

    known = linked()
    world.until(lambda: linked() not in ([], known))
    sfid = str(linked()[0][0])
    world.database.execute("UPDATE account SET phone = '2' WHERE sfid = %s", (sfid,))
    world.org.user("PATCH", f"sobjects/Account/{sfid}", {"Phone": "3"})
    world.until(lambda: any(issue.sfid == sfid for issue in world.wiring.archive.open_issues()))
    return sfid, next(issue.id for issue in world.wiring.archive.open_issues() if issue.sfid == sfid)


@pytest.mark.parametrize(("deed", "phone"), [("salesforce", "3"), ("postgres", "2")])
def test_a_conflict_is_settled_in_three_steps(installed: World, browser: Browser, deed: str, phone: str) -> None:
    """The list leads to it, its page has both values, and what was chosen reaches both sides."""
    sfid, issue_id = conflict(installed)
    assert issue_id in browser.get("/console/issues").body.decode()
    page = browser.get(f"/console/issues/{issue_id}").body.decode()
    version = page.partition('name="version" value="')[2].partition('"')[0]
    form = {"deed": deed, "version": version}

    assert browser.post(f"/console/issues/{issue_id}/preview", form).status_code == 200
    assert browser.post(f"/console/issues/{issue_id}/act", form).status_code == 303
    installed.until(lambda: installed.column("phone", sfid) == installed.record(sfid)["Phone"] == phone)

    listed = json.loads(browser.get("/console/api/issues").body)["issues"]
    assert issue_id not in [issue["id"] for issue in listed]
    assert browser.post(f"/console/issues/{issue_id}/act", form).status_code == 409
    assert "ann" in browser.get("/console/audit").body.decode()


def test_it_is_ignored_with_a_reason(installed: World, browser: Browser) -> None:
    """Both sides stay as they are, and the record finds its issue."""
    sfid, issue_id = conflict(installed)
    version = json.loads(browser.get(f"/console/api/issues/{issue_id}").body)["version"]
    form = {"deed": "ignore", "version": version, "reason": "both numbers are right"}

    assert browser.post(f"/console/issues/{issue_id}/act", form).status_code == 303
    installed.until(lambda: not any(issue.sfid == sfid for issue in installed.wiring.archive.open_issues()))

    assert (installed.column("phone", sfid), installed.record(sfid)["Phone"]) == ("2", "3")
    assert browser.get(f"/console/issues?find={sfid}").status_code == 303
