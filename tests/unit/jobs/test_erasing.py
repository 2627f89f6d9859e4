"""Erasing: what has to be so before, and what is done where something comes in meanwhile."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.aws.erasure import Erased
from chalicelib.core.errors import Rejected, Superseded
from chalicelib.core.ledger import Entry
from chalicelib.core.model import Identity, PrimaryKey, RecordKey, RowId, SalesforceId
from chalicelib.jobs.erasing import TRIES, Erasing
from chalicelib.jobs.names import Named
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import MemoryLedger
from tests.fakes.records import MemoryRecords
from tests.fakes.rows import MemoryRows
from tests.unit.jobs.sample import ID, MAPPINGS

KEY = "6f1c1b2e-0000-5000-8000-000000000001"
GONE = Entry(KEY, "account", version=4, alive=False, sfid=ID, pk=("1",))
ONE = Erased({"ledger entry": 1})


@dataclass
class Store:
    """The table: how often it turns out that the entry was written meanwhile, and what it was asked to take out."""

    moved: int = 0
    asked: list[tuple[RecordKey, Entry | None, list[Identity]]] = field(default_factory=list)

    def holds(self, key: RecordKey) -> Erased:
        """One entry."""
        assert key == KEY
        return ONE

    def erase(self, key: RecordKey, entry: Entry | None, identities: Collection[Identity]) -> Erased | None:
        """Take it out."""
        self.asked.append((key, entry, list(identities)))
        return None if len(self.asked) <= self.moved else ONE


@dataclass
class Tables:
    """Twinledger's own tables."""

    waiting: int = 0

    def captured(self, table: str, pk: PrimaryKey) -> int:
        """What waits."""
        assert (table, pk) == ("public.account", ("1",))
        return self.waiting

    def erase(self, key: RecordKey, table: str, pk: PrimaryKey | None) -> int:
        """One marker."""
        assert (key, table, pk) == (KEY, "public.account", ("1",))
        return 1


@dataclass
class Stage:
    """A job with both sides in memory."""

    entry: Entry | None = GONE
    store: Store = field(default_factory=Store)
    tables: Tables = field(default_factory=Tables)
    records: MemoryRecords = field(default_factory=lambda: MemoryRecords(FakeClock()))
    rows: MemoryRows = field(default_factory=lambda: MemoryRows(MAPPINGS, FakeClock()))

    @property
    def job(self) -> Erasing:
        """The job."""
        ledger = MemoryLedger()
        if self.entry is not None:
            ledger.entries[KEY] = self.entry
        return Erasing(
            mappings=MAPPINGS,
            ledger=ledger,
            rows=self.rows,
            records=self.records,
            store=self.store,
            database=self.tables,
        )

    def erase(self, named: Named | None = None) -> tuple[Erased, list[int]]:
        """Erase; what went from the ledger and from the database."""
        told: list[int] = []
        return self.job.erase(named or Named(KEY), told.append), told


def test_a_tombstone_is_erased_with_its_names() -> None:
    """The look-ups of both sides go with it, and that by which it was named."""
    stage = Stage()
    other = SalesforceId("Account", "001000000000009AAA")

    assert stage.erase(Named(KEY, other)) == (ONE, [1])
    assert stage.store.asked == [(KEY, GONE, [other, SalesforceId("Account", ID), RowId("public.account", ("1",))])]


def test_what_an_earlier_run_left_is_erased() -> None:
    """The entry is gone, and a look-up leads to where it was."""
    stage = Stage(entry=None)

    assert stage.erase(Named(KEY, SalesforceId("Account", ID))) == (ONE, [])
    assert stage.store.asked == [(KEY, None, [SalesforceId("Account", ID)])]


def test_what_would_go_is_told() -> None:
    """Under the same conditions."""
    stage = Stage()

    assert stage.job.holds(Named(KEY)) == ONE
    stage.tables.waiting = 1
    with pytest.raises(Rejected, match="wait to be relayed"):
        stage.job.holds(Named(KEY))


def test_a_record_that_was_met_by_a_message_is_looked_at_again() -> None:
    """As often as is sensible."""
    stage = Stage(store=Store(moved=2))
    assert stage.erase() == (ONE, [1, 1, 1])

    with pytest.raises(Superseded, match="come in all the while"):
        Stage(store=Store(moved=TRIES)).erase()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (replace(GONE, alive=True), "its deletion is not settled yet"),
        (replace(GONE, mapping="contact"), "is of contact, which is not mapped any more"),
    ],
)
def test_what_is_not_known_to_be_gone_is_not_erased(entry: Entry, said: str) -> None:
    """With what is to be done first."""
    with pytest.raises(Rejected, match=said):
        Stage(entry=entry).erase()


def test_a_row_or_a_record_that_is_there_is_not_forgotten() -> None:
    """It is found by its link, too, and in the recycle bin."""
    stage = Stage()
    sfid = stage.records.add("Account", {"Name": "Acme", "Phone": None})
    stage.entry = replace(GONE, sfid=sfid, pk=None)
    with pytest.raises(Rejected, match="Salesforce has it still"):
        stage.erase()
    stage.records.delete("Account", sfid)
    stage.rows.insert("public.account", {}, sfid=sfid)
    with pytest.raises(Rejected, match="Postgres has it and Salesforce has it in the recycle bin still"):
        stage.erase()
    assert stage.store.asked == []


def test_what_the_ledger_does_not_know_is_not_erased() -> None:
    """There is nothing to do."""
    with pytest.raises(Rejected, match="nothing to erase"):
        Stage().erase(Named(None, SalesforceId("Account", ID)))
