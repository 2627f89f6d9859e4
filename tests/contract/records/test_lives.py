"""Creating, deleting and undeleting records."""

from chalicelib.core.errors import Rejected
from chalicelib.core.ports import (
    Failed,
    RecordWritten,
    Stale,
    WriteKind,
)
from tests.contract.record_bench import Bench
from tests.contract.records.kit import account, create, other, seen, write, written


def test_create_sets_key_and_marker(bench: Bench) -> None:
    """A new record holds its values, its key and the operation, and its author is the integration user."""
    asked = create({"Name": "New", "AnnualRevenue": "1250000"})
    after = written(write(bench, asked)[0])
    assert (asked.key, asked.operation, True) == (after.key, after.marker, after.ours)
    assert tuple(after.values[name] for name in ("Name", "AnnualRevenue", "Phone")) == ("New", "1250000", None)


def test_create_of_a_key_that_exists_is_stale(bench: Bench) -> None:
    """A second create of one key makes no twin and changes nothing."""
    first = create({"Name": "First"})
    record = written(write(bench, first)[0])
    assert [Stale()] == write(bench, create({"Name": "Second"}, key=first.key))
    assert (bench.count("Account"), seen(bench, record.id).values["Name"]) == (1, "First")


def test_refused_create_leaves_nothing(bench: Bench) -> None:
    """A create that the org refuses makes no record, and those beside it are made."""
    bench.refuse("Phone", "bad")
    refused, made = write(bench, create({"Name": "A", "Phone": "bad"}), create({"Name": "B"}))
    assert [Failed, RecordWritten] == [type(refused), type(made)]
    assert bench.count("Account") == 1


def test_delete_moves_to_the_bin_with_the_marker(bench: Bench) -> None:
    """The record is in the recycle bin afterwards and bears the operation, which a recovery looks for."""
    record = account(bench)
    asked = other(record, WriteKind.DELETE)
    after = written(write(bench, asked)[0])
    assert (True, asked.operation, record.id) == (after.deleted, after.marker, after.id)
    assert (True, asked.operation) == (seen(bench, record.id).deleted, seen(bench, record.id).marker)
    assert bench.count("Account") == 0


def test_delete_after_an_edit_is_stale(bench: Bench) -> None:
    """A user's edit keeps the record alive and unmarked."""
    record = account(bench)
    bench.edit("Account", record.id, {"Phone": "user"})
    assert [Stale()] == write(bench, other(record, WriteKind.DELETE))
    assert (seen(bench, record.id).deleted, seen(bench, record.id).marker) == (False, None)


def test_delete_of_a_deleted_record_is_stale(bench: Bench) -> None:
    """Somebody else deleted it: read again."""
    record = account(bench)
    bench.delete("Account", record.id)
    assert [Stale()] == write(bench, other(record, WriteKind.DELETE))
    assert seen(bench, record.id).marker is None


def test_undelete_restores_under_the_marker(bench: Bench) -> None:
    """Comparing everything restores the record as seen in the bin; REST alone cannot, and says so."""
    record = account(bench, Phone="1")
    bench.delete("Account", record.id)
    asked = other(seen(bench, record.id), WriteKind.UNDELETE)
    outcome = write(bench, asked)[0]
    if bench.apex:
        after = written(outcome)
        assert (False, asked.operation, "1") == (after.deleted, after.marker, after.values["Phone"])
    else:
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, Rejected)
        assert "undelete" in str(outcome.error)
    assert bench.apex is not seen(bench, record.id).deleted


def test_undelete_of_a_record_that_came_back_is_stale(bench: Bench) -> None:
    """A user restored it first: nothing is written, whichever writer."""
    record = account(bench)
    bench.delete("Account", record.id)
    binned = seen(bench, record.id)
    bench.undelete("Account", record.id)
    outcome = write(bench, other(binned, WriteKind.UNDELETE))[0]
    assert isinstance(outcome, Stale if bench.apex else Failed)
    assert (seen(bench, record.id).deleted, seen(bench, record.id).marker) == (False, None)
