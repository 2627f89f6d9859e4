"""The port ``Rows``: what the settle step relies on, for every implementation."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from chalicelib.core.errors import ParentMissing, ProtocolError, RecordLocked, Rejected
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Change, Fields, Marker, PrimaryKey, Row, RowId, RowState, Value
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, RowWrite, RowWritten, Stale, WriteKind
from infra.local.postgres import Cluster
from tests.contract.row_bench import Bench, FakeBench, LiveBench
from tests.fakes.statements import Cells, Formless
from tests.integration.postgres.sample import account, contact, create_database, line, open_database

SFID = "001000000000001AAA"
OTHER_SFID = "001000000000002AAA"
PARENT_SFID = "001000000000003AAA"


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> str:
    """One database for the module; each test empties it."""
    return create_database(cluster, "contract_rows")


@pytest.fixture(params=["fake", "live"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each implementation in turn, on empty tables."""
    if request.param == "fake":
        yield FakeBench()
        return
    dsn = request.getfixturevalue("database")
    with open_database(dsn) as user:
        live = LiveBench(dsn, user)
        yield live
        live.close()


def state(bench: Bench, mapping: ObjectMapping, pk: PrimaryKey, key: str | None = None) -> RowState:
    """What the port reads of one row."""
    return bench.rows.read([RowQuery(mapping, key, pk=pk)])[0]


def row(bench: Bench, mapping: ObjectMapping, pk: PrimaryKey) -> Row:
    """The same of a row that is there."""
    found = state(bench, mapping, pk).row
    assert found is not None
    return found


def add(bench: Bench, cells: Cells | None = None, mapping: ObjectMapping = account, sfid: str | None = None) -> Row:
    """A user's new row."""
    default: Cells = {"Name": f"Acme {uuid4()}"} if mapping is account else {}
    return row(bench, mapping, bench.insert(mapping, {**default, **(cells or {})}, sfid, None))


def update(seen: Row, values: Fields, mapping: ObjectMapping = account, **more: str | Marker | None) -> RowWrite:
    """An update of what was seen."""
    marker, sfid = more.get("marker"), more.get("sfid")
    assert not isinstance(marker, str)
    assert not isinstance(sfid, Marker)
    return RowWrite(
        mapping,
        WriteKind.UPDATE,
        str(more.get("key", uuid4())),
        str(more.get("operation", uuid4())),
        RowState(seen, marker),
        values,
        sfid,
    )


def create(
    values: Fields, mapping: ObjectMapping = account, sfid: str | None = SFID, pk: PrimaryKey | None = None
) -> RowWrite:
    """A create."""
    default: Fields = {"Name": f"Acme {uuid4()}", "Active": False} if mapping is account else {}
    return RowWrite(
        mapping,
        WriteKind.CREATE,
        str(uuid4()),
        str(uuid4()),
        RowState(None, None),
        {**default, **values},
        sfid,
        pk,
    )


def delete(seen: Row, mapping: ObjectMapping = account, marker: Marker | None = None) -> RowWrite:
    """A delete of what was seen."""
    return RowWrite(mapping, WriteKind.DELETE, str(uuid4()), str(uuid4()), RowState(seen, marker), {})


def write(bench: Bench, *writes: RowWrite) -> list[RowOutcome]:
    """Write, and give the outcomes as a list."""
    return list(bench.rows.write(writes))


def written(bench: Bench, one: RowWrite) -> RowState:
    """What is there after a write that has to pass."""
    [outcome] = bench.rows.write([one])
    assert isinstance(outcome, RowWritten), outcome
    return outcome.state


def failure(outcome: RowOutcome) -> tuple[type[Exception], str, tuple[str, ...]]:
    """Kind of error, code and blamed fields of a refused write."""
    assert isinstance(outcome, Failed), outcome
    error = outcome.error
    return type(error), getattr(error, "code", ""), getattr(error, "fields", ())


# --- reading


def test_no_row_and_no_marker(bench: Bench) -> None:
    """A row that is not there, never written by us, is neither row nor marker."""
    assert RowState(None, None) == state(bench, account, ("4711",), "some key")


