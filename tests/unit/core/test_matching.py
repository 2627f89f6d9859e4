"""First contact of two filled sides: what is one record, what is not, and who decides where two workers meet."""

from typing import Any

import pytest

from chalicelib.core.ledger import IssueKind
from chalicelib.core.mapping import Policy
from chalicelib.core.model import RowId, Side
from chalicelib.core.work import Result
from tests.unit.core.scene import Pair, Scene

MATCH = ("Name",)


def filled(*, match: tuple[str, ...] = MATCH, **changes: Any) -> tuple[Scene, Pair, Pair]:
    """An account on both sides that nothing links, and no message about either."""
    scene = Scene(match=match, **changes)
    record = scene.insert_salesforce(Name="Acme", Phone="1")
    row = scene.insert_postgres(Name="Acme", Note="n")
    scene.take()
    return scene, row, record


def tell(scene: Scene, *sides: tuple[Pair, Side]) -> list[Result]:
    """Settle messages about these, in one batch; what became of them."""
    return scene.results(*(scene.message(pair, side) for pair, side in sides))


def links(scene: Scene) -> set[str | None]:
    """The Salesforce ids of all rows."""
    return {row.sfid for row in scene.rows.rows("public.account").values()}


def size(scene: Scene) -> tuple[int, int]:
    """How many rows and records there are."""
    return len(scene.rows.rows("public.account")), len(scene.records.all("Account"))


@pytest.mark.parametrize("first", list(Side))
def test_two_halves_become_one_record(first: Side) -> None:
    """Whichever half is met first: they are linked, each gets what the other had, and the rest is quiet."""
    scene, row, record = filled()
    results = tell(scene, (row if first is Side.POSTGRES else record, first))
    scene.drain()
    assert ([Result.SETTLED], (1, 1), {record.sfid}) == (results, size(scene), links(scene))
    assert scene.both(scene.find(row), "Name", "Phone", "Note") == (("Acme", "1", "n"),) * 2
    assert scene.entry(record) == scene.entry(Pair("Account", "public.account", pk=row.pk))


@pytest.mark.parametrize("order", [tuple(Side), tuple(reversed(Side))])
def test_both_halves_in_one_batch(order: tuple[Side, ...]) -> None:
    """The first takes over the other's message: both are answered, and the values are written once."""
    scene, row, record = filled()
    halves = {Side.POSTGRES: row, Side.SALESFORCE: record}
    results = tell(scene, *((halves[side], side) for side in order))
    assert results == [Result.SETTLED, Result.SETTLED]
    assert (len(scene.rows.writes), len(scene.records.writes), size(scene)) == (1, 1, (1, 1))


def test_many_records_of_a_batch_are_asked_for_together() -> None:
    """One question to each side, whatever the batch."""
    scene = Scene(match=MATCH)
    rows = [scene.insert_postgres(Name=name) for name in ("a", "b", "c")]
    for name in ("a", "c"):
        scene.insert_salesforce(Name=name)
    scene.take()
    tell(scene, *((row, Side.POSTGRES) for row in rows))
    assert (scene.wire.count("rows.match"), scene.wire.count("records.match")) == (1, 1)
    assert size(scene) == (3, 3)
    assert len(links(scene) - {None}) == 3


def test_nothing_is_asked_without_match_fields() -> None:
    """Without them a row gets a record of its own."""
    scene, row, _ = filled(match=())
    tell(scene, (row, Side.POSTGRES))
    assert (scene.wire.count("rows.match", "records.match"), size(scene)) == (0, (1, 2))


def test_salesforce_is_not_asked_where_no_row_could_match() -> None:
    """A new record costs no call more."""
    scene = Scene(match=MATCH)
    scene.insert_salesforce(Name="Acme")
    scene.drain()
    assert (scene.wire.count("rows.match"), scene.wire.count("records.match")) == (1, 0)


def test_a_known_record_is_never_matched() -> None:
    """Only the first contact asks; a row that is gone is deleted, not looked for."""
    scene = Scene(match=MATCH)
    pair = scene.linked(Name="Acme")
    scene.insert_postgres(Name="Other")
    scene.take()
    scene.edit_postgres(pair, Name="Other")
    scene.delete_postgres(pair)
    scene.drain()
    assert (scene.wire.count("rows.match", "records.match"), len(scene.records.all("Account"))) == (0, 0)


@pytest.mark.parametrize("side", list(Side))
def test_a_null_matches_nothing(side: Side) -> None:
    """Two halves without a phone are not one for that."""
    scene = Scene(match=("Name", "Phone"))
    record = scene.insert_salesforce(Name="Acme")
    row = scene.insert_postgres(Name="Acme")
    scene.take()
    tell(scene, (row if side is Side.POSTGRES else record, side))
    assert sum(size(scene)) == 3


