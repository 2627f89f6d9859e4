"""The check that every contact is on each side once: it passes what holds, and finds each thing that does not."""

import pytest

from chalicelib.core.model import Side
from tests.bench.chaos.pairing import Contacts, unpaired
from tests.bench.chaos.users import Made

WHOLE = Contacts(rows=[("a@x", "1"), ("b@x", "2"), (None, None)], records=[("a@x", "1", "k1"), ("b@x", "2", None)])
ANSWERED = [Made("a@x", Side.POSTGRES, True), Made("b@x", Side.SALESFORCE, True)]


def test_what_holds_passes() -> None:
    """A contact on both sides; one that was not answered and landed, or did not; a row that was refused."""
    unanswered = [Made("b@x", Side.SALESFORCE, False), Made("never@x", Side.POSTGRES, False)]
    assert list(unpaired(WHOLE, [*ANSWERED, *unanswered])) == []


@pytest.mark.parametrize(
    ("rows", "records", "difference"),
    [
        ([("a@x", "1"), ("a@x", "1")], [("a@x", "1", "k")], "2 rows have the sfid 1"),
        ([("a@x", "1"), ("c@x", "2")], [("a@x", "1", "k"), ("c@x", "2", "k")], "2 records have the key k"),
        ([("a@x", "1")], [], "a row has the sfid 1, and there is no such record"),
        ([], [("a@x", "1", "k")], "record 1 has no row"),
        ([], [], "a@x, made in postgres, is 0 rows and 0 records: [] []"),
        ([("a@x", None)], [], "a@x, made in postgres, is 1 rows and 0 records: [None] []"),
        ([("a@x", "1"), ("a@x", "2")], [("a@x", "1", "k"), ("a@x", "2", "l")],
         "a@x, made in postgres, is 2 rows and 2 records: ['1', '2'] ['1', '2']"),
        ([("a@x", "2"), ("c@x", "1")], [("a@x", "1", "k"), ("c@x", "2", "l")],
         "a@x, made in postgres, is 1 rows and 1 records: ['2'] ['1']"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_found(
    rows: list[tuple[str | None, str | None]], records: list[tuple[str | None, str, str | None]], difference: str
) -> None:
    """Each with a line of its own."""
    assert difference in list(unpaired(Contacts(rows, records), ANSWERED[:1]))


def test_one_that_was_not_answered_must_not_be_halved() -> None:
    """It may be nowhere, but not on one side only."""
    half = Contacts(rows=[("a@x", None)], records=[])
    assert len(list(unpaired(half, [Made("a@x", Side.POSTGRES, False)]))) == 1
