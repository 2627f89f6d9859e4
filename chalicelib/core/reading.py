"""Steps 1 and 2 of the settle step: the ledger entries, then both sides, with as few calls as the hints allow.

What a hint may save:

- The side that sent it holds just the base, and nothing is under way: it is an echo, and the other side need not be
  read. Edits since have messages of their own.
- An outbound message's content may stand for the read of Salesforce where it is complete and newer than everything
  that was settled, and the plan then writes nothing to Salesforce.

Anything doubtful is read.
"""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.ledger import BaseState, alike
from chalicelib.core.model import Fields, Record, RowState, SalesforceId, Side
from chalicelib.core.ports import Clock, Ledger, RecordQuery, Records, RowQuery, Rows
from chalicelib.core.recover import remember, unit_values
from chalicelib.core.work import Result, Work


class Reading:
    """Reads what a pass needs."""

    def __init__(self, ledger: Ledger, rows: Rows, records: Records, clock: Clock) -> None:
        self._ledger = ledger
        self._rows = rows
        self._records = records
        self._clock = clock

    def claim(self, works: Sequence[Work]) -> list[Work]:
        """Read the entries; records that another worker holds are left to it.

        holder:  intent written ......................... finish: dirty = seen?  no -> round again
        we:              our message, the lease runs: dirty + 1, provided that the version is still the one seen

        The holder then reads both sides again, after our message was acknowledged: nothing is missed, nobody waits.
        """
        entries = self._ledger.read([work.key for work in works])
        now = self._clock.now()
        held: list[Work] = []
        for work in works:
            work.start(entries.get(work.key))
            intent = work.current.intent
            if work.current.leased(now) and intent is not None and intent.operation != work.operation:
                held.append(work)
        if held:
            told = self._ledger.disturb([work.current for work in held])
            for work, disturbed in zip(held, told, strict=True):
                if disturbed:
                    work.end(Result.HANDED_OVER)
        return [work for work in works if work not in held]

    def read_rows(self, works: Sequence[Work]) -> None:
        """Read Postgres: by primary key where it is known, and by Salesforce id before the row is called absent.

        A primary key may have moved to another row. So a row that is not linked to the record's Salesforce id is its
        own only where no other row is, and where its link is not that of another record:

        row by primary key   row by Salesforce id   taken
        linked to us                                the first
        none, or not to us   there                  the second: our row has got another key
        to another record    none                   none: our row is gone, and another one has got its key
        to nothing known     none                   the first: somebody has written its link over
        """
        self._fill_rows([(work, RowQuery(work.mapping, work.key, work.pk, work.sfid)) for work in works])
        doubtful = [
            work
            for work in works
            if work.pk is not None and work.sfid is not None and (work.row is None or work.row.sfid != work.sfid)
        ]
        by_key = [work.seen_state for work in doubtful]
        self._fill_rows([(work, RowQuery(work.mapping, work.key, None, work.sfid)) for work in doubtful])
        gone = [(work, state) for work, state in zip(doubtful, by_key, strict=True) if work.row is None and state.row]
        self._keep_ours(gone)

    def _keep_ours(self, gone: Sequence[tuple[Work, RowState]]) -> None:
        """Of records that no row is linked to: the row with their primary key, unless it belongs to another record."""
        links = {
            work.key: SalesforceId(work.mapping.object, state.row.sfid)
            for work, state in gone
            if state.row is not None and state.row.sfid is not None
        }
        owners = self._ledger.find(set(links.values())) if links else {}
        for work, state in gone:
            link = links.get(work.key)
            if link is None or owners.get(link, work.key) == work.key:
                work.state = state
            else:
                work.pk = None

    def _fill_rows(self, wanted: Sequence[tuple[Work, RowQuery]]) -> None:
        asked = [(work, query) for work, query in wanted if query.pk is not None or query.sfid is not None]
        for work, _ in wanted:
            work.state = RowState(None, None)
        found = self._rows.read([query for _, query in asked]) if asked else ()
        for (work, _), state in zip(asked, found, strict=True):
            work.state = state
            if state.row is not None:
                work.pk = state.row.pk
                work.sfid = work.sfid or state.row.sfid

    def read_records(self, works: Sequence[Work]) -> None:
        """Read Salesforce, or take a message's content for it."""
        for work in works:
            work.record = self._trustworthy(work)
            work.trusted = work.record is not None
        self.fetch([work for work in works if not work.trusted])

    def fetch(self, works: Sequence[Work]) -> None:
        """Read Salesforce: by id where it is known, and by key before the record is called absent."""
        if not works:
            return
        queries = [RecordQuery(work.mapping, work.sfid, work.key) for work in works]
        found = dict(zip((work.key for work in works), self._records.read(queries), strict=True))
        absent = [work for work in works if found[work.key] is None and work.sfid is not None]
        if absent:
            by_key = [RecordQuery(work.mapping, None, work.key) for work in absent]
            found |= zip((work.key for work in absent), self._records.read(by_key), strict=True)
        for work in works:
            work.record, work.trusted = found[work.key], False
            if work.record is not None:
                work.sfid = work.record.id
        unseen = [work for work in works if work.record is not None and work.row is None]
        self._fill_rows([(work, RowQuery(work.mapping, work.key, None, work.sfid)) for work in unseen])

    @staticmethod
    def _trustworthy(work: Work) -> Record | None:
        """A message's content that may stand for a read.

        Of two messages from the same second nobody can tell which came later: where they differ, the record is read.
        So it is where the mapping has a filter for Salesforce, of which a message says nothing.
        """
        told = [hint.record for hint in work.hints if hint.side is Side.SALESFORCE]
        records = [record for record in told if record is not None]
        if not records or len(records) < len(told) or not _quiet(work) or work.mapping.soql is not None:
            return None
        newest, *others = sorted(records, key=lambda record: -record.modified_at)
        if newest.deleted or newest.modified_at <= work.current.salesforce_second:
            return None
        if any(other.modified_at == newest.modified_at and other.values != newest.values for other in others):
            return None
        filled = replace(newest, values=_with_known_nulls(work, newest.values))
        return filled if work.mapping.complete(filled.values) else None


