"""Composite: up to 25 requests in one call (REST API Developer Guide: "Composite")."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.local.org.calls import Answer, Call
from infra.local.org.errors import OrgError, bad_json, fail
from infra.local.org.transactions import Transaction

if TYPE_CHECKING:
    from infra.local.org.state import Org

Answerer = Callable[["Org", Call], Awaitable[Answer]]
_REFERENCE = re.compile(r"@\{([A-Za-z]\w*)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_URL = re.compile(r"/services/data/(v\d+\.0)(/.*)")
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


class _Halted(Exception):
    """A subrequest refers to one that failed, or to something that its answer does not hold."""


async def composite(org: "Org", call: Call, answerer: Answerer) -> Answer:
    """Answer ``POST /composite``.

    Raises:
        OrgError: the request as a whole cannot be used.
    """
    if call.method != "POST":
        raise fail("METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are POST")
    body = call.record()
    requests = _checked(body.get("compositeRequest"))
    if not body.get("allOrNone"):
        results: dict[str, tuple[dict[str, Any], Answer]] = {}
        for request in requests:
            results[request["referenceId"]] = request, await _one(org, call, answerer, request, results, tx=None)
        return _answer(results)
    return await _all_or_none(org, call, answerer, requests)


async def _all_or_none(org: "Org", call: Call, answerer: Answerer, requests: list[dict[str, Any]]) -> Answer:
    results: dict[str, tuple[dict[str, Any], Answer]] = {}
    tx = Transaction(org, call.session, call.effects, org.settings.commit_ms / 1000)
    try:
        for request in requests:
            answer = await _one(org, call, answerer, request, results, tx=tx)
            results[request["referenceId"]] = request, answer
            if answer.status >= 400:
                return _rolled_back(requests, request, answer)
        await tx.commit()
    finally:
        tx.end()
    return _answer(results)


def _rolled_back(requests: list[dict[str, Any]], failed: dict[str, Any], answer: Answer) -> Answer:
    halted = Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": _ROLLED_BACK}])
    return _answer({r["referenceId"]: (r, answer if r is failed else halted) for r in requests})


def _answer(results: dict[str, tuple[dict[str, Any], Answer]]) -> Answer:
    return Answer(
        200,
        {
            "compositeResponse": [
                {
                    "body": answer.body,
                    "httpHeaders": answer.headers,
                    "httpStatusCode": answer.status,
                    "referenceId": reference,
                }
                for reference, (_, answer) in results.items()
            ]
        },
    )


def _checked(requests: Any) -> list[dict[str, Any]]:
    if not isinstance(requests, list) or not requests or not all(isinstance(r, dict) for r in requests):
        raise bad_json("compositeRequest needs a list of requests")
    if len(requests) > 25:
        raise fail("LIMIT_EXCEEDED", "The number of subrequests exceeds the limit of 25")
    heavy = [r for r in requests if re.search(r"/v\d+\.0/(query|queryAll|composite)\b", str(r.get("url", "")))]
    if len(heavy) > 5:
        raise fail("LIMIT_EXCEEDED", "The number of query and collections subrequests exceeds the limit of 5")
    references = [r.get("referenceId") for r in requests]
    if len(set(references)) != len(references) or not all(isinstance(r, str) and r for r in references):
        raise bad_json("each subrequest needs a referenceId of its own")
    return requests


async def _one(
    org: "Org",
    call: Call,
    answerer: Answerer,
    request: dict[str, Any],
    results: dict[str, tuple[dict[str, Any], Answer]],
    *,
    tx: Transaction | None,
) -> Answer:
    try:
        url = _fill(request.get("url", ""), results)
        body = _fill(request.get("body"), results)
        sub = _subcall(call, request, url, body, tx)
    except _Halted as error:
        return Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": str(error)}])
    except OrgError as error:
        return Answer(error.status, error.body())
    point = tx.savepoint() if tx is not None else None
    answer = await answerer(org, sub)
    if tx is not None and point is not None and answer.status >= 400:
        tx.rollback_to(point)
    return answer


def _subcall(call: Call, request: dict[str, Any], url: Any, body: Any, tx: Transaction | None) -> Call:
    match = _URL.fullmatch(str(url))
    if match is None:
        raise fail("INVALID_INPUT", f"The subrequest's url is no path of the data API: {url}")
    parts = urlsplit(match[2])
    headers = {str(k).lower(): str(v) for k, v in (request.get("httpHeaders") or {}).items()}
    return Call(
        method=str(request.get("method", "")).upper(),
        path=tuple(unquote(part) for part in parts.path.strip("/").split("/") if part),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        session=call.session,
        version=match[1],
        parsed=body,
        effects=call.effects,
        tx=tx,
        nested=True,
    )


def _fill(value: Any, results: dict[str, tuple[dict[str, Any], Answer]]) -> Any:
    """Put earlier answers into the ``@{reference.field}`` places of a value."""
    if isinstance(value, dict):
        return {key: _fill(inner, results) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, results) for inner in value]
    if not isinstance(value, str) or "@{" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole, results)
    return _REFERENCE.sub(lambda match: str(_look_up(match, results)), value)


def _look_up(match: re.Match[str], results: dict[str, tuple[dict[str, Any], Answer]]) -> Any:
    reference, steps = match[1], match[2]
    if reference not in results:
        raise _Halted(f"Invalid reference specified. No value for {reference} found.")
    answer = results[reference][1]
    if answer.status >= 400:
        raise _Halted("The request was halted because a request that it depends on failed.")
    value = answer.body
    for step in _STEP.finditer(steps):
        name, place = step[1], step[2]
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and place is not None and int(place) < len(value):
            value = value[int(place)]
        else:
            raise _Halted(f"Invalid reference specified. No value for {match[0][2:-1]} found in {reference}.")
    return value
