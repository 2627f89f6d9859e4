"""What was measured, read back from CloudWatch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.aws.errors import translated
from chalicelib.aws.metrics import DIRECTION, NAMESPACE, STAGE, Metric, direction_from
from chalicelib.core.model import Side

MINUTE = 60  # seconds of a value


@dataclass(frozen=True, slots=True)
class Query:
    """What is wanted of one metric.

    Attributes:
        metric: which.
        statistic: ``Sum``, ``Maximum``, ``p95`` and so on.
        source: where the edits came from, of a metric that is told by direction.
    """

    metric: Metric
    statistic: str
    source: Side | None = None


class Figures:
    """Reads metrics of one stage.

    Args:
        client: a boto3 client of CloudWatch.
        stage: the stage's name.
    """

    def __init__(self, client: Any, stage: str) -> None:
        self._client = client
        self._stage = stage

    def read(self, queries: Sequence[Query], minutes: int, now: float) -> Mapping[Query, tuple[float | None, ...]]:
        """Values minute by minute, the oldest first; None: there was none in that minute.

        Args:
            queries: what is wanted, 500 at most (Amazon CloudWatch API Reference, "GetMetricData").
            minutes: how many, the one that is under way included.
            now: seconds since the epoch.

        Raises:
            TwinledgerError: CloudWatch refused, or did not answer.
        """
        end = int(now) // MINUTE * MINUTE + MINUTE
        start = end - minutes * MINUTE
        found: dict[str, dict[int, float]] = {f"q{number}": {} for number in range(len(queries))}
        request: dict[str, Any] = {
            "MetricDataQueries": [self._query(f"q{number}", query) for number, query in enumerate(queries)],
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(end, UTC),
        }
        while True:
            with translated():
                answer = self._client.get_metric_data(**request)
            for result in answer["MetricDataResults"]:
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    found[result["Id"]][int(at.timestamp()) // MINUTE * MINUTE] = float(value)
            if not answer.get("NextToken"):
                break
            request["NextToken"] = answer["NextToken"]
        return {
            query: tuple(found[f"q{number}"].get(at) for at in range(start, end, MINUTE))
            for number, query in enumerate(queries)
        }

    def _query(self, name: str, query: Query) -> dict[str, Any]:
        dimensions = [{"Name": STAGE, "Value": self._stage}]
        if query.source is not None:
            dimensions.append({"Name": DIRECTION, "Value": direction_from(query.source)})
        metric = {"Namespace": NAMESPACE, "MetricName": str(query.metric), "Dimensions": dimensions}
        return {"Id": name, "MetricStat": {"Metric": metric, "Period": MINUTE, "Stat": query.statistic}}
