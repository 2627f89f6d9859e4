"""Months of the audit."""

import pytest

from chalicelib.core.audit import Act, before


def test_an_act_stands_in_its_month() -> None:
    """In UTC; text order is time order."""
    act = Act("a", 1_790_000_000.5, "ann", "operator", "retry")
    assert (act.month, act.place) == ("2026-09", "1790000000.500000#a")


@pytest.mark.parametrize(
    ("month", "expected"), [("2026-11", "2026-10"), ("2026-10", "2026-09"), ("2026-01", "2025-12")]
)
def test_a_month_has_one_before_it(month: str, expected: str) -> None:
    """Over the year's end."""
    assert before(month) == expected
