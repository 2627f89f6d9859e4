"""Writes that lock the same parent: which go out, which wait, and that leases are given back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.core.errors import RecordLocked, Unavailable
from chalicelib.core.model import Record
from chalicelib.core.ports import Failed, RecordQuery, RecordWrite, WriteKind
from chalicelib.jobs.lock_groups import HELD_SECONDS, GroupedRecords
from tests.fakes.clock import FakeClock
from tests.fakes.telemetry import MemoryTelemetry
from tests.unit.jobs.sample import ACCOUNT, ID

CHILD = replace(ACCOUNT, lock_group="Phone")  # any field does for the test
RECORD = Record(ID, None, False, {"Phone": "A"}, None, 1, None, False, False)


def write(name: str, parent: str | None, before: str | None = None, *, grouped: bool = True) -> RecordWrite:
    """A write of a child that gets a parent, and had one before."""
    expected = None if before is None else replace(RECORD, values={"Phone": before})
    kind = WriteKind.CREATE if before is None else WriteKind.UPDATE
    values = {"Name": name} if parent is None else {"Name": name, "Phone": parent}
    return RecordWrite(CHILD if grouped else ACCOUNT, kind, name, "op", expected, values)


@dataclass
class World:
    """Salesforce, and the leases of other workers."""

    others: frozenset[str] = frozenset()
    error: Unavailable | None = None
    applies: bool = True
    sent: list[list[str]] = field(default_factory=list)
    taken: list[tuple[set[str], float]] = field(default_factory=list)
    back: list[set[str]] = field(default_factory=list)
    holders: set[str] = field(default_factory=set)
    clock: FakeClock = field(default_factory=FakeClock)
    telemetry: MemoryTelemetry = field(default_factory=MemoryTelemetry)
    needs_closed_second: bool = True

    def __post_init__(self) -> None:
        self.records = GroupedRecords(self, self, lambda: self.applies, self.clock, self.telemetry)  # type: ignore[arg-type]

    def take(self, names: Collection[str], holder: str, now: float, until: float) -> set[str]:
        """Hold names."""
        self.taken.append((set(names), until - now))
        self.holders.add(holder)
        return set(names) - self.others

    def give_back(self, names: Collection[str], holder: str) -> None:
        """Give them back."""
        self.back.append(set(names))
        self.holders.add(holder)

    def write(self, writes: Sequence[RecordWrite]) -> list[str]:
        """The port's: the outcome of each is its name."""
        self.sent.append([one.key for one in writes])
        if self.error is not None:
            raise self.error
        return [one.key for one in writes]

    def read(self, _wanted: object) -> str:
        """The port's."""
        return "read"

    def match(self, _mapping: object, _wanted: object) -> str:
        """The port's."""
        return "match"

    def children(self, _references: object, _ids: object) -> str:
        """The port's."""
        return "children"


def test_children_of_one_parent_go_out_together() -> None:
    """In one call, under one lease on each parent: that of before, and that of after."""
    world = World()
    writes = [write("a", "A"), write("b", None, "A"), write("c", "B", "C"), write("d", None)]
    assert list(world.records.write(writes)) == ["a", "b", "c", "d"]
    assert (world.sent, world.taken) == ([["a", "b", "c", "d"]], [({"A", "B", "C"}, HELD_SECONDS)])
    assert (world.back, len(world.holders)) == ([{"A", "B", "C"}], 1)
    assert world.telemetry.counts == {}


def test_what_another_call_holds_waits_and_nothing_else_does() -> None:
    """Each outcome in the place of its write; the same record's sibling of a free parent is written."""
    world = World(frozenset({"A"}))
    outcomes = world.records.write([write("a", "A"), write("b", "B"), write("c", "B", "A"), write("d", None)])
    assert [outcomes[1], outcomes[3]] == ["b", "d"]
    assert [type(one.error) for one in outcomes if isinstance(one, Failed)] == [RecordLocked, RecordLocked]
    assert (world.sent, world.back, world.telemetry.counts) == ([["b", "d"]], [{"B"}], {"GroupWaits": 2})


def test_where_all_waits_nothing_is_called() -> None:
    """Not even with nothing."""
    world = World(frozenset({"A"}))
    [outcome] = world.records.write([write("a", "A")])
    assert (type(outcome), world.sent, world.back) == (Failed, [], [set()])


def test_a_call_that_fails_gives_its_leases_back() -> None:
    """The others need not wait for their end."""
    world = World(error=Unavailable())
    with pytest.raises(Unavailable):
        world.records.write([write("a", "A")])
    assert world.back == [{"A"}]


@pytest.mark.parametrize(
    ("applies", "writes"),
    [(False, [write("a", "A")]), (True, [write("a", None)]), (True, [write("a", "A", grouped=False)]), (True, [])],
)
def test_nothing_is_held_where_nothing_has_to_be(applies: bool, writes: list[RecordWrite]) -> None:
    """People's edits, children without a parent, mappings without a lock group."""
    world = World(applies=applies)
    assert list(world.records.write(writes)) == [one.key for one in writes]
    assert (world.sent, world.taken) == ([[one.key for one in writes]], [])


def test_everything_else_is_the_port_s() -> None:
    """Reads take no lease."""
    world = World(frozenset({"A"}))
    found = [
        world.records.read([RecordQuery(CHILD, ID)]),
        world.records.match(CHILD, []),
        world.records.children([], []),
    ]
    assert (found, world.records.needs_closed_second, world.taken) == (["read", "match", "children"], True, [])
