"""Ordered failures and the limits of the API."""

import threading
import time
from typing import Any

import pytest

from tests.integration.org.support import OrgClient, eventually


def _create(org: OrgClient) -> Any:
    return org.call("POST", "sobjects/Account", {"Name": "a"})


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"errorCode": "SERVER_UNAVAILABLE"}, 503,
         [{"message": "ordered failure SERVER_UNAVAILABLE", "errorCode": "SERVER_UNAVAILABLE"}]),
        ({"errorCode": "REQUEST_LIMIT_EXCEEDED"}, 403,
         [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]),
        ({"errorCode": "INVALID_SESSION_ID"}, 401,
         [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]),
        ({"errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked", "fields": ["Name"]}, 400,
         [{"message": "locked", "errorCode": "UNABLE_TO_LOCK_ROW", "fields": ["Name"]}]),
    ],
)  # fmt: skip
def test_a_fault_refuses_with_its_status(org: OrgClient, fault: dict[str, Any], status: int, body: Any) -> None:
    """Once by default, and nothing lands."""
    org.control("faults", {"operation": "create", "object": "account"} | fault)
    first, second = _create(org), _create(org)
    assert (first.status_code, first.json(), second.status_code) == (status, body, 201)


def test_a_fault_strikes_after_some_and_for_its_object_only(org: OrgClient) -> None:
    """``after``, ``times`` and ``object``; the list shows how often it struck."""
    org.control("faults", {"operation": "create", "object": "Account", "httpStatus": 500, "after": 1, "times": 2})
    lead = org.call("POST", "sobjects/Lead", {"LastName": "l", "Company": "c"})
    assert [_create(org).status_code for _ in range(4)] == [201, 500, 500, 201]
    assert lead.status_code == 201
    assert [(f["left"], f["struck"]) for f in org.control("faults", method="GET")] == [(0, 2)]


def test_an_unavailable_org_may_answer_html(org: OrgClient) -> None:
    """The body of a 5xx is not always JSON."""
    org.control("faults", {"html": True, "httpStatus": 502})
    answer = org.call("GET", "limits")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (502, "text/html")


def test_a_fault_without_operation_strikes_any_call_and_clearing_ends_it(org: OrgClient) -> None:
    """``times`` null is for ever, until faults are cleared."""
    org.control("faults", {"errorCode": "SERVER_UNAVAILABLE", "times": None})
    statuses = [org.call("GET", path).status_code for path in ("limits", "sobjects", "query?q=SELECT+Id+FROM+Lead")]
    org.control("faults", method="DELETE")
    assert (statuses, org.call("GET", "limits").status_code) == ([503, 503, 503], 200)


def test_latency_delays_the_answer(org: OrgClient) -> None:
    """The call takes at least so long."""
    org.control("faults", {"operation": "query", "latencyMs": 60})
    started = time.monotonic()
    org.call("GET", "query?q=SELECT+Id+FROM+Lead")
    assert time.monotonic() - started >= 0.06


def test_the_daily_limit_refuses_every_call(org: OrgClient) -> None:
    """403 once the rolling day's calls are used up; an hour later they still are, a day later not."""
    org.control("settings", {"dailyLimit": 2})
    statuses = [_create(org).status_code for _ in range(3)]
    refused = _create(org)
    assert (statuses, refused.json()[0]["message"]) == ([201, 201, 403], "TotalRequests Limit exceeded.")
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=2/2"
    org.control("settings", {"clockOffsetSeconds": 3600})
    hour = _create(org).status_code
    org.control("settings", {"clockOffsetSeconds": 86_500})
    assert (hour, _create(org).status_code) == (403, 201)


def test_too_many_long_calls_at_once_are_refused(org: OrgClient) -> None:
    """Only calls that already run long count."""
    org.control("settings", {"concurrentLimit": 1, "longCallSeconds": 60})
    org.control("faults", {"operation": "create", "commitMs": 400})
    thread = threading.Thread(target=_create, args=(org,))
    thread.start()
    eventually(lambda: org.stats()["openTransactions"])
    short = org.call("GET", "limits").status_code
    org.control("settings", {"longCallSeconds": 0})
    refused = org.call("GET", "limits")
    thread.join()
    message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    assert (short, refused.status_code, refused.json()[0]["message"]) == (200, 403, message)


def test_a_reset_goes_back_to_the_start(org: OrgClient) -> None:
    """Records, faults, settings, definitions and counts; sessions stay."""
    _create(org)
    org.control("settings", {"commitMs": 5})
    org.control("objects", {"name": "X__c"})
    org.control("reset")
    assert org.control("settings", method="GET")["commitMs"] == 0
    assert "X__c" not in org.control("objects", method="GET")
    assert org.call("GET", "query?q=SELECT+COUNT()+FROM+Account").json()["totalSize"] == 0
    assert org.stats()["apiCalls"]["total"] == 1


def test_the_statistics_say_what_happened(org: OrgClient) -> None:
    """Calls by kind, statuses, records."""
    identifier = _create(org).json()["id"]
    org.call("PATCH", f"sobjects/Account/{identifier}", {"Phone": "1"})
    org.call("PATCH", f"sobjects/Account/{identifier}", {"Nope": "1"})
    org.call("DELETE", f"sobjects/Account/{identifier}")
    stats = org.stats()
    assert stats["apiCalls"]["byKind"] == {"create": 1, "update": 2, "delete": 1}
    assert stats["statuses"] == {"201": 1, "204": 2, "400": 1}
    assert stats["records"] == {"create": 1, "update": 1, "delete": 1}
    assert (stats["bin"], stats["openTransactions"]) == (1, 0)


def test_an_unknown_control_path_lists_the_known(org: OrgClient) -> None:
    """404 with the names; a method that a path lacks is a 405."""
    unknown = org.http.post(f"{org.url}/__org__/nope")
    wrong = org.http.delete(f"{org.url}/__org__/stats")
    assert (unknown.status_code, "faults" in unknown.json()["error"], wrong.status_code) == (404, True, 405)
