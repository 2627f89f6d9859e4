"""What CloudWatch would make of an alarm ("How alarm state is evaluated when data is missing", CloudWatch user guide).

The emulator's own evaluation looks neither at dimensions nor at missing data, and takes all periods for one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def state_of(cloudwatch: Any, alarm: dict[str, Any], now: datetime) -> str:
    """ALARM, OK, or INSUFFICIENT_DATA where there is no data and its absence says nothing.

    Args:
        cloudwatch: A boto3 client of CloudWatch.
        alarm: As DescribeAlarms tells it.
        now: In the last period that is looked at.
    """
    periods, period = alarm["EvaluationPeriods"], alarm["Period"]
    last = datetime.fromtimestamp(now.timestamp() // period * period, UTC)
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    found = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        StartTime=last - timedelta(seconds=period * (periods - 1)),
        EndTime=last + timedelta(seconds=period),
        Period=period,
        **{"ExtendedStatistics" if "ExtendedStatistic" in alarm else "Statistics": [statistic]},
    )["Datapoints"]
    values = [point.get("ExtendedStatistics", point)[statistic] for point in found]
    breaches = [OPERATORS[alarm["ComparisonOperator"]](value, alarm["Threshold"]) for value in values]
    if alarm["TreatMissingData"] in {"breaching", "notBreaching"}:
        breaches += [alarm["TreatMissingData"] == "breaching"] * (periods - len(breaches))
    if not breaches:
        return "INSUFFICIENT_DATA"
    return "ALARM" if sum(breaches) >= alarm.get("DatapointsToAlarm", periods) else "OK"
