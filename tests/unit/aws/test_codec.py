"""Ledger bodies and messages: there and back, and nothing else gets in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws import codec, items
from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import Base, Entry
from chalicelib.core.model import Change, Digest, Hint, Identity, RowId, SalesforceId

values = st.one_of(st.none(), st.booleans(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
known = st.one_of(values, st.builds(Digest, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(1)))
remembered = st.none() | st.lists(known, max_size=3).map(tuple)
bases = st.dictionaries(st.text("ab", max_size=3), st.builds(Base, remembered, remembered, remembered), max_size=3)


@given(bases)
def test_any_value_survives(given_bases: dict[str, Base]) -> None:
    """None, false, the text "false" and a digest stay what they are."""
    entry = Entry("key", "contact", bases=given_bases)
    assert codec.decode_entry(codec.encode_entry(entry)) == entry


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"v":1,"data":{}}', b'{"v":1,"data":{"salesforce":7}}', b"\xff"])
def test_what_is_none_of_ours_is_a_defect(text: bytes) -> None:
    """Damaged text is refused with the kind of thing that it should have been."""
    with pytest.raises(ProtocolError, match="Hint"):
        codec.decode_hint(text)


def test_a_message_without_a_record_is_a_defect() -> None:
    """A hint names a record."""
    hint = Hint(SalesforceId("Account", "001"), Change.UPDATED, "1")
    text = codec.encode_hint(hint).replace(b'{"object":"Account","id":"001"}', b"null")
    with pytest.raises(ProtocolError, match="names no record"):
        codec.decode_hint(text)


def test_identities_are_spelt_apart() -> None:
    """No separator inside a key makes two rows one."""
    rows: list[Identity] = [
        RowId("t", ("a", "b")),
        RowId("t", ('a","b',)),
        RowId("t", ("a,b",)),
        SalesforceId("t", "a"),
    ]
    assert len({codec.spell(row) for row in rows}) == len(rows)
    assert len({items.name(row) for row in rows}) == len(rows)


def test_times_sort_as_text() -> None:
    """A sort key's text order is time order."""
    times = [0.0, 9.5, 10.0, 1_790_000_000.000001, 1_790_000_000.00001, 9_999_999_999.0]
    assert sorted(map(items.at, times)) == [items.at(time) for time in times]


def test_a_damaged_body_is_a_defect() -> None:
    """Bytes that are not compressed are none of ours."""
    with pytest.raises(ProtocolError, match="unpacked"):
        items.unpacked(b"junk")
