"""The port ``Records``: what the settle step relies on, for every implementation."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from chalicelib.core.errors import ParentMissing, RecordLocked, Rejected
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields, Record
from chalicelib.core.ports import (
    Failed,
    RecordOutcome,
    RecordQuery,
    RecordWrite,
    RecordWritten,
    Stale,
    WriteKind,
)
from tests.contract.live_bench import LiveBench, Org, running_org
from tests.contract.record_bench import ACCOUNT, CONTACT, Bench, FakeBench

FLAVOURS = ["fake-apex", "fake-conditional", "live-apex", "live-conditional"]


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """A simulated org for the whole module; each test resets it."""
    with running_org() as org:
        yield org


@pytest.fixture(params=FLAVOURS)
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each implementation in turn, on an empty org."""
    kind, flavour = request.param.split("-")
    if kind == "fake":
        return FakeBench(apex=flavour == "apex")
    return LiveBench(request.getfixturevalue("org"), apex=flavour == "apex")


def read(
    bench: Bench, record_id: str | None, key: str | None = None, mapping: ObjectMapping = ACCOUNT
) -> Record | None:
    """What the port reads of one record."""
    return bench.records.read([RecordQuery(mapping, record_id, key)])[0]


def seen(bench: Bench, record_id: str, mapping: ObjectMapping = ACCOUNT) -> Record:
    """The same of a record that is there."""
    record = read(bench, record_id, mapping=mapping)
    assert record is not None
    return record


def account(bench: Bench, **values: str) -> Record:
    """A user's account, seen after its second has closed."""
    record_id = bench.add("Account", {"Name": "Acme", **values})
    bench.next_second()
    return seen(bench, record_id)


def update(expected: Record, values: Fields, mapping: ObjectMapping = ACCOUNT, **more: str) -> RecordWrite:
    """An update of what was seen."""
    key = more.get("key", expected.key or str(uuid4()))
    return RecordWrite(mapping, WriteKind.UPDATE, key, more.get("operation", str(uuid4())), expected, values)


def create(values: Fields, mapping: ObjectMapping = ACCOUNT, key: str | None = None) -> RecordWrite:
    """A create."""
    return RecordWrite(mapping, WriteKind.CREATE, key or str(uuid4()), str(uuid4()), None, values)


def other(expected: Record, kind: WriteKind) -> RecordWrite:
    """A delete or an undelete of what was seen."""
    return RecordWrite(ACCOUNT, kind, expected.key or str(uuid4()), str(uuid4()), expected, {})


def write(bench: Bench, *writes: RecordWrite) -> list[RecordOutcome]:
    """Write in one call."""
    return list(bench.records.write(list(writes)))


def written(outcome: RecordOutcome) -> Record:
    """The record of a write that must have succeeded."""
    assert isinstance(outcome, RecordWritten)
    return outcome.record


# --- reading


def test_reads_what_a_user_wrote(bench: Bench) -> None:
    """A record holds the mapped fields in canonical form, and says who wrote it and that no operation marked it."""
    record = account(bench, Phone="123", AnnualRevenue="12.5")
    empty = dict.fromkeys(("Website", "Industry", "Description"))
    assert {"Name": "Acme", "Phone": "123", "AnnualRevenue": "12.5", **empty} == record.values
    assert (record.key, record.marker, record.deleted, record.ours) == (None, None, False, False)
    assert record.modified_by not in (None, "")


def test_reads_by_id_and_by_key_in_the_order_asked(bench: Bench) -> None:
    """Answers stand in the order of the questions, whatever object and way of asking."""
    key = str(uuid4())
    first = written(write(bench, create({"Name": "First"}, key=key))[0])
    second = bench.add("Account", {"Name": "Second"})
    contact = bench.add("Contact", {"LastName": "Third"})
    found = bench.records.read(
        [
            RecordQuery(CONTACT, contact),
            RecordQuery(ACCOUNT, None, key),
            RecordQuery(ACCOUNT, None, str(uuid4())),
            RecordQuery(ACCOUNT, second),
        ]
    )
    assert [contact, first.id, None, second] == [record and record.id for record in found]


def test_reads_nothing_for_no_questions(bench: Bench) -> None:
    """No question, no answer, no error."""
    assert list(bench.records.read([])) == []


def test_absent_records_are_none(bench: Bench) -> None:
    """A record that is purged, or was never there, is None by id and by key."""
    record = account(bench)
    bench.delete("Account", record.id)
    bench.purge(record.id)
    assert read(bench, record.id) is None
    assert read(bench, None, str(uuid4())) is None


def test_reads_the_recycle_bin(bench: Bench) -> None:
    """A deleted record is read with its values and says that it is deleted."""
    record = account(bench)
    bench.delete("Account", record.id)
    assert (seen(bench, record.id).deleted, seen(bench, record.id).values["Name"]) == (True, "Acme")


def test_second_is_open_until_it_has_ended(bench: Bench) -> None:
    """A record that was just saved may be saved again under the same stamp; one whose second has passed may not."""
    bench.same_second()
    record_id = bench.add("Account", {"Name": "Acme"})
    assert seen(bench, record_id).second_open
    bench.next_second()
    assert not seen(bench, record_id).second_open


def test_hidden_field_is_missing_not_null(bench: Bench) -> None:
    """A field that the integration user cannot read is left out, and the others are there."""
    record_id = bench.add("Account", {"Name": "Acme", "Phone": "1", "Website": "w.example"})
    bench.hide("Phone")
    found = seen(bench, record_id)
    assert set(ACCOUNT.names) - {"Phone"} == set(found.values)
    assert found.values["Website"] == "w.example"


# --- updates


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


# --- refusals


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


# --- creates


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


# --- deletes and undeletes


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
