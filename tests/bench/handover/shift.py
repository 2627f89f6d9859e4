"""One invocation of the relay, as the function has it, in a process of its own: `python -m tests.bench.handover.shift`.

It prints a line of JSON for each call of the queue, which takes a while and remembers nothing.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.core.model import Hint, RowId
from chalicelib.jobs.relaying import run_for
from chalicelib.postgres.relay import Relay


@dataclass(frozen=True)
class TellingQueue:
    """Tells of every call.

    Attributes:
        seconds: how long one takes.
    """

    seconds: float

    def send(self, hints: Sequence[Hint]) -> None:
        """Accept hints."""
        begun = time.monotonic()
        time.sleep(self.seconds)
        sent = [[hint.identity.key[0], hint.hint_id] for hint in hints if isinstance(hint.identity, RowId)]
        line = json.dumps({"begun": begun, "ended": time.monotonic(), "sent": sent})
        sys.stdout.write(f"{line}\n")  # in one piece: several threads write
        sys.stdout.flush()


def main(dsn: str, seconds: float, call_seconds: float) -> None:
    """Relay for a while."""
    run_for(Relay(dsn, TellingQueue(call_seconds), on_truncate=lambda _table: None), seconds)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
