"""The settle step: the one path by which a value is written, whatever the message was.

    1  read the ledger entry; another worker's lease runs: leave the record to its holder
    2  read the Postgres row and the Salesforce record
    3  recover what an interrupted operation left behind
    4  plan, purely; what is about to be created for the first time is looked for by the mapping's match fields
    5  write the intent, provided that the entry is still what was read
    6  write Postgres, provided that the row is still what was read
    7  write Salesforce, provided that the record is still what was read
    8  write the new bases, provided that the entry is still the intent's

A failed condition anywhere means that somebody was faster: the record goes round again from 1. Every step takes all
records of a batch at once; only the plan is made for one.

Correctness rests on the conditions and on the marker that each write leaves, never on a time-out: a request that was
given up may still land, and is then found by its marker, or fails by its condition.
"""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.circles import Circles
from chalicelib.core.departures import Departures
from chalicelib.core.errors import Parked, ProtocolError, Superseded, TwinledgerError
from chalicelib.core.families import Families
from chalicelib.core.identify import Identifier
from chalicelib.core.losers import Losers
from chalicelib.core.mapping import Mappings
from chalicelib.core.matching import Matching
from chalicelib.core.model import Hint, Side
from chalicelib.core.plan import Seen
from chalicelib.core.planner import plan
from chalicelib.core.ports import Clock, Hints, Ledger, Records, Rows
from chalicelib.core.reading import Reading, is_echo
from chalicelib.core.recover import recover
from chalicelib.core.registrations import Registrations
from chalicelib.core.work import Outcome, Result, Work
from chalicelib.core.writing import Limits, Writing


