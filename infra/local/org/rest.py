"""The data API below ``/services/data/vXX.0``: which resource answers which path."""

from typing import TYPE_CHECKING, Any

from infra.local.org import bulk_ingest, bulk_query, replication, rows, sobject_collections
from infra.local.org.calls import Answer, Call
from infra.local.org.composite import composite
from infra.local.org.describe import describe, describe_global
from infra.local.org.errors import OrgError, fail, not_found
from infra.local.org.faults import RECORD_OPERATIONS
from infra.local.org.query import query, query_more

if TYPE_CHECKING:
    from infra.local.org.state import Org

_ROW_KINDS = {"GET": "read", "HEAD": "read", "POST": "create", "PATCH": "update", "DELETE": "delete"}
_ROOT_KINDS = {"query": "query", "queryAll": "query", "composite": "composite", "jobs": "bulk", "limits": "limits"}


def call_kind(call: Call) -> str:
    """The kind under which a call is counted, and by which faults name it."""
    path = call.path
    if path[:1] == ("sobjects",):
        if len(path) == 1 or path[-1] == "describe":
            return "describe"
        if len(path) == 3 and path[2] in {"updated", "deleted"}:
            return "replication"
        if len(path) == 4 and call.method == "PATCH":
            return "upsert"
        return _ROW_KINDS.get(call.method, "other")
    if path[:2] == ("composite", "sobjects"):
        return "collections"
    return _ROOT_KINDS.get(path[0] if path else "", "other")


async def answer(org: "Org", call: Call) -> Answer:
    """Answer a call; errors become the answer of a single call."""
    try:
        kind = call_kind(call)
        if kind not in RECORD_OPERATIONS:
            object_name = call.path[1] if call.path[:1] == ("sobjects",) and len(call.path) > 1 else None
            record_id = call.path[2] if kind == "read" and len(call.path) == 3 else None
            org.faults.strike(call.effects, kind, object_name, call.session.user.name, record_id)
        await call.effects.wait()
        return await _route(org, call)
    except OrgError as error:
        return Answer(error.status, error.body())


async def _route(org: "Org", call: Call) -> Answer:  # noqa: C901, PLR0911 - one case a resource
    match call.path:
        case ():
            identity = f"{call.origin}/id/{org.org_id}/{call.session.user.user_id}"
            return _get(call, {name: f"{call.base}/{name}" for name in _RESOURCES} | {"identity": identity})
        case ("sobjects", *rest):
            return await _sobjects(org, call, tuple(rest))
        case ("query",):
            return query(org, call, all_rows=False)
        case ("queryAll",):
            return query(org, call, all_rows=True)
        case ("query" | "queryAll" as resource, locator):
            return query_more(org, call, locator, resource)
        case ("composite",) if not call.nested:
            return await composite(org, call, answer)
        case ("composite", "sobjects", *rest):
            return await sobject_collections.answer(org, call, tuple(rest))
        case ("jobs", "ingest", *rest) if not call.nested:
            return await bulk_ingest.answer(org, call, tuple(rest))
        case ("jobs", "query", *rest) if not call.nested:
            return bulk_query.answer(org, call, tuple(rest))
        case ("limits",):
            return _get(call, limits(org))
    raise not_found()


_RESOURCES = ("sobjects", "query", "queryAll", "composite", "jobs", "limits", "recent")


def _get(call: Call, body: Any) -> Answer:
    if call.method != "GET":
        raise method_not_allowed(call.method)
    return Answer(200, body)


def method_not_allowed(method: str) -> OrgError:
    """The resource does not know the method."""
    return fail("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are GET,HEAD,POST,PATCH,DELETE")


async def _sobjects(  # noqa: C901, PLR0911, PLR0912 - one case a resource
    org: "Org", call: Call, path: tuple[str, ...]
) -> Answer:
    if not path:
        return _get(call, describe_global(org.schema, call.base))
    kind = rows.object_of(org, path[0])
    match call.method, path[1:]:
        case "GET", ():
            return Answer(200, {"objectDescribe": describe_global(org.schema, call.base), "recentItems": []})
        case "POST", ():
            return await rows.create_row(org, call, kind)
        case "GET", ("describe",):
            return Answer(200, describe(org.schema, kind, call.session.user, call.base))
        case "GET", ("updated",):
            return replication.updated(org, call, kind)
        case "GET", ("deleted",):
            return replication.deleted(org, call, kind)
        case "GET", (record_id,):
            return rows.get_row(org, call, kind, record_id)
        case (("PATCH" | "POST"), (record_id,)):
            return await rows.update_row(org, call, kind, record_id)
        case "DELETE", (record_id,):
            return await rows.delete_row(org, call, kind, record_id)
        case "GET", (name, value):
            return rows.get_by_key(org, call, kind, name, value)
        case "PATCH", (name, value):
            return await rows.upsert_by_key(org, call, kind, name, value)
        case "DELETE", (name, value):
            return await rows.delete_by_key(org, call, kind, name, value)
        case _, (_, _, *_):
            raise not_found()
    raise method_not_allowed(call.method)


def limits(org: "Org") -> dict[str, Any]:
    """The ``limits`` resource: what the org enforces."""
    daily = org.settings.daily_limit
    left = max(daily - org.stats.used(org.clock.now()), 0)
    return {
        "DailyApiRequests": {"Max": daily, "Remaining": left},
        "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
        "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
        "HourlyPublishedPlatformEvents": {"Max": 250_000, "Remaining": 250_000},
    }
