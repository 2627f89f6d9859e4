"""What a settle step writes into the ledger, as pure functions of its work.

opened      before anything is written: the intent, new conflicts, what is about to be overwritten
linked      a record was created in Salesforce: its id, before the row shows it
finished    everything was written: the new bases, closed issues
agreed      nothing is to be written: the bases, closed issues; None where the ledger says all of it already
released    the operation did not go through: the lease is given back, the intent stays for recovery
refused     a system refused the write: the same, with the refusal and its issue
"""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.core.errors import Parked
from chalicelib.core.issues import ReadIssues, close, conflicts, rejected
from chalicelib.core.ledger import (
    Answer,
    Base,
    Cause,
    Entry,
    EntryChange,
    Existence,
    History,
    Ignored,
    Intent,
    Refusal,
    Remembered,
    alike,
)
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields, Identity, Known, Record, RowId, SalesforceId, Side, condense, some
from chalicelib.core.plan import WAITS, Plan
from chalicelib.core.recover import (
    buried,
    formed,
    remember,
    settled,
    unit_values,
)
from chalicelib.core.work import Work


def opened(work: Work, now: float, lease_seconds: float) -> EntryChange:
    """The intent, under the condition that nobody wrote the entry since it was read."""
    plan, entry = work.planned, work.current
    record = work.record
    intent = Intent(
        operation=work.operation,
        target={name: remember(values) for name, values in plan.target.items()},
        on_postgres=frozenset(plan.on_postgres),
        on_salesforce=frozenset(plan.on_salesforce),
        seen_postgres=_remembered(work.mapping, work.row.values if work.row is not None else {}),
        seen_salesforce=_remembered(work.mapping, record.values if record is not None else {}),
        existence=plan.existence,
        alive=bool(plan.alive),
        lease_until=now + lease_seconds,
        answers=frozenset(plan.answers),
    )
    issues, documents = conflicts(work, plan.conflicts, entry, now)
    hops = entry.hops + 1 if plan.moved_by_automation else entry.hops
    after = replace(
        entry,
        version=entry.version + 1,
        alive=work.ground.alive,
        sfid=work.sfid,
        pk=work.pk,
        bases=plan.bases,
        intent=intent,
        issues=issues,
        ignored=_ignored(entry, plan),
        hops=0 if plan.moved_by_user else hops,
        outside=False,
        salesforce_second=_second(entry, record),
        updated_at=now,
    )
    history = (*_withdrawn(work, now), *_overwritten(work, plan, now))
    return EntryChange(work.entry, after, _links(work), documents, history, _taken(work))


def linked(work: Work, now: float) -> EntryChange:
    """The Salesforce id of a new record, so that whoever meets the id finds this entry."""
    entry = work.current
    after = replace(entry, version=entry.version + 1, sfid=work.sfid, updated_at=now)
    return EntryChange(work.entry, after, _links(work), taken=_taken(work))


def agreed(work: Work, now: float, read: ReadIssues) -> EntryChange | None:
    """The bases of a record of which nothing is to be written; None where the ledger holds them already."""
    plan, entry = work.planned, work.current
    bases = {**plan.bases, **{name: settled(remember(values)) for name, values in plan.target.items()}}
    issues, documents = conflicts(work, plan.conflicts, entry, now)
    after = replace(
        entry,
        alive=plan.alive,
        survivor=plan.survivor,
        sfid=work.sfid,
        pk=work.pk,
        bases=bases,
        intent=None,
        issues=issues,
        answers=_open_answers(entry, plan),
        echoes=entry.echoes
        if plan.outside
        else {at: value for at, value in entry.echoes.items() if at[1] in work.without},
        outside=plan.outside,
        ignored={**_ignored(entry, plan), **plan.marks},
        salesforce_second=_second(entry, work.record),
    )
    after, closing = close(plan, after, now, read)
    if after == entry or (work.entry is None and plan.alive is not True and not documents):
        return None
    after = replace(after, version=entry.version + 1, updated_at=now)
    issues_told = (*documents, *closing)
    return EntryChange(work.entry, after, _links(work), issues_told, _withdrawn(work, now), _taken(work))