@pytest.mark.parametrize("side", list(Side))
def test_a_match_field_that_is_hidden_halts(side: Side) -> None:
    """Missing is not null: nothing is made while it cannot be known whether it is there already."""
    scene, row, record = filled()
    scene.records.hidden = {"Account": {"Name"}}
    results = tell(scene, (row if side is Side.POSTGRES else record, side))
    assert (results, size(scene)) == ([Result.HALTED], (1, 1))


def test_every_match_field_counts() -> None:
    """One that differs makes two records."""
    scene, row, _ = filled(match=("Name", "Note"))
    tell(scene, (row, Side.POSTGRES))
    assert size(scene) == (1, 2)


@pytest.mark.parametrize("side", list(Side))
def test_values_that_two_rows_share_identify_neither(side: Side) -> None:
    """Nothing is guessed: every half gets its own other half, in whatever order they are met."""
    scene, row, record = filled()
    twin = scene.insert_postgres(Name="Acme")
    scene.take()
    halves = [(row, Side.POSTGRES), (twin, Side.POSTGRES), (record, Side.SALESFORCE)]
    for half in halves if side is Side.POSTGRES else reversed(halves):
        tell(scene, half)
    scene.drain()
    assert (size(scene), len(links(scene) - {None})) == ((3, 3), 3)


@pytest.mark.parametrize("side", list(Side))
def test_values_that_two_records_share_identify_neither(side: Side) -> None:
    """The same of two records and a row."""
    scene, row, record = filled()
    twin = scene.insert_salesforce(Name="Acme")
    scene.take()
    halves = [(row, Side.POSTGRES), (record, Side.SALESFORCE), (twin, Side.SALESFORCE)]
    for half in halves if side is Side.POSTGRES else reversed(halves):
        tell(scene, half)
    scene.drain()
    assert (size(scene), len(links(scene) - {None})) == ((3, 3), 3)


def test_a_record_that_has_a_key_belongs_to_another() -> None:
    """It was made for a record that the ledger has forgotten."""
    scene = Scene(match=MATCH)
    scene.records.add("Account", {**dict.fromkeys(scene.mapping.names), "Name": "Acme"}, key="another")
    row = scene.insert_postgres(Name="Acme")
    scene.take()
    tell(scene, (row, Side.POSTGRES))
    assert size(scene) == (1, 2)


def test_a_row_that_is_linked_belongs_to_another() -> None:
    """By hand, to a record that was not met yet."""
    scene, row, record = filled()
    scene.rows.link("public.account", row.pk or (), "001000000000099AAA")
    tell(scene, (record, Side.SALESFORCE))
    assert size(scene) == (2, 1)


def test_a_record_that_a_row_names_belongs_to_that() -> None:
    """A link by hand goes before equal values, even if no message told of it yet."""
    scene, row, record = filled()
    other = Pair("Account", "public.account", pk=scene.rows.insert("public.account", {"Name": "B"}, sfid=record.sfid))
    tell(scene, (row, Side.POSTGRES))
    scene.drain()
    assert ((2, 2), record.sfid) == (size(scene), scene.find(other).sfid)


def test_a_record_that_the_ledger_knows_belongs_to_another() -> None:
    """A record without a key, linked a while ago, whose values have come to equal those of a new row."""
    scene = Scene(match=MATCH)
    pair = scene.apart({"Name": "Acme"}, {"Name": "Acme"})
    scene.drain()
    assert scene.record(pair).key is None
    scene.edit_postgres(pair, Name="B")
    scene.take()
    row = scene.insert_postgres(Name="Acme")
    scene.take()
    tell(scene, (row, Side.POSTGRES))
    assert (size(scene), len(links(scene))) == ((2, 2), 2)


@pytest.mark.parametrize(
    ("policy", "phone", "issues"),
    [(Policy.HOLD, ("2", "1"), 1), (Policy.SALESFORCE_WINS, ("1", "1"), 0), (Policy.POSTGRES_WINS, ("2", "2"), 0)],
)
def test_the_policy_of_first_contact_merges(policy: Policy, phone: tuple[str, str], issues: int) -> None:
    """Halves that differ in other fields are linked all the same."""
    scene, row, _ = filled(first_contact=policy)
    scene.edit_postgres(row, Phone="2")
    scene.drain()
    assert (phone, issues) == (scene.both(scene.find(row), "Phone"), len(scene.open_issues()))
    assert len(scene.issues(IssueKind.CONFLICT)) == 1


