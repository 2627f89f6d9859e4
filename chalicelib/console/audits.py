"""The audit: who did what, month by month."""

import re
from http import HTTPStatus

from chalicelib.console.call import Call
from chalicelib.console.plain import plain
from chalicelib.console.web import Response, to_json
from chalicelib.core.audit import Act, before, month_of
from chalicelib.core.errors import Rejected
from chalicelib.core.listing import Cursor

PAGE = 50  # acts of a page
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


def page(call: Call) -> Response:
    """The acts of a month, the newest first."""
    problem = ""
    try:
        month, acts, following = _look(call)
    except Rejected as error:
        month, acts, following, problem = month_of(call.parts.clock.now()), [], "", str(error)
    content = {
        "active": "audit",
        "month": month,
        "acts": acts,
        "next": following,
        "earlier": before(month),
        "problem": problem,
    }
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return call.parts.pages.page("audit.html", call.request, call.session, content, status)


def api(call: Call) -> Response:
    """The same for programs."""
    try:
        month, acts, following = _look(call)
    except Rejected as error:
        return to_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
    return to_json({"month": month, "acts": plain(acts), "next": following or None, "earlier": before(month)})


def _look(call: Call) -> tuple[str, list[Act], str]:
    query = call.request.query
    month = query.get("month") or month_of(call.parts.clock.now())
    if not _MONTH.fullmatch(month):
        raise Rejected(f'"{month}" is no month: write it as 2026-11')
    place = Cursor.of(query["cursor"]).place if query.get("cursor") else "~"
    acts = list(call.parts.audit.page(month, PAGE + 1, place))
    following = Cursor(acts[PAGE - 1].place).text if len(acts) > PAGE else ""
    return month, acts[:PAGE], following
