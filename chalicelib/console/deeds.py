"""What people do about issues: shown before it is done, and done only if the issue still shows what they saw."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from chalicelib.console.call import Call
from chalicelib.console.differences import text_of
from chalicelib.console.issue_words import KINDS
from chalicelib.console.issues import render
from chalicelib.console.plain import plain
from chalicelib.console.web import Response, see_other, to_json
from chalicelib.core.acts import Deed, Outcome, Preview, Result, Wish
from chalicelib.core.errors import Rejected
from chalicelib.core.model import Side

AT_ONCE = 25  # issues that are acted on in one request; the others follow in the next
WORDS: Mapping[Deed, str] = {
    Deed.SALESFORCE: "Take Salesforce's value",
    Deed.POSTGRES: "Take Postgres' value",
    Deed.VALUES: "Take these values",
    Deed.RETRY: "Try again",
    Deed.IGNORE: "Ignore",
}
OWN = "own"  # picked where a value is typed
LANDED = frozenset({Outcome.TAKEN, Outcome.DONE})


def wish_of(issue_id: str, form: Mapping[str, str]) -> Wish:
    """What a form wants done: ``deed``, ``version``, ``reason``, ``pick.FIELD`` and ``own.FIELD``.

    Raises:
        Rejected: it says nothing that can be done.
    """
    try:
        deed = Deed(form.get("deed", ""))
        picked = {name[5:]: value for name, value in form.items() if name.startswith("pick.") and value}
        picks = {name: Side(value) for name, value in picked.items() if value != OWN}
    except ValueError:
        raise Rejected(f"say what is to be done: {', '.join(Deed)}") from None
    version = form.get("version", "")
    if not version:
        raise Rejected("say which version of the issue you saw: it is told with the issue")
    texts = {name: _typed(form.get(f"own.{name}", "")) for name, value in picked.items() if value == OWN}
    if deed is not Deed.VALUES:
        picks, texts = {}, {}
    return Wish(issue_id, version, deed, picks, texts, form.get("reason", "")[:2000])


def _typed(text: str) -> str:
    """What was typed, with the line ends that a form does not know (HTML, "constructing the entry list")."""
    return text.replace("\r\n", "\n")


# --- one


def preview(call: Call) -> Response:
    """What would be written, and a button that does it."""
    issue_id, form = call.request.arguments["id"], call.request.form()
    try:
        wish = wish_of(issue_id, form)
        found = call.parts.desk.preview(wish)
    except Rejected as error:
        return render(call, "issue.html", Result(issue_id, Outcome.REFUSED, str(error), None), HTTPStatus.BAD_REQUEST)
    if found.wish.version != wish.version:
        text = "The record has moved since you looked: this is how it is now."
        return render(call, "issue.html", Result(issue_id, Outcome.MOVED, text, found.issue), HTTPStatus.CONFLICT)
    content = {
        "active": "issues",
        "preview": found,
        "issue": found.issue,
        "kind": KINDS[found.issue.kind],
        "record": call.parts.desk.name(found.issue),
        "words": WORDS[wish.deed],
        "kept": {name: value for name, value in form.items() if name != "csrf"},
        "fields": [
            {
                "name": one.name,
                "value": text_of(one.value),
                "sides": [
                    {"name": side.title(), "held": text_of(one.held.get(side)), "written": side in one.written}
                    for side in (Side.SALESFORCE, Side.POSTGRES)
                ],
            }
            for one in found.fields
        ],
    }
    return call.parts.pages.page("preview.html", call.request, call.session, content)


def act(call: Call) -> Response:
    """Do it."""
    issue_id = call.request.arguments["id"]
    try:
        wish = wish_of(issue_id, call.request.form())
    except Rejected as error:
        return render(call, "issue.html", Result(issue_id, Outcome.REFUSED, str(error), None), HTTPStatus.BAD_REQUEST)
    result = call.parts.desk.act(wish, call.who.actor, call.who.role)
    if result.outcome in LANDED:
        return see_other(call.request, f"/console/issues/{issue_id}")
    return render(call, "issue.html", result, HTTPStatus.CONFLICT)


# --- several


def several(call: Call) -> Response:
    """What would be done about the issues that were chosen."""
    return _several(call, confirmed=False)


def act_on_several(call: Call) -> Response:
    """Do it to the first of them; the page has those that are left, and goes on with them."""
    return _several(call, confirmed=True)


def _several(call: Call, *, confirmed: bool) -> Response:
    lists = call.request.form_lists()
    chosen = [tuple(one.split(":", 1)) for one in lists.get("issue", []) if ":" in one]
    form = call.request.form()
    wishes: list[Wish] = []
    problem = "" if chosen else "Choose at least one issue."
    if form.get("deed") == Deed.VALUES:
        chosen, problem = [], "Values are typed for one issue at a time."
    try:
        wishes = [wish_of(issue_id, {**form, "version": version}) for issue_id, version in chosen]
    except Rejected as error:
        problem = str(error)
    now, left = (wishes[:AT_ONCE], wishes[AT_ONCE:]) if confirmed else ([], wishes)
    results = [call.parts.desk.act(wish, call.who.actor, call.who.role) for wish in now]
    previews = [] if confirmed else _previews(call, left)
    content = {
        "active": "issues",
        "problem": problem,
        "deed": form.get("deed", ""),
        "words": WORDS[wishes[0].deed] if wishes else "",
        "reason": form.get("reason", ""),
        "results": results,
        "previews": previews,
        "left": [f"{wish.issue_id}:{wish.version}" for wish in left],
        "done": _number(form.get("done", "")) + len(results),
        "landed": sum(one.outcome in LANDED for one in results),
    }
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return call.parts.pages.page("several.html", call.request, call.session, content, status)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def _previews(call: Call, wishes: Sequence[Wish]) -> list[dict[str, object]]:
    return [_previewed(call, wish) for wish in wishes]


def _previewed(call: Call, wish: Wish) -> dict[str, object]:
    try:
        found = call.parts.desk.preview(wish)
    except Rejected as error:
        return {"id": wish.issue_id, "record": "", "text": f"not possible: {error}", "changes": []}
    text = found.text if found.wish.version == wish.version else "has moved since the list was made: it is left alone"
    changes = [
        {"name": one.name, "side": side.title(), "held": text_of(one.held.get(side)), "value": text_of(one.value)}
        for one in found.fields
        for side in one.written
    ]
    return {"id": wish.issue_id, "record": call.parts.desk.name(found.issue), "text": text, "changes": changes}


# --- the same for programs


def api_preview(call: Call) -> Response:
    """What would be written."""
    try:
        found: Preview = call.parts.desk.preview(wish_of(call.request.arguments["id"], call.request.form()))
    except Rejected as error:
        return to_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
    return to_json(
        {
            "version": found.wish.version,
            "text": found.text,
            "fields": [
                {"name": one.name, "held": plain(one.held), "value": one.value, "written": plain(one.written)}
                for one in found.fields
            ],
        }
    )


def api_act(call: Call) -> Response:
    """Do it; 409 where somebody was faster, or the record has moved."""
    try:
        wish = wish_of(call.request.arguments["id"], call.request.form())
    except Rejected as error:
        return to_json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
    result = call.parts.desk.act(wish, call.who.actor, call.who.role)
    return to_json(plain(result), HTTPStatus.OK if result.outcome in LANDED else HTTPStatus.CONFLICT)
