"""Rows by their match fields, and the write that links them: for every implementation of the port ``Rows``."""

from dataclasses import replace
from uuid import uuid4

import pytest

from chalicelib.core.model import Fields, PrimaryKey, RowId, RowState
from chalicelib.core.ports import RowQuery, RowWrite, RowWritten, Stale, WriteKind
from tests.contract.row_bench import Bench
from tests.contract.rows.kit import OTHER_SFID, SFID
from tests.fakes.statements import Cells
from tests.integration.postgres.sample import account, contact

BY_NAME = replace(account, match=("Name",))
BY_EMAIL = replace(contact, match=("Email",))
BY_BOTH = replace(contact, match=("LastName", "AccountId"))
BY_VALUES = replace(account, match=("Phone", "Revenue", "Score", "Founded"))


def person(bench: Bench, cells: Cells, sfid: str | None = None) -> PrimaryKey:
    """A user's contact."""
    return bench.insert(contact, cells, sfid, None)


def found(bench: Bench, *wanted: Fields) -> list[list[PrimaryKey]]:
    """The keys of the contacts with these e-mails."""
    return [[row.pk for row in rows] for rows in bench.rows.match(BY_EMAIL, wanted)]


def test_one_row_each_in_the_order_asked(bench: Bench) -> None:
    """Rows come back as a read gives them; what is not there, and what was asked twice, has its place too."""
    ann, bob = (person(bench, {"Email": email, "LastName": "L"}) for email in ("ann@x.example", "bob@x.example"))
    asked = [{"Email": f"{name}@x.example"} for name in ("bob", "eve", "ann", "bob")]
    assert [[bob], [], [ann], [bob]] == found(bench, *asked)
    [[row]] = bench.rows.match(BY_EMAIL, asked[:1])
    assert [RowState(row, None)] == list(bench.rows.read([RowQuery(contact, None, pk=bob)]))


def test_nothing_for_no_questions(bench: Bench) -> None:
    """No question, no answer, no error."""
    assert list(bench.rows.match(BY_EMAIL, [])) == []


def test_linked_rows_count(bench: Bench) -> None:
    """They tell that the values are taken, or not unique."""
    pk = person(bench, {"Email": "ann@x.example"}, SFID)
    [[row]] = bench.rows.match(BY_EMAIL, [{"Email": "ann@x.example"}])
    assert (pk, SFID) == (row.pk, row.sfid)


def test_two_are_enough(bench: Bench) -> None:
    """Of three rows two tell all there is to know."""
    keys = [person(bench, {"Email": "ann@x.example"}) for _ in range(3)]
    [rows] = found(bench, {"Email": "ann@x.example"})
    assert (len(rows), set(rows) < set(keys)) == (2, True)


@pytest.mark.parametrize("wanted", [{"Email": None}, {"LastName": "Poe"}, {}])
def test_a_null_matches_nothing(bench: Bench, wanted: Fields) -> None:
    """Neither another null, nor an empty text, nor whatever holds the rest."""
    person(bench, {"LastName": "Poe", "Email": None})
    assert found(bench, wanted) == [[]]


def test_case_counts(bench: Bench) -> None:
    """Values are equal when they are the same, nothing less."""
    person(bench, {"Email": "Ann@x.example"})
    assert found(bench, {"Email": "ann@x.example"}, {"Email": "Ann@x.example "}) == [[], []]


def test_every_match_field_counts(bench: Bench) -> None:
    """A reference is compared as the parent's Salesforce id."""
    parents = [bench.insert(account, {"Name": name}, sfid, None) for name, sfid in (("A", SFID), ("B", OTHER_SFID))]
    first, _ = (person(bench, {"LastName": "Poe", "AccountId": RowId(account.table, pk)}) for pk in parents)
    [[row], none] = bench.rows.match(
        BY_BOTH, [{"LastName": "Poe", "AccountId": SFID}, {"LastName": "Lee", "AccountId": OTHER_SFID}]
    )
    assert (first, []) == (row.pk, list(none))


def test_numbers_and_dates(bench: Bench) -> None:
    """Each in its canonical form."""
    values: Fields = {"Phone": "1", "Revenue": "12.5", "Score": "0.1", "Founded": "1999-12-31"}
    pk = bench.insert(account, {"Name": "Acme", **values}, None, None)
    [[row]] = bench.rows.match(BY_VALUES, [values])
    assert pk == row.pk


def test_values_that_no_row_could_hold(bench: Bench) -> None:
    """A number with too many decimals, a text that is too long: nobody has them, and the others are found."""
    values: Fields = {"Phone": "1", "Revenue": "12.5", "Score": "0.1", "Founded": "1999-12-31"}
    bench.insert(account, {"Name": "Acme", **values}, None, None)
    asked = [values, {**values, "Revenue": "12.505"}, {**values, "Phone": "1" * 21}]
    assert [len(rows) for rows in bench.rows.match(BY_VALUES, asked)] == [1, 0, 0]


def link(bench: Bench, pk: PrimaryKey, sfid: str) -> RowWrite:
    """A write that stores the link in a row as it is now."""
    [state] = bench.rows.read([RowQuery(account, None, pk=pk)])
    return RowWrite(account, WriteKind.UPDATE, str(uuid4()), str(uuid4()), state, {}, sfid)


def test_a_link_is_stored_once(bench: Bench) -> None:
    """Of two that would link the same row the first does, and the other finds it linked."""
    pk = bench.insert(account, {"Name": "Acme"}, None, None)
    first, second = link(bench, pk, SFID), link(bench, pk, OTHER_SFID)
    [written] = bench.rows.write([first])
    assert isinstance(written, RowWritten)
    assert [Stale()] == list(bench.rows.write([second]))
    [[row]] = bench.rows.match(BY_NAME, [{"Name": "Acme"}])
    assert row.sfid == SFID


def test_a_link_by_hand_is_not_overwritten(bench: Bench) -> None:
    """The link is part of what was seen, even where nothing else is to be written."""
    pk = bench.insert(account, {"Name": "Acme"}, None, None)
    ours = link(bench, pk, SFID)
    bench.link(account, pk, OTHER_SFID)
    assert [Stale()] == list(bench.rows.write([ours]))
    [[row]] = bench.rows.match(BY_NAME, [{"Name": "Acme"}])
    assert row.sfid == OTHER_SFID
