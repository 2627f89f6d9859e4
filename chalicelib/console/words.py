"""Numbers and times as people read them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "\u2013"  # where there is no number


def duration(seconds: float | None) -> str:
    """A duration, as short as it stays exact enough: 45 ms, 2.1 s, 12 min, 3 h, 5 days."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"


def count(number: float | None) -> str:
    """A whole number with its thousands apart."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def clock(at: float) -> str:
    """The time of a day in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def moment(at: float) -> str:
    """A moment in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def several(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 issue, 2 issues."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def sum_known(values: Sequence[float | None]) -> float:
    """All values that there are, together."""
    return sum(value for value in values if value is not None)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "duration": duration,
    "count": count,
    "clock": clock,
    "moment": moment,
    "several": several,
    "sum_known": sum_known,
}
