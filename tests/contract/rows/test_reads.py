"""Reading rows and markers."""

import pytest

from chalicelib.core.model import Fields, Row, RowId, RowState
from chalicelib.core.ports import RowQuery, Stale
from tests.contract.row_bench import Bench
from tests.contract.rows.kit import OTHER_SFID, PARENT_SFID, SFID, add, create, row, state, update, write, written
from tests.fakes.statements import Formless
from tests.integration.postgres.sample import account, contact, line

PHONES = (("1", SFID), ("0", OTHER_SFID), (None, PARENT_SFID))


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


def test_rows_say_whether_they_match_the_filter(bench: Bench) -> None:
    """By primary key and by link; null does not match, as in a WHERE clause, and the row is read all the same."""
    filtered = bench.without(account, "Phone", "0")
    inside, outside, unknown = (add(bench, {"Phone": phone}, sfid=sfid).pk for phone, sfid in PHONES)
    by_key = [state(bench, filtered, pk).row for pk in (inside, outside, unknown)]
    by_link = [bench.rows.read([RowQuery(filtered, None, sfid=sfid)])[0].row for _, sfid in PHONES]
    assert [row and row.outside for row in by_key] == [False, True, True]
    assert by_link == by_key


def test_without_a_filter_every_row_matches(bench: Bench) -> None:
    """Whatever it holds."""
    assert add(bench, {"Phone": "0"}).outside is False
