"""Rebasing through the whole settle step, with both systems in memory: what was done before and after the restore."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.core.errors import Rejected, Unavailable
from chalicelib.core.ledger import Answer, EntryChange, IssueKind
from chalicelib.core.model import SalesforceId, Side
from chalicelib.core.ports import Failed, Kept, Moved
from chalicelib.core.rebase import Fate
from chalicelib.jobs.rebasing import BLOCK, EXAMPLES, Means, Rebasing, Tally
from tests.fakes.backups import Aside, Backup, MemoryOutbox
from tests.unit.core.scene import Pair, Scene


@dataclass
class Disaster:
    """A scene whose database is restored."""

    scene: Scene = field(default_factory=Scene)
    backup: Backup | None = None
    aside: Aside = field(default_factory=lambda: Aside([]))
    restored_at: float = 0.0

    def back_up(self) -> None:
        """Everything is settled, and then backed up."""
        self.scene.drain()
        self.backup = Backup.of(self.scene.rows)

    def restore(self) -> None:
        """Everything is settled, and then taken back in Postgres. From here on nothing is relayed or settled."""
        self.scene.drain()
        assert self.backup is not None
        self.backup.restore(self.scene.rows)
        self.scene.queue.clear()
        self.scene.clock.advance(10.0)
        self.restored_at = self.scene.clock.now()
        self.scene.clock.advance(10.0)

    def rebasing(self, take: Side, *, actor: str = "ann", ledger: Any = None) -> Rebasing:
        """What is tested."""
        scene = self.scene
        means = Means(
            ledger or scene.ledger, scene.rows, MemoryOutbox(scene.rows), scene.records, self.aside, scene.clock
        )
        return Rebasing(scene.mappings, means, take=take, moment=self.restored_at, counted={"account"}, actor=actor)

    def rebase(self, take: Side = Side.SALESFORCE, **changes: Any) -> Tally:
        """Of the accounts, and then the contacts; the accounts' tally."""
        rebasing = self.rebasing(take, **changes)
        tally = rebasing.rebase("account", lambda _: None)
        rebasing.rebase("contact", lambda _: None)
        return tally

    def go_on(self) -> None:
        """What was put aside, and what was captured meanwhile, is settled."""
        self.scene.queue.extend(self.aside.hints)
        self.aside.hints.clear()
        self.scene.drain()


def account(scene: Scene, pk: tuple[str, ...]) -> Pair:
    """An account by its row."""
    return scene.find(Pair("Account", "public.account", pk=pk))


# --- single cases


def test_a_parent_and_its_child_that_came_after_the_backup_come_back() -> None:
    """The child waits for its parent, and names it in its new row."""
    disaster = Disaster()
    scene = disaster.scene
    disaster.back_up()
    parent = scene.linked(Name="Parent")
    child = scene.linked_contact(parent, LastName="Child")
    disaster.restore()

    disaster.rebase()
    disaster.go_on()

    rows = scene.rows.rows("public.contact")
    assert [(row.sfid, row.values["AccountId"]) for row in rows.values()] == [(child.sfid, parent.sfid)]


def test_a_new_row_that_gets_the_key_of_a_lost_one_is_another_record() -> None:
    """Both are on both sides afterwards, whichever is settled first."""
    disaster = Disaster()
    scene = disaster.scene
    disaster.back_up()
    lost = scene.linked(Name="Lost", Phone="1")
    disaster.restore()
    new = scene.insert_postgres(Name="New", Phone="2")
    assert new.pk == lost.pk
    queue, scene.queue = scene.queue, []

    tally = disaster.rebase()
    disaster.go_on()
    scene.queue.extend(queue)
    scene.drain()

    assert tally.fates == {Fate.LOST: 1}
    assert scene.both(scene.find(new), "Name") == ("New", "New")
    again = scene.find(replace(lost, pk=None))
    assert (again.pk != new.pk, scene.both(again, "Name", "Phone")) == (True, (("Lost", "1"), ("Lost", "1")))


def test_a_record_that_was_made_in_the_database_that_is_lost_keeps_its_key() -> None:
    """Its key was made of the number that a new row gets: that one gets another."""
    disaster = Disaster()
    scene = disaster.scene
    disaster.back_up()
    lost = scene.insert_postgres(Name="Lost")
    scene.drain()
    scene.find(lost)
    key = scene.key(lost)
    disaster.restore()
    new = scene.insert_postgres(Name="New")

    disaster.rebase()
    disaster.go_on()

    assert (scene.key(Pair("Account", "public.account", lost.sfid)), scene.key(scene.find(new)) != key) == (key, True)
    assert sorted(row.values["Name"] or "" for row in scene.rows.rows("public.account").values()) == ["Lost", "New"]


