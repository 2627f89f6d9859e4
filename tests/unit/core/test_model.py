"""Values and names: when two values are the same, and what the ledger keeps of them."""

import hashlib

import pytest

from chalicelib.core.ledger import Entry, Existence, Intent, alike
from chalicelib.core.model import (
    LONG_TEXT,
    Change,
    Digest,
    Hint,
    Identity,
    Known,
    RowId,
    SalesforceId,
    Side,
    condense,
    same,
)

LONG = "é" * (LONG_TEXT + 1)


def test_each_side_has_another() -> None:
    """What is not Salesforce is Postgres."""
    assert [Side.SALESFORCE.other, Side.POSTGRES.other] == [Side.POSTGRES, Side.SALESFORCE]


def test_a_long_text_is_kept_as_its_digest() -> None:
    """More than LONG_TEXT characters stand in the ledger as SHA-256 of the UTF-8 text and its length in characters."""
    assert condense(LONG) == Digest(hashlib.sha256(LONG.encode()).hexdigest(), LONG_TEXT + 1)


@pytest.mark.parametrize("value", ["x" * LONG_TEXT, "", None, True, False, Digest("ab", 2000)])
def test_everything_else_is_kept_as_it_is(value: Known) -> None:
    """A text of just LONG_TEXT characters is not long; a digest is condensed already."""
    assert condense(value) is value


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("a", "a", True),
        ("a", "A", False),
        ("a", "a ", False),
        (None, None, True),
        (None, "", False),
        (None, False, False),
        (True, True, True),
        (True, False, False),
        (True, "true", False),
        ("0", False, False),
        (LONG, condense(LONG), True),
        (condense(LONG), LONG, True),
        (condense(LONG), condense(LONG), True),
        (LONG, condense(LONG + "x"), False),
        ("short", condense(LONG), False),
        (condense(LONG), None, False),
        (Digest("ab", 2000), Digest("ab", 2001), False),
    ],
)
def test_when_two_values_are_the_same(left: Known, right: Known, equal: bool) -> None:
    """By value and type, whichever of the two is known by its digest only."""
    assert same(left, right) is equal


def test_equal_texts_need_not_be_one_object() -> None:
    """Values come from two systems and from the ledger."""
    assert same("Acme Ltd", "".join(["Acme", " Ltd"]))


def test_a_text_that_compares_equal_to_another_type_is_not_the_same() -> None:
    """Types are compared before values."""

    class Text(str):
        __slots__ = ()

    assert not same("a", Text("a"))


def test_what_is_not_known_equals_nothing() -> None:
    """Two sides of which nothing is known are not said to agree."""
    assert [alike(None, None), alike(None, ("a",)), alike(("a",), None)] == [False] * 3


def test_units_are_alike_where_each_field_is() -> None:
    """All of an address, or it is another address."""
    assert [
        alike(("a", LONG), ("a", condense(LONG))),
        alike(("a", "b"), ("a", "c")),
        alike(("a", "b"), ("c", "b")),
        alike(("a",), ("a", "b")),
    ] == [True, False, False, False]


def test_a_hint_knows_its_side_by_its_identity() -> None:
    """A Salesforce id is Salesforce's way to name a record, a primary key is Postgres'."""
    named: list[Identity] = [SalesforceId("Account", "001000000000001AAA"), RowId("public.account", ("1",))]

    assert [Hint(name, Change.UPDATED, "1").side for name in named] == [Side.SALESFORCE, Side.POSTGRES]


def test_where_existence_is_written_and_what_is_there_afterwards() -> None:
    """An insert, create or undelete ends with the side alive, a delete without it."""
    assert {existence: (existence.side, existence.alive) for existence in Existence} == {
        Existence.INSERT_POSTGRES: (Side.POSTGRES, True),
        Existence.DELETE_POSTGRES: (Side.POSTGRES, False),
        Existence.CREATE_SALESFORCE: (Side.SALESFORCE, True),
        Existence.DELETE_SALESFORCE: (Side.SALESFORCE, False),
        Existence.UNDELETE_SALESFORCE: (Side.SALESFORCE, True),
    }


def test_a_lease_ends_on_its_second() -> None:
    """A record is held until just before the lease's end, and not without an intent."""
    intent = Intent("op", {}, frozenset(), frozenset(), {}, {}, None, True, lease_until=100.0)
    held, free = Entry("key", "account", intent=intent), Entry("key", "account")

    assert [held.leased(99.9), held.leased(100.0), free.leased(0.0)] == [True, False, False]
