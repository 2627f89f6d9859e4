"""Numbers, times and charts as people read them."""

import pytest

from chalicelib.console import charts, words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\u2013"),
        (0.0451, "45 ms"),
        (2.14, "2.1 s"),
        (45.2, "45 s"),
        (720, "12 min"),
        (10_800, "3 h"),
        (432_000, "5 days"),
    ],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    """And exact enough."""
    assert words.duration(seconds) == text


def test_counts_have_their_thousands_apart() -> None:
    """What is not known is a dash."""
    assert [words.count(12_345.0), words.count(None)] == ["12,345", "\u2013"]


def test_times_are_utc() -> None:
    """And say so."""
    assert words.clock(1_790_000_000.0) == "14:13:20"
    assert words.moment(1_790_000_000.0) == "2026-09-21 14:13:20Z"


def test_nouns_have_their_plural() -> None:
    """Irregular ones, too."""
    assert [words.several(1, "issue"), words.several(2, "issue"), words.several(0, "copy", "copies")] == [
        "1 issue",
        "2 issues",
        "0 copies",
    ]


def test_a_line_is_broken_at_a_gap() -> None:
    """A lonely value is a point."""
    assert charts.lines([1.0, 2.0, None, 2.0], 2.0) == ["2.0,22.0 80.7,2.0", "238.0,2.0 238.0,2.0"]
    assert charts.lines([None], 0.0) == []
    assert charts.lines([0.0], 0.0) == ["2.0,42.0 2.0,42.0"]


def test_bars_are_of_values_above_zero() -> None:
    """As high as they are."""
    assert charts.bars([0.0, None, 2.0, 4.0], 4.0) == [
        ("125.9", "22.0", "47.2", "20.0"),
        ("184.9", "2.0", "47.2", "40.0"),
    ]
    assert charts.highest([None, 1.0], [3.0, None]) == 3.0
    assert charts.highest([]) == 0.0
