"""The backfill: every record and every row of a mapping is settled, though nobody has changed it.

It is the first load of two sides that were there before the sync, and afterwards the proof that they are the same. It
writes nothing itself: all it does is send hints, parents before children, and no more than are worked off meanwhile.

    Salesforce   every record in the mapping's filter, page by page in the order of ids
    Postgres     of the rows in its filter, those without a link, and those whose record Salesforce did not list

A page is told of, then it is written down how far it has come. So a run that ends early is gone on with by the next:

    backfill            queue              table
      |-- a page of hints -->|                |   a crash here: the page is told of twice, which is harmless
      |== how far, if still where it was ====>|   another run goes on with it: this one stops
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.aws.backfills import Backfill
from chalicelib.core.errors import Rejected
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Change, Hint, PrimaryKey, RowId, SalesforceId, Side
from chalicelib.core.ports import Clock, Hints
from chalicelib.core.problems import choose

MOST_WAITING = 400  # messages in the queue, from which on it waits; of many hints each
LOOK_SECONDS = 1.0  # between two looks at the queue


class Records(Protocol):
    """Lists the records of a mapping; see :class:`chalicelib.salesforce.listing.RecordListing`."""

    def count(self, mapping: ObjectMapping, /) -> int:
        """How many there are."""
        ...

    def after(self, mapping: ObjectMapping, last: str, /) -> Sequence[str]:
        """The ids of the next page."""
        ...

    def present(self, mapping: ObjectMapping, ids: Collection[str], /) -> Collection[str]:
        """Those of the ids whose records are listed."""
        ...


class Rows(Protocol):
    """Lists the rows of a mapping; see :class:`chalicelib.postgres.listing.RowListing`."""

    def count(self, mapping: ObjectMapping, /) -> int:
        """How many there are."""
        ...

    def after(self, mapping: ObjectMapping, last: PrimaryKey, /) -> Sequence[tuple[PrimaryKey, str | None]]:
        """Keys and links of the next page."""
        ...


class Memory(Protocol):
    """How far backfills have come; see :class:`chalicelib.aws.backfills.Backfills`."""

    def all(self) -> Mapping[str, Backfill]:
        """The last one of each mapping that had one."""
        ...

    def save(self, backfill: Backfill, /) -> Backfill | None:
        """Write how far one is; None: another run goes on with it."""
        ...


class TakenOver(Rejected):
    """Somebody else runs the backfill of this mapping."""


@dataclass(frozen=True, slots=True)
class Backfilling:
    """Runs backfills.

    Attributes:
        mappings: what is kept the same.
        records: the Salesforce side.
        rows: the Postgres side.
        memory: how far each has come.
        hints: where to.
        clock: the time.
        waiting: how many messages wait to be settled.
    """

    mappings: Mappings
    records: Records
    rows: Rows
    memory: Memory
    hints: Hints
    clock: Clock
    waiting: Callable[[], int]

    def run(self, names: Sequence[str], actor: str, *, restart: bool = False) -> Iterator[Backfill]:
        """Tell of every record and row of these mappings; yields how far it is, after each page.

        Args:
            names: of mappings; empty: of all.
            actor: who does it.
            restart: begin anew where one was not finished.

        Raises:
            Rejected: there is no such mapping.
            TakenOver: somebody else runs it.
            TwinledgerError: a system did not answer; the next run goes on.
        """
        unknown = [name for name in names if name not in self.mappings.by_name]
        if unknown:
            raise Rejected(f"no mapping {unknown[0]}: {choose(unknown[0], self.mappings.by_name)}")
        known = self.memory.all()
        for mapping in parents_first(self.mappings):
            if not names or mapping.name in names:
                yield from self._mapping(mapping, known.get(mapping.name), actor, restart=restart)

    def _mapping(
        self, mapping: ObjectMapping, last: Backfill | None, actor: str, *, restart: bool
    ) -> Iterator[Backfill]:
        if last is None or last.finished_at is not None or restart:
            totals = {Side.SALESFORCE: self.records.count(mapping), Side.POSTGRES: self.rows.count(mapping)}
            begun = Backfill(mapping.name, actor, self.clock.now(), totals=totals, seen=dict.fromkeys(Side, 0))
            last = self._save(replace(begun, version=0 if last is None else last.version))
        yield last
        while last.finished_at is None:
            while self.waiting() >= MOST_WAITING:
                self.clock.sleep(LOOK_SECONDS)
            last = self._save(
                self._salesforce(mapping, last) if last.side is Side.SALESFORCE else self._rows(mapping, last)
            )
            yield last

    def _salesforce(self, mapping: ObjectMapping, at: Backfill) -> Backfill:
        page = self.records.after(mapping, at.after[0] if at.after else "")
        if not page:
            return replace(at, side=Side.POSTGRES, after=())
        self.hints.send([_hint(at, SalesforceId(mapping.object, id_), id_) for id_ in page])
        return _further(at, (page[-1],), len(page), len(page))

    def _rows(self, mapping: ObjectMapping, at: Backfill) -> Backfill:
        page = self.rows.after(mapping, at.after)
        if not page:
            return replace(at, finished_at=self.clock.now())
        listed = set(self.records.present(mapping, [sfid for _, sfid in page if sfid is not None]))
        hints = [_hint(at, _asked(mapping, pk, sfid), sfid) for pk, sfid in page if sfid is None or sfid not in listed]
        self.hints.send(hints)
        return _further(at, page[-1][0], len(page), len(hints))

    def _save(self, backfill: Backfill) -> Backfill:
        saved = self.memory.save(replace(backfill, updated_at=self.clock.now()))
        if saved is None:
            raise TakenOver(f"somebody else runs the backfill of {backfill.mapping}; `status` shows how far it is")
        return saved


def parents_first(mappings: Mappings) -> Sequence[ObjectMapping]:
    """Mappings in an order in which those that others reference come first; within a circle, as the file has them."""
    ordered: dict[str, ObjectMapping] = {}
    visited: set[str] = set()

    def visit(mapping: ObjectMapping) -> None:
        if mapping.name not in visited:
            visited.add(mapping.name)
            for field in mapping.fields:
                if field.parent is not None and field.parent in mappings.by_name:
                    visit(mappings.by_name[field.parent])
            ordered[mapping.name] = mapping

    for mapping in mappings.mappings:
        visit(mapping)
    return list(ordered.values())


def _asked(mapping: ObjectMapping, pk: PrimaryKey, sfid: str | None) -> SalesforceId | RowId:
    """By its record, where it has one: of a message from Postgres whose row holds the base Salesforce is not asked."""
    return RowId(mapping.table, pk) if sfid is None else SalesforceId(mapping.object, sfid)


def _hint(at: Backfill, identity: SalesforceId | RowId, sfid: str | None) -> Hint:
    name = identity.id if isinstance(identity, SalesforceId) else ",".join(identity.key)
    told = f"backfill-{at.began_at:.3f}-{at.mapping}-{name}"
    return Hint(identity, Change.UPDATED, told, sfid=sfid, bulk=True)


def _further(at: Backfill, after: PrimaryKey, seen: int, told: int) -> Backfill:
    return replace(at, after=after, seen={**at.seen, at.side: at.seen[at.side] + seen}, told=at.told + told)
