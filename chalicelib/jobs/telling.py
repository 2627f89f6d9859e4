"""What jobs tell about their work; see :class:`chalicelib.aws.telemetry.Telemetry`."""

from typing import Protocol

from chalicelib.core.errors import TwinledgerError


class Telemetry(Protocol):
    """Counts, durations and lines of the log. Never a value of a record."""

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""
        ...

    def measure(self, name: str, seconds: float) -> None:
        """Note a duration."""
        ...

    def gauge(self, name: str, value: float) -> None:
        """Note how many there are."""
        ...

    def info(self, text: str, **facts: str | float | None) -> None:
        """Tell what happened."""
        ...

    def failure(self, text: str, error: TwinledgerError, **facts: str | float | None) -> None:
        """Tell what went wrong."""
        ...
