"""Conditional updates, and deletions."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import ChildrenLeft, ParentMissing, Rejected
from chalicelib.core.model import Marker, Row, RowId, RowState, SalesforceId
from chalicelib.core.ports import Failed, RowWritten, Stale
from tests.contract.row_bench import Bench
from tests.contract.rows.kit import (
    OTHER_SFID,
    PARENT_SFID,
    SFID,
    add,
    create,
    delete,
    failure,
    row,
    state,
    update,
    write,
    written,
)
from tests.integration.postgres.sample import account, contact, line


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


def test_empty_text_in_a_column_that_takes_no_null(bench: Bench) -> None:
    """Null becomes the empty text there, and reads as null."""
    after = written(bench, create({"Name": None})).row
    assert after is not None
    assert after.values["Name"] is None


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
    """It names them, each as it is known, and nothing is deleted; no row is a child of its own."""
    seen = add(bench)
    own = RowId(account.table, seen.pk)
    bench.edit(account, seen.pk, {"ParentId": own})
    new = add(bench, {"AccountId": own}, contact)
    add(bench, {"ParentId": own}, sfid=OTHER_SFID)
    (outcome,) = write(bench, delete(row(bench, account, seen.pk)))
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, ChildrenLeft)
    assert {RowId(contact.table, new.pk), SalesforceId(account.object, OTHER_SFID)} == set(outcome.error.children)
    assert row(bench, account, seen.pk).pk == seen.pk


def test_delete_of_a_row_that_only_itself_refers_to(bench: Bench) -> None:
    """It goes."""
    seen = add(bench)
    bench.edit(account, seen.pk, {"ParentId": RowId(account.table, seen.pk)})
    assert isinstance(write(bench, delete(row(bench, account, seen.pk)))[0], RowWritten)


def test_marker_survives_the_row(bench: Bench) -> None:
    """A user's delete does not take the marker along."""
    seen = add(bench)
    one = update(seen, {"Phone": "1"})
    marker = written(bench, one).marker
    bench.delete(account, seen.pk)
    assert RowState(None, marker) == state(bench, account, seen.pk, one.key)
