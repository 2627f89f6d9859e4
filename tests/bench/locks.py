"""Writes of children of a few parents from several workers at once: without lock groups, and with them, in one run.

The org's saves hold their row locks for a while, as a save with triggers does. What a lock refuses comes again after a
time by chance, as a message whose visibility ends. The ratios of one run say something; its seconds are the machine's.
"""

import queue
import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.core.errors import RecordLocked
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.ports import Failed, RecordQuery, Records, RecordWrite, RecordWritten, WriteKind
from chalicelib.jobs.lock_groups import GroupedRecords
from chalicelib.wiring import Wiring
from tests.bench.figures import table
from tests.bench.stack import API, Stack
from tests.fakes.telemetry import MemoryTelemetry

WORKERS = 4
PARENTS = 5
CHILDREN = 200
BATCH = 10
SAVE_MILLISECONDS = 60.0
LOCK_SECONDS = 0.1
AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = 120.0


@dataclass
class Run:
    """What happened in one run.

    Attributes:
        refused: writes that met a lock in the org.
        held: writes that were not sent, for another call had their parent.
        calls: requests of writes.
        again: records that came again.
        seconds: until the last record was written.
    """

    refused: int = 0
    held: int = 0
    calls: int = 0
    again: int = 0
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, *, locked: int, held: int, calls: int) -> None:
        """Count one batch."""
        with self._lock:
            self.refused += locked - held
            self.held += held
            self.again += locked
            self.calls += calls


def run(stack: Stack, _edits: int) -> str:
    """Measure; the table."""
    ids = _children(stack)
    before = stack.org.call("GET", "__org__/settings")
    slow = {"commitMs": SAVE_MILLISECONDS, "lockWaitSeconds": LOCK_SECONDS}
    rows: list[list[str]] = []
    with stack.paused():
        stack.org.call("POST", "__org__/settings", slow)
        try:
            for order, some in (("in order of their parents", by_parent(ids)), ("mixed", ids)):
                without = _write_all(stack, some, grouped=False)
                grouped = _write_all(stack, some, grouped=True)
                rows += _rows(order, without, grouped)
        finally:
            stack.org.call("POST", "__org__/settings", {name: before[name] for name in slow})
    title = f"{CHILDREN} children of {PARENTS} parents, {WORKERS} workers, {BATCH} in a batch"
    return table(title, ["", "lock errors", "held back", "came again", "requests of writes", "s"], rows)


def by_parent(ids: Sequence[str]) -> list[str]:
    """The children one parent after the other."""
    return [one for parent in range(PARENTS) for one in ids[parent::PARENTS]]


def _rows(order: str, without: Run, grouped: Run) -> list[list[str]]:
    ratios = [
        f"{one / max(1, other):.2f}"
        for one, other in (
            (grouped.refused, without.refused),
            (grouped.again, without.again),
            (grouped.calls, without.calls),
        )
    ]
    return [
        *(
            [f"{order}, {name} lock groups", str(one.refused), str(one.held), str(one.again), str(one.calls), _s(one)]
            for name, one in (("without", without), ("with", grouped))
        ),
        ["ratio", ratios[0], "-", ratios[1], ratios[2], f"{grouped.seconds / without.seconds:.2f}"],
    ]


def _s(one: Run) -> str:
    return f"{one.seconds:.1f}"


def _children(stack: Stack) -> list[str]:
    """Contacts of a few accounts, by id; no two neighbours of one account."""
    name = f"Locks {uuid.uuid4().hex[:8]}"
    parents = [str(stack.org.call("POST", f"{API}/sobjects/Account", {"Name": name})["id"]) for _ in range(PARENTS)]
    records = [
        {"attributes": {"type": "Contact"}, "LastName": f"{name} {at}", "AccountId": parents[at % PARENTS]}
        for at in range(CHILDREN)
    ]
    made = stack.org.call("POST", f"{API}/composite/sobjects", {"allOrNone": False, "records": records})
    stack.calm()
    return [str(one["id"]) for one in made]


def _write_all(stack: Stack, ids: Sequence[str], *, grouped: bool) -> Run:
    """Have the workers write every record once."""
    result, waiting = Run(), queue.Queue[tuple[float, list[str]]]()
    for start in range(0, len(ids), BATCH):
        waiting.put((0.0, list(ids[start : start + BATCH])))
    left = set(ids)
    began = time.monotonic()
    threads = [
        threading.Thread(target=_work, args=(stack, waiting, left, result), kwargs={"grouped": grouped})
        for _ in range(WORKERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if left:
        raise TimeoutError(f"{len(left)} of {len(ids)} records were not written in {PATIENCE_SECONDS:.0f} s")
    result.seconds = time.monotonic() - began
    return result


def _work(
    stack: Stack, waiting: "queue.Queue[tuple[float, list[str]]]", left: set[str], result: Run, *, grouped: bool
) -> None:
    wiring, telemetry = Wiring(stack.content["environment"]), MemoryTelemetry()
    records = wiring.bare_records()
    if grouped:
        records = GroupedRecords(records, wiring.holds, lambda: True, wiring.clock, telemetry)
    mapping = wiring.installed().mappings.by_name["contact"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        try:
            at, some = waiting.get(timeout=0.02)
        except queue.Empty:
            continue
        if at > time.monotonic():
            waiting.put((at, some))
            time.sleep(0.005)
            continue
        held, calls = telemetry.counts["GroupWaits"], wiring.client.calls
        locked = _write(records, mapping, some, left)
        held = telemetry.counts["GroupWaits"] - held
        result.note(locked=len(locked), held=held, calls=wiring.client.calls - calls - 1)
        if locked:
            waiting.put((time.monotonic() + AGAIN_SECONDS * random.uniform(0.5, 1.5), locked))  # noqa: S311


def _write(records: Records, mapping: ObjectMapping, some: Sequence[str], left: set[str]) -> list[str]:
    """Write a batch; what met a lock, or was faster, comes again."""
    seen = records.read([RecordQuery(mapping, record_id) for record_id in some])
    writes = [
        RecordWrite(mapping, WriteKind.UPDATE, one.key or str(uuid.uuid4()), str(uuid.uuid4()), one, {"Title": "Locks"})
        for one in seen
        if one is not None
    ]
    again = []
    for write, outcome in zip(writes, records.write(writes), strict=True):
        record_id = write.expected.id if write.expected is not None else ""
        if isinstance(outcome, RecordWritten):
            left.discard(record_id)
        elif isinstance(outcome, Failed) and not isinstance(outcome.error, RecordLocked):
            raise outcome.error
        else:
            again.append(record_id)
    return again