class Settler:
    """Settles records.

    Args:
        mappings: what is kept the same.
        ledger: the memory.
        rows: the Postgres side.
        records: the Salesforce side.
        hints: the way to wake waiters.
        clock: time and ids.
        organization_id: 18-character id of the org; part of the keys of records that Salesforce made.
        limits: lease and rounds.
    """

    def __init__(
        self,
        *,
        mappings: Mappings,
        ledger: Ledger,
        rows: Rows,
        records: Records,
        hints: Hints,
        clock: Clock,
        organization_id: str,
        limits: Limits | None = None,
    ) -> None:
        self._rows = rows
        self._records = records
        self._clock = clock
        self._limits = limits or Limits()
        circles = Circles(mappings, rows, records)
        registrations = Registrations(ledger, clock)
        departures = Departures(mappings, ledger, records, hints, registrations)
        self._families = Families(
            mappings=mappings,
            ledger=ledger,
            hints=hints,
            clock=clock,
            registrations=registrations,
            circles=circles,
            departures=departures,
            losers=Losers(mappings, records),
        )
        self._identifier = Identifier(mappings, ledger, rows, records, organization_id)
        self._matching = Matching(ledger, rows, records)
        self._reading = Reading(ledger, rows, records, clock)
        self._writing = Writing(
            ledger=ledger,
            rows=rows,
            records=records,
            clock=clock,
            families=self._families,
            departures=departures,
            limits=self._limits,
        )

    def settle(self, hints: Sequence[Hint]) -> Sequence[Outcome]:
        """Settle the records that the hints name; one outcome for each hint, in no particular order.

        Raises no TwinledgerError: what failed as a whole is the outcome of each hint that was not done yet.
        """
        try:
            works, outcomes = self._identifier.identify(hints)
        except Parked as error:
            if len(hints) > 1:  # one of them is to blame
                return [outcome for hint in hints for outcome in self.settle([hint])]
            return [Outcome.of(hint, _refused_read(error)) for hint in hints]
        except TwinledgerError as error:
            return [Outcome.of(hint, error) for hint in hints]
        for _ in range(self._limits.rounds):
            active = [work for work in works if work.result is None]
            if not active:
                break
            self._try(active)
        for work in works:
            if work.result is None:
                work.end(Result.RETRY, error=Superseded(), after=1.0)
            if work.result in {Result.RETRY, Result.HALTED} and work.may_hold:
                # Its message must not meet its own lease: that would be handed over to nobody.
                work.after = max(work.after or 0.0, self._limits.lease + 1.0)
        return [*outcomes, *(outcome for work in works for outcome in work.outcomes())]

    def _try(self, works: Sequence[Work]) -> None:
        """One round of all; where a read is refused for one of them, of each alone."""
        try:
            self._pass(works)
        except Parked as error:
            for work in works:
                if work.result is None and len(works) > 1:
                    self._try([work])
                elif work.result is None:
                    work.fail(_refused_read(error))
        except TwinledgerError as error:
            for work in works:
                if work.result is None:
                    work.fail(error)

    def _pass(self, works: Sequence[Work]) -> None:
        """One round of all records of a batch that are still on their way."""
        works = self._reading.claim(works)
        self._families.recall(works)
        self._reading.read_rows(works)
        echoes = [work for work in works if is_echo(work)]
        for work in echoes:
            work.echo = True
            work.end(Result.UNCHANGED)
        self._families.tidy(echoes)
        works = [work for work in works if work.result is None]
        self._reading.read_records(works)
        self._plan(works)
        works = self._match(works)
        works = self._close_second(self._families.await_unlinked(works))
        self._writing.agree([work for work in works if not work.planned.writes])
        self._writing.carry_out([work for work in works if work.planned.writes])

    def _plan(self, works: Sequence[Work]) -> None:
        """Recover and plan; what rests on a message's content and goes further than it may carry is read first."""
        for work in works:
            self._plan_one(work)
        doubtful = [work for work in works if work.trusted and _doubtful(work)]
        self._reading.fetch(doubtful)
        for work in doubtful:
            self._plan_one(work)

    def _match(self, works: Sequence[Work]) -> list[Work]:
        """Plan anew what is not to be created, for the other side has it already."""
        for work in self._matching.match(works):
            self._plan_one(work)
        return [work for work in works if work.result is None]

    def _plan_one(self, work: Work) -> None:
        work.ground = recover(work.mapping, work.current, work.seen_state, work.record)
        without = frozenset(work.without)
        seen = Seen(work.row, work.record, needed=work.needed, winners=work.winners)
        work.plan = plan(work.mapping, work.current, work.ground, seen, without=without)
        if work.plan.undated and work.row is not None:
            edited = {
                name: self._rows.edited_at(work.mapping, work.row.pk, work.mapping.by_unit[name].fields)
                for name in work.plan.undated
            }
            seen = replace(seen, postgres_edited_at=edited)
            work.plan = plan(work.mapping, work.current, work.ground, seen, without=without)

    def _close_second(self, works: Sequence[Work]) -> list[Work]:
        """Wait until the second of the stamp is over, where the writer cannot tell two edits in one second apart.

        user:  edit, stamp :07 ............. edit, stamp :07 too
        we:          read: second :07 is open       write "unmodified since :07" would go through, over the edit

        The wait is outside of any lease, and everything is read again after it.
        """
        if not self._records.needs_closed_second:
            return list(works)
        early = [
            work
            for work in works
            if work.planned.writes_on(Side.SALESFORCE) and work.record is not None and work.record.second_open
        ]
        if early:
            self._clock.sleep(1.0 - self._clock.now() % 1.0)
        return [work for work in works if work not in early]


def _refused_read(error: Parked) -> ProtocolError:
    """A refusal of what was no write: nothing was parked and no issue tells of it, so the message must not go.

    The system's text is left out, for it may quote a value.
    """
    return ProtocolError(f"a read was refused: {error.code or type(error).__name__}")


def _doubtful(work: Work) -> bool:
    return work.planned.writes_on(Side.SALESFORCE) or work.planned.existence is not None or bool(work.planned.conflicts)
