"""What is told beside the work: issues, the certificate, the allowance of API requests."""

from dataclasses import dataclass

import pytest

from chalicelib.jobs.quota import Meter, scarce
from chalicelib.jobs.watching import DAY, HOUR, MOST_ISSUES, tell_certificate, tell_issues
from chalicelib.salesforce.client import Usage
from tests.fakes.telemetry import MemoryTelemetry

NOW = 1_790_000_000.0


@dataclass
class Org:
    """A client of an org."""

    calls: int = 0
    usage: Usage | None = None


class Issues:
    """So many open issues, by when they were opened."""

    def __init__(self, *opened: float) -> None:
        self._opened = opened

    def count_open(self, most: int, since: float = 0.0) -> int:
        """How many there are, up to ``most``."""
        return min(most, sum(at >= since for at in self._opened))


@pytest.mark.parametrize(
    ("opened", "expected"),
    [((), (0, 0)), ((1.0, NOW - HOUR - 1, NOW - HOUR, NOW), (4, 2)), ((NOW,) * 2000, (MOST_ISSUES, MOST_ISSUES))],
)
def test_open_issues_are_told_none_included(opened: tuple[float, ...], expected: tuple[int, int]) -> None:
    """An alarm sees that they are gone, and which of them are new."""
    telemetry = MemoryTelemetry()
    tell_issues(telemetry, Issues(*opened), NOW)
    assert (telemetry.gauges["IssuesOpen"], telemetry.gauges["IssuesNew"]) == expected


def test_a_certificate_s_end_is_told_in_days() -> None:
    """Also where it is over; nothing is told where it is not known."""
    telemetry = MemoryTelemetry()
    tell_certificate(telemetry, 1_000_000.0, None)
    assert telemetry.gauges == {}
    tell_certificate(telemetry, 1_000_000.0, 1_000_000.0 + 30.5 * DAY)
    assert telemetry.gauges == {"CertificateDaysLeft": 30.5}
    tell_certificate(telemetry, 1_000_000.0, 1_000_000.0 - 2 * DAY)
    assert telemetry.gauges == {"CertificateDaysLeft": -2.0}


def test_the_meter_tells_what_was_asked_since_the_last_time() -> None:
    """And how much of the allowance is used, as the org's last answer says."""
    telemetry, org = MemoryTelemetry(), Org(3, Usage(81_000, 90_000))
    meter = Meter(telemetry)
    meter.read(org)
    assert telemetry.counts == {"SalesforceCalls": 3}
    assert telemetry.gauges == {
        "SalesforceCallsUsed": 81_000,
        "SalesforceCallsLeft": 9_000,
        "SalesforceCallsUsedPercent": 90.0,
    }
    org.calls = 5
    meter.read(org)
    assert telemetry.counts == {"SalesforceCalls": 5}


def test_the_meter_is_silent_where_nothing_was_asked() -> None:
    """What was told before may have changed since."""
    telemetry, org = MemoryTelemetry(), Org(3, Usage(1, 2))
    meter = Meter(telemetry)
    meter.read(Org())
    meter.read(org)
    telemetry.gauges.clear()
    meter.read(org)
    assert (telemetry.counts, telemetry.gauges) == ({"SalesforceCalls": 3}, {})


@pytest.mark.parametrize(
    ("usage", "expected"),
    [(None, False), (Usage(0, 0), False), (Usage(89_999, 100_000), False), (Usage(90_000, 100_000), True)],
)
def test_the_allowance_is_scarce_from_nine_tenths_on(usage: Usage | None, expected: bool) -> None:
    """What is not known is not scarce."""
    assert scarce(usage) is expected


def test_a_client_that_was_made_anew_begins_at_nought() -> None:
    """Its requests are not counted against those of the one before."""
    telemetry = MemoryTelemetry()
    meter = Meter(telemetry)
    meter.read(Org(10))
    meter.read(Org(4))
    assert telemetry.counts == {"SalesforceCalls": 14}


@pytest.mark.parametrize("usage", [None, Usage(0, 0)])
def test_an_allowance_that_is_not_known_is_not_told(usage: Usage | None) -> None:
    """An org without a limit, or one that has not said it."""
    telemetry = MemoryTelemetry()
    Meter(telemetry).read(Org(1, usage))
    assert telemetry.gauges == {}