def test_a_dry_run_counts_and_writes_nothing() -> None:
    """Not even a hint is put aside."""
    disaster = Disaster()
    scene = disaster.scene
    pairs = [scene.linked(Phone="old") for _ in range(EXAMPLES + 2)]
    disaster.back_up()
    for pair in pairs[1:]:
        scene.edit_salesforce(pair, Phone="new")
    disaster.restore()
    before = dict(scene.ledger.entries)

    tally = disaster.rebase(actor="")

    assert tally.fates == {Fate.SAME: 1, Fate.RESTORED: EXAMPLES + 1}
    assert [len(examples) for examples in tally.examples.values()] == [1, EXAMPLES]
    assert (scene.ledger.entries, disaster.aside.hints) == (before, [])


def test_a_record_that_is_written_meanwhile_is_looked_at_again() -> None:
    """A person decides another unit of it just then: the decision is kept."""
    disaster = Disaster()
    scene = disaster.scene
    pair = scene.linked(Name="Acme", Phone="old")
    scene.edit_both(pair, {"Name": "ours"}, {"Name": "theirs"})
    disaster.back_up()
    scene.edit_salesforce(pair, Phone="new")
    disaster.restore()

    class Meanwhile:
        """A ledger to which a person comes once, between a read and a write."""

        def __init__(self) -> None:
            self.came = False

        def __getattr__(self, name: str) -> Any:
            return getattr(scene.ledger, name)

        def write(self, changes: Sequence[EntryChange]) -> Sequence[Kept | Moved | Failed]:
            if not self.came:
                self.came = True
                shown = scene.entry(pair).issues["Name"]
                answer = Answer("1", ("decided",), shown.postgres or (), shown.salesforce or (), "bob")
                scene.ledger.answer(scene.key(pair), "Name", answer)
            return scene.ledger.write(changes)

    tally = disaster.rebase(ledger=Meanwhile())
    disaster.go_on()

    assert (tally.held, tally.fates) == ([], {Fate.RESTORED: 1})
    assert scene.both(pair, "Name", "Phone") == (("decided", "new"), ("decided", "new"))


def test_a_record_that_another_worker_holds_is_waited_for() -> None:
    """Until its lease has run out; what was interrupted is told by the markers."""
    disaster = Disaster()
    scene = disaster.scene
    pair = scene.linked(Phone="old")
    disaster.back_up()
    scene.edit_postgres(pair, Phone="new")
    scene.die_before("records.write")
    scene.clock.advance(-60.0)
    scene.queue.clear()
    assert disaster.backup is not None
    disaster.backup.restore(scene.rows)
    disaster.restored_at = scene.clock.now()

    tally = disaster.rebase()
    disaster.go_on()

    assert (tally.held, scene.clock.slept > 0.0, scene.both(pair, "Phone")) == ([], True, ("old", "old"))


def test_a_record_that_stays_held_is_told() -> None:
    """Nobody's work is taken away."""
    disaster = Disaster()
    scene = disaster.scene
    pair = scene.linked(Phone="old")
    disaster.back_up()
    disaster.restore()
    scene.edit_postgres(pair, Phone="new")
    scene.die_before("records.write")
    entry = scene.entry(pair)
    assert entry.intent is not None
    held = replace(entry, intent=replace(entry.intent, lease_until=scene.clock.now() + 1_000.0))
    scene.ledger.entries[entry.key] = held

    tally = disaster.rebase()

    assert (tally.held, tally.fates.total(), scene.entry(pair)) == ([entry.key], 0, held)


def test_a_create_that_was_interrupted_is_no_deletion() -> None:
    """The record was made, its id not written yet, and its row is lost: it is made again."""
    disaster = Disaster()
    scene = disaster.scene
    disaster.back_up()
    pair = scene.insert_postgres(Name="Made")
    scene.die_before("rows.write")
    scene.queue.clear()
    [sfid] = [one.id for one in scene.records._stored.values()]
    assert disaster.backup is not None
    disaster.backup.restore(scene.rows)
    disaster.restored_at = scene.clock.now()

    disaster.rebase()
    disaster.go_on()

    found = scene.find(Pair("Account", "public.account", sfid))
    assert (scene.both(found, "Name"), pair.sfid) == (("Made", "Made"), None)


