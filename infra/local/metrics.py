"""Metrics on one machine: read out of the functions' logs and put into CloudWatch, as AWS does by itself.

AWS makes metrics of log lines in the embedded metric format (CloudWatch user guide, "Specification: Embedded metric
format"); the emulator keeps the lines, and makes nothing of them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AT_ONCE = 500  # metrics of a call; CloudWatch takes 1,000
LATE_SECONDS = 60.0  # by which a line may be noted after lines that are newer


@dataclass
class Forwarder:
    """Puts the metrics of a stage's logs into CloudWatch, each line once.

    Args:
        logs: A boto3 client of CloudWatch Logs.
        cloudwatch: A boto3 client of CloudWatch.
        prefix: How the names of the log groups begin.
    """

    logs: Any
    cloudwatch: Any
    prefix: str
    _since: dict[str, int] = field(default_factory=dict)
    _read: dict[str, Counter[tuple[str, int, str]]] = field(default_factory=dict)

    def forward(self) -> int:
        """Forward what was noted since the last time; how many values there were."""
        pages = self.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.prefix)
        groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        return self.publish(message for group in groups for message in self._new(group))

    def publish(self, messages: Iterable[str]) -> int:
        """Put the metrics of log lines into CloudWatch; how many values there were."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for message in messages:
            for namespace, datum in metrics_of(message):
                found[namespace].append(datum)
        for namespace, data in found.items():
            for first in range(0, len(data), AT_ONCE):
                self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[first : first + AT_ONCE])
        return sum(len(datum["Values"]) for data in found.values() for datum in data)

    def _new(self, group: str) -> Iterator[str]:
        """The lines of a log group that were not read yet; the emulator gives a function's lines no id."""
        since = self._since.get(group, 0)
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
        events = [event for page in pages for event in page["events"]]
        lines = Counter((event["logStreamName"], event["timestamp"], event["message"]) for event in events)
        new = lines - self._read.get(group, Counter())
        newest = max((event["timestamp"] for event in events), default=since)
        self._since[group] = max(since, newest - int(LATE_SECONDS * 1000))
        self._read[group] = lines
        return (message for _, _, message in new.elements())


def metrics_of(message: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The metrics of a log line, each with its namespace, as PutMetricData takes them; none of any other line."""
    if '"CloudWatchMetrics"' not in message:
        return
    line = json.loads(message)
    at = datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": line[name]} for name in names]
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Timestamp": at,
                        "Values": value if isinstance(value, list) else [value],
                        "Unit": metric.get("Unit", "None"),
                    },
                )
