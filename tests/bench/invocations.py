"""What the functions did, and when: read from CloudWatch Logs, as it would be on AWS.

Lambda ends each invocation with a REPORT line that has its duration; Powertools writes the metrics of the invocation
as lines of the embedded metric format, one for each combination of dimensions. Both carry times in milliseconds. The
emulator may note a line with the next invocation of the same environment; such a line is left out, and its invocation
is then without metrics.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

REPORT = re.compile(r"REPORT RequestId: \S+\s+Duration: ([\d.]+) ms")
START = re.compile(r"START RequestId: ")
ROUNDING = 0.002  # seconds


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function; times are seconds since the epoch.

    Attributes:
        began: when the function was called.
        ended: when it returned.
        told: when it wrote its metrics; None where it wrote none.
        metrics: values by name; durations in seconds.
    """

    began: float
    ended: float
    told: float | None
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def settling_since(self) -> float | None:
        """When its settle step began; None where it had none."""
        times = self.metrics.get("SettleTime")
        return None if self.told is None or not times else self.told - times[0]

    @property
    def sent_at(self) -> float | None:
        """When the queue accepted the oldest message of its batch; None where it had none."""
        waits, since = self.metrics.get("QueueTime"), self.settling_since
        return None if since is None or not waits else since - max(waits)


def parse(events: Iterable[Mapping[str, Any]]) -> Iterator[Invocation]:
    """The invocations that the events of one log group tell of."""
    lines: list[Mapping[str, Any]] = []
    for event in events:
        message, ended = str(event["message"]), event["timestamp"] / 1000
        if START.match(message):
            lines = []
        elif found := REPORT.match(message):
            began = ended - float(found[1]) / 1000
            own = [line for line in lines if began - ROUNDING <= _told(line) <= ended + ROUNDING]
            values = {name: found for line in own for name, found in _values(line).items()}
            yield Invocation(began, ended, _told(own[0]) if own else None, values)
        elif message.startswith('{"_aws"'):
            lines.append(json.loads(message))


def invocations(logs: Any, function: str, since: float) -> list[Invocation]:
    """The invocations of a function that ended after ``since``, seconds since the epoch, in order of their beginning.

    Args:
        logs: a boto3 client of CloudWatch Logs.
        function: the function's deployed name.
        since: see above.
    """
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}", startTime=int(since * 1000)
    )
    by_stream: dict[str, list[Mapping[str, Any]]] = {}
    for page in pages:
        for event in page["events"]:
            by_stream.setdefault(event["logStreamName"], []).append(event)
    found = [invocation for events in by_stream.values() for invocation in parse(events)]
    return sorted(found, key=lambda invocation: invocation.began)


def _told(line: Mapping[str, Any]) -> float:
    return float(line["_aws"]["Timestamp"]) / 1000


def _values(line: Mapping[str, Any]) -> dict[str, list[float]]:
    values = {}
    for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
        for metric in directive["Metrics"]:
            unit = 1000 if metric["Unit"] == "Milliseconds" else 1
            values[metric["Name"]] = [value / unit for value in line[metric["Name"]]]
    return values
