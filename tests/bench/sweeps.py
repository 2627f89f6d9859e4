"""How many runs the sweep needs for a large change: `python -m tests.bench.sweeps --records 50000`.

An org and a table of their own, without functions: each run has a function's time, and the next one follows at once.
The queue is a pause: the emulator's takes the longer for a message the more of them it has had.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.aws import clients
from chalicelib.aws.queues import AT_ONCE as BATCH
from chalicelib.aws.sweeps import Sweeps
from chalicelib.aws.table import Table
from chalicelib.clock import SystemClock
from chalicelib.core.model import Hint
from chalicelib.jobs.rounds import Means
from chalicelib.jobs.sweep import Sweep
from chalicelib.salesforce.changes import Finder
from chalicelib.wiring import MARGIN
from tests.bench.stack import circumstances
from tests.contract.live_bench import Org, running_org
from tests.fakes.telemetry import MemoryTelemetry
from tests.integration.aws.stage import Stage, stage
from tests.unit.jobs.sample import MAPPINGS

AT_ONCE = 200  # records that an org takes in one call
FUNCTION_SECONDS = 30.0


def fill(org: Org, records: int) -> None:
    """Create accounts."""
    for start in range(0, records, AT_ONCE):
        made = [
            {"attributes": {"type": "Account"}, "Name": f"Account {number}"}
            for number in range(start, min(records, start + AT_ONCE))
        ]
        answer = org.user("POST", "composite/sobjects", {"allOrNone": True, "records": made})
        assert all(one["success"] for one in answer.json()), answer.text[:300]


@dataclass(frozen=True)
class SlowQueue:
    """A queue that takes a while for each batch of ten.

    Attributes:
        seconds: how long.
    """

    seconds: float

    def send(self, hints: Sequence[Hint]) -> None:
        """Accept hints."""
        time.sleep(self.seconds * -(-len(hints) // BATCH))


def runs(org: Org, aws: Stage, hints: SlowQueue, since: float, rounds: int) -> Iterator[str]:
    """Sweep until so many rounds are through; a line for each run."""
    clock, client = SystemClock(), org.client()
    memory = Sweeps(Table(clients.dynamodb(**aws.options), aws.outputs["LedgerTable"], clock))
    while rounds:
        telemetry = MemoryTelemetry()
        sweep = Sweep(MAPPINGS, since, Means(Finder(client), memory, hints, clock, telemetry))
        calls, begun = client.calls, time.monotonic()
        sweep.salesforce(clock.now() + FUNCTION_SECONDS - MARGIN)
        took = time.monotonic() - begun
        through = memory.positions(["Account"])["Account"].span is None
        rounds -= through
        swept, before = telemetry.counts["Swept"], telemetry.counts["SweptBefore"]
        end = "; the round is through" if through else ""
        yield f"{took:.1f} s: {swept:,} hints, {before:,} met again, {client.calls - calls} calls of Salesforce{end}"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--batch-ms", type=float, default=20.0, help="what the queue takes for ten hints")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(circumstances())
    with running_org() as org, stage() as aws:
        org.reset()
        since = time.time()
        fill(org, arguments.records)
        print(f"{arguments.records:,} records in {time.time() - since:.0f} s")
        for line in runs(org, aws, SlowQueue(arguments.batch_ms / 1000), since, arguments.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