def test_a_ledger_that_fails_is_no_success() -> None:
    """Another run goes on."""
    disaster = Disaster()
    scene = disaster.scene
    pair = scene.linked(Phone="old")
    disaster.back_up()
    scene.edit_salesforce(pair, Phone="new")
    disaster.restore()

    class Broken:
        """A ledger that takes nothing."""

        def __getattr__(self, name: str) -> Any:
            return getattr(scene.ledger, name)

        def write(self, changes: Sequence[EntryChange]) -> Sequence[Kept | Moved | Failed]:
            return [Failed(Unavailable("away")) for _ in changes]

    with pytest.raises(Unavailable):
        disaster.rebase(ledger=Broken())
    assert disaster.rebase().fates == {Fate.RESTORED: 1}


def test_it_is_told_how_far_it_is() -> None:
    """With every block of records."""
    disaster = Disaster()
    for number in range(BLOCK + 1):
        disaster.scene.records.add("Account", {**dict.fromkeys(disaster.scene.mapping.names), "Name": str(number)})
    disaster.back_up()
    disaster.restore()
    told: list[int] = []
    tally = disaster.rebasing(Side.SALESFORCE).rebase("account", lambda it: told.append(it.fates.total()))
    assert (told, tally.fates.total()) == ([BLOCK, BLOCK + 1], BLOCK + 1)


def test_a_row_that_the_ledger_has_no_record_for_is_hinted_at_by_its_key() -> None:
    """It waits in an issue, and has no Salesforce id yet."""
    disaster = Disaster()
    scene = disaster.scene
    scene.records.refusals.append(_refused)
    pair = scene.insert_postgres(Name="Refused")
    disaster.back_up()
    disaster.restore()
    scene.records.refusals.clear()
    scene.ledger.clear_refusals(scene.key(pair))

    disaster.rebase()
    disaster.go_on()

    assert scene.both(scene.find(pair), "Name") == ("Refused", "Refused")


def _refused(*_: object) -> Any:

    return Rejected("no", code="NO")


# --- many histories

NAMES = ("Name", "Phone")


@dataclass
class Life:
    """What happened to one account, field by field.

    Attributes:
        pair: the account.
        backed_up: its values in the backup; None: it came later.
        agreed: its values on both sides before the restore; None: it was deleted.
        postgres: edits in Postgres since the restore.
        salesforce: the same in Salesforce.
    """

    pair: Pair
    backed_up: dict[str, str] | None = None
    agreed: dict[str, str] | None = None
    postgres: dict[str, str] = field(default_factory=dict)
    salesforce: dict[str, str] = field(default_factory=dict)

    def expected(self, name: str) -> str | None:
        """What both sides hold in the end; None: they differ, and an issue has both values."""
        assert self.agreed is not None
        mine, theirs = self.postgres.get(name), self.salesforce.get(name, self.agreed[name])
        if self.backed_up is None or mine is None:
            return theirs
        return mine if theirs == self.backed_up[name] else None


def told(random_: random.Random, scene: Scene, life: Life) -> dict[str, str]:
    """Some new values."""
    return {name: f"{name}{scene.clock.new_id()}" for name in NAMES if random_.random() < 0.5} or {
        "Phone": scene.clock.new_id()
    }


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happened_no_edit_is_lost_and_nothing_old_comes_back(seed: int) -> None:
    """Accounts edited, made and deleted on both sides, before and after the restore, whose values count."""
    random_ = random.Random(seed)  # noqa: S311
    disaster = Disaster()
    scene = disaster.scene
    lives = [_made(random_, scene) for _ in range(8)]
    scene.drain()
    for life in lives:
        scene.find(life.pair)
        life.backed_up = dict(life.agreed or {})
    disaster.back_up()
    for life in lives:
        _later(random_, scene, life)
    lives += [_made(random_, scene) for _ in range(3)]
    scene.drain()
    for life in lives:
        scene.find(life.pair)
    disaster.restore()
    new = [scene.insert_postgres(Name=f"new{number}", Phone=None) for number in range(random_.randrange(5))]
    for life in lives:
        _since(random_, scene, life)
    queue, scene.queue = scene.queue, []

    disaster.rebase()
    disaster.rebase()
    scene.queue = [*disaster.aside.hints, *queue]
    disaster.aside.hints.clear()
    random_.shuffle(scene.queue)
    scene.drain()

    for pair in new:
        scene.find(pair)
        assert scene.both(pair, "Name") == (scene.both(pair, "Name")[0],) * 2
    for life in lives:
        _judged(scene, life)
    rows = scene.rows.rows("public.account")
    assert sorted(
        row.values["Name"] or "" for row in rows.values() if (row.values["Name"] or "").startswith("new")
    ) == ([f"new{number}" for number in range(len(new))])
    alive = {record.id for record in scene.records._stored.values() if not record.deleted}
    assert {row.sfid for row in rows.values()} == alive


