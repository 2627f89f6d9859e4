"""Creating rows."""

from dataclasses import replace

from chalicelib.core.errors import ParentMissing
from chalicelib.core.model import Row, RowState
from chalicelib.core.ports import RowQuery, RowWritten, Stale
from tests.contract.row_bench import Bench
from tests.contract.rows.kit import PARENT_SFID, SFID, add, create, delete, failure, state, write, written
from tests.integration.postgres.sample import account, contact, line


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
