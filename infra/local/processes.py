"""Child processes: started in the background, recorded in pid files, stopped with everything they started."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

STOP_SECONDS = 8.0

MARKER = "TWINLEDGER_STACK"
"""The environment variable that tells the processes of one stack, and all that these start, from any other."""


@dataclass(frozen=True)
class PidFile:
    """A process that outlives its starter: its id and its start time, so that a reused id is not taken for it."""

    path: Path

    def write(self, pid: int) -> None:
        """Record the process `pid`, which must be alive."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}), encoding="ascii")

    def process(self) -> psutil.Process | None:
        """The recorded process, or `None` when it is gone or was never recorded."""
        try:
            record = json.loads(self.path.read_text(encoding="ascii"))
            process = psutil.Process(record["pid"])
            # The kernel's clock may be corrected between two readings of a start time.
            same = abs(process.create_time() - record["started"]) < 2
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
            return None

    def stop(self) -> None:
        """Stop the recorded process with its children, and forget it."""
        process = self.process()
        if process is not None:
            stop_tree(process)
        self.path.unlink(missing_ok=True)


def spawn(
    argv: Sequence[str | Path], *, log: Path, env: Mapping[str, str], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )


def detach(process: subprocess.Popen[bytes]) -> None:
    """Let `process` outlive this one: its object then does not complain that it was never waited for."""
    process.returncode = 0


def plain_environment(**extra: str) -> dict[str, str]:
    """The caller's environment without anything that changes what a child talks to, and with `extra`."""
    names = ("AWS_", "PG", "TWINLEDGER_", "PYTHON", "VIRTUAL_ENV", "MINISTACK", "LAMBDA_", "CHALICE_")
    return {key: value for key, value in os.environ.items() if not key.startswith(names)} | extra


def stop_tree(process: psutil.Process, *, seconds: float = STOP_SECONDS) -> None:
    """End `process` by SIGTERM, then by SIGKILL, and whatever it started and left behind."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = process.children(recursive=True)
        process.terminate()
        _wait([process], seconds)
        end([process, *children], seconds=0)


def end(processes: Iterable[psutil.Process], *, seconds: float = STOP_SECONDS) -> None:
    """End each of `processes` by SIGTERM and, after `seconds`, by SIGKILL."""
    alive = [process for process in processes if process.is_running()]
    if seconds:
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        alive = _wait(alive, seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(alive, STOP_SECONDS)


def marked(value: str) -> Iterator[psutil.Process]:
    """Every process whose environment has the marker of the stack `value`, the caller and its ancestors excepted."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.pid not in own and process.environ().get(MARKER) == value:
                yield process


def guard(pid: int, folder: Path) -> subprocess.Popen[bytes]:
    """Stop process `pid` and delete `folder` when the calling process ends, which closes the pipe the guard reads.

    SIGINT is sent: PostgreSQL then closes its connections, and a Python server ends.
    """
    script = 'read _; kill -INT "$0"; for _ in $(seq 100); do kill -0 "$0" || break; sleep 0.1; done; rm -rf "$1"'
    return subprocess.Popen(
        ["/bin/sh", "-c", script, str(pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def release(guarding: subprocess.Popen[bytes]) -> None:
    """Dismiss a guard, without effect on the process it watches."""
    guarding.kill()
    guarding.communicate()


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for the end of `processes`; those that still run after `seconds` are returned. A zombie has ended."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if _alive(process)]:
        if time.monotonic() > deadline:
            return alive
        time.sleep(0.02)
    return []


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
