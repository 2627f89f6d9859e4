"""Ids of both lengths and their checksum."""

import pytest

from infra.local.org import ids


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("003xx000004TmiQ", "003xx000004TmiQAAS"),
        ("00Dxx0000001gPF", "00Dxx0000001gPFEAY"),
        ("000000000000000", "000000000000000AAA"),
        ("001ABCDEFGHIJKL", "001ABCDEFGHIJKLY55"),
    ],
)
def test_the_long_form_follows_from_the_short(short: str, long: str) -> None:
    """Three characters say which letters are capital."""
    assert (ids.to18(short), ids.to18(long)) == (long, long)


@pytest.mark.parametrize("wrong", ["", "003", "003xx000004TmiQAAX", "003xx000004Tmi!", "003xx000004TmiQA", 5, None])
def test_what_is_no_id(wrong: object) -> None:
    """A wrong length, sign or checksum."""
    assert not ids.is_id(wrong)


def test_a_factory_counts_up_per_prefix() -> None:
    """Ids of one object grow; each prefix has its own sequence."""
    factory = ids.IdFactory()
    first, second, other = factory.next("003"), factory.next("003"), factory.next("001")
    assert first < second
    assert (first[:3], other[:3], first[3:15]) == ("003", "001", other[3:15])
