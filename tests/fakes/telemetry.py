"""Telemetry that only remembers."""

from collections import Counter
from dataclasses import dataclass, field

from chalicelib.core.errors import TwinledgerError


@dataclass
class MemoryTelemetry:
    """Implements :class:`chalicelib.jobs.telling.Telemetry`.

    Attributes:
        counts: counters by name.
        measured: durations by name, seconds.
        gauges: last values by name.
        told: texts of the log.
        failures: errors that were told.
    """

    counts: Counter[str] = field(default_factory=Counter)
    measured: dict[str, list[float]] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    failures: list[TwinledgerError] = field(default_factory=list)

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
        if value:
            self.counts[name] += int(value)

    def measure(self, name: str, seconds: float) -> None:
        """Note a duration."""
        self.measured.setdefault(name, []).append(seconds)

    def gauge(self, name: str, value: float) -> None:
        """Note how many there are."""
        self.gauges[name] = value

    def info(self, text: str, **facts: str | float | None) -> None:
        """Tell what happened."""
        self.told.append(f"{text} {facts}")

    def failure(self, text: str, error: TwinledgerError, **facts: str | float | None) -> None:
        """Tell what went wrong."""
        self.told.append(f"{text} {facts}")
        self.failures.append(error)