def test_values_are_canonical(bench: Bench) -> None:
    """Every kind of value comes back in canonical form."""
    values: Fields = {
        "Name": "Acme",
        "Phone": None,
        "Revenue": "0.5",
        "Score": "0.1",
        "Active": True,
        "Founded": "1999-12-31",
        "Called": "2026-11-24T05:06:07Z",
        "Opens": "05:06:07.008",
        "Tags": "a;b",
        "ParentId": None,
    }
    assert values == add(bench, values).values


def test_read_by_salesforce_id(bench: Bench) -> None:
    """Without a primary key the link finds the row."""
    linked = add(bench, sfid=SFID)
    add(bench, sfid=OTHER_SFID)
    assert [RowState(linked, None)] == list(bench.rows.read([RowQuery(account, None, sfid=SFID)]))


CASED = "001xx000003DGb2AAG"
OTHER_CASE = "001xx000003dgb2AAA"


@pytest.mark.parametrize("form", [CASED, CASED[:15], CASED.upper(), CASED.lower()])
def test_every_form_of_a_link(bench: Bench, form: str) -> None:
    """A row is found by its record's id whatever form its link has, and says the 18-character one; case counts."""
    add(bench, sfid=OTHER_CASE[:15])
    linked = add(bench, sfid=form)
    assert linked.sfid == CASED
    assert [RowState(linked, None)] == list(bench.rows.read([RowQuery(account, None, sfid=CASED)]))
    assert [Stale()] == write(bench, create({"Name": "A twin"}, sfid=CASED))
    child = written(bench, create({"Name": "A child", "ParentId": CASED})).row
    assert child is not None
    assert child.values["ParentId"] == CASED


def test_primary_key_goes_before_the_link(bench: Bench) -> None:
    """Where both are asked, the primary key alone decides."""
    add(bench, sfid=SFID)
    assert [RowState(None, None)] == list(bench.rows.read([RowQuery(account, None, pk=("4711",), sfid=SFID)]))


def test_many_of_several_tables_in_the_order_asked(bench: Bench) -> None:
    """One call reads rows of several mappings, missing ones and the same one twice."""
    first, second, third = add(bench), add(bench, {"LastName": "Lovelace"}, contact), add(bench)
    wanted = [
        RowQuery(account, None, pk=third.pk),
        RowQuery(contact, None, pk=second.pk),
        RowQuery(account, None, pk=("4711",)),
        RowQuery(account, None, pk=first.pk),
        RowQuery(account, None, pk=third.pk),
    ]
    assert [third, second, None, first, third] == [found.row for found in bench.rows.read(wanted)]


def test_reference_is_the_parents_salesforce_id(bench: Bench) -> None:
    """A linked parent is named by its Salesforce id."""
    parent = add(bench, sfid=PARENT_SFID)
    child = add(bench, {"AccountId": RowId(account.table, parent.pk)}, contact)
    assert (child.values["AccountId"], child.unlinked) == (PARENT_SFID, {})


def test_what_has_no_canonical_form_is_no_value(bench: Bench) -> None:
    """NaN: the row names the field; the others are read and written, and the column keeps what it holds."""
    seen = add(bench, {"Revenue": Formless(), "Phone": "1"})
    after = written(bench, update(seen, {"Phone": "2"})).row
    assert after is not None
    assert [one.unreadable for one in (seen, after)] == [frozenset({"Revenue"})] * 2
    assert ["Revenue" in one.values for one in (seen, after)] == [False, False]
    assert (after.values["Phone"], row(bench, account, seen.pk)) == ("2", after)


def test_unlinked_parent_is_no_value(bench: Bench) -> None:
    """A parent without a Salesforce id stands apart from the values, which do not say null."""
    parent = add(bench)
    child = add(bench, {"AccountId": RowId(account.table, parent.pk)}, contact)
    assert ({"LastName": None, "Email": None}, {"AccountId": RowId(account.table, parent.pk)}) == (
        child.values,
        child.unlinked,
    )


