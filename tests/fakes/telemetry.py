"""Telemetry that only remembers."""

from collections import Counter
from dataclasses import dataclass, field

from chalicelib.aws.metrics import Metric
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.model import Side


@dataclass
class MemoryTelemetry:
    """Implements :class:`chalicelib.jobs.telling.Telemetry`.

    Attributes:
        counts: counters by name.
        measured: durations by name, seconds.
        gauges: last values by name.
        directed: how often something was told by direction, by name and side.
        flushes: how often the metrics went out before the end of a call.
        told: texts of the log.
        failures: errors that were told.
    """

    counts: Counter[str] = field(default_factory=Counter)
    measured: dict[str, list[float]] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    directed: Counter[tuple[str, Side]] = field(default_factory=Counter)
    flushes: int = 0
    told: list[str] = field(default_factory=list)
    failures: list[TwinledgerError] = field(default_factory=list)

    def count(self, metric: Metric, value: float = 1, side: Side | None = None) -> None:
        """Add to a counter."""
        if value:
            self.counts[metric] += int(value)
            self._note(metric, side)

    def measure(self, metric: Metric, seconds: float, side: Side | None = None) -> None:
        """Note a duration."""
        self.measured.setdefault(metric, []).append(seconds)
        self._note(metric, side)

    def gauge(self, metric: Metric, value: float) -> None:
        """Note how many there are."""
        self.gauges[metric] = value
        self._note(metric, None)

    def flush(self) -> None:
        """Let the metrics go out."""
        self.flushes += 1

    def _note(self, metric: Metric, side: Side | None) -> None:
        """CloudWatch would take a metric with other dimensions for another one, which nobody watches."""
        assert metric.directed is (side is not None), f"{metric} is told with the wrong dimensions"
        if side is not None:
            self.directed[metric, side] += 1

    def info(self, text: str, **facts: str | float | None) -> None:
        """Tell what happened."""
        self.told.append(f"{text} {facts}")

    def failure(self, text: str, error: TwinledgerError, **facts: str | float | None) -> None:
        """Tell what went wrong."""
        self.told.append(f"{text} {facts}")
        self.failures.append(error)
