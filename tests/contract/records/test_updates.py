"""Conditional updates, and what refuses them."""

from dataclasses import replace
from uuid import uuid4

from chalicelib.core.errors import ParentMissing, RecordLocked, Rejected
from chalicelib.core.ports import (
    Failed,
    RecordWritten,
    Stale,
)
from tests.contract.record_bench import CONTACT, Bench
from tests.contract.records.kit import account, create, read, seen, update, write, written


def test_update_writes_the_given_fields_only(bench: Bench) -> None:
    """The other fields stay, the marker is the operation, and the author is the integration user."""
    record = account(bench, Phone="1", Website="old.example")
    after = written(write(bench, update(record, {"Website": "new.example"}, operation="op-1"))[0])
    assert tuple(after.values[name] for name in ("Name", "Phone", "Website")) == ("Acme", "1", "new.example")
    assert (after.marker, after.ours, after.deleted) == ("op-1", True, False)
    assert after.values == seen(bench, record.id).values


def test_update_links_a_record_that_has_no_key(bench: Bench) -> None:
    """The key is set where there is none, also by a write of no other field, and found afterwards."""
    record = account(bench)
    after = written(write(bench, update(record, {}, key="11111111-2222-3333-4444-555555555555"))[0])
    assert after.key == "11111111-2222-3333-4444-555555555555"
    found = read(bench, None, after.key)
    assert found is not None
    assert record.id == found.id


def test_update_keeps_a_key_that_is_there(bench: Bench) -> None:
    """A record that has a key keeps it, whatever the write says."""
    first = written(write(bench, create({"Name": "Acme"}))[0])
    bench.next_second()
    after = written(write(bench, update(first, {"Phone": "2"}, key=str(uuid4())))[0])
    assert first.key == after.key


def test_update_can_empty_a_field(bench: Bench) -> None:
    """None clears a field."""
    record = account(bench, Phone="1")
    assert written(write(bench, update(record, {"Phone": None}))[0]).values["Phone"] is None


def test_update_gives_back_what_automation_made_of_it(bench: Bench) -> None:
    """The record is the one after triggers and flows, which changed a written and an unwritten field."""
    record = account(bench, Website="w.example")
    bench.suffix("Phone", " ext")
    bench.suffix("Website", "/home")
    after = written(write(bench, update(record, {"Phone": "5"}))[0])
    assert (after.values["Phone"], after.values["Website"], after.ours) == ("5 ext", "w.example/home", True)


def test_update_after_an_edit_is_stale_and_writes_nothing(bench: Bench) -> None:
    """A user's edit since the read makes the write fail, also where it was of another field."""
    record = account(bench, Phone="1")
    bench.edit("Account", record.id, {"Website": "user.example"})
    assert [Stale()] == write(bench, update(record, {"Phone": "2"}))
    now = seen(bench, record.id)
    assert (now.values["Phone"], now.values["Website"], now.marker) == ("1", "user.example", None)


def test_update_of_a_deleted_record_is_stale(bench: Bench) -> None:
    """A record in the recycle bin, or gone for good, is not what was seen."""
    record = account(bench)
    bench.delete("Account", record.id)
    assert [Stale()] == write(bench, update(record, {"Phone": "2"}))
    bench.purge(record.id)
    assert [Stale()] == write(bench, update(record, {"Phone": "2"}))


def test_same_write_twice_is_stale_the_second_time(bench: Bench) -> None:
    """A request that was sent again after it had landed changes nothing."""
    record = account(bench)
    again = update(record, {"Phone": "2"})
    assert isinstance(write(bench, again)[0], RecordWritten)
    bench.next_second()
    assert [Stale()] == write(bench, replace(again, operation="late"))
    assert again.operation == seen(bench, record.id).marker


def test_values_as_seen_do_not_help_where_another_operation_has_landed(bench: Bench) -> None:
    """A, B, A: a request that comes late would undo the last one."""
    record = account(bench)
    late = update(record, {"Phone": "late"})
    assert isinstance(write(bench, update(record, {"Phone": "2"}))[0], RecordWritten)
    bench.next_second()
    bench.edit("Account", record.id, {"Phone": record.values["Phone"]})
    assert [Stale()] == write(bench, late)


def test_an_edit_in_the_same_second(bench: Bench) -> None:
    """Comparing everything sees an edit under the stamp that was seen; a stamp of whole seconds cannot."""
    bench.same_second()
    record_id = bench.add("Account", {"Name": "Acme"})
    record = seen(bench, record_id)
    bench.edit("Account", record_id, {"Phone": "user"})
    outcome = write(bench, update(record, {"Website": "ours.example"}))[0]
    assert bench.apex is isinstance(outcome, Stale)
    assert bench.apex is not bench.records.needs_closed_second