def test_reference_to_the_own_table(bench: Bench) -> None:
    """A row may name a parent of its own table."""
    parent = add(bench, sfid=PARENT_SFID)
    child = add(bench, {"ParentId": RowId(account.table, parent.pk)})
    assert child.values["ParentId"] == PARENT_SFID


def test_composite_key(bench: Bench) -> None:
    """A row with a key of several columns is read by all of them."""
    pk = ("7", "2026-11-24")
    bench.insert(line, {"Note__c": "x"}, None, pk)
    bench.insert(line, {"Note__c": "y"}, None, ("7", "2026-11-25"))
    assert Row(pk, None, {"Note__c": "x"}) == row(bench, line, pk)


# --- updates


def test_update_writes_only_what_it_names(bench: Bench) -> None:
    """A field that is not named keeps its value."""
    seen = add(bench, {"Phone": "1", "Revenue": "5"})
    one = update(seen, {"Phone": "2"})
    expected = replace(seen, values={**seen.values, "Phone": "2"})
    after = written(bench, one)
    assert RowState(expected, Marker(one.operation, expected.values)) == after
    assert after == state(bench, account, seen.pk, one.key)


def test_update_leaves_another_edit_of_the_same_value_alone(bench: Bench) -> None:
    """A second write under the same expectation is stale, for the first one changed the row."""
    seen = add(bench)
    outcomes = write(bench, update(seen, {"Phone": "1"}), update(seen, {"Phone": "2"}))
    assert [RowWritten, Stale] == [type(outcome) for outcome in outcomes]
    assert row(bench, account, seen.pk).values["Phone"] == "1"


@pytest.mark.parametrize("name", ["Phone", "Revenue"])
def test_update_of_a_row_that_moved(bench: Bench, name: str) -> None:
    """An edit of any mapped field makes the write stale, and nothing is written."""
    seen = add(bench)
    bench.edit(account, seen.pk, {name: "7"})
    assert [Stale()] == write(bench, update(seen, {"Phone": "2"}))
    assert {**seen.values, name: "7"} == row(bench, account, seen.pk).values


def test_update_of_a_row_that_was_linked(bench: Bench) -> None:
    """A link that somebody set meanwhile makes the write stale."""
    seen = add(bench)
    bench.link(account, seen.pk, SFID)
    assert [Stale()] == write(bench, update(seen, {"Phone": "2"}))


def test_update_of_a_row_that_is_gone(bench: Bench) -> None:
    """A deleted row is stale, and leaves no marker."""
    seen = add(bench)
    bench.delete(account, seen.pk)
    one = update(seen, {"Phone": "2"})
    assert [Stale()] == write(bench, one)
    assert RowState(None, None) == state(bench, account, seen.pk, one.key)


def test_another_operations_marker_is_stale(bench: Bench) -> None:
    """Values that are as seen do not help where another operation has landed: A, B, A."""
    seen = add(bench, {"Phone": "a"})
    first = written(bench, update(seen, {"Phone": "b"}, key="k"))
    assert first.row is not None
    bench.edit(account, seen.pk, {"Phone": "a"})
    late = update(seen, {"Phone": "c"}, key="k", marker=None)
    assert [Stale()] == write(bench, late)
    assert isinstance(write(bench, update(seen, {"Phone": "c"}, key="k", marker=first.marker))[0], RowWritten)


def test_expected_marker_that_is_not_there(bench: Bench) -> None:
    """A marker that was seen and is not there is stale."""
    seen = add(bench)
    assert [Stale()] == write(bench, update(seen, {"Phone": "b"}, marker=Marker("gone", {})))


def test_update_without_values_only_marks(bench: Bench) -> None:
    """A write may have nothing but a link to store, or nothing at all."""
    seen = add(bench)
    one = update(seen, {}, sfid=SFID)
    linked = written(bench, one)
    assert replace(seen, sfid=SFID) == linked.row
    second = update(replace(seen, sfid=SFID), {}, key=one.key, marker=linked.marker)
    assert RowState(linked.row, Marker(second.operation, seen.values)) == written(bench, second)


