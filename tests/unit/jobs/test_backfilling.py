"""The backfill: what is told of, in which order, how fast, and how an early end is made good."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.core.errors import Rejected, RetryLater
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping
from chalicelib.core.model import PrimaryKey, RowId, SalesforceId, Side
from chalicelib.jobs.backfilling import LOOK_SECONDS, MOST_WAITING, Backfilling, TakenOver, parents_first
from tests.fakes.backfills import MemoryBackfills
from tests.fakes.clock import FakeClock
from tests.fakes.hints import MemoryHints
from tests.unit.jobs.sample import ACCOUNT

PAGE = 2
PARENT = Field("AccountId", "account_id", Kind.REFERENCE, "bigint", parent="account")
CONTACT = replace(ACCOUNT, name="contact", object="Contact", table="public.contact", fields=(*ACCOUNT.fields, PARENT))
IDS = {"account": ["001A", "001B", "001C"], "contact": ["003A"]}
ROWS = {"account": [("1", "001A"), ("2", None), ("3", "001Z")], "contact": [("9", "003A")]}


class Records:
    """The Salesforce side."""

    def count(self, mapping: ObjectMapping) -> int:
        """How many records there are."""
        return len(IDS[mapping.name])

    def after(self, mapping: ObjectMapping, last: str) -> Sequence[str]:
        """A page of records."""
        return [id_ for id_ in IDS[mapping.name] if id_ > last][:PAGE]

    def present(self, mapping: ObjectMapping, ids: Collection[str]) -> Collection[str]:
        """Those that are there."""
        return {id_ for id_ in ids if id_ in IDS[mapping.name]}


class Rows:
    """The Postgres side."""

    def count(self, mapping: ObjectMapping) -> int:
        """How many rows there are."""
        return len(ROWS[mapping.name])

    def after(self, mapping: ObjectMapping, last: PrimaryKey) -> Sequence[tuple[PrimaryKey, str | None]]:
        """A page of rows."""
        return [((pk,), sfid) for pk, sfid in ROWS[mapping.name] if (pk,) > last][:PAGE]


@dataclass
class Stage:
    """A backfill with everything in memory."""

    memory: MemoryBackfills = field(default_factory=MemoryBackfills)
    hints: MemoryHints = field(default_factory=MemoryHints)
    clock: FakeClock = field(default_factory=FakeClock)
    waiting: Iterator[int] | None = None

    @property
    def job(self) -> Backfilling:
        """The job."""
        waiting = self.waiting
        return Backfilling(
            mappings=Mappings((CONTACT, ACCOUNT)),
            records=Records(),
            rows=Rows(),
            memory=self.memory,
            hints=self.hints,
            clock=self.clock,
            waiting=lambda: 0 if waiting is None else next(waiting),
        )

    @property
    def told(self) -> list[str]:
        """What was told of, in order."""
        names = [hint.identity for hint in self.hints.sent]
        return [one.id if isinstance(one, SalesforceId) else f"row {one.key[0]}" for one in names]


def test_parents_are_told_of_before_children() -> None:
    """Records first, then the rows that they are not linked to; a row with a link by its record."""
    stage = Stage()
    last = list(stage.job.run([], "ann"))[-1]

    assert stage.told == ["001A", "001B", "001C", "row 2", "001Z", "003A"]
    assert (last.mapping, last.actor, last.told, last.finished_at) == ("contact", "ann", 1, stage.clock.now())
    assert stage.memory.stored["account"].seen == {Side.SALESFORCE: 3, Side.POSTGRES: 3}


def test_each_hint_has_an_id_of_its_own_run() -> None:
    """A second backfill within five minutes is no duplicate of the first."""
    stage = Stage()
    list(stage.job.run(["contact"], "ann"))
    stage.clock.advance(1.0)
    list(stage.job.run(["contact"], "ann"))

    assert stage.told == ["003A", "003A"]
    assert len({hint.hint_id for hint in stage.hints.sent}) == 2


def test_a_run_that_ended_early_is_gone_on_with() -> None:
    """After the last page that was told of; who began it, and when, stays."""
    stage = Stage(hints=MemoryHints(room=2))
    with pytest.raises(RetryLater):
        list(stage.job.run(["account"], "ann"))
    stage.hints.room = None

    list(stage.job.run(["account"], "bob"))

    assert stage.told == ["001A", "001B", "001C", "row 2", "001Z"]
    assert stage.memory.stored["account"].actor == "ann"


def test_a_run_may_begin_anew() -> None:
    """Where somebody wants that."""
    stage = Stage(hints=MemoryHints(room=2))
    with pytest.raises(RetryLater):
        list(stage.job.run(["account"], "ann"))
    stage.hints.room = None

    list(stage.job.run(["account"], "bob", restart=True))

    assert stage.told == ["001A", "001B", "001A", "001B", "001C", "row 2", "001Z"]


def test_of_two_runs_one_goes_on() -> None:
    """The other one is told."""
    stage = Stage()
    first = stage.job.run(["account"], "ann")
    next(first)
    list(stage.job.run(["account"], "bob"))

    with pytest.raises(TakenOver, match="somebody else runs the backfill of account"):
        list(first)


def test_it_waits_while_the_queue_is_full() -> None:
    """No more is told of than is worked off meanwhile."""
    stage = Stage(waiting=iter([MOST_WAITING, MOST_WAITING, *[0] * 9]))
    began = stage.clock.now()

    list(stage.job.run(["contact"], "ann"))

    assert stage.clock.now() - began == 2 * LOOK_SECONDS


def test_a_mapping_that_is_not_there_is_refused() -> None:
    """Before anything is told of."""
    stage = Stage()

    with pytest.raises(Rejected, match="no mapping acount"):
        list(stage.job.run(["account", "acount"], "ann"))
    assert stage.told == []


def test_a_circle_of_references_has_an_order_too() -> None:
    """Each mapping once."""
    first = replace(ACCOUNT, fields=(replace(PARENT, parent="contact"),))
    assert [mapping.name for mapping in parents_first(Mappings((first, CONTACT)))] == ["contact", "account"]


def test_a_row_names_its_key() -> None:
    """Of a row without a link nothing else is known."""
    stage = Stage()
    list(stage.job.run(["account"], "ann"))

    assert RowId("public.account", ("2",)) in {hint.identity for hint in stage.hints.sent}