def _made(random_: random.Random, scene: Scene) -> Life:
    values = {name: f"{name}{scene.clock.new_id()}" for name in NAMES}
    make: Callable[..., Pair] = scene.insert_postgres if random_.random() < 0.5 else scene.insert_salesforce
    return Life(make(**values), agreed=values)


def _later(random_: random.Random, scene: Scene, life: Life) -> None:
    """After the backup."""
    assert life.agreed is not None
    match random_.randrange(4):
        case 0:
            edited = told(random_, scene, life)
            scene.edit_postgres(life.pair, **edited)
            life.agreed |= edited
        case 1:
            edited = told(random_, scene, life)
            scene.edit_salesforce(life.pair, **edited)
            life.agreed |= edited
        case 2:
            (scene.delete_postgres if random_.random() < 0.5 else scene.delete_salesforce)(life.pair)
            life.agreed = None
        case _:
            pass


def _since(random_: random.Random, scene: Scene, life: Life) -> None:
    """After the restore."""
    if life.backed_up is not None and random_.random() < 0.4:
        life.postgres = told(random_, scene, life)
        scene.edit_postgres(life.pair, **life.postgres)
    if life.agreed is not None and random_.random() < 0.3:
        life.salesforce = told(random_, scene, life)
        scene.edit_salesforce(life.pair, **life.salesforce)


def _judged(scene: Scene, life: Life) -> None:
    """Whether the account is what it has to be."""
    if life.agreed is None and not life.postgres:
        assert life.pair.sfid not in {row.sfid for row in scene.rows.rows("public.account").values()}
        assert scene.in_salesforce(life.pair) is None
        return
    if life.agreed is None:
        assert life.backed_up is not None
        [row] = [row for row in scene.rows.rows("public.account").values() if row.pk == life.pair.pk]
        record = scene.records.peek(row.sfid or "")
        assert record is not None
        expected = life.backed_up | life.postgres
        assert [(row.values[name], record.values[name]) for name in NAMES] == [(expected[name],) * 2 for name in NAMES]
        return
    pair = scene.find(Pair("Account", "public.account", life.pair.sfid))
    issues = {one.slot: one for one in scene.open_issues() if one.sfid == pair.sfid}
    for name in NAMES:
        expected_value = life.expected(name)
        if expected_value is not None:
            assert (name, scene.both(pair, name)) == (name, (expected_value,) * 2)
            continue
        issue = issues[name]
        assert issue.kind is IssueKind.CONFLICT
        theirs = life.salesforce.get(name, life.agreed[name])
        assert (issue.postgres[name], issue.salesforce[name]) == (life.postgres[name], theirs)
        assert scene.both(pair, name) == (life.postgres[name], theirs)


def test_a_parked_edit_that_the_backup_has_stays_parked() -> None:
    """It is no leftover: Salesforce never had it."""
    disaster = Disaster()
    scene = disaster.scene
    pair = scene.linked(Phone="old")
    scene.records.refusals.append(_refused)
    scene.edit_postgres(pair, Phone="mine")
    disaster.back_up()
    disaster.restore()

    disaster.rebase()
    disaster.go_on()

    assert scene.both(pair, "Phone") == ("mine", "old")
    assert [issue.kind for issue in scene.open_issues()] == [IssueKind.REJECTED]


def test_hints_name_the_record_that_salesforce_has() -> None:
    """So that its message is no echo: the row holds just the base."""
    disaster = Disaster()
    scene = disaster.scene
    pair = scene.linked(Phone="old")
    disaster.back_up()
    scene.edit_salesforce(pair, Phone="new")
    disaster.restore()
    disaster.rebase()
    assert [(one.identity, one.actor) for one in disaster.aside.hints] == [
        (SalesforceId("Account", pair.sfid or ""), "ann")
    ]