def test_a_child_is_found_before_its_parent_is_linked() -> None:
    """It is linked, waits with its reference only, and gets that when the parent has come."""
    scene = Scene(contacts={"match": ("LastName",)})
    child = Pair("Contact", "public.contact", scene.records.add("Contact", {"LastName": "Poe", "AccountId": None}))
    parent = scene.insert_postgres(Name="Acme")
    scene.take()
    child.pk = scene.rows.insert(
        "public.contact", {"LastName": "Poe", "AccountId": RowId(parent.table, parent.pk or ())}
    )
    assert scene.results() == [Result.WAITING]
    assert (child.sfid, None) == (
        scene.rows.rows("public.contact")[child.pk].sfid,
        scene.record(child).values["AccountId"],
    )
    scene.queue.append(scene.message(parent, Side.POSTGRES))
    scene.drain()
    assert (scene.find(parent).sfid,) * 2 == scene.both(child, "AccountId")
    assert len(scene.records.all("Contact")) == 1


# --- races


@pytest.mark.parametrize("first", list(Side))
@pytest.mark.parametrize("call", ["rows.match", "records.match", "ledger.find", "ledger.write"])
def test_two_workers_that_link_the_same_halves(first: Side, call: str) -> None:
    """One wins at the look-ups; the other's message comes again and finds the winner's key."""
    scene, row, record = filled()
    halves = {Side.POSTGRES: row, Side.SALESFORCE: record}
    late, early = scene.message(halves[first], first), scene.message(halves[first.other], first.other)
    if call == "ledger.find":  # identifying asks first
        scene.wire.meanwhile(call, lambda: None)
    won: list[Result] = []
    scene.wire.meanwhile(call, lambda: won.extend(scene.results(early)))
    lost = scene.settle(late)
    assert (won, [outcome.result for outcome in lost]) == ([Result.SETTLED], [Result.RETRY])
    assert [outcome.after for outcome in lost] == [1.0]
    winner = scene.key(scene.find(row))
    scene.queue.append(late)
    assert {Result.UNCHANGED} >= {outcome.result for outcome in scene.drain()}
    assert ((1, 1), {record.sfid}) == (size(scene), links(scene))
    assert [winner] == list(scene.ledger.entries)
    assert {winner} == set(scene.ledger.links.values())


def test_a_half_that_is_linked_to_another_meanwhile() -> None:
    """The loser gives it up and gets a half of its own in the same step."""
    scene, row, record = filled()
    other = Pair("Account", "public.account", pk=scene.rows.insert("public.account", {"Name": "B"}))
    scene.take()

    def link_by_hand() -> None:
        scene.rows.link("public.account", other.pk or (), record.sfid)
        scene.settle()

    scene.wire.meanwhile("ledger.write", link_by_hand)
    assert tell(scene, (row, Side.POSTGRES)) == [Result.SETTLED]
    scene.drain()
    rows = scene.rows.rows("public.account")
    assert ((2, 2), record.sfid) == (size(scene), rows[other.pk or ()].sfid)
    assert rows[row.pk or ()].sfid not in {None, record.sfid}


def test_a_half_that_is_gone_meanwhile() -> None:
    """A delete after it was found meets a row with values of its own: the record is kept, and an issue says so."""
    scene, row, record = filled()
    scene.wire.then("records.match", lambda: scene.delete_salesforce(record))
    tell(scene, (row, Side.POSTGRES))
    scene.drain()
    assert ((1, 1), {record.sfid}) == (size(scene), links(scene))
    assert [issue.kind for issue in scene.issues()] == [IssueKind.DELETE_EDIT]


def test_the_row_is_edited_meanwhile() -> None:
    """The write that links it is stale; the next round links it with the edit in it."""
    scene, row, record = filled()
    scene.wire.meanwhile("rows.write", lambda: scene.edit_postgres(row, Note="n2"))
    tell(scene, (row, Side.POSTGRES))
    scene.drain()
    assert ((1, 1), {record.sfid}, ("n2", "n2")) == (size(scene), links(scene), scene.both(scene.find(row), "Note"))


def test_a_second_that_is_still_open_is_waited_out() -> None:
    """Where Salesforce is written by plain REST, the half that was found is found again after the wait."""
    scene, row, record = filled(apex=False)
    tell(scene, (row, Side.POSTGRES))
    assert ((1, 1), {record.sfid}) == (size(scene), links(scene))
    assert (scene.wire.count("records.match"), scene.clock.slept > 0) == (2, True)
