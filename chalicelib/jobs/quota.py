"""Salesforce's daily allowance of API requests: what of it is used, as its answers say with every call.

When little of it is left, that belongs to users' edits. What can wait does: the sweep asks less often.
"""

from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.jobs.telling import Telemetry

SCARCE = 0.9  # of the allowance; from there on only users' edits are worth a request


class Usage(Protocol):
    """See :class:`chalicelib.salesforce.client.Usage`."""

    @property
    def used(self) -> int:
        """Requests of the last 24 hours."""
        ...

    @property
    def total(self) -> int:
        """How many the org may make."""
        ...

    @property
    def left(self) -> int:
        """Requests that are left."""
        ...


class Org(Protocol):
    """See :class:`chalicelib.salesforce.client.Client`."""

    @property
    def calls(self) -> int:
        """Requests sent since the start."""
        ...

    @property
    def usage(self) -> Usage | None:
        """What the last answer said; None: nothing yet."""
        ...


def scarce(usage: Usage | None) -> bool:
    """Whether so much of the allowance is used that what can wait has to; one that is not known is not scarce."""
    return usage is not None and usage.total > 0 and usage.used >= SCARCE * usage.total


class Meter:
    """Tells how many requests were made since the last time, and how much of the allowance is used.

    Args:
        telemetry: where to.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._read: tuple[Org, int] | None = None

    def read(self, org: Org) -> None:
        """Tell it, where requests were made since; a client that is another one than the last time begins at nought."""
        before = self._read[1] if self._read is not None and self._read[0] is org else 0
        self._read = org, org.calls
        if org.calls == before:
            return
        self._telemetry.count(Metric.CALLS, org.calls - before)
        usage = org.usage
        if usage is not None and usage.total:
            self._telemetry.gauge(Metric.CALLS_USED, usage.used)
            self._telemetry.gauge(Metric.CALLS_LEFT, usage.left)
            self._telemetry.gauge(Metric.CALLS_USED_PERCENT, 100 * usage.used / usage.total)
