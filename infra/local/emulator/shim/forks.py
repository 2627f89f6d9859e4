"""Cold starts by fork: one process imports the code of a deployment, and every environment starts as a copy of it.

An import of the application takes a second of a processor, and a burst starts several environments of several functions
at once. Lambda has a processor for each.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from ministack.core import lambda_runtime

_LONGEST_ANSWER = 64
_OWN_VARIABLES = {
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "_LAMBDA_FUNCTION_ARN",
    "_LAMBDA_LAYERS_DIRS",
    "_LAMBDA_TIMEOUT",
    "_X_AMZN_TRACE_ID",
}
"""Variables of one function or one environment: at import they are not there."""
_KEPT = 3

_spawning = threading.local()
_templates = {}
_lock = threading.Lock()


def install():
    """Let Python workers start by fork, on Linux: elsewhere sockets of this kind carry no messages."""
    worker = lambda_runtime.Worker
    spawn = worker._spawn

    def spawn_known(self):
        _spawning.worker = self
        try:
            spawn(self)
        finally:
            _spawning.worker = None

    worker._spawn = spawn_known
    lambda_runtime.subprocess = _Subprocess()


class _Subprocess:
    """The module `subprocess` with a `Popen` that forks where it can."""

    def __getattr__(self, name):
        return getattr(subprocess, name)

    def Popen(self, argv, **options):  # noqa: N802 - the name of what it stands for
        worker = getattr(_spawning, "worker", None)
        if worker is None or argv[0] != sys.executable or not sys.platform.startswith("linux"):
            return subprocess.Popen(argv, **options)
        template = _template(worker.config, options["cwd"], options["env"])
        forked = template.fork(argv[1], options["cwd"], options["env"])
        return subprocess.Popen(argv, **options) if forked is None else forked


def _template(config, cwd, env):
    """The template of a deployment's code and variables; only the newest few are kept."""
    paths = [os.path.realpath(cwd)]
    for layer in filter(None, env.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):
        python = Path(os.path.realpath(layer), "python")
        paths = [str(python), *map(str, python.glob("lib/python*/site-packages")), *paths]
    module = config["Handler"].rsplit(".", 1)[0].replace("/", ".")
    shared = {name: value for name, value in env.items() if name not in _OWN_VARIABLES}
    key = (module, *paths, *sorted(shared.items()))
    with _lock:
        template = _templates.pop(key, None)
        if template is None or not template.usable:
            template = _Template({"module": module, "paths": paths, "env": shared})
        _templates[key] = template
        for old in list(_templates)[:-_KEPT]:
            _templates.pop(old).close()
    return template


class _Template:
    """One process to fork from."""

    def __init__(self, order):
        self.usable = True
        self._lock = threading.Lock()
        self._ready = False
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("template_process.py")],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            cwd=order["paths"][-1],
            env=order["env"],
        )
        theirs.close()
        self._channel.send(json.dumps(order).encode())

    def fork(self, script, cwd, env):
        """Start an environment; `None` when that does not work by fork."""
        order = {"script": Path(script).read_text(encoding="utf-8"), "path": script, "cwd": cwd, "env": dict(env)}
        inward, outward, errors = os.pipe(), os.pipe(), os.pipe()
        theirs = (inward[0], outward[1], errors[1])
        try:
            with self._lock:
                pid = self._exchange(json.dumps(order).encode(), theirs)
        finally:
            for stream in theirs:
                os.close(stream)
        if pid is None:
            for stream in (inward[1], outward[0], errors[0]):
                os.close(stream)
            return None
        return _Forked(pid, inward[1], outward[0], errors[0])

    def close(self):
        """Dismiss the process: it ends when its socket is closed."""
        self.usable = False
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)

    def _exchange(self, message, streams):
        if not self.usable:
            return None
        try:
            if not self._ready:
                self._ready = self._channel.recv(_LONGEST_ANSWER) == b"ready"
            if self._ready:
                socket.send_fds(self._channel, [message], streams)
                answer = self._channel.recv(_LONGEST_ANSWER)
                if answer:
                    return int(answer)
        except OSError as error:
            print(f"a cold start by fork failed: {error}", file=sys.stderr)
        self.usable = False
        return None


class _Forked:
    """What ministack uses of `Popen`, for a process that is another's child."""

    def __init__(self, pid, stdin, stdout, stderr):
        self.pid = pid
        self.stdin = os.fdopen(stdin, "w", buffering=1)
        self.stdout = os.fdopen(stdout)
        self.stderr = os.fdopen(stderr)
        self.returncode = None

    def poll(self):
        """The exit code, which is not known: 0 when the process is gone, `None` while it is there."""
        if self.returncode is None:
            try:
                os.kill(self.pid, 0)
            except ProcessLookupError:
                self.returncode = 0
        return self.returncode

    def wait(self, timeout=None):
        """Wait for the end of the process."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("forked worker", timeout)
            time.sleep(0.01)
        return self.returncode

    def terminate(self):
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self):
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number):
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
