"""Programs that are run to their end, with their output in a log."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from infra.deployment.progress import log_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run(
    arguments: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str], log: Path, seconds: float
) -> str:
    """Run a program; what went wrong, with the end of its output, or nothing.

    Args:
        arguments: The program and its arguments.
        folder: Where it runs.
        environment: All of its environment variables.
        log: What its output is added to.
        seconds: For how long at most.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            done = subprocess.run(
                arguments,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"took longer than {seconds} s"
    return f"failed:\n{log_end(log)}" if done.returncode else ""