def test_link_that_another_row_has(bench: Bench) -> None:
    """Two rows cannot have one Salesforce id."""
    add(bench, sfid=SFID)
    outcomes = write(bench, update(add(bench), {"Phone": "1"}, sfid=SFID))
    assert (Rejected, "23505", ()) == failure(outcomes[0])


def test_read_back_after_the_users_triggers(bench: Bench) -> None:
    """The state and the marker hold what the user's own trigger made of the value."""
    bench.upper(account, "Phone")
    seen = add(bench)
    after = written(bench, update(seen, {"Phone": "abc"}))
    assert after.row is not None
    assert after.marker is not None
    assert (after.row.values["Phone"], after.marker.stored["Phone"]) == ("ABC", "ABC")


def test_reference_is_written_as_the_parents_key(bench: Bench) -> None:
    """The parent is given by its Salesforce id, and null takes it away."""
    add(bench, sfid=PARENT_SFID)
    seen = add(bench, mapping=contact)
    one = update(seen, {"AccountId": PARENT_SFID}, contact)
    after = written(bench, one)
    assert after.row is not None
    assert after.marker is not None
    assert (after.row.values["AccountId"], after.marker.stored["AccountId"]) == (PARENT_SFID, PARENT_SFID)
    second = update(after.row, {"AccountId": None}, contact, key=one.key, marker=after.marker)
    emptied = written(bench, second).row
    assert emptied is not None
    assert emptied.values["AccountId"] is None


def test_marker_leaves_out_an_unlinked_parent(bench: Bench) -> None:
    """What the marker stored says nothing of a parent without a Salesforce id."""
    parent = add(bench)
    seen = add(bench, {"AccountId": RowId(account.table, parent.pk)}, contact)
    after = written(bench, update(seen, {"Email": "a@b.c"}, contact))
    assert after.marker is not None
    assert after.marker.stored == {"LastName": None, "Email": "a@b.c"}


def test_parent_that_is_not_there(bench: Bench) -> None:
    """A write that names an unknown parent is refused, with the field, and changes nothing."""
    seen = add(bench, mapping=contact)
    one = update(seen, {"AccountId": PARENT_SFID, "LastName": "x"}, contact)
    assert (ParentMissing, ("AccountId",)) == failure(write(bench, one)[0])[::2]
    assert RowState(seen, None) == state(bench, contact, seen.pk, one.key)


def test_odd_identifiers_and_composite_key(bench: Bench) -> None:
    """Quotes, blanks, keywords and semicolons in names are names."""
    pk = ("7", "2026-11-24")
    bench.insert(line, {}, None, pk)
    bench.insert(line, {}, None, ("8", "2026-11-24"))
    after = written(bench, update(row(bench, line, pk), {"Note__c": 'it\'s; {} %s \\ "x"'}, line)).row
    assert Row(pk, None, {"Note__c": 'it\'s; {} %s \\ "x"'}) == after
    assert row(bench, line, ("8", "2026-11-24")).values["Note__c"] is None


# --- creates


def test_create(bench: Bench) -> None:
    """A create stores link and values, and the table makes the key."""
    one = create({"Name": "Acme", "Revenue": "12.5", "Tags": "a;b"})
    after = written(bench, one)
    assert after.row is not None
    assert (
        after.row.sfid,
        *(after.row.values[name] for name in ("Name", "Revenue", "Tags", "Phone")),
    ) == (SFID, "Acme", "12.5", "a;b", None)
    assert after == bench.rows.read([RowQuery(account, one.key, sfid=SFID)])[0]


def test_create_with_a_key(bench: Bench) -> None:
    """A row that is to come back takes its old key."""
    after = written(bench, create({"Name": "Acme"}, pk=("4711",))).row
    assert after is not None
    assert after.pk == ("4711",)


