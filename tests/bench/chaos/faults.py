"""Faults, drawn at random: what dies in production, done to the one-machine stack.

The emulator stands for AWS and is left alone: its queues and its table are what the sync relies on. The org's process
is killed and started again on its journal, as an org keeps what it has answered.
"""

import contextlib
import json
import random
import time
from collections import Counter

import psutil
import psycopg

from infra.local.credentials import Credentials
from infra.local.processes import PidFile
from infra.local.services import Services
from tests.bench.soak.kill import Killer
from tests.bench.stack import Stack

FEWEST_SECONDS, MOST_SECONDS = 1.0, 6.0  # between two faults
LONGEST_PAUSE_SECONDS = 4.0
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT %s
"""
LOST = ("apex", "query", "collections", "outbound", "update", "create")
WEIGHTS = {
    "relay killed": 3,
    "settle function killed": 4,
    "Postgres connections ended": 5,
    "Postgres killed and started": 1,
    "org killed and started": 2,
    "org stopped for a while": 3,
    "org's answers lost": 5,
}


class Faults:
    """Strikes one stack.

    Args:
        stack: which.
        seed: of the choice.
    """

    def __init__(self, stack: Stack, seed: int) -> None:
        credentials = Credentials.load(stack.layout.credentials)
        if credentials is None:
            raise LookupError(f"{stack.layout.credentials} is gone")
        self._stack = stack
        self._services = Services(stack.layout, credentials)
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._killer = Killer(stack, seed)
        self._next = time.monotonic() + MOST_SECONDS
        self._count: Counter[str] = Counter()
        self._faults = {
            "relay killed": self._killer.relay,
            "settle function killed": self._killer.settle,
            "Postgres connections ended": self._end_connections,
            "Postgres killed and started": self._kill_postgres,
            "org killed and started": self._kill_org,
            "org stopped for a while": self._stop_org,
            "org's answers lost": self._lose_answers,
        }

    @property
    def done(self) -> dict[str, int]:
        """How many struck, by kind."""
        killed = self._killer.killed
        own = {"relay killed": killed["relay"], "settle function killed": killed["settle function"]}
        return {name: own.get(name, self._count[name]) for name in WEIGHTS}

    def strike(self) -> None:
        """Strike, where the time has come."""
        if time.monotonic() < self._next:
            return
        [name] = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        self._faults[name]()
        self._count[name] += 1
        self._next = time.monotonic() + self._chance.uniform(FEWEST_SECONDS, MOST_SECONDS)

    def end(self) -> None:
        """No fault is left behind."""
        self._stack.org.call("DELETE", "__org__/faults")

    def _end_connections(self) -> None:
        with psycopg.connect(self._services.cluster.superuser_dsn, autocommit=True) as connection:
            connection.execute(TERMINATE, [self._chance.choice((1, 2, 100))])

    def _kill_postgres(self) -> None:
        if (pid := self._services.cluster.pid) is not None:
            psutil.Process(pid).kill()
        self._services.start_postgres()

    def _kill_org(self) -> None:
        process = PidFile(self._stack.layout.pid("org")).process()
        if process is not None:
            process.kill()
            with contextlib.suppress(psutil.NoSuchProcess):
                process.wait()
        configuration = json.loads((self._stack.layout.state / "org.json").read_text(encoding="utf-8"))
        self._services.start_org(configuration["events"]["sink"]["busName"])

    def _stop_org(self) -> None:
        process = PidFile(self._stack.layout.pid("org")).process()
        if process is not None:
            process.suspend()
            time.sleep(self._chance.uniform(0.2, LONGEST_PAUSE_SECONDS))
            process.resume()

    def _lose_answers(self) -> None:
        """The effect lands, and the connection is dropped."""
        lost = {"operation": self._chance.choice(LOST), "lostAnswer": True, "times": self._chance.choice((1, 3, 10))}
        self._stack.org.call("POST", "__org__/faults", lost)
