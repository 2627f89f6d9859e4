"""Reading records."""

from uuid import uuid4

from chalicelib.core.ports import (
    RecordQuery,
)
from tests.contract.record_bench import ACCOUNT, CONTACT, Bench
from tests.contract.records.kit import account, create, read, seen, write, written


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


def test_records_say_whether_they_match_the_filter(bench: Bench) -> None:
    """By id and by key, with those of objects without a filter in the same call; each is read all the same."""
    filtered = bench.without(ACCOUNT, "Industry", "Banking")
    key = str(uuid4())
    inside = account(bench, Industry="Energy").id
    outside = written(write(bench, create({"Name": "Acme", "Industry": "Banking"}, key=key))[0]).id
    contact = bench.add("Contact", {"LastName": "Lee"})
    queries = [
        RecordQuery(filtered, inside),
        RecordQuery(filtered, outside),
        RecordQuery(filtered, None, key),
        RecordQuery(CONTACT, contact),
    ]
    found = bench.records.read(queries)
    assert [(record and record.id, record and record.outside) for record in found] == [
        (inside, False),
        (outside, True),
        (outside, True),
        (contact, False),
    ]


def test_a_merged_record_names_the_one_that_it_was_merged_into(bench: Bench) -> None:
    """While it lies in the recycle bin; the children are the winner's, and undeleted it is a record of its own."""
    winner, loser = account(bench), account(bench)
    child = bench.add("Contact", {"LastName": "Lee", "AccountId": loser.id})
    bench.merge("Account", winner.id, loser.id)
    gone = seen(bench, loser.id)
    assert (gone.deleted, gone.merged_into, seen(bench, winner.id).merged_into) == (True, winner.id, None)
    assert seen(bench, child, CONTACT).values["AccountId"] == winner.id
    bench.undelete("Account", loser.id)
    assert seen(bench, loser.id).merged_into is None
