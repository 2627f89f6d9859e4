"""Kills, by SIGKILL: of the relay, which its supervisor starts again, and of a settle function while it works."""

import contextlib
import random
import time
from collections.abc import Iterator

import psutil

from infra.local.processes import PidFile
from tests.bench.stack import Stack

PATIENCE_SECONDS = 3.0
JUST_NOW_SECONDS = 0.02
WORKING = """
SELECT client_port FROM pg_stat_activity
WHERE application_name = 'twinledger' AND client_port > 0
  AND (state <> 'idle' OR state_change > clock_timestamp() - make_interval(secs => %s))
"""


class Killer:
    """Kills processes of one stack.

    Args:
        stack: whose.
        seed: of the choice.
    """

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack = stack
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self.killed: dict[str, int] = {"relay": 0, "settle function": 0}

    def relay(self) -> None:
        """Kill the relay, not its supervisor."""
        supervisor = PidFile(self._stack.layout.pid("relay")).process()
        for relay in supervisor.children() if supervisor is not None else ():
            self._kill("relay", relay)

    def settle(self) -> None:
        """Kill one execution environment that is settling: it has just talked to Postgres, or is about to."""
        environments = list(self._environments())
        with self._stack.owner() as owner:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < deadline:
                working = {port for (port,) in owner.execute(WORKING, [JUST_NOW_SECONDS])}
                self._chance.shuffle(environments)
                for environment in environments:
                    if working & set(_ports(environment)):
                        self._kill("settle function", environment)
                        return
                time.sleep(0.005)

    def _environments(self) -> Iterator[psutil.Process]:
        """The processes that the emulator started."""
        emulator = PidFile(self._stack.layout.pid("emulator")).process()
        if emulator is not None:
            yield from emulator.children(recursive=True)

    def _kill(self, name: str, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            self.killed[name] += 1


def _ports(process: psutil.Process) -> Iterator[int]:
    """The local ports of a process's connections."""
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from (one.laddr.port for one in process.net_connections("tcp4") if one.raddr)