def finished(work: Work, now: float, read: ReadIssues) -> EntryChange:
    """The new bases after a write of Postgres, of Salesforce, or of both."""
    plan, entry = work.planned, work.current
    bases = {**plan.bases, **{name: settled(remember(values)) for name, values in plan.target.items()}}
    echoes: dict[tuple[Side, str], Remembered] = {}
    row, record = work.row_after, work.record_after
    if row is not None and row.row is not None:
        before = work.row.values if work.row is not None else None
        _read_back(bases, echoes, work, Side.POSTGRES, (before, row.row.values))
    if record is not None and not record.deleted and record.ours and record.marker == work.operation:
        known = work.record if work.record is not None and not work.record.deleted else None
        _read_back(bases, echoes, work, Side.SALESFORCE, (known.values if known is not None else None, record.values))
    if plan.existence in {Existence.DELETE_POSTGRES, Existence.DELETE_SALESFORCE, Existence.UNDELETE_SALESFORCE}:
        in_bin = _remembered(work.mapping, work.record.values if work.record is not None else {})
        bases = buried(bases, in_bin, plan.existence)
    after = replace(
        entry,
        version=entry.version + 1,
        alive=plan.alive,
        survivor=plan.survivor,
        sfid=work.sfid,
        pk=work.pk,
        bases=bases,
        intent=None,
        answers=_open_answers(entry, plan),
        ignored={**_ignored(entry, plan), **plan.marks},
        echoes=echoes,
        salesforce_second=max(_second(entry, work.record), record.modified_at if record is not None else 0),
        updated_at=now,
    )
    after, closing = close(plan, after, now, read)
    return EntryChange(work.entry, after, _links(work), closing, taken=_taken(work))


def released(work: Work, now: float) -> EntryChange:
    """The lease given back. The intent stays: it holds agreements, and recovery needs it.

    What only follows automation has gone no hop where nothing was written: to wait for a parent is no storm.
    """
    entry = work.current
    intent = replace(entry.intent, lease_until=0.0, failed=True) if entry.intent is not None else None
    waits = [conflict for conflict in work.planned.conflicts if conflict.slot in WAITS]
    issues, documents = conflicts(work, waits, entry, now)
    plan = work.planned
    stayed = bool(plan.moved_by_automation) and not plan.moved_by_user and not work.wrote
    hops = max(entry.hops - stayed, 0)
    after = replace(entry, version=entry.version + 1, intent=intent, issues=issues, hops=hops, updated_at=now)
    return EntryChange(work.entry, after, _links(work), documents, taken=_taken(work))


def yielded(work: Work, now: float) -> EntryChange:
    """The lease given back after everything was written, for messages came in meanwhile: the next round recovers."""
    entry = work.current
    intent = replace(entry.intent, lease_until=0.0) if entry.intent is not None else None
    after = replace(entry, version=entry.version + 1, intent=intent, updated_at=now)
    return EntryChange(work.entry, after, _links(work), taken=_taken(work))


def refused(work: Work, now: float, side: Side, error: Parked) -> EntryChange:
    """A refused write: its values are remembered, so that just these are not sent again."""
    plan, change = work.planned, released(work, now)
    written = plan.fields.get(side, {})
    held = work.record if side is Side.SALESFORCE else work.row
    seen = {name: condense(value) for name, value in (held.values if held is not None else {}).items()}
    blamed = {name for name in error.fields if name in written}
    refusal = _refusal({name: condense(value) for name, value in written.items()}, blamed, seen)
    earlier = work.current.refusals.get(side)
    if earlier is not None and dict(earlier.seen) == seen:
        refusal = _refused_before(earlier, refusal)
    items = {**refusal.items, **(refusal.rest or {})}
    shown, document = rejected(work, now, side, error, items)
    entry = replace(
        change.entry,
        refusals={**change.entry.refusals, side: refusal},
        issues={**change.entry.issues, document.slot: shown},
    )
    return replace(change, entry=entry, issues=(*change.issues, document))


def _refusal(written: Mapping[str, Known], blamed: set[str], seen: Mapping[str, Known]) -> Refusal:
    items = {name: value for name, value in written.items() if not blamed or name in blamed}
    return Refusal(bool(blamed), items, seen)


def _refused_before(earlier: Refusal, refusal: Refusal) -> Refusal:
    """Both refusals in one: the one that names fields leaves the rest to be sent, which may be refused as a whole.

    Of a system that checks in stages each refusal alone would forget the other, and both be met for ever.
    """
    if refusal.named:
        items = {**earlier.items, **refusal.items} if earlier.named else refusal.items
        return replace(refusal, items=items, rest=earlier.rest if earlier.named else earlier.items)
    return replace(earlier, rest=refusal.items) if earlier.named else refusal


def carried_over(change: EntryChange, now_seen: Entry) -> EntryChange:
    """The same change on top of what messages and persons added to the entry meanwhile.

    Only ``dirty``, answers and cleared refusals can have moved, for the version has not.
    """
    seen = change.seen
    known_answers = dict(seen.answers) if seen is not None else {}
    known_refusals = dict(seen.refusals) if seen is not None else {}
    new_answers = {name: answer for name, answer in now_seen.answers.items() if known_answers.get(name) != answer}
    cleared = known_refusals.keys() - now_seen.refusals.keys()
    entry = replace(
        change.entry,
        dirty=now_seen.dirty,
        answers={**change.entry.answers, **new_answers},
        refusals={side: refusal for side, refusal in change.entry.refusals.items() if side not in cleared},
    )
    return replace(change, seen=now_seen, entry=entry)


