"""The end of a soak: wait until everything has settled, and tell what was found."""

import time

from tests.bench.soak.check import Found
from tests.bench.soak.observe import Observer
from tests.bench.stack import Stack

GRACE_SECONDS = 30.0  # beyond the visibility time-out
SHOWN = 40  # differences


def wait(stack: Stack, observer: Observer) -> float | None:
    """Wait until everything has settled; the seconds that it took, None: it did not in time."""
    settings = stack.sqs.get_queue_attributes(QueueUrl=stack.queues[0], AttributeNames=["VisibilityTimeout"])
    most = float(settings["Attributes"]["VisibilityTimeout"]) + GRACE_SECONDS
    began = time.monotonic()
    with stack.owner() as owner:
        while True:
            busy = stack.busy(owner)
            if not busy and observer.settled():
                return time.monotonic() - began
            waited = time.monotonic() - began
            if waited > most:
                return None
            progress(f"waiting {waited:5.0f} of {most:.0f} s  {observer.differing()} records differ  {busy}")
            time.sleep(1.0)


def on_the_way(stack: Stack, observer: Observer) -> dict[str, int]:
    """What is on its way, or was given up, by where; empty: nothing."""
    with stack.owner() as owner:
        busy = stack.busy(owner)
    given_up = observer.given_up()
    return busy | ({"the dead letters' issues": given_up} if given_up else {})


def tell(found: Found, waited: float | None) -> int:
    """Print what was found; the exit code."""
    print()
    print("it did not settle in time" if waited is None else f"settled {waited:.1f} s after the last edit")
    for name, count in sorted(found.counts.items()):
        print(f"  {count:6}  {name}")
    for text in found.differences[:SHOWN]:
        print(f"DIFFERENCE {text}")
    if len(found.differences) > SHOWN:
        print(f"and {len(found.differences) - SHOWN} more")
    if found.differences or waited is None:
        return 1
    print("everything holds")
    return 0


def progress(text: str) -> None:
    """Write over the line before."""
    print(f"\r{text:100}", end="", flush=True)
