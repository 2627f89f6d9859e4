"""Issues: the list, page by page, and one of them with what both sides hold, who changed it, and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from chalicelib.console.call import Call
from chalicelib.console.differences import Piece, pieces, text_of
from chalicelib.console.issue_filter import Filter
from chalicelib.console.issue_words import ADVICE, CAUSES, HISTORY, KINDS
from chalicelib.console.plain import plain
from chalicelib.console.web import Response, see_other, to_json
from chalicelib.core.acts import Deed, Preview, Result, View, Wish, version_of
from chalicelib.core.errors import Rejected
from chalicelib.core.history import Told, told
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, IssueState, Page, Wanted
from chalicelib.core.model import Side

PAGE = 50  # issues of a page
MOST = 100  # of one that a program asks for


class Desk(Protocol):
    """Issues, and what people do about them."""

    def mappings(self) -> Sequence[str]:
        """Names of the mappings."""
        ...

    def page(self, wanted: Wanted, limit: int, cursor: Cursor | None) -> Page:
        """A page of a list."""
        ...

    def counts(self) -> Mapping[tuple[str, IssueKind], int]:
        """How many issues are open, by mapping and kind, each up to 1,000."""
        ...

    def find(self, text: str) -> Sequence[Issue]:
        """The issues of what a person names: an issue or a record, by any of its names.

        Raises:
            Rejected: there is none; the text says what could be meant.
        """
        ...

    def name(self, issue: Issue) -> str:
        """The record of an issue, as people name it."""
        ...

    def view(self, issue_id: str) -> View | None:
        """An issue with what stands around it; None: there is none."""
        ...

    def preview(self, wish: Wish) -> Preview:
        """What a wish would do.

        Raises:
            Rejected: it cannot be done.
        """
        ...

    def act(self, wish: Wish, actor: str, role: str) -> Result:
        """Do what is wanted, if the issue still shows what the person saw, and write it down."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an issue, with the differences of both sides.

    Attributes:
        name: its Salesforce name.
        base: what both sides last agreed on; None: not known.
        salesforce: Salesforce's value, in pieces.
        postgres: Postgres' value, in pieces.
        texts: both values as they are, by side.
    """

    name: str
    base: str | None
    salesforce: list[Piece]
    postgres: list[Piece]
    texts: Mapping[str, str]


def fields_of(issue: Issue) -> list[Field]:
    """The fields of an issue, or of its record where it names none."""
    names = issue.fields or tuple(dict.fromkeys([*issue.salesforce, *issue.postgres]))
    return [_field(issue, name) for name in names]


def _field(issue: Issue, name: str) -> Field:
    ours, theirs = issue.salesforce.get(name), issue.postgres.get(name)
    known = name in issue.base
    base = issue.base.get(name)
    return Field(
        name,
        text_of(base) if known else None,
        pieces(ours, base if known else theirs),
        pieces(theirs, base if known else ours),
        {str(Side.SALESFORCE): text_of(ours), str(Side.POSTGRES): text_of(theirs)},
    )


# --- the list


def listing(call: Call) -> Response:
    """The list."""
    chosen, desk = Filter.of(call.request.query), call.parts.desk
    if find := call.request.query.get("find", "").strip():
        return _found(call, chosen, find)
    try:
        page = desk.page(chosen.wanted(desk.mappings()), PAGE, Cursor.of(chosen.cursor) if chosen.cursor else None)
    except Rejected as error:
        return _list(call, Filter(), Page(()), problem=str(error), status=HTTPStatus.BAD_REQUEST)
    return _list(call, chosen, page)


def _found(call: Call, chosen: Filter, find: str) -> Response:
    try:
        found = call.parts.desk.find(find)
    except Rejected as error:
        return _list(call, chosen, Page(()), find=find, problem=str(error), status=HTTPStatus.NOT_FOUND)
    if len(found) == 1:
        return see_other(call.request, f"/console/issues/{found[0].id}")
    problem = "" if found else "This record has no issue, open or closed."
    return _list(call, chosen, Page(tuple(found)), find=find, problem=problem)


def _list(
    call: Call, chosen: Filter, page: Page, *, find: str = "", problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    desk = call.parts.desk
    content = {
        "active": "issues",
        "chosen": chosen,
        "page": page,
        "rows": [_row(desk, issue) for issue in page.issues],
        "counts": sorted(desk.counts().items(), key=lambda one: (-one[1], one[0])),
        "mappings": desk.mappings(),
        "kinds": KINDS,
        "states": tuple(IssueState),
        "find": find,
        "problem": problem,
        "now": call.parts.clock.now(),
    }
    return call.parts.pages.page("issues.html", call.request, call.session, content, status)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list."""

    issue: Issue
    kind: str
    record: str
    version: str
    salesforce: str
    postgres: str
    gist: str