def test_create_with_a_composite_key(bench: Bench) -> None:
    """So does one whose key has several columns."""
    pk = ("7", "2026-11-24")
    after = written(bench, create({"Note__c": "x"}, line, pk=pk)).row
    assert Row(pk, SFID, {"Note__c": "x"}) == after


def test_create_of_a_row_that_is_there(bench: Bench) -> None:
    """A row with this Salesforce id makes a create stale."""
    seen = add(bench, sfid=SFID)
    one = create({"Name": "Twin"})
    assert [Stale()] == write(bench, one)
    assert RowState(seen, None) == state(bench, account, seen.pk, one.key)


def test_create_with_a_key_that_is_taken(bench: Bench) -> None:
    """So does a row with this key."""
    seen = add(bench)
    assert [Stale()] == write(bench, create({"Name": "Twin"}, pk=seen.pk))


def test_late_create_of_an_abandoned_operation(bench: Bench) -> None:
    """A create whose record another operation created and deleted meanwhile does not resurrect it."""
    one = create({})
    after = written(bench, replace(one, operation="other"))
    assert after.row is not None
    gone = replace(delete(after.row, marker=after.marker), key=one.key)
    assert isinstance(write(bench, gone)[0], RowWritten)
    assert [Stale()] == write(bench, one)


def test_create_with_a_parent(bench: Bench) -> None:
    """A create may name a parent."""
    add(bench, sfid=PARENT_SFID)
    after = written(bench, create({"AccountId": PARENT_SFID}, contact)).row
    assert after is not None
    assert after.values["AccountId"] == PARENT_SFID


def test_create_with_a_parent_that_is_not_there(bench: Bench) -> None:
    """And is refused where that is not there."""
    assert (ParentMissing, ("AccountId",)) == failure(write(bench, create({"AccountId": SFID}, contact))[0])[::2]


def test_empty_text_in_a_column_that_takes_no_null(bench: Bench) -> None:
    """Null becomes the empty text there, and reads as null."""
    after = written(bench, create({"Name": None})).row
    assert after is not None
    assert after.values["Name"] is None


# --- deletes


def test_delete_keeps_the_marker(bench: Bench) -> None:
    """The row goes, and the marker says whose operation that was."""
    seen = add(bench)
    one = delete(seen)
    expected = RowState(None, Marker(one.operation, {}))
    assert expected == written(bench, one)
    assert expected == state(bench, account, seen.pk, one.key)


def test_delete_of_a_row_that_moved(bench: Bench) -> None:
    """An edited row is not deleted."""
    seen = add(bench)
    bench.edit(account, seen.pk, {"Phone": "1"})
    assert [Stale()] == write(bench, delete(seen))
    assert row(bench, account, seen.pk).values["Phone"] == "1"


def test_delete_of_a_row_that_has_children(bench: Bench) -> None:
    """A foreign key refuses it."""
    seen = add(bench)
    add(bench, {"AccountId": RowId(account.table, seen.pk)}, contact)
    assert (Rejected, "23503", ()) == failure(write(bench, delete(seen))[0])


def test_marker_survives_the_row(bench: Bench) -> None:
    """A user's delete does not take the marker along."""
    seen = add(bench)
    one = update(seen, {"Phone": "1"})
    marker = written(bench, one).marker
    bench.delete(account, seen.pk)
    assert RowState(None, marker) == state(bench, account, seen.pk, one.key)


# --- refusals


def test_check_constraint(bench: Bench) -> None:
    """A refused value parks, with code and field; neither row nor marker has changed."""
    bench.refuse(account, "Phone", "13")
    seen = add(bench)
    one = update(seen, {"Phone": "13"})
    assert (Rejected, "23514", ("Phone",)) == failure(write(bench, one)[0])
    assert RowState(seen, None) == state(bench, account, seen.pk, one.key)


