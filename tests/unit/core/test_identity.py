"""Record keys and the text form of primary keys."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import Rejected
from chalicelib.core.identity import parse_key, parse_primary_key, primary_key_text, record_key, row_key

_ORG = "00Dxx0000001gPFEAY"
_CONTACT = "003xx000004TmiQAAS"
_PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3).map(tuple)


def test_keys_never_change() -> None:
    """Every key in a ledger or an org hangs on these: a change of them makes twins of all records."""
    row, record = "2b4798d9-f271-5fbe-a380-0d1590e3d4ff", "fc6a0388-8b95-5add-8bd1-52b4d1021a6e"
    assert (row, record) == (row_key("public.contact", ("42",)), record_key(_ORG, _CONTACT))


def test_record_key_is_the_same_for_both_forms_of_an_id() -> None:
    """An org or record id with and without its suffix is one id."""
    assert record_key(_ORG, _CONTACT) == record_key(_ORG[:15], _CONTACT[:15])


def test_record_key_hangs_on_the_org() -> None:
    """A sandbox holds the same record ids as the org it was copied from."""
    assert record_key(_ORG, _CONTACT) != record_key("00Dxx0000001gPG", _CONTACT)


def test_record_key_of_no_id_is_rejected() -> None:
    """A key is never derived from what is no Salesforce id."""
    with pytest.raises(Rejected):
        record_key(_ORG, "nobody")


@given(st.tuples(st.text(max_size=5), _PARTS), st.tuples(st.text(max_size=5), _PARTS))
def test_different_rows_have_different_keys(
    left: tuple[str, tuple[str, ...]], right: tuple[str, tuple[str, ...]]
) -> None:
    """Whatever stands in table names and key columns, two keys are equal only for the same row."""
    assert (left == right) == (row_key(*left) == row_key(*right))


@given(st.uuids())
def test_key_from_outside_has_one_form(key: UUID) -> None:
    """A key field's text is compared without case, so that its key is in lower case."""
    assert (str(key), str(key)) == (parse_key(str(key)), parse_key(str(key).upper()))


@pytest.mark.parametrize(
    "text", ["", "nobody", "{0b9c2a52-7d3c-4a8c-9d39-52f0a9a0c0de}", "0b9c2a527d3c4a8c9d3952f0a9a0c0de"]
)
def test_key_in_another_form_is_rejected(text: str) -> None:
    """Only the 36 characters that the sync itself writes are a key."""
    with pytest.raises(Rejected, match="UUID"):
        parse_key(text)


@given(_PARTS)
def test_primary_key_survives_its_text(pk: tuple[str, ...]) -> None:
    """Any key columns can be read back from their text."""
    assert pk == parse_primary_key(primary_key_text(pk))


def test_primary_key_text_is_compact() -> None:
    """The text is JSON without blanks, with letters as they are."""
    expected = '["42","é"]'
    assert expected == primary_key_text(("42", "é"))


@pytest.mark.parametrize("text", ["", "42", "[]", "[42]", '{"a":"b"}', '"42"', "[" * 100_000])
def test_text_that_is_no_primary_key_is_rejected(text: str) -> None:
    """Only a JSON array of at least one text is a primary key."""
    with pytest.raises(Rejected, match="primary key"):
        parse_primary_key(text)
