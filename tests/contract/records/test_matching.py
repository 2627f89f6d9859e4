"""Records by their match fields: for every implementation of the port ``Records``."""

from dataclasses import replace
from uuid import uuid4

import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.core.model import Fields
from chalicelib.core.ports import RecordQuery, RecordWrite, RecordWritten, WriteKind
from tests.contract.record_bench import ACCOUNT, CONTACT, Bench

BY_EMAIL = replace(CONTACT, match=("Email",))
BY_ALL = replace(CONTACT, match=("LastName", "Birthdate", "AccountId"))
BY_REVENUE = replace(ACCOUNT, match=("Name", "AnnualRevenue"))


def person(bench: Bench, email: str | None, **values: str) -> str:
    """A user's contact."""
    return bench.add("Contact", {"LastName": "Poe", "Email": email, **values})


def found(bench: Bench, *wanted: Fields) -> list[list[str]]:
    """The ids of the contacts with these e-mails."""
    return [[record.id for record in records] for records in bench.records.match(BY_EMAIL, wanted)]


def test_one_record_each_in_the_order_asked(bench: Bench) -> None:
    """Records come back as a read gives them; what is not there, and what was asked twice, has its place too."""
    ann, bob = person(bench, "ann@x.example"), person(bench, "bob@x.example")
    bench.next_second()
    asked = [{"Email": f"{name}@x.example"} for name in ("bob", "eve", "ann", "bob")]
    assert [[bob], [], [ann], [bob]] == found(bench, *asked)
    [[record]] = bench.records.match(BY_EMAIL, asked[:1])
    assert [record] == list(bench.records.read([RecordQuery(CONTACT, bob)]))


def test_nothing_for_no_questions(bench: Bench) -> None:
    """No question, no answer, no error."""
    assert list(bench.records.match(BY_EMAIL, [])) == []


def test_records_with_a_key_count(bench: Bench) -> None:
    """They tell that the values are taken, or not unique."""
    key = str(uuid4())
    create = RecordWrite(CONTACT, WriteKind.CREATE, key, "op", None, {"LastName": "Poe", "Email": "ann@x.example"})
    [written] = bench.records.write([create])
    assert isinstance(written, RecordWritten)
    [[record]] = bench.records.match(BY_EMAIL, [{"Email": "ann@x.example"}])
    assert (written.record.id, key) == (record.id, record.key)


def test_two_are_enough(bench: Bench) -> None:
    """Of three records two tell all there is to know."""
    ids = {person(bench, "ann@x.example") for _ in range(3)}
    [records] = found(bench, {"Email": "ann@x.example"})
    assert (len(records), set(records) < ids) == (2, True)


def test_deleted_records_are_not_there(bench: Bench) -> None:
    """A record of the recycle bin is no half of anything."""
    bench.delete("Contact", person(bench, "ann@x.example"))
    assert found(bench, {"Email": "ann@x.example"}) == [[]]


@pytest.mark.parametrize("wanted", [{"Email": None}, {"LastName": "Poe"}, {}])
def test_a_null_matches_nothing(bench: Bench, wanted: Fields) -> None:
    """Neither another null, nor whatever holds the rest."""
    person(bench, None)
    assert found(bench, wanted) == [[]]


def test_case_counts(bench: Bench) -> None:
    """Although a query finds both."""
    upper, lower = (bench.add("Account", {"Name": name, "AnnualRevenue": "1"}) for name in ("ACME", "acme"))
    asked = [{"Name": name, "AnnualRevenue": "1"} for name in ("ACME", "acme", "Acme")]
    records = bench.records.match(BY_REVENUE, asked)
    assert [[upper], [lower], []] == [[record.id for record in some] for some in records]


def test_every_match_field_counts(bench: Bench) -> None:
    """Text with quotes, dates and references."""
    parent = bench.add("Account", {"Name": "Acme"})
    values: Fields = {"LastName": 'O\'Neil \\ "Jr"', "Birthdate": "1999-12-31", "AccountId": parent}
    record_id = bench.add("Contact", values)
    bench.add("Contact", {**values, "Birthdate": "1999-12-30"})
    asked = [values, {**values, "AccountId": "001000000000999AAA"}]
    assert [[record_id], []] == [[record.id for record in some] for some in bench.records.match(BY_ALL, asked)]


def test_a_hidden_match_field_stops_everything(bench: Bench) -> None:
    """Without it every record would be made twice."""
    bench.add("Account", {"Name": "Acme", "Phone": "1"})
    bench.hide("Phone")
    with pytest.raises(ConfigurationError):
        bench.records.match(replace(ACCOUNT, match=("Phone",)), [{"Phone": "1"}])


def test_numbers(bench: Bench) -> None:
    """In canonical form."""
    record_id = bench.add("Account", {"Name": "Acme", "AnnualRevenue": "12.5"})
    asked: list[Fields] = [{"Name": "Acme", "AnnualRevenue": number} for number in ("12.5", "12.51")]
    assert [[record_id], []] == [[record.id for record in some] for some in bench.records.match(BY_REVENUE, asked)]
