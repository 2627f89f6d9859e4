"""Composite: up to 25 requests in one call."""

from typing import Any

import pytest

from tests.integration.org.support import VERSION, OrgClient

BASE = f"/services/data/v{VERSION}"
OLD = "Tue, 10 Mar 2026 00:00:00 GMT"


def _composite(org: OrgClient, *requests: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    body = {"allOrNone": all_or_none, "collateSubrequests": False, "compositeRequest": list(requests)}
    answer = org.call("POST", "composite", body)
    assert answer.status_code == 200, answer.text
    responses: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return responses


def _request(reference: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    request: dict[str, Any] = {"referenceId": reference, "method": method, "url": f"{BASE}/{path}"}
    if body is not None:
        request["body"] = body
    if headers:
        request["httpHeaders"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return request


def _accounts(org: OrgClient) -> int:
    total: int = org.call("GET", "query?q=SELECT+COUNT()+FROM+Account").json()["totalSize"]
    return total


def test_a_later_request_uses_the_result_of_an_earlier_one(org: OrgClient) -> None:
    """``@{ref.id}`` in a body and in a URL."""
    responses = _composite(
        org,
        _request("acc", "POST", "sobjects/Account", {"Name": "Acme"}),
        _request("con", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{acc.id}"}),
        _request("read", "GET", "sobjects/Account/@{acc.id}?fields=Name"),
        _request("found", "GET", "query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{acc.id}'"),
        _request("patch", "PATCH", "sobjects/Contact/@{found.records[0].Id}", {"Title": "of @{read.Name}"}),
    )
    assert [r["httpStatusCode"] for r in responses] == [201, 201, 200, 200, 204]
    assert [r["referenceId"] for r in responses] == ["acc", "con", "read", "found", "patch"]
    assert org.call("GET", f"sobjects/Contact/{responses[1]['body']['id']}").json()["Title"] == "of Acme"


def test_a_composite_counts_as_one_call(org: OrgClient) -> None:
    """However many requests it holds."""
    before = org.stats()["apiCalls"]["total"]
    _composite(org, *[_request(f"r{n}", "POST", "sobjects/Account", {"Name": "a"}) for n in range(25)])
    assert (org.stats()["apiCalls"]["total"], _accounts(org)) == (before + 1, 25)


def test_a_conditional_patch_and_a_get_tell_the_state_after_automation(org: OrgClient) -> None:
    """The conditional writer's call: a PATCH with a precondition, then a GET of the same id."""
    org.control("automation", {"object": "Contact", "set": "Title", "action": "constant", "value": "by flow"})
    created = org.call("POST", "sobjects/Contact", {"LastName": "x"})
    path = f"sobjects/Contact/{created.json()['id']}"
    fresh = created.headers["Date"]
    done = _composite(
        org,
        _request("w", "PATCH", path, {"Phone": "1"}, If_Unmodified_Since=fresh),
        _request("r", "GET", f"{path}?fields=Phone,Title"),
    )
    stale = _composite(
        org,
        _request("w", "PATCH", path, {"Phone": "2"}, If_Unmodified_Since=OLD),
        _request("r", "GET", f"{path}?fields=Phone,Title"),
    )
    assert [r["httpStatusCode"] for r in done + stale] == [204, 200, 412, 200]
    assert [(r["body"]["Phone"], r["body"]["Title"]) for r in (done[1], stale[1])] == [("1", "by flow")] * 2


def test_a_dependent_of_a_failed_request_is_halted(org: OrgClient) -> None:
    """Independent requests go on, without allOrNone."""
    responses = _composite(
        org,
        _request("bad", "POST", "sobjects/Account", {}),
        _request("child", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{bad.id}"}),
        _request("other", "POST", "sobjects/Account", {"Name": "b"}),
    )
    assert [r["httpStatusCode"] for r in responses] == [400, 400, 201]
    codes = [r["body"][0]["errorCode"] for r in responses[:2]]
    assert codes == ["REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]


def test_all_or_none_rolls_everything_back(org: OrgClient) -> None:
    """One failure and nothing of the call stays; the others are PROCESSING_HALTED."""
    responses = _composite(
        org,
        _request("a", "POST", "sobjects/Account", {"Name": "a"}),
        _request("b", "POST", "sobjects/Account", {}),
        _request("c", "POST", "sobjects/Account", {"Name": "c"}),
        all_or_none=True,
    )
    codes = [r["body"][0]["errorCode"] for r in responses]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert _accounts(org) == 0


def test_within_all_or_none_a_read_sees_the_writes_before_it(org: OrgClient) -> None:
    """The requests are one transaction."""
    responses = _composite(
        org,
        _request("a", "POST", "sobjects/Account", {"Name": "a"}),
        _request("r", "GET", "sobjects/Account/@{a.id}?fields=Name"),
        _request("q", "GET", "query?q=SELECT+COUNT()+FROM+Account"),
        _request("d", "DELETE", "sobjects/Account/@{a.id}"),
        all_or_none=True,
    )
    assert (responses[1]["body"]["Name"], responses[2]["body"]["totalSize"]) == ("a", 1)
    assert (responses[3]["httpStatusCode"], _accounts(org)) == (204, 0)


def test_a_stale_marker_patch_stops_the_delete_after_it(org: OrgClient) -> None:
    """A conditional delete in REST: marker PATCH with a precondition, then DELETE, all or none."""
    path = f"sobjects/Account/{org.call('POST', 'sobjects/Account', {'Name': 'a'}).json()['id']}"
    responses = _composite(
        org,
        _request("m", "PATCH", path, {"Phone": "op"}, If_Unmodified_Since=OLD),
        _request("d", "DELETE", path),
        all_or_none=True,
    )
    assert [r["httpStatusCode"] for r in responses] == [412, 400]
    assert org.call("GET", path).json()["Phone"] is None


@pytest.mark.parametrize(
    ("path", "count"), [("sobjects/Account", 26), ("query?q=SELECT+Id+FROM+Account", 6), ("composite/sobjects", 6)]
)
def test_too_many_requests_are_refused_as_a_whole(org: OrgClient, path: str, count: int) -> None:
    """At most 25 requests, and at most 5 queries or collections among them."""
    requests = [_request(f"r{n}", "GET", path) for n in range(count)]
    answer = org.call("POST", "composite", {"compositeRequest": requests})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    "body",
    [
        {"compositeRequest": []},
        {"compositeRequest": "none"},
        {"compositeRequest": [{"method": "GET", "url": f"{BASE}/limits"}]},
        {"compositeRequest": [{"method": "GET", "url": f"{BASE}/limits", "referenceId": "a"}] * 2},
    ],
)
def test_a_malformed_composite_is_refused(org: OrgClient, body: dict[str, Any]) -> None:
    """Before anything of it runs."""
    answer = org.call("POST", "composite", body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_wrong_url_or_reference_fails_its_own_request(org: OrgClient) -> None:
    """The others go on."""
    foreign = {"referenceId": "a", "method": "GET", "url": "https://example.com/"}
    responses = _composite(
        org,
        foreign,
        _request("b", "GET", "sobjects/Account/@{nobody.id}"),
        _request("c", "POST", "sobjects/Account", {"Name": "n"}),
        _request("d", "PATCH", "sobjects/Account/@{c.id}", {"Phone": "@{c.nothing}", "Site": ["@{c.id}"]}),
    )
    assert [r["httpStatusCode"] for r in responses] == [400, 400, 201, 400]
    codes = [responses[n]["body"][0]["errorCode"] for n in (0, 1, 3)]
    assert codes == ["INVALID_INPUT", "PROCESSING_HALTED", "PROCESSING_HALTED"]
