"""Keep one command running: `python -m infra.local.supervisor -- command ...`.

The command is started again whenever it ends, at once at first and every five seconds at the slowest. SIGTERM ends the
command, then the supervisor.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 10.0
STOP_SECONDS = 5.0


def pause_after(pause: float, ran_seconds: float) -> float:
    """How long to wait before the next start, after a pause of `pause` and a run of `ran_seconds`."""
    return FIRST_PAUSE_SECONDS if ran_seconds >= STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)


def supervise(argv: list[str], stop: threading.Event) -> None:
    """Run `argv` again and again until `stop` is set."""
    pause = FIRST_PAUSE_SECONDS / 2
    while not stop.is_set():
        began = time.monotonic()
        with subprocess.Popen(argv) as process:
            while process.poll() is None and not stop.wait(0.1):
                pass
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
            code = process.wait()
        if not stop.is_set():
            pause = pause_after(pause, time.monotonic() - began)
            say(f"{argv[-1]} ended with {code}: again in {pause:.1f} s")
            stop.wait(pause)


def say(text: str) -> None:
    """Write a line into the log."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} supervisor: {text}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Supervise the command after `--`."""
    if len(arguments) < 2 or arguments[0] != "--":
        print(__doc__, file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervise(arguments[1:], stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