def _row(desk: Desk, issue: Issue) -> Row:
    shown = fields_of(issue)
    both = issue.kind is IssueKind.CONFLICT and bool(issue.fields)
    gist = issue.reason or " ".join(part for part in (issue.code, issue.text) if part)
    return Row(
        issue,
        KINDS[issue.kind],
        desk.name(issue),
        version_of(issue),
        ", ".join(one.texts["salesforce"] or "(empty)" for one in shown) if both else "",
        ", ".join(one.texts["postgres"] or "(empty)" for one in shown) if both else "",
        gist if issue.closed_at is not None or not both else "",
    )


# --- one


def show(call: Call) -> Response:
    """One issue."""
    return render(call, "issue.html")


def state(call: Call) -> Response:
    """The part of an issue's page that changes while a decision is carried out."""
    return render(call, "issue_state.html")


def render(call: Call, template: str, result: Result | None = None, status: int = HTTPStatus.OK) -> Response:
    """An issue's page, with what became of an act."""
    view = call.parts.desk.view(call.request.arguments["id"])
    if view is None:
        missing = {
            "active": "issues",
            "title": "No such issue",
            "text": "There is no issue of this id: closed ones are kept for the days that the stage's settings say.",
        }
        return call.parts.pages.page("refused.html", call.request, call.session, missing, HTTPStatus.NOT_FOUND)
    issue = view.issue
    names = " and ".join(issue.fields) or "It"
    content: dict[str, Any] = {
        "active": "issues",
        "view": view,
        "issue": issue,
        "kind": KINDS[issue.kind],
        "cause": CAUSES[issue.kind].format(fields=names),
        "advice": ADVICE[issue.kind],
        "record": call.parts.desk.name(issue),
        "fields": fields_of(issue),
        "history": [_past(one) for one in told(view.history)],
        "deeds": {str(deed) for deed in view.deeds} if view.waiting is None else set[str](),
        "result": result,
        "now": call.parts.clock.now(),
    }
    return call.parts.pages.page(template, call.request, call.session, content, status)


@dataclass(frozen=True, slots=True)
class Past:
    """An item of the history, in words."""

    at: float
    text: str
    changes: tuple[tuple[str, str, str], ...]


def _past(one: Told) -> Past:
    past = one.history
    words = HISTORY.get(past.cause, str(past.cause)).format(other=past.side.other.title())
    who = f" by {past.actor}" if past.actor else ""
    done = "" if one.done else ", which did not take place"
    names = dict.fromkeys([*past.before, *past.after])
    changes = tuple((name, text_of(past.before.get(name)), text_of(past.after.get(name))) for name in names)
    return Past(past.at, f"{past.side.title()} {words}{who}{done}", changes)


# --- the same for programs


def api_list(call: Call) -> Response:
    """A page of a list, with the cursors of those around it."""
    query = call.request.query
    chosen, desk = Filter.of(query), call.parts.desk
    try:
        limit = min(MOST, max(1, int(query.get("limit", PAGE))))
        page = desk.page(chosen.wanted(desk.mappings()), limit, Cursor.of(chosen.cursor) if chosen.cursor else None)
    except (Rejected, ValueError) as error:
        return to_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
    return to_json(
        {
            "issues": [plain(issue) for issue in page.issues],
            "next": page.next and page.next.text,
            "previous": page.previous and page.previous.text,
        }
    )


def api_counts(call: Call) -> Response:
    """How many issues are open, by mapping and kind."""
    counts = call.parts.desk.counts().items()
    return to_json({"counts": [{"mapping": name, "kind": kind, "open": number} for (name, kind), number in counts]})


def api_show(call: Call) -> Response:
    """One issue, its version, and what may be done about it."""
    view = call.parts.desk.view(call.request.arguments["id"])
    if view is None:
        return to_json({"error": "there is no such issue"}, HTTPStatus.NOT_FOUND)
    return to_json({**plain(view), "deeds": [str(deed) for deed in Deed if deed in view.deeds]})
