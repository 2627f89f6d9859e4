"""Warm execution environments that answer at once and outlive a handler's exception, as Lambda's do."""

import os
import threading

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

LIMIT = min(8, max(4, 2 * (os.cpu_count() or 1)))
"""Execution environments of one function. Lambda would start one for each call that finds none idle; here each cold
start takes a processor for half a second, so a burst of forty events would stand still for most of a minute."""

_WAIT_SECONDS = 1.0

_RAISED = '"status": "error", "error": str(e), "trace"'
_RAISED_AND_ALIVE = '"status": "ok", "raised": True, "error": str(e), "trace"'


def install():
    """Shorten the wait for log lines after an answer, keep an environment whose handler raised, and limit their number.

    Raises:
        RuntimeError: The worker script is not the one that this change was written for.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_RAISED) != 1:
        raise RuntimeError("ministack's worker script has changed: pin the version that the shim knows")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_RAISED, _RAISED_AND_ALIVE)

    worker = lambda_runtime.Worker
    drain, invoke = worker._drain_stderr_bounded, worker.invoke

    def drain_quickly(self, first_line_wait=0.003, idle_confirm=0.001, hard_cap=0.05):
        return drain(self, first_line_wait, idle_confirm, hard_cap)

    def invoke_and_keep(self, *args, **options):
        answer = invoke(self, *args, **options)
        if answer.pop("raised", False):
            answer["status"] = "error"
        return answer

    worker._drain_stderr_bounded = drain_quickly
    worker.invoke = invoke_and_keep

    _limit()


def _limit():
    """Let a call wait for an environment where LIMIT of them are at work; a function that calls itself would starve."""
    acquire, release = lambda_svc.acquire_worker, lambda_svc.release_worker
    freed = threading.Condition()

    def acquire_or_wait(func_name, config, code_zip, qualifier="$LATEST"):
        with freed:
            while True:
                worker, reason = acquire(func_name, config, code_zip, qualifier=qualifier, max_concurrency=LIMIT)
                if worker is not None:
                    return worker, reason
                freed.wait(_WAIT_SECONDS)

    def release_and_tell(worker):
        release(worker)
        with freed:
            freed.notify_all()

    lambda_svc.acquire_worker = acquire_or_wait
    lambda_svc.release_worker = release_and_tell