# --- pieces


def _links(work: Work) -> tuple[Identity, ...]:
    """The look-ups that the ledger does not have yet, and that nobody else may have."""
    taken = _taken(work)
    return tuple(identity for identity in _unknown(work) if identity not in taken)


def _taken(work: Work) -> tuple[Identity, ...]:
    """The primary key of a row that says itself whose it is: whatever had this key before has it no more."""
    row = work.row
    ours = row is not None and (work.stranger or (row.sfid is not None and row.sfid == work.sfid))
    return tuple(
        identity
        for identity in _unknown(work)
        if ours and row is not None and isinstance(identity, RowId) and identity.key == row.pk
    )


def _unknown(work: Work) -> tuple[Identity, ...]:
    entry = work.current
    return tuple(
        identity
        for identity in work.identities
        if (entry.sfid != identity.id if isinstance(identity, SalesforceId) else entry.pk != identity.key)
    )


def _remembered(mapping: ObjectMapping, fields: Fields) -> dict[str, Remembered]:
    return {name: remember(values) for name, values in unit_values(mapping, fields).items()}


def _second(entry: Entry, record: Record | None) -> int:
    return max(entry.salesforce_second, record.modified_at if record is not None else 0)


def _open_answers(entry: Entry, plan: Plan) -> dict[str, Answer]:
    carried = plan.answers | (entry.intent.answers if entry.intent is not None else frozenset[str]())
    return {
        name: answer
        for name, answer in entry.answers.items()
        if answer.id not in carried and name not in plan.refused_answers
    }


def _ignored(entry: Entry, plan: Plan) -> dict[str, Ignored]:
    """What is ignored still. It ends with the write that opens the issue anew, so that no issue outlives it."""
    return {name: mark for name, mark in entry.ignored.items() if name not in plan.unmarked}


def _read_back(
    bases: dict[str, Base],
    echoes: dict[tuple[Side, str], Remembered],
    work: Work,
    side: Side,
    around: tuple[Fields | None, Fields],
) -> None:
    """Account for what a side made of our write: forms of what we wrote, and echoes beside it."""
    plan = work.planned
    written = plan.on_postgres if side is Side.POSTGRES else plan.on_salesforce
    before = None if around[0] is None else _remembered(work.mapping, around[0])
    for name, held in _remembered(work.mapping, around[1]).items():
        if name in written:
            if not alike(held, remember(plan.target[name])):
                bases[name] = formed(bases[name], side, held)
        elif before is not None and not alike(held, before.get(name)):
            echoes[side, name] = held


def _overwritten(work: Work, plan: Plan, now: float) -> tuple[History, ...]:
    """What the plan is about to overwrite, per side and cause."""
    record = work.record if work.record is not None and not work.record.deleted else None
    units = {name: unit.name for unit in work.mapping.units for name in unit.fields}
    entries: list[History] = []
    for side, held in ((Side.POSTGRES, work.row), (Side.SALESFORCE, record)):
        existence = plan.existence if plan.existence is not None and plan.existence.side is side else None
        before = dict(held.values) if held is not None else {}
        if existence is not None and not existence.alive:
            gone = _history(work, now, side, (Cause.DELETE, work.actor(side.other)), (before, {}))
            winner = work.record.merged_into if work.record is not None else None
            entries.append(replace(gone, merged_into=winner))
        elif existence is Existence.UNDELETE_SALESFORCE:
            entries.append(_history(work, now, side, (Cause.UNDELETE, work.actor(side.other)), ({}, {})))
        else:
            written = plan.fields.get(side, {})
            sources = {name: _source(work, plan, units[name], side) for name in written}
            for cause, actor in dict.fromkeys(sources.values()):
                after = {name: value for name, value in written.items() if sources[name] == (cause, actor)}
                entries.append(_history(work, now, side, (cause, actor), (some(before, after), after)))
    return tuple(entries)


def _withdrawn(work: Work, now: float) -> tuple[History, ...]:
    """What the operation that is over did not write, although it was told of."""
    intent = work.current.intent
    return tuple(
        History(work.key, work.mapping.name, now, intent.operation, side, Cause.WITHDRAWN, {}, {})
        for side in Side
        if intent is not None and side in work.ground.withdrawn
    )


def _source(work: Work, plan: Plan, unit: str, side: Side) -> tuple[Cause, str | None]:
    """Why a unit is written on a side, and who is behind it."""
    return plan.causes.get(unit, Cause.EDIT), plan.deciders.get(unit) or work.actor(side.other)


def _history(
    work: Work, now: float, side: Side, source: tuple[Cause, str | None], around: tuple[Fields, Fields]
) -> History:
    return History(
        key=work.key,
        mapping=work.mapping.name,
        at=now,
        operation=work.operation,
        side=side,
        cause=source[0],
        before=around[0],
        after=around[1],
        actor=source[1],
    )
