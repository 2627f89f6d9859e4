"""What jobs tell about their work; see :class:`chalicelib.aws.telemetry.Telemetry`."""

from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.identity import row_key
from chalicelib.core.model import Hint, SalesforceId, Side


class Telemetry(Protocol):
    """Counts, durations and lines of the log. Never a value of a record, nor a primary key: it may be an address."""

    def count(self, metric: Metric, value: float = 1, side: Side | None = None) -> None:
        """Add to a counter."""
        ...

    def measure(self, metric: Metric, seconds: float, side: Side | None = None) -> None:
        """Note a duration."""
        ...

    def gauge(self, metric: Metric, value: float) -> None:
        """Note how many there are."""
        ...

    def flush(self) -> None:
        """Let the metrics go out."""
        ...

    def info(self, text: str, **facts: str | float | None) -> None:
        """Tell what happened."""
        ...

    def failure(self, text: str, error: TwinledgerError, **facts: str | float | None) -> None:
        """Tell what went wrong."""
        ...


def record_of(hint: Hint) -> str:
    """How a log names a record: by its Salesforce id, else by the record key that its row has for itself."""
    if isinstance(hint.identity, SalesforceId):
        return f"{hint.identity.object} {hint.identity.id}"
    return f"{hint.identity.table} {hint.sfid or row_key(hint.identity.table, hint.identity.key)}"
