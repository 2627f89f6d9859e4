"""Logs, metrics and traces, in one place: Powertools' three, with one namespace and few dimensions.

No value of a record is ever in a log line: names, ids, counts and the texts of our own errors only. Metrics go out as
lines of the log in the embedded metric format, so counting costs no call; :mod:`chalicelib.aws.metrics` names them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics

from chalicelib.aws.metrics import DIRECTION, NAMESPACE, STAGE, Metric, direction_from
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.model import Side

SERVICE = "twinledger"


class Invocation(Protocol):
    """What Lambda's context object tells of one call."""

    @property
    def aws_request_id(self) -> str:
        """Id of the call."""
        ...


class Telemetry:
    """Everything that is told about the work.

    Args:
        stage: dimension of every metric.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._metrics: dict[Side | None, EphemeralMetrics] = {}

    @cached_property
    def _logger(self) -> Logger:
        return Logger(service=SERVICE)

    @cached_property
    def _tracer(self) -> Tracer:
        return Tracer(service=SERVICE, auto_patch=False)  # patching botocore would cost more than it shows

    def count(self, metric: Metric, value: float = 1, side: Side | None = None) -> None:
        """Add to a counter of this call.

        Args:
            metric: which one.
            value: how many; nought is not told.
            side: where it came from, of a metric that is told by direction.
        """
        if value:
            self._add(metric, value, side)

    def measure(self, metric: Metric, seconds: float, side: Side | None = None) -> None:
        """Note a duration."""
        self._add(metric, seconds * 1000, side)

    def gauge(self, metric: Metric, value: float) -> None:
        """Note how many there are, nought included."""
        self._add(metric, value, None)

    def _add(self, metric: Metric, value: float, side: Side | None) -> None:
        self._of(side).add_metric(name=str(metric), unit=str(metric.unit), value=value)

    def _of(self, side: Side | None) -> EphemeralMetrics:
        """What is told with the same dimensions goes out in one line."""
        if side not in self._metrics:
            metrics = EphemeralMetrics(namespace=NAMESPACE, service="")  # else the service would be a dimension
            stage = {STAGE: self._stage} if self._stage else {}
            metrics.set_default_dimensions(**stage, **({} if side is None else {DIRECTION: direction_from(side)}))
            self._metrics[side] = metrics
        return self._metrics[side]

    def flush(self) -> None:
        """Let the metrics go out that were counted since the last time."""
        for metrics in self._metrics.values():
            if metrics.metric_set:
                metrics.flush_metrics()

    def info(self, text: str, **facts: str | float | None) -> None:
        """Tell what happened. ``facts`` are ids and counts, never values of a record."""
        self._logger.info(text, extra=facts)

    def failure(self, text: str, error: TwinledgerError, **facts: str | float | None) -> None:
        """Tell what went wrong: the class of the error, which says the decision, and its text."""
        told: dict[str, str | float | None] = {
            "error": type(error).__name__,
            "decision": str(error.decision),
            "reason": _reason(error),
        }
        self._logger.error(text, extra=told | facts)

    @contextmanager
    def invocation(self, function: str, context: Invocation | None) -> Iterator[None]:
        """One call of a Lambda function: its id stands in every line, and its metrics go out at the end."""
        self._logger.append_keys(function=function, function_request_id=getattr(context, "aws_request_id", None))
        try:
            if "_X_AMZN_TRACE_ID" in os.environ:
                with self._tracer.provider.in_subsegment(name=f"## {function}"):
                    yield
            else:
                yield
        finally:
            self.flush()
            self._logger.remove_keys(["function", "function_request_id"])


def _reason(error: TwinledgerError) -> str:
    """The error's text where it is ours; a system that refused a write may quote the values in its text."""
    return type(error).__name__ if error.decision == "park" else str(error)
