"""What an entry says to a mapping that has changed since it was written."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.fitting import fitted
from chalicelib.core.ledger import Base, BaseState
from chalicelib.core.model import Side
from chalicelib.core.recover import settled
from tests.unit.core.desk import UNDER_WAY
from tests.unit.core.planning import BASES, LINKED, answer
from tests.unit.core.scene import account

ACCOUNT = account()
GIVEN = {name: answer(("x",), ("y",), ("z",)) for name in ("Name", "Phone")}
BUSY = replace(
    LINKED,
    intent=replace(
        UNDER_WAY,
        target={"Name": ("a",), "Phone": ("b",)},
        on_postgres=frozenset({"Name", "Phone"}),
        on_salesforce=frozenset({"Name", "Phone"}),
        seen_postgres={"Name": ("c",), "Phone": ("d",)},
        seen_salesforce={"Name": ("e",), "Phone": ("f",)},
    ),
    answers=GIVEN,
    echoes={(Side.POSTGRES, "Name"): ("x",), (Side.POSTGRES, "Phone"): ("y",)},
)


def test_an_entry_of_the_same_mapping_is_as_it_was() -> None:
    """Nothing is forgotten."""
    assert fitted(BUSY, ACCOUNT) == BUSY


def test_an_entry_without_shapes_is_trusted_and_gets_them() -> None:
    """It was written before shapes were."""
    assert fitted(replace(BUSY, shapes={}), ACCOUNT) == BUSY


def test_a_unit_of_another_shape_is_met_for_the_first_time() -> None:
    """Base, answer, echo, and its part of the intent go; everything else stays."""
    entry = fitted(replace(BUSY, shapes={**ACCOUNT.shapes, "Name": "other"}), ACCOUNT)
    intent = entry.intent

    assert entry.bases == {name: base for name, base in BASES.items() if name != "Name"}
    assert (entry.answers, entry.echoes) == ({"Phone": GIVEN["Phone"]}, {(Side.POSTGRES, "Phone"): ("y",)})
    assert intent is not None
    assert (intent.target, intent.on_postgres, intent.on_salesforce) == (
        {"Phone": ("b",)},
        frozenset({"Phone"}),
        frozenset({"Phone"}),
    )
    assert (intent.seen_postgres, intent.seen_salesforce) == ({"Phone": ("d",)}, {"Phone": ("f",)})
    assert (intent.operation, intent.lease_until) == (UNDER_WAY.operation, UNDER_WAY.lease_until)
    assert entry.shapes == ACCOUNT.shapes


def test_a_unit_that_is_mapped_no_more_keeps_its_shape() -> None:
    """It may come back."""
    assert fitted(replace(LINKED, shapes={"Gone": "1"}), ACCOUNT).shapes == {**ACCOUNT.shapes, "Gone": "1"}


@pytest.mark.parametrize("side", ["agreed", "postgres", "salesforce"])
def test_a_base_of_another_length_is_of_another_unit(side: str) -> None:
    """A group has got a field more, or one less."""
    held: dict[str, Any] = {"agreed": ("a",), "postgres": ("a",), "salesforce": ("a",), side: ("a", "b")}
    entry = replace(LINKED, shapes={}, bases={**BASES, "Name": Base(**held)})

    assert "Name" not in fitted(entry, ACCOUNT).bases


def test_a_contested_base_has_no_length() -> None:
    """It has no values at all."""
    contested = {"Name": Base(None, None, None, BaseState.CONTESTED), "Phone": settled(("1",))}

    assert fitted(replace(LINKED, bases=contested), ACCOUNT).bases == contested