def test_a_transaction_that_commits_late(bench: Bench) -> None:
    """A save that took its stamp before the read, and committed after it, is seen by comparing everything.

    That is the hole which stays open where only stamps are compared: the write goes over the user's edit.
    """
    bench.same_second()
    record_id = bench.add("Account", {"Name": "Acme"})
    with bench.locked(record_id):
        bench.next_second()
        record = seen(bench, record_id)
    assert (record.values["Industry"], record.second_open) == (None, False)
    outcome = write(bench, update(record, {"Industry": "Energy"}))[0]
    assert bench.apex is isinstance(outcome, Stale)
    assert seen(bench, record_id).values["Industry"] == ("Banking" if bench.apex else "Energy")


def test_a_late_request_after_the_value_came_back(bench: Bench) -> None:
    """A to B to A within a second: an abandoned request that expects the first A meets another marker."""
    bench.same_second()
    record_id = bench.add("Account", {"Name": "Acme", "Phone": "A"})
    first = seen(bench, record_id)
    late = update(first, {"Phone": "late"})
    second = written(write(bench, update(first, {"Phone": "B"}))[0])
    third = written(write(bench, update(second, {"Phone": "A"}))[0])
    if (third.values, third.modified_at) == (first.values, first.modified_at):
        assert bench.apex is isinstance(write(bench, late)[0], Stale)
    assert third.marker != first.marker


def test_each_write_has_its_own_outcome(bench: Bench) -> None:
    """One call carries writes that succeed, are stale and are refused, on two objects, in order."""
    bench.refuse("Phone", "bad")
    records = [account(bench) for _ in range(3)]
    bench.edit("Account", records[1].id, {"Phone": "user"})
    outcomes = write(
        bench,
        update(records[0], {"Phone": "good"}),
        update(records[1], {"Phone": "late"}),
        update(records[2], {"Phone": "bad"}),
        create({"LastName": "New"}, CONTACT),
    )
    assert [RecordWritten, Stale, Failed, RecordWritten] == [type(outcome) for outcome in outcomes]
    assert seen(bench, records[2].id).values["Phone"] != "bad"
    assert seen(bench, records[2].id).marker is None


def test_many_writes_go_in_one_call(bench: Bench) -> None:
    """Thirty records in one call: every one is written, and has its own values."""
    records = [account(bench, Phone=str(place)) for place in range(3)]
    fresh = write(bench, *(create({"Name": f"N{place}"}) for place in range(27)))
    after = write(bench, *(update(record, {"Website": f"{place}.example"}) for place, record in enumerate(records)))
    assert [f"N{place}" for place in range(27)] == [written(outcome).values["Name"] for outcome in fresh]
    assert [written(outcome).values["Website"] for outcome in after] == ["0.example", "1.example", "2.example"]
    assert bench.count("Account") == 30


def test_refused_values_come_back_with_code_text_and_fields(bench: Bench) -> None:
    """A validation rule's own words, its code and the field it blames reach the caller."""
    bench.refuse("Phone", "bad")
    outcome = write(bench, update(account(bench), {"Phone": "bad"}))[0]
    assert isinstance(outcome, Failed)
    error = outcome.error
    assert isinstance(error, Rejected)
    assert (error.code, error.fields) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", ("Phone",))
    assert "the rule says no" in str(error)


def test_missing_parent_is_told_apart(bench: Bench) -> None:
    """A reference to a record that is not there, or in the recycle bin, is a missing parent, not bad data."""
    parent = account(bench)
    child = bench.add("Contact", {"LastName": "Child"})
    bench.next_second()
    bench.delete("Account", parent.id)
    outcomes = write(
        bench,
        update(seen(bench, child, CONTACT), {"AccountId": parent.id}, CONTACT),
        create({"LastName": "Orphan", "AccountId": parent.id}, CONTACT),
    )
    assert [ParentMissing, ParentMissing] == [
        type(outcome.error) if isinstance(outcome, Failed) else outcome for outcome in outcomes
    ]


def test_locked_record_can_be_tried_later(bench: Bench) -> None:
    """A row that another transaction holds is a reason to try again; writes of another object go on.

    Writes of the same object in the same call may fail with it: an org cannot always say which row was held.
    """
    record = account(bench)
    with bench.locked(record.id):
        held, done = write(bench, update(record, {"Phone": "2"}), create({"LastName": "Free"}, CONTACT))
    assert isinstance(held, Failed)
    assert isinstance(held.error, RecordLocked)
    assert written(done).values["LastName"] == "Free"
    now = seen(bench, record.id)
    assert (now.values["Phone"], now.values["Industry"]) == (None, "Banking")
    assert written(write(bench, update(now, {"Phone": "2"}))[0]).values["Phone"] == "2"
