"""Flood the webhooks of the running stack, then look from outside: `python -m tests.bench.flood --seconds 60`.

Nothing else tells of the edits that the flood makes: meanwhile the org sends no message of its own, and the sweep
stands still. Exit status 1 where a request is not answered as it should be, where a refused one left something in the
queue or an acknowledged one not all of it, where an edit did not arrive, or where a process of the functions grew.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from tests.bench.figures import milliseconds, table
from tests.bench.flood.sending import Flood, Seen
from tests.bench.records import pairs
from tests.bench.stack import GONE, Stack, StackDown, circumstances

COUNTED = 40  # requests of each sort that are counted into a queue that nobody empties
SHORTEST = 3.0  # seconds
GROWTH = 16 * 1024 * 1024  # bytes by which a process may grow: allocators do not give everything back
FUNCTIONS = "infra/local/emulator/shim/template_process.py"
SWEEP = "sweep-event"


@dataclass
class Report:
    """What is printed, and what did not hold.

    Attributes:
        failures: a line for each thing that did not hold.
    """

    failures: list[str] = field(default_factory=list)

    def check(self, what: str, *, holds: bool, found: object) -> None:
        """Tell of one check."""
        print(f"{'ok' if holds else 'FAILED':8}{what}: {found}", flush=True)
        if not holds:
            self.failures.append(what)


@contextmanager
def silence(stack: Stack) -> Iterator[None]:
    """Neither the org nor the sweep tells of anything meanwhile."""
    events = stack.client("events")
    [sweep] = [rule["Name"] for rule in events.list_rules()["Rules"] if rule["Name"].endswith(SWEEP)]
    messages = stack.org.call("GET", "__org__/outbound-messages")
    events.disable_rule(Name=sweep)
    stack.org.call("DELETE", "__org__/outbound-messages")
    try:
        yield
    finally:
        for message in messages:
            known = {name: message[name] for name in ("name", "object", "url", "fields", "when") if name in message}
            stack.org.call("POST", "__org__/outbound-messages", known)
        events.enable_rule(Name=sweep)


def counted(stack: Stack, flood: Flood, report: Report) -> None:
    """Send to a queue that nobody empties, and count what is in it."""
    queue = stack.queues[0]
    with stack.paused():
        before = stack.waiting(queue)
        refused = flood.send(flood.some(COUNTED, hostile_ones=True))
        after_refused = stack.waiting(queue)
        taken = flood.send(flood.some(COUNTED, hostile_ones=False))
        after_taken = stack.waiting(queue)
    answered(refused + taken, report)
    left, told = after_refused - before, sum(one.message.notifications for one in taken)
    report.check("refused requests left nothing in the queue", holds=left == 0, found=left)
    found = after_taken - after_refused
    report.check(f"all of {told} acknowledged notifications are in the queue", holds=found == told, found=found)


def answered(seen: Sequence[Seen], report: Report) -> None:
    """Every answer is the one that its request is to get."""
    wrong = Counter((one.message.kind, one.message.status, one.status) for one in seen if not one.right)
    shown = ", ".join(f"{kind} {count} times {status} for {right}" for (kind, right, status), count in wrong.items())
    report.check(f"{len(seen)} requests are answered as they should be", holds=not wrong, found=shown or "all")


def arrived(stack: Stack, flood: Flood, report: Report) -> None:
    """Each edit of which a message told is in the row, and nothing is left anywhere."""
    dead = {url.rsplit("/", 1)[-1]: stack.waiting(url) for url in stack.queues[2:]}
    records = stack.org.contacts(["Phone"])
    with stack.owner() as owner:
        rows = dict(owner.execute("SELECT sfid, phone FROM public.contact WHERE sfid IS NOT NULL").fetchall())
    missing = [sfid for sfid in flood.values if rows.get(sfid) != records[sfid]["Phone"]]
    report.check(f"{len(flood.values)} edited records arrived", holds=not missing, found=missing[:5] or "all")
    report.check("no dead letter", holds=not any(dead.values()), found=sum(dead.values()))


def memory(stack: Stack) -> dict[int, int]:
    """Resident bytes of each process of the functions, by its id."""
    program, found = str(stack.layout.source / FUNCTIONS), {}
    for process in psutil.process_iter(["cmdline"]):
        if program in (process.info["cmdline"] or ()):
            found[process.pid] = process.memory_info().rss
    return found


def grown(before: dict[int, int], after: dict[int, int], report: Report) -> None:
    """No process that was there before has grown."""
    both = before.keys() & after.keys()
    most = max((after[pid] - before[pid] for pid in both), default=0)
    report.check(
        f"none of the functions' {len(both)} processes grew",
        holds=bool(both) and most <= GROWTH,
        found=f"{most >> 20} MiB at most, all together {sum(before.values()) >> 20} to {sum(after.values()) >> 20} MiB",
    )


def figures(seen: Sequence[Seen], seconds: float) -> str:
    """Requests a second and how long they took, by kind."""
    kinds = {kind: [one for one in seen if one.message.kind == kind] for kind in sorted({o.message.kind for o in seen})}
    rows = [
        [kind, str(len(chosen)), f"{len(chosen) / seconds:.1f}", *milliseconds([one.seconds for one in chosen])]
        for kind, chosen in {"all": list(seen), **kinds}.items()
    ]
    return table("Requests", ["requests", "number", "a second", "p50 ms", "p99 ms"], rows)


def flooded(stack: Stack, options: argparse.Namespace, report: Report) -> None:
    """Flood, and check."""
    found = pairs(stack, options.records, "Flood")
    flood = Flood(stack, found, random.Random(options.seed), hundreds=options.hundreds)  # noqa: S311
    with silence(stack):
        counted(stack, flood, report)
        flood.pour(SHORTEST, options.clients)  # until every process is there that the flood needs
        stack.calm()
        before, first = memory(stack), len(flood.seen)
        seconds = flood.pour(options.seconds, options.clients)
        stack.calm()
        after, seen = memory(stack), flood.seen[first:]
        answered(flood.seen, report)
        arrived(stack, flood, report)
        grown(before, after, report)
    print(figures(seen, seconds))
    told = sum(one.message.notifications for one in seen)
    print(f"\n{told} notifications acknowledged, {told / seconds:.0f} a second")


def main(arguments: list[str], run: Callable[[Stack, argparse.Namespace, Report], None] = flooded) -> int:
    """Flood; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.flood", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--clients", type=int, default=8, help="at once (8)")
    parser.add_argument("--records", type=int, default=200, help="contacts that it tells of (200)")
    parser.add_argument("--hundreds", type=float, default=0.04, help="share of good messages with 100 notifications")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (1)")
    options = parser.parse_args(arguments)
    report = Report()
    try:
        print(circumstances(), flush=True)
        run(Stack.running(), options, report)
    except (StackDown, TimeoutError) as error:
        print(f"flood: {error}", file=sys.stderr)
        return 1
    except GONE as error:
        print(f"flood: the stack went away meanwhile: {type(error).__name__}", file=sys.stderr)
        return 1
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
