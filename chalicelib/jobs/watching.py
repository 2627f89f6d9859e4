"""What the sweep tells beside its work: how many issues are open, and when the certificate of the sign-in ends.

A private key has no end of its own: the certificate that was uploaded to the org for it has one, so it is known where
the secret holds the certificate too. When a client secret or the integration user's password ends, only the org knows.
"""

from typing import Protocol

from chalicelib.aws.metrics import Metric
from chalicelib.jobs.telling import Telemetry

HOUR = 3600.0  # seconds
DAY = 24 * HOUR
MOST_ISSUES = 1000  # that are counted


class Issues(Protocol):
    """See :class:`chalicelib.aws.archive.Archive`."""

    def count_open(self, most: int, since: float = 0.0) -> int:
        """How many issues are open that were opened since, counted up to ``most``."""
        ...


def tell_issues(telemetry: Telemetry, issues: Issues, now: float) -> None:
    """How many issues wait for a person, and how many of them are new.

    Args:
        telemetry: where to.
        issues: counts them.
        now: seconds since the epoch.
    """
    telemetry.gauge(Metric.ISSUES_OPEN, issues.count_open(MOST_ISSUES))
    telemetry.gauge(Metric.ISSUES_NEW, issues.count_open(MOST_ISSUES, now - HOUR))


def tell_certificate(telemetry: Telemetry, now: float, ends: float | None) -> None:
    """For how many days the certificate of the sign-in is good; below nought where it has ended.

    Args:
        telemetry: where to.
        now: seconds since the epoch.
        ends: when it ends, seconds since the epoch; None: not known.
    """
    if ends is not None:
        telemetry.gauge(Metric.CERTIFICATE_DAYS, (ends - now) / DAY)
