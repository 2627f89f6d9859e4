"""Logs, metrics and traces, in one place: Powertools' three, with one namespace and few dimensions.

No value of a record is ever in a log line: names, ids, counts and the texts of our own errors only. Metrics go out as
lines of the log in the embedded metric format, so counting costs no call.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib.core.errors import TwinledgerError

NAMESPACE = "Twinledger"
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
        self._counted = False

    @cached_property
    def _logger(self) -> Logger:
        return Logger(service=SERVICE)

    @cached_property
    def _metrics(self) -> EphemeralMetrics:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        if self._stage:
            metrics.set_default_dimensions(stage=self._stage)
        return metrics

    @cached_property
    def _tracer(self) -> Tracer:
        return Tracer(service=SERVICE, auto_patch=False)  # patching botocore would cost more than it shows

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter of this call."""
        if value:
            self._add(name, MetricUnit.Count, value)

    def measure(self, name: str, seconds: float) -> None:
        """Note a duration."""
        self._add(name, MetricUnit.Milliseconds, seconds * 1000)

    def gauge(self, name: str, value: float) -> None:
        """Note how many there are, nought included."""
        self._add(name, MetricUnit.Count, value)

    def _add(self, name: str, unit: MetricUnit, value: float) -> None:
        self._metrics.add_metric(name=name, unit=unit, value=value)
        self._counted = True

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
            if self._counted:
                self._metrics.flush_metrics()
                self._counted = False
            self._logger.remove_keys(["function", "function_request_id"])


def _reason(error: TwinledgerError) -> str:
    """The error's text where it is ours; a system that refused a write may quote the values in its text."""
    return type(error).__name__ if error.decision == "park" else str(error)