def is_echo(work: Work) -> bool:
    """Whether the messages are answered by the sides that sent them: they hold just the base.

    A message with a newer second than the ledger's is not: that second is to be remembered, or an older message that
    is still on its way would be trusted. Neither is one of a record that automation changed beside our last write:
    whoever wrote has it to carry, and a message of the other side says nothing about it. Where the mapping has a filter
    for Salesforce, a user may have moved the record out of it in the second of our own write.
    """
    if not _quiet(work) or work.current.echoes:
        return False
    for hint in work.hints:
        if hint.side is Side.POSTGRES:
            fields = work.row.values if work.row is not None else {}
        elif hint.record is None or hint.record.deleted or _may_be_newer(work, hint.record):
            return False
        else:
            fields = _with_known_nulls(work, hint.record.values)
        held = unit_values(work.mapping, fields)
        for unit in work.mapping.units:
            base, values = work.current.bases.get(unit.name), held.get(unit.name)
            if base is None or values is None or base.state is not BaseState.AGREED:
                return False
            if not alike(remember(values), base.of(hint.side)):
                return False
    return True


def _may_be_newer(work: Work, told: Record) -> bool:
    """Whether a message's content may tell of a save that was not settled yet."""
    crosses = work.mapping.soql is not None and not told.ours
    return crosses or told.modified_at > work.current.salesforce_second


def _with_known_nulls(work: Work, values: Fields) -> Fields:
    """A message's values, and null for what it leaves out where Salesforce is known to hold null.

    A message leaves out a field that is null, and one that it was not configured for. Where the base is null, neither
    of the two makes a difference to be written; where it is not, the message does not say enough.
    """
    known = dict(values)
    for unit in work.mapping.units:
        base = work.current.bases.get(unit.name)
        if base is not None and base.salesforce is not None:
            for name, value in zip(unit.fields, base.salesforce, strict=True):
                if value is None:
                    known.setdefault(name, None)
    return known


def _quiet(work: Work) -> bool:
    """Whether the record is linked and in the mapping's filter, and nothing is under way with it or waits."""
    entry, row = work.current, work.row
    return (
        entry.alive is True
        and entry.intent is None
        and not (entry.issues or entry.answers or entry.refusals)
        and row is not None
        and row.sfid == entry.sfid
        and row.pk == entry.pk
        and not row.unlinked
        and not (entry.outside or row.outside)
    )
