"""Relays take over from each other on a Postgres of their own: `python -m tests.bench handover`.

As EventBridge and Lambda have it, each in a process of its own, only faster: the function is started every minute and
relays for 70 s; here a relay is started every four seconds and runs for six. The queue is a pause.
"""

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.postgres.connection import Connection
from chalicelib.postgres.install import install
from infra.local.postgres import Cluster
from tests.bench.capture import MAPPINGS, create_table
from tests.bench.figures import percentile, table
from tests.bench.handover.calls import Call, Edit, Handover, at_handovers, handovers, out_of_order, sent_again, waits
from tests.integration.postgres.sample import open_database

EVERY = 4.0  # seconds between two starts
SECONDS = 6.0  # for which each relays
CALL_SECONDS = 0.02  # of the queue
RECORDS = 300
EDITS_A_SECOND = 200


@dataclass
class User:
    """Edits records, one after the other, at a steady rate.

    Attributes:
        dsn: as whom.
        edits: what was committed.
    """

    dsn: str
    edits: list[Edit] = field(default_factory=list)

    @contextmanager
    def editing(self) -> Iterator[None]:
        """Edit meanwhile."""
        stop = threading.Event()
        thread = threading.Thread(target=self._edit, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _edit(self, stop: threading.Event) -> None:
        draw = random.Random(1)  # noqa: S311 -- the same in every run
        with open_database(self.dsn) as connection:
            begun = time.monotonic()
            while not stop.wait(max(0.0, begun + len(self.edits) / EDITS_A_SECOND - time.monotonic())):
                record = draw.randint(1, RECORDS)
                text = str(len(self.edits))
                connection.execute("UPDATE public.bench SET phone = %s WHERE id = %s", (text, record))
                committed = time.monotonic()
                made = connection.execute("SELECT currval('twinledger.outbox_id_seq')").fetchone()
                assert made is not None
                self.edits.append(Edit(str(record), int(str(made[0])), committed))


@dataclass
class Shifts:
    """Relays that overlap.

    Attributes:
        dsn: of the database.
        folder: what they print goes there.
        killed: from this one on they are killed when their time is over, in place of ending by themselves; None: none.
    """

    dsn: str
    folder: Path
    killed: int | None = None

    def run(self, count: int) -> list[Call]:
        """Start so many relays, one after the other; what they sent."""
        running: list[tuple[int, float, subprocess.Popen[bytes]]] = []
        begun = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begun + number * EVERY - time.monotonic()))
            running.append((number, time.monotonic() + SECONDS, self._start(number)))
            if len(running) > 1:
                self._end(*running.pop(0))
        self._end(*running.pop())
        return [
            Call.of(number, line)
            for number in range(count)
            for line in self._log(number).read_text(encoding="ascii").splitlines()
            if line.endswith("}")
        ]

    def _log(self, number: int) -> Path:
        return self.folder / f"{number}.log"

    def _dies(self, number: int) -> bool:
        return self.killed is not None and number >= self.killed

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        seconds = SECONDS * 10 if self._dies(number) else SECONDS
        command = [sys.executable, "-m", "tests.bench.handover.shift", self.dsn, str(seconds), str(CALL_SECONDS)]
        with self._log(number).open("wb") as log:
            return subprocess.Popen(command, stdout=log)  # noqa: S603 -- our own module

    def _end(self, number: int, until: float, process: subprocess.Popen[bytes]) -> None:
        if self._dies(number):
            time.sleep(max(0.0, until - time.monotonic()))
            process.kill()
        process.wait(timeout=SECONDS * 10)


def run(count: int) -> str:
    """Measure so many hand-overs, a fifth as many more from relays that are killed; the tables."""
    with Cluster() as cluster, open_database(cluster.dsn) as owner:
        create_table(owner)
        install(owner, MAPPINGS)
        orderly = _measured(cluster.dsn, owner, count, dying=False)
        killed = _measured(cluster.dsn, owner, max(2, count // 5), dying=True)
    rows = [_gaps("its time is over", orderly[0]), _gaps("it is killed", killed[0])]
    lines = [_order("its time is over", *orderly), _order("it is killed", *killed)]
    header = ("hand-over: the leader ends because", "hand-overs", "p50 ms", "p90 ms", "most ms")
    title = "From the last call of the old leader to the first one of the new"
    waited = ("a change was committed and in no call", "changes", "p50 ms", "p99 ms", "most ms", "most, ratio")
    return "\n".join(
        [
            table(title, header, rows),
            table("How long, at a hand-over and between them", waited, [row for one in lines for row in one.rows]),
            "",
            *(one.verdict for one in lines),
        ]
    )


def _measured(dsn: str, owner: Connection, count: int, *, dying: bool) -> tuple[list[Handover], list[Edit], list[Call]]:
    user = User(dsn)
    with tempfile.TemporaryDirectory() as folder:
        shifts = Shifts(dsn, Path(folder), 0 if dying else None)
        with user.editing():
            calls = shifts.run(count + 1)
        rest = Shifts(dsn, Path(folder) / "rest")
        rest.folder.mkdir()
        calls += [Call(count + 1 + call.shift, call.begun, call.ended, call.sent) for call in rest.run(1)]
    assert owner.execute("SELECT count(*) FROM twinledger.outbox").fetchone() == (0,)
    return [change for change in handovers(calls) if change.shift <= count], user.edits, calls


def _gaps(name: str, found: list[Handover]) -> list[str]:
    gaps = [change.gap * 1000 for change in found]
    return [name, str(len(gaps)), *(f"{percentile(gaps, at):.1f}" for at in (50, 90)), f"{max(gaps):.1f}"]


@dataclass(frozen=True)
class Order:
    """What waited, and whether anything went wrong.

    Attributes:
        rows: of the table.
        verdict: a line.
    """

    rows: list[list[str]]
    verdict: str


def _order(name: str, found: list[Handover], edits: list[Edit], calls: list[Call]) -> Order:
    waited = waits(edits, calls)
    at = at_handovers(edits, waited, found)
    # Neither before the first relay was at work, nor after the last one, is there a hand-over or anything between two
    begun, ended = min(call.begun for call in calls), found[-1].first + EVERY / 2
    measured = {edit.id: waited[edit.id] for edit in edits if edit.id in waited and begun < edit.committed < ended}
    inside = [measured[each] * 1000 for each in measured if each in at]
    between = [measured[each] * 1000 for each in measured if each not in at]
    ratio = f"{max(inside) / max(between):.1f}"
    rows = [
        [f"{name}: between hand-overs", *_cells(between), "1"],
        [f"{name}: at one", *_cells(inside), ratio],
    ]
    lost = len(edits) - len(waited)
    told = f"{lost} not sent, {sent_again(calls)} hints sent again, {out_of_order(calls)} out of order"
    return Order(rows, f"{name}: {len(edits):,} edits, {told}")


def _cells(values: list[float]) -> list[str]:
    return [f"{len(values):,}", *(f"{percentile(values, at):.1f}" for at in (50, 99)), f"{max(values):.1f}"]
