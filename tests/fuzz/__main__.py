"""Coverage-guided fuzzing: `python -m tests.fuzz [outbound|events|relayed] [options of libFuzzer]`.

It needs atheris, which is no dependency of the project: it is not made for every machine that this runs on.
Install it into an environment of its own, together with requirements-dev.lock. `-max_total_time=60` ends it after a
minute, a folder as last argument keeps what it finds interesting. It begins with the messages of tests/events; whatever
it crashes on is a defect.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import mutations
from tests.fuzz.intake import Intake


def _relayed(body: bytes) -> None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return
    if isinstance(event, dict):
        Intake().relayed(event)


TARGETS: dict[str, tuple[Callable[[bytes], object], tuple[bytes, ...]]] = {
    "outbound": (lambda body: Intake().outbound_message(body), (mutations.OUTBOUND,)),
    "events": (lambda body: Intake().events(body), (mutations.REQUEST,)),
    "relayed": (_relayed, mutations.RELAYED),
}


def main(arguments: list[str]) -> int:
    """Fuzz one target until it crashes or its time is over."""
    try:
        import atheris
    except ImportError:
        print("fuzz: atheris is not installed here; see python -m pydoc tests.fuzz.__main__", file=sys.stderr)
        return 2
    name = arguments.pop(0) if arguments and arguments[0] in TARGETS else "outbound"
    take, seeds = TARGETS[name]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            take(seed)
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.instrument_all()
        atheris.Setup([sys.argv[0], *arguments, corpus], take)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
