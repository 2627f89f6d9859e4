"""FIFO event sources as Lambda runs them: message groups side by side, each group in order."""

from ministack.services import lambda_svc
from workers import LIMIT

_BACKOFF_SECONDS = 0.05


def install():
    """Let a FIFO event source run several invocations at once, and lift its pause of a second after a failure.

    Order holds without ministack's own rule of one invocation per queue: a receive skips every group that has a
    message in flight (Amazon SQS developer guide, "FIFO queue delivery logic").
    """

    def concurrency(source, function, config, queue=None):  # noqa: ARG001
        limit = (source.get("ScalingConfig") or {}).get("MaximumConcurrency") or LIMIT
        limit = min(limit, LIMIT)
        reserved = lambda_svc._reserved_concurrency(function, config)
        return limit if reserved is None else min(limit, reserved)

    lambda_svc._sqs_esm_concurrency = concurrency
    lambda_svc._ESM_BACKOFF_SECONDS = _BACKOFF_SECONDS
