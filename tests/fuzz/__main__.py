"""Coverage-guided fuzzing: `python -m tests.fuzz [outbound|events|relayed] [options of libFuzzer]`.

It needs atheris, which is no dependency of the project: it is not made for every machine that this runs on.
Install it into an environment of its own, together with requirements-dev.lock. `-max_total_time=60` ends it after a
minute, a folder as last argument keeps what it finds interesting. It begins with the messages of tests/events; whatever
it crashes on is a defect.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

TARGETS = ("outbound", "events", "relayed")


def main(arguments: list[str]) -> int:
    """Fuzz one target until it crashes or its time is over."""
    try:
        import atheris
    except ImportError:
        print("fuzz: atheris is not installed here; see python -m pydoc tests.fuzz.__main__", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["chalicelib", "defusedxml", "xml", "json"]):
        from tests.fuzz import intake, mutations
    name = arguments.pop(0) if arguments and arguments[0] in TARGETS else TARGETS[0]
    seeds = {"outbound": (mutations.OUTBOUND,), "events": (mutations.REQUEST,), "relayed": mutations.RELAYED}[name]

    def take(body: bytes) -> None:
        taking = intake.Intake()
        if name == "outbound":
            taking.outbound_message(body)
        elif name == "events":
            taking.events(body)
        elif isinstance(event := _parsed(body), dict):
            taking.relayed(event)

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            take(seed)
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *arguments, corpus], take)
        atheris.Fuzz()
    return 0


def _parsed(body: bytes) -> Any:
    """JSON as EventBridge would hand it over; None for what it would not."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
