"""A second look at a side that a pass does not write, once its decision stands in the ledger.

A side that is written has its condition. One that is not might have moved, and moved back, between our read and our
intent; the message that tells of it is then answered by a worker who finds just the base, and leaves no trace:

    user:       A -> B                      B -> A, message
    worker 1:            reads base A, row B                     intent, other side = B: the user's A is nowhere
    worker 2:                                reads base A, row A: nothing to do, acknowledged

So the row is read again after the intent. What commits after that sends a message that meets the lease, or the new
base. Salesforce tells by its stamp: a worker who meets a newer second writes it into the entry, and our intent fails.
Only where the stamp is one that the entry has already, or there is none, the record is read again too.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chalicelib.core.model import Record, RecordKey, Row, Side
from chalicelib.core.ports import RecordQuery, Records, RowQuery, Rows
from chalicelib.core.work import Work


class SecondLook:
    """Finds what has moved since it was read.

    Args:
        rows: the Postgres side.
        records: the Salesforce side.
    """

    def __init__(self, rows: Rows, records: Records) -> None:
        self._rows = rows
        self._records = records

    @staticmethod
    def unstamped(works: Sequence[Work]) -> frozenset[RecordKey]:
        """Those whose stamp in Salesforce does not tell whether they move; asked before the entry is written."""
        return frozenset(
            work.key
            for work in works
            if not work.planned.writes_on(Side.SALESFORCE)
            and (
                work.record is None or work.record.deleted or work.record.modified_at <= work.current.salesforce_second
            )
        )

    def moved(self, works: Sequence[Work], unstamped: Collection[RecordKey]) -> frozenset[RecordKey]:
        """Those of which a side that is not written is no longer what was seen.

        Args:
            works: their decision stands in the ledger.
            unstamped: those of which Salesforce is to be read too.

        Raises:
            TwinledgerError: a system did not answer.
        """
        unwritten = [work for work in works if not work.planned.writes_on(Side.POSTGRES)]
        doubtful = [work for work in works if work.key in unstamped]
        return frozenset(work.key for work in [*self._rows_moved(unwritten), *self._records_moved(doubtful)])

    def _rows_moved(self, works: Sequence[Work]) -> list[Work]:
        asked = [(work, query) for work in works for query in _row_queries(work)]
        found = self._rows.read([query for _, query in asked]) if asked else ()
        return [work for (work, _), state in zip(asked, found, strict=True) if state.row != work.row]

    def _records_moved(self, works: Sequence[Work]) -> list[Work]:
        queries = [RecordQuery(work.mapping, work.sfid, work.key) for work in works]
        found = self._records.read(queries) if queries else ()
        return [work for work, record in zip(works, found, strict=True) if _told(record) != _told(work.record)]


def _row_queries(work: Work) -> list[RowQuery]:
    """By which the row was found, or was not."""
    row: Row | None = work.row
    if row is not None:
        return [RowQuery(work.mapping, work.key, row.pk)]
    by_key = [] if work.pk is None else [RowQuery(work.mapping, work.key, work.pk)]
    return by_key if work.sfid is None else [*by_key, RowQuery(work.mapping, work.key, None, work.sfid)]


def _told(record: Record | None) -> Record | None:
    """A record without what differs from read to read."""
    return None if record is None else replace(record, second_open=False)
