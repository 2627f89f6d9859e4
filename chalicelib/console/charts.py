"""Small charts: the points of an SVG, which a template draws. Their text alternative stands beside them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

WIDTH = 240.0
HEIGHT = 44.0
EDGE = 2.0  # kept free, for the width of the line


def highest(*several: Sequence[float | None]) -> float:
    """The highest value of all; 0 where there is none."""
    return max((value for values in several for value in values if value is not None), default=0.0)


def lines(values: Sequence[float | None], top: float) -> list[str]:
    """The points of a line, one text for each stretch without a gap.

    Args:
        values: the oldest first; None is a gap.
        top: the value at the upper edge.
    """
    stretches: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{_x(number, len(values))},{_y(value, top)}")
    return [" ".join(stretch if len(stretch) > 1 else stretch * 2) for stretch in stretches if stretch]


def bars(values: Sequence[float | None], top: float) -> list[tuple[str, str, str, str]]:
    """Left edge, upper edge, width and height of a bar for each value above zero."""
    step = (WIDTH - 2 * EDGE) / max(len(values), 1)
    found = []
    for number, value in enumerate(values):
        if value:
            y = float(_y(value, top))
            left = f"{EDGE + number * step + step * 0.1:.1f}"
            found.append((left, f"{y:.1f}", f"{step * 0.8:.1f}", f"{HEIGHT - EDGE - y:.1f}"))
    return found


def _x(number: int, of: int) -> str:
    return f"{EDGE + (WIDTH - 2 * EDGE) * number / max(of - 1, 1):.1f}"


def _y(value: float, top: float) -> str:
    return f"{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value / top if top else 0.0):.1f}"


FILTERS: Mapping[str, Callable[..., Any]] = {"lines": lines, "bars": bars, "highest": highest}
