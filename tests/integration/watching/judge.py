"""What CloudWatch makes of an alarm, as its user guide says ("How alarm state is evaluated when data is missing").

The emulator's own evaluation looks neither at dimensions nor at missing data, and takes all periods for one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

OPERATORS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def state_of(cloudwatch: Any, alarm: dict[str, Any], now: datetime) -> str:
    """ALARM, OK, or INSUFFICIENT_DATA where missing data says nothing.

    Args:
        cloudwatch: a boto3 client of CloudWatch.
        alarm: as DescribeAlarms tells it.
        now: the end of the last period.
    """
    periods, period = alarm["EvaluationPeriods"], alarm["Period"]
    end = datetime.fromtimestamp(now.timestamp() // period * period, UTC)
    begin = end - timedelta(seconds=period * (periods - 1))
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    wanted = {"ExtendedStatistics": [statistic]} if statistic.startswith("p") else {"Statistics": [statistic]}
    found = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        StartTime=begin,
        EndTime=end + timedelta(seconds=period),
        Period=period,
        **wanted,
    )["Datapoints"]
    values = [point.get("ExtendedStatistics", point)[statistic] for point in found]
    breaches = [OPERATORS[alarm["ComparisonOperator"]](value, alarm["Threshold"]) for value in values]
    missing = periods - len(breaches)
    if alarm["TreatMissingData"] in {"breaching", "notBreaching"}:
        breaches += [alarm["TreatMissingData"] == "breaching"] * missing
    if not breaches:
        return "INSUFFICIENT_DATA"
    return "ALARM" if sum(breaches) >= alarm.get("DatapointsToAlarm", periods) else "OK"
