"""Warm execution environments that answer at once and outlive a handler's exception, as Lambda's do."""

from ministack.core import lambda_runtime

_RAISED = '"status": "error", "error": str(e), "trace"'
_RAISED_AND_ALIVE = '"status": "ok", "raised": True, "error": str(e), "trace"'


def install():
    """Shorten the wait for log lines after an answer, and keep an environment whose handler raised.

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
