"""The control API under ``/__org__/``: what a test does to the org that no user could. No authentication."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.org import automation, duplicates, flows, maintenance, validation
from infra.local.org.calls import load_json
from infra.local.org.change_events import GAP_TYPES
from infra.local.org.configuration import parse_app, parse_user
from infra.local.org.errors import OrgError

if TYPE_CHECKING:
    from infra.local.org.state import Org

Handler = Callable[["Org", Any], Any]


def control_routes(org: "Org") -> list[Route]:
    """The routes, below the mount point."""
    routes = [
        Route(
            f"/{name}",
            _endpoint(org, name, {"POST": post, "GET": get, "DELETE": clear}),
            methods=["GET", "POST", "DELETE"],
        )
        for name, (post, get, clear) in _RESOURCES.items()
    ]
    return [*routes, Route("/{rest:path}", _unknown, methods=["GET", "POST", "DELETE"])]


async def _unknown(_request: Request) -> Response:
    return JSONResponse({"error": f"known are {sorted(_RESOURCES)}"}, 404)


def set_up(org: "Org", name: str, method: str, body: Any) -> None:
    """Do again what an earlier process was told about its set-up."""
    post, _, clear = _RESOURCES[name]
    handler = post if method == "POST" else clear
    if handler is not None:
        handler(org, body)


def _keep(org: "Org", name: str, method: str, body: Any, serials: dict[str, int]) -> None:
    """Note a change of the set-up, with the ids that it began with; rows are noted where they are committed."""
    if name in _SET_UP and method != "GET":
        org.journal.note(serials=serials, auto=org.auto_number)
        org.journal.note(control=name, method=method, body=body)
    if method != "GET":
        org.keep()


def _endpoint(org: "Org", name: str, handlers: dict[str, Handler | None]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return JSONResponse({"error": f"no {request.method} here"}, 405)
        try:
            raw = await request.body()
            body = load_json(raw) if raw else {}
            serials = dict(org.ids.serials)
            result = handler(org, body)
            if isinstance(result, Awaitable):
                result = await result
            _keep(org, name, request.method, body, serials)
        except OrgError as error:
            return JSONResponse({"error": str(error), "errors": error.body()}, 400)
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        return JSONResponse({} if result is None else result)

    return endpoint


def _many(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else [raw]


def _add_faults(org: "Org", raw: Any) -> None:
    for spec in _many(raw):
        org.faults.add(spec)


def _list_faults(org: "Org", _raw: Any) -> Any:
    return [{"fault": fault.spec, "left": fault.left, "struck": fault.struck} for fault in org.faults.faults]


def _clear_faults(org: "Org", _raw: Any) -> None:
    org.faults.clear()


def _add_automation(org: "Org", raw: Any) -> None:
    org.automation.extend([automation.parse_rule(org.schema, spec) for spec in _many(raw)])


def _clear_automation(org: "Org", _raw: Any) -> None:
    org.automation.clear()


def _add_validation(org: "Org", raw: Any) -> None:
    for spec in _many(raw):
        rule = validation.parse_rule(org, spec)
        org.validation_rules.setdefault(rule.object_name, []).append(rule)


def _clear_validation(org: "Org", _raw: Any) -> None:
    org.validation_rules.clear()


def _add_duplicates(org: "Org", raw: Any) -> None:
    org.duplicate_rules.extend([duplicates.parse_rule(org, spec) for spec in _many(raw)])


def _clear_duplicates(org: "Org", _raw: Any) -> None:
    org.duplicate_rules.clear()


def _add_flows(org: "Org", raw: Any) -> None:
    org.flows.extend([flows.parse_flow(org, spec) for spec in _many(raw)])


def _clear_flows(org: "Org", _raw: Any) -> None:
    org.flows.clear()


def _add_objects(org: "Org", raw: Any) -> Any:
    return {"objects": [org.schema.define(spec).name for spec in _many(raw)]}


def _list_objects(org: "Org", _raw: Any) -> Any:
    return {kind.name: list(kind.fields) for kind in org.schema.objects.values()}


def _add_outbound(org: "Org", raw: Any) -> Any:
    return {"names": [org.outbound.define(spec).name for spec in _many(raw)]}


def _list_outbound(org: "Org", _raw: Any) -> Any:
    return org.outbound.as_json()


def _clear_outbound(org: "Org", _raw: Any) -> None:
    org.outbound.stop()


def _configure_cdc(org: "Org", raw: Any) -> None:
    org.events.configure(raw)


def _list_cdc(org: "Org", _raw: Any) -> Any:
    return {"entities": sorted(org.events.entities), "pending": org.events.pending}


def _gap(org: "Org", raw: Any) -> None:
    if raw["changeType"] not in GAP_TYPES:
        raise ValueError(f"changeType is one of {sorted(GAP_TYPES)}")
    org.events.gap(raw["object"], raw["changeType"], list(raw.get("recordIds", [])))


def _list_events(org: "Org", _raw: Any) -> Any:
    return list(org.events.log)


def _clear_events(org: "Org", _raw: Any) -> None:
    org.events.log.clear()


def _settings(org: "Org", raw: Any) -> Any:
    org.settings.update(raw)
    org.clock.offset = org.settings.clock_offset_seconds
    return org.settings.as_json()


def _get_settings(org: "Org", _raw: Any) -> Any:
    return org.settings.as_json()


def _issue_token(org: "Org", raw: Any) -> Any:
    user = org.users[raw["user"]]
    return {"token": org.tokens.issue(user.name, org.org_id), "userId": user.user_id, "username": user.username}


def _expire_tokens(org: "Org", raw: Any) -> Any:
    keep = frozenset() if raw.get("all") else frozenset(org.configuration.tokens)
    return {"expired": org.tokens.expire(raw.get("user"), keep)}


def _add_users(org: "Org", raw: Any) -> Any:
    added = {}
    for spec in _many(raw):
        known = org.users.get(spec["name"])
        user = parse_user(spec["name"], spec, known.user_id if known else org.ids.next("005"))
        org.add_user(user)
        added[user.name] = user.user_id
    return added


def _list_users(org: "Org", _raw: Any) -> Any:
    return {user.name: {"userId": user.user_id, "username": user.username} for user in org.users.values()}


def _add_app(org: "Org", raw: Any) -> None:
    app = parse_app(raw)
    org.apps = [a for a in org.apps if a.consumer_key != app.consumer_key] + [app]


def _stats(org: "Org", _raw: Any) -> Any:
    stats = org.stats
    return {
        "apiCalls": {"total": stats.api_calls.total() - stats.api_calls["token"], "byKind": dict(stats.api_calls)},
        "dailyUsed": stats.used(org.clock.now()),
        "statuses": dict(stats.statuses),
        "records": dict(stats.records),
        "outbound": dict(stats.outbound) | {"queues": org.outbound.as_json()},
        "events": dict(stats.events) | {"pending": org.events.pending},
        "locks": {"waits": org.locks.waits, "timeouts": org.locks.timeouts},
        "openTransactions": len(org.open_stamps),
        "bin": len(org.store.bin),
    }


def _reset(org: "Org", _raw: Any) -> None:
    org.reset()


def _get_health(org: "Org", _raw: Any) -> Any:
    return {"organizationId": org.org_id, "status": "ready"}


_SET_UP = frozenset(
    {
        "apps",
        "automation",
        "cdc",
        "duplicate-rules",
        "flows",
        "objects",
        "outbound-messages",
        "settings",
        "users",
        "validation-rules",
    }
)
_RESOURCES: dict[str, tuple[Handler | None, Handler | None, Handler | None]] = {
    "apps": (_add_app, None, None),
    "automation": (_add_automation, None, _clear_automation),
    "cdc": (_configure_cdc, _list_cdc, None),
    "cdc/gap": (_gap, None, None),
    "duplicate-rules": (_add_duplicates, None, _clear_duplicates),
    "events": (None, _list_events, _clear_events),
    "faults": (_add_faults, _list_faults, _clear_faults),
    "flows": (_add_flows, None, _clear_flows),
    "health": (None, _get_health, None),
    "merge": (maintenance.merge, None, None),
    "objects": (_add_objects, _list_objects, None),
    "outbound-messages": (_add_outbound, _list_outbound, _clear_outbound),
    "purge": (maintenance.purge, None, None),
    "reset": (_reset, None, None),
    "settings": (_settings, _get_settings, None),
    "stats": (None, _stats, None),
    "touch": (maintenance.touch, None, None),
    "tokens": (_issue_token, None, None),
    "tokens/expire": (_expire_tokens, None, None),
    "undelete": (maintenance.undelete, None, None),
    "users": (_add_users, _list_users, None),
    "validation-rules": (_add_validation, None, _clear_validation),
}
