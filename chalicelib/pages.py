"""What the operators' commands print: issues, records and their history as people read them. Text only, no I/O."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from chalicelib.core.history import Told, told
from chalicelib.core.ledger import Base, BaseState, Cause, Entry, History, Issue, IssueKind, Remembered
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Digest, Known, Side
from chalicelib.jobs.names import name_of, row_name
from chalicelib.jobs.operators import REMEDIES

LONGEST = 160  # characters of a value on a page
SHORT = 40  # characters of a value in a line of a list
_CAUSES = {
    Cause.EDIT: "edit of {other}",
    Cause.POLICY: "decided by the policy, for {other}",
    Cause.ANSWER: "decision",
    Cause.REVERT: "put back",
    Cause.FORM: "form of {other}",
    Cause.CREATE: "created, as in {other}",
    Cause.DELETE: "deleted, as in {other}",
    Cause.UNDELETE: "undeleted, as in {other}",
}
_LABEL = 16  # characters of a page's first column
_KIND_WIDTH = max(len(kind) for kind in IssueKind)
_STATES = {
    BaseState.FORM: "one side stored another form, which the other follows",
    BaseState.HALF: "a decision has reached one side only",
    BaseState.CONTESTED: "contested: only a person decides",
    BaseState.STOPPED: "stopped: automation of the two sides never agrees",
}


# --- lists


def issue_line(issue: Issue, mappings: Mappings, now: float) -> str:
    """An issue in one line: id, kind, mapping, record, fields, age, and what it says."""
    mapping = mappings.by_name.get(issue.mapping)
    parts = [
        issue.id,
        f"{issue.kind:{_KIND_WIDTH}}",
        issue.mapping or "-",
        name_of(mapping, issue.sfid, issue.pk) or "-",
        ",".join(issue.fields) or "-",
        _age_of(issue, now),
        _gist(issue),
    ]
    return "  ".join(part for part in parts if part)


def _age_of(issue: Issue, now: float) -> str:
    if issue.closed_at is not None:
        return f"closed {duration(now - issue.closed_at)} ago"
    return f"{duration(now - issue.opened_at)} old"


def _gist(issue: Issue) -> str:
    if issue.closed_at is not None:
        return issue.reason
    if issue.kind is IssueKind.CONFLICT and not issue.text:
        sides = ((side, issue.salesforce if side is Side.SALESFORCE else issue.postgres) for side in Side)
        return ", ".join(
            f"{side.title()} {' '.join(value(held.get(name), SHORT) for name in issue.fields)}" for side, held in sides
        )
    return value(f"{issue.code} {issue.text}".strip(), LONGEST)


# --- an issue


def issue_page(issue: Issue, mapping: ObjectMapping | None, now: float) -> Iterator[str]:
    """An issue: what it is about, what both sides hold, and what to do about it."""
    yield f"{issue.kind} {issue.id}"
    yield _row("opened", f"{moment(issue.opened_at)}, {duration(now - issue.opened_at)} ago")
    if issue.closed_at is not None:
        yield _row("closed", f"{moment(issue.closed_at)}: {issue.reason}")
    elif issue.updated_at > issue.opened_at:
        yield _row("updated", moment(issue.updated_at))
    yield from _record_rows(issue.mapping, mapping, issue.key, issue.sfid, issue.pk)
    if issue.text or issue.code:
        yield _row("says", value(f"{issue.code} {issue.text}".strip(), LONGEST * 10))
    for side, actor in sorted(issue.actors.items()):
        yield _row(f"{side.title()} by", value(actor))
    names = issue.fields or tuple(dict.fromkeys([*issue.salesforce, *issue.postgres]))
    for name in names:
        yield name
        if name in issue.base:
            yield _row("  agreed", value(issue.base[name]))
        yield _row("  Salesforce", value(issue.salesforce[name]) if name in issue.salesforce else "(not known)")
        yield _row("  Postgres", value(issue.postgres[name]) if name in issue.postgres else "(not known)")
    if issue.closed_at is None:
        yield _row("to do", _to_do(issue))


def _to_do(issue: Issue) -> str:
    if issue.kind is not IssueKind.CONFLICT:
        return REMEDIES[issue.kind]
    own = " ".join(f"--value {name}=..." for name in issue.fields)
    return f"resolve {issue.id} --take salesforce, or --take postgres, or {own}"


# --- a record


def record_page(
    entry: Entry, mapping: ObjectMapping | None, issues: Sequence[Issue], history: Sequence[History], now: float
) -> Iterator[str]:
    """A record: what the ledger knows of both sides, its open issues, and its history, the newest first."""
    yield f"{entry.mapping} record, {_existence(entry)}"
    yield from _record_rows(entry.mapping, mapping, entry.key, entry.sfid, entry.pk)
    yield _row("settled", f"{moment(entry.updated_at)}, {duration(now - entry.updated_at)} ago")
    if entry.leased(now) and entry.intent is not None:
        yield _row("under way", f"a worker writes it, until {moment(entry.intent.lease_until)} at most")
    elif entry.intent is not None:
        yield _row("under way", "an operation was interrupted; the next message about it goes on")
    for unit, answer in entry.answers.items():
        yield _row("decided", f"{unit} by {value(answer.actor)}, not carried out yet")
    for side, refusal in entry.refusals.items():
        yield _row("refused", f"by {side.title()}: {', '.join(refusal.items)}; not sent again before something changes")
    yield "last known of both sides"
    for name, base in entry.bases.items():
        yield from _base(name, base, mapping)
    for issue in (one for one in issues if one.closed_at is None):
        yield ""
        yield from issue_page(issue, mapping, now)
    closed = sum(one.closed_at is not None for one in issues)
    yield ""
    yield f"history, the newest first{f' (closed issues: {closed}; --json shows them)' if closed else ''}"
    yield from (line for one in told(history) for line in _past(one))
    if not history:
        yield "  nothing was overwritten yet, or it has expired"


def _existence(entry: Entry) -> str:
    if entry.alive is None:
        return "not settled yet"
    if entry.outside:
        return "outside of the mapping's filter (where): nothing is carried until both sides match it again"
    if entry.alive:
        return "on both sides"
    return "deleted" if entry.survivor is None else f"only in {entry.survivor.title()}, where it is left alone"


def _record_rows(
    name: str, mapping: ObjectMapping | None, key: str, sfid: str | None, pk: tuple[str, ...] | None
) -> Iterator[str]:
    yield _row("mapping", name or "-")
    yield _row("Salesforce", " ".join(part for part in (mapping.object if mapping else "", sfid or "") if part) or "-")
    yield _row("Postgres", row_name(mapping, pk) or "-")
    yield _row("key", key)


def _base(name: str, base: Base, mapping: ObjectMapping | None) -> Iterator[str]:
    """A unit on one line where all agree, else what each side holds."""
    unit = mapping.by_unit.get(name) if mapping is not None else None
    members = unit.fields if unit is not None else ()
    if base.state is BaseState.AGREED and base.agreed == base.postgres == base.salesforce:
        yield _row(f"  {name}", _values(base.agreed, members))
        return
    yield f"  {name}{f': {_STATES[base.state]}' if base.state in _STATES else ''}"
    for label, held in (("agreed", base.agreed), ("Salesforce", base.salesforce), ("Postgres", base.postgres)):
        yield _row(f"    {label}", _values(held, members))


def _values(held: Remembered | None, members: Sequence[str]) -> str:
    if held is None:
        return "(not known)"
    if len(held) == 1 or len(held) != len(members):
        return ", ".join(value(one) for one in held)
    return ", ".join(f"{name} {value(one)}" for name, one in zip(members, held, strict=True))


def _past(one: Told) -> Iterator[str]:
    past = one.history
    who = f" by {value(past.actor)}" if past.actor else ""
    state = "" if one.done else ", which did not take place"
    merged = f", merged into {past.merged_into}" if past.merged_into else ""
    what = _CAUSES.get(past.cause, past.cause).format(other=past.side.other.title())
    yield f"  {moment(past.at)}  {past.side.title()}: {what}{merged}{who}{state}"
    for name, held in past.before.items():
        yield f"    {name}: {value(held)} -> {value(past.after[name]) if name in past.after else '(gone)'}"
    for name, made in past.after.items():
        if name not in past.before and made is not None:
            yield f"    {name}: {value(made)}"


# --- pieces


def value(held: Known, longest: int = LONGEST) -> str:
    """A value of a record on one line; a text that is no plain word or phrase in quotes."""
    if held is None:
        return "(empty)"
    if isinstance(held, bool):
        return str(held).lower()
    if isinstance(held, Digest):
        return f"(a text of {held.length} characters)"
    text = held if len(held) <= longest else held[:longest]
    shown = text if text.isprintable() and text == text.strip() else json.dumps(text, ensure_ascii=not text.isascii())
    return shown if text == held else f"{shown}... ({len(held)} characters)"


def duration(seconds: float) -> str:
    """A span of time in its largest unit: "3 min"."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def moment(seconds: float) -> str:
    """A time: "2026-11-24 10:11:44Z"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def as_json(content: object) -> str:
    """Anything of the ledger as JSON."""
    return json.dumps(_plain(content), indent=2, ensure_ascii=False)


def _row(label: str, text: str) -> str:
    return f"{label:{_LABEL}}{text}" if len(label) < _LABEL else f"{label}  {text}"


def _plain(content: Any) -> Any:
    """Dataclasses, sets and mappings with other keys as JSON knows them."""
    if isinstance(content, Enum):
        return content.value
    if is_dataclass(content):
        return {field.name: _plain(getattr(content, field.name)) for field in fields(content)}
    if isinstance(content, Mapping):
        return {_name(key): _plain(item) for key, item in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(item) for item in content]
    if isinstance(content, frozenset):
        return sorted(_plain(item) for item in content)
    return content


def _name(key: object) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
