"""Issues: what a person should see of a record, as documents and as the entry knows them; opened, updated, closed."""

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chalicelib.core.errors import Parked
from chalicelib.core.ledger import BaseState, Entry, Issue, IssueKind, OpenIssue, Remembered, alike
from chalicelib.core.model import Digest, Known, Side, condense, some
from chalicelib.core.plan import WAITS, Conflict, Plan
from chalicelib.core.work import Work

ISSUE_NAMESPACE = uuid.UUID("5b1f9c0e-3f0b-4d57-8a53-2f6a6f1c7d11")
ReadIssues = Callable[[Sequence[str]], Mapping[str, Issue]]


def issue_id(key: str, slot: str, content: str) -> str:
    """The id of an issue: the same conflict, met again after a failed try, is the same issue."""
    return str(uuid.uuid5(ISSUE_NAMESPACE, f"{key}\n{slot}\n{content}"))


def refusal_slot(side: Side) -> str:
    """The issue slot of a write that a side refused."""
    return f"*{side}"


def conflicts(
    work: Work, planned: Sequence[Conflict], entry: Entry, now: float
) -> tuple[dict[str, OpenIssue], tuple[Issue, ...]]:
    """The open issues with these conflicts in them, and the documents to write for it."""
    issues, documents = dict(entry.issues), []
    for conflict in planned:
        known = issues.get(conflict.slot)
        if conflict.decision:
            documents.append(_document(work, conflict, None, now))
        elif known is None or not (
            known.kind is conflict.kind
            and _as_shown(known.postgres, conflict.postgres)
            and _as_shown(known.salesforce, conflict.salesforce)
        ):
            document = _document(work, conflict, known, now)
            documents.append(document)
            issues[conflict.slot] = OpenIssue(
                document.id,
                conflict.kind,
                conflict.postgres and tuple(condense(value) for value in conflict.postgres),
                conflict.salesforce and tuple(condense(value) for value in conflict.salesforce),
                document.opened_at,
            )
    work.conflicts = max(work.conflicts, len(documents))
    return issues, tuple(documents)


def rejected(work: Work, now: float, side: Side, error: Parked, items: Mapping[str, Known]) -> tuple[OpenIssue, Issue]:
    """The issue of a write that a side refused; the one that is open there already, brought up to date."""
    slot = refusal_slot(side)
    known = work.current.issues.get(slot)
    document = Issue(
        id=known.id if known is not None else issue_id(work.key, slot, work.operation),
        key=work.key,
        mapping=work.mapping.name,
        slot=slot,
        kind=IssueKind.REJECTED,
        opened_at=known.opened_at if known is not None else now,
        updated_at=now,
        fields=tuple(sorted(items)),
        postgres=some(work.row.values if work.row is not None else {}, items),
        salesforce=some(work.record.values if work.record is not None else {}, items),
        code=error.code,
        text=str(error),
        actors=_actors(work),
        sfid=work.sfid,
        pk=work.pk,
    )
    return OpenIssue(document.id, IssueKind.REJECTED, None, None, document.opened_at), document


def close(plan: Plan, after: Entry, now: float, read: ReadIssues) -> tuple[Entry, tuple[Issue, ...]]:
    """The entry without the issues that are over, and those issues, closed."""
    over = {slot: reason for slot, reason in plan.closed.items() if slot in after.issues}
    refusals = {side: refusal for side, refusal in after.refusals.items() if side in plan.held_back}
    for side in Side:
        if side not in plan.held_back:  # an operator's retry has cleared the refusal, but not its issue
            over.setdefault(refusal_slot(side), "the write passed, or is no longer needed")
    for slot in WAITS.keys() - {conflict.slot for conflict in plan.conflicts}:
        over.setdefault(slot, WAITS[slot])
    over = {slot: reason for slot, reason in over.items() if slot in after.issues}
    if not over:
        return replace(after, refusals=refusals), ()
    found = read([after.issues[slot].id for slot in over])
    closing = tuple(
        replace(found[shown.id], closed_at=now, updated_at=now, reason=reason, ignored=slot in plan.left)
        for slot, reason in over.items()
        if (shown := after.issues[slot]).id in found
    )
    issues = {slot: shown for slot, shown in after.issues.items() if slot not in over}
    return replace(after, refusals=refusals, issues=issues), closing


# --- pieces


def _actors(work: Work) -> dict[Side, str]:
    named = {side: work.actor(side) for side in Side}
    return {side: actor for side, actor in named.items() if actor is not None}


def _document(work: Work, conflict: Conflict, known: OpenIssue | None, now: float) -> Issue:
    unit = work.mapping.by_unit.get(conflict.slot)
    names = unit.fields if unit is not None else work.mapping.names
    base = work.ground.bases.get(conflict.slot)
    agreed_values = base.agreed if base is not None and base.state is not BaseState.HALF else None
    content = repr((conflict.kind, _printed(conflict.postgres), _printed(conflict.salesforce), _printed(agreed_values)))
    opened_at = known.opened_at if known is not None else now
    return Issue(
        id=known.id if known is not None else issue_id(work.key, conflict.slot, f"{content}\n{_age(work)}"),
        key=work.key,
        mapping=work.mapping.name,
        slot=conflict.slot,
        kind=conflict.kind,
        opened_at=opened_at,
        updated_at=now,
        closed_at=now if conflict.decision else None,
        reason=conflict.decision,
        fields=names if unit is not None else (),
        base=dict(zip(names, agreed_values, strict=True)) if agreed_values is not None and unit is not None else {},
        postgres=some(work.row.values if work.row is not None else {}, dict.fromkeys(names)),
        salesforce=some(work.record.values if work.record is not None else {}, dict.fromkeys(names)),
        text=conflict.text,
        actors=_actors(work),
        sfid=work.sfid,
        pk=work.pk,
    )


def _as_shown(known: Remembered | None, now: Remembered | None) -> bool:
    """Whether an issue shows this of a side already; some show nothing."""
    return known is now or alike(known, now)


def _age(work: Work) -> int:
    """Tells a conflict from the same values in conflict another time: the stamp that Salesforce gave its side."""
    return work.record.modified_at if work.record is not None else 0


def _printed(values: Remembered | None) -> str:
    """A unit's values for a digest."""
    parts = (f"{value.sha256}:{value.length}" if isinstance(value, Digest) else repr(value) for value in values or ())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
