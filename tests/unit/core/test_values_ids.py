"""Salesforce ids: suffix, verification, repair of a lost case."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import Rejected
from chalicelib.core.values import id18, link_of

_FIFTEEN = st.text(string.ascii_letters + string.digits, min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [
        ("001xx000003DGb0", "001xx000003DGb0AAG"),
        ("003xx000004TmiQ", "003xx000004TmiQAAS"),
        ("00Dxx0000001gPF", "00Dxx0000001gPFEAY"),
        ("000000000000000", "000000000000000AAA"),
        ("00DABCDE0000000", "00DABCDE00000002HA"),
        ("003xx000004TmiQAAS", "003xx000004TmiQAAS"),
        ("003XX000004TMIQAAS", "003xx000004TmiQAAS"),
        ("003xx000004tmiqaas", "003xx000004TmiQAAS"),
    ],
)
def test_id_has_18_characters(given_id: str, expected: str) -> None:
    """A suffix is added, kept, or used to repair the case."""
    assert expected == id18(given_id)


@given(_FIFTEEN)
def test_id_survives_a_system_without_case(fifteen: str) -> None:
    """Whatever a case-insensitive system does to an 18-character id, it is the same id again."""
    full = id18(fifteen)
    assert (full, full, full, fifteen) == (id18(full), id18(full.lower()), id18(full.upper()), full[:15])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "003xx000004Tmi",
        "003xx000004TmiQA",
        "003xx000004TmiQAASS",
        "003xx000004Tmi-",
        "003xx000004Tmié",
        "003xx000004TmiQAAA",  # mixed case, and another id's suffix
        "003xx000004tmiqaa9",  # 9 is no character of a suffix
        "003xx000004tmiqaab",  # the suffix gives case to a digit
        "003xx000004TmiQ\n",
    ],
)
def test_bad_id_is_rejected_without_its_text(text: str) -> None:
    """What is no Salesforce id is refused with Salesforce's code, and the message does not repeat it."""
    with pytest.raises(Rejected) as caught:
        id18(text)
    expected = ("MALFORMED_ID", False)
    assert expected == (caught.value.code, bool(text) and text in str(caught.value))


@pytest.mark.parametrize("form", ["001xx000003DGb2AAG", "001xx000003DGb2", "001XX000003DGB2AAG", "001xx000003dgb2aag"])
def test_link(form: str) -> None:
    """A link in any form is the record's 18-character id."""
    assert link_of(form) == "001xx000003DGb2AAG"


@pytest.mark.parametrize("text", [None, "", "001xx000003DGb2AAA", "nothing"])
def test_no_link(text: str | None) -> None:
    """What is no Salesforce id links to nothing."""
    assert link_of(text) is None