@pytest.mark.parametrize(
    ("name", "value", "code"), [("Phone", "x" * 21, "22001"), ("Revenue", "0.125", "22003"), ("Active", None, "")]
)
def test_value_that_does_not_fit(bench: Bench, name: str, value: Value, code: str) -> None:
    """A value is neither cut short nor rounded: it is refused, or canonical already."""
    seen = add(bench)
    [outcome] = write(bench, update(seen, {name: value}))
    if code:
        assert (Rejected, code, (name,)) == failure(outcome)
    assert seen.values == row(bench, account, seen.pk).values


def test_one_refusal_among_many(bench: Bench) -> None:
    """The writes around a refused one, and around a stale one, take effect."""
    first, second, third, fourth = (add(bench) for _ in range(4))
    bench.edit(account, third.pk, {"Revenue": "7"})
    outcomes = write(
        bench,
        update(first, {"Phone": "1"}),
        update(second, {"Phone": "x" * 21}),
        update(third, {"Phone": "3"}),
        update(fourth, {"Phone": "4"}),
    )
    assert [RowWritten, Failed, Stale, RowWritten] == [type(outcome) for outcome in outcomes]
    phones = [row(bench, account, seen.pk).values["Phone"] for seen in (first, second, third, fourth)]
    assert phones == ["1", None, None, "4"]


def test_locked_row(bench: Bench) -> None:
    """A row that another transaction holds is tried later."""
    seen = add(bench)
    one = update(seen, {"Phone": "1"})
    with bench.locked(account, seen.pk):
        [outcome] = write(bench, one)
        assert failure(outcome)[0] is RecordLocked
    assert isinstance(write(bench, one)[0], RowWritten)


def test_writes_that_the_port_has_no_meaning_for(bench: Bench) -> None:
    """An update of nothing, a create of something and an undelete are defects of the caller."""
    seen = add(bench)
    wrong = [
        replace(update(seen, {"Phone": "1"}), expected=RowState(None, None)),
        replace(create({}), expected=RowState(seen, None)),
        replace(update(seen, {}), kind=WriteKind.UNDELETE),
    ]
    for one in wrong:
        with pytest.raises(ProtocolError):
            bench.rows.write([one])


# --- edit times and capture


def test_edit_times_are_users(bench: Bench) -> None:
    """The time of a user's edit is kept where newest_wins asks for it; ours leaves it as it is."""
    seen = add(bench)
    assert bench.rows.edited_at(account, seen.pk, ["Phone"]) is None
    bench.edit(account, seen.pk, {"Phone": "1", "Revenue": "1"})
    edited = bench.rows.edited_at(account, seen.pk, ["Phone"])
    assert edited is not None
    assert edited > 1_700_000_000
    written(bench, update(row(bench, account, seen.pk), {"Phone": "2"}))
    assert edited == bench.rows.edited_at(account, seen.pk, ["Phone", "Revenue"])
    assert bench.rows.edited_at(account, seen.pk, ["Revenue"]) is None


def test_edit_time_of_an_insert(bench: Bench) -> None:
    """A row's first values were edited when it was inserted; it takes its times along when it goes."""
    seen = add(bench, {"Phone": "1"})
    assert bench.rows.edited_at(account, seen.pk, ["Phone"]) is not None
    bench.delete(account, seen.pk)
    assert bench.rows.edited_at(account, seen.pk, ["Phone"]) is None


def test_capture_of_edits_and_echoes(bench: Bench) -> None:
    """Users' changes and ours are captured in order; ours carry their operation."""
    seen = add(bench, sfid=SFID)
    bench.edit(account, seen.pk, {"Phone": "1"})
    bench.edit(account, seen.pk, {"Phone": "1"})
    one = update(row(bench, account, seen.pk), {"Phone": "2"})
    gone = replace(delete(replace(seen, values={**seen.values, "Phone": "2"})), key="another")
    assert [RowWritten, RowWritten] == [type(outcome) for outcome in write(bench, one, gone)]
    identity = RowId(account.table, seen.pk)
    assert [
        (identity, Change.CREATED, SFID, None),
        (identity, Change.UPDATED, SFID, None),
        (identity, Change.UPDATED, SFID, one.operation),
        (identity, Change.DELETED, SFID, gone.operation),
    ] == bench.captured()
