"""Percentiles and small tables."""

import math
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile, interpolated between its two neighbours; NaN of no values."""
    if len(values) < 2:
        return values[0] if values else math.nan
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def milliseconds(seconds: Sequence[float]) -> list[str]:
    """Two cells: median and 99th percentile in milliseconds."""
    return [f"{percentile(seconds, at) * 1000:.1f}" if seconds else "-" for at in (50, 99)]


def middle_and_most(counts: Sequence[float]) -> str:
    """A cell: the median of counts, and their maximum where it is another."""
    if not counts:
        return "-"
    middle, most = statistics.median(counts), max(counts)
    return f"{middle:g}" if middle == most else f"{middle:g} (most {most:g})"


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown, which reads as well in a terminal: the first column to the left, all others to the right."""
    widths = [max(len(row[at]) for row in (header, *rows)) for at in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        return " | ".join([f"| {first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in rest)]) + " |"

    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return "\n".join(["", title, "", line(header), rule, *map(line, rows)])
