"""Bursts: many edits of one record, as fast as its user can make them; how long until the other side has the last one.

A record is a message group, so these are settled one after another, several in one go: what counts is the last one.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.bench.figures import table
from tests.bench.invocations import invocations
from tests.bench.records import Pair, pairs
from tests.bench.roundtrips import OWN_CALLS, calls_between
from tests.bench.stack import SETTLING, Stack

PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.005


def run(stack: Stack, edits: int) -> str:
    """Measure; the table."""
    [pair] = pairs(stack, 1)
    with stack.app() as app:
        bursts: dict[str, Callable[[int], None]] = {
            "in Postgres": lambda at: _in_postgres(app, pair, at),
            "in Salesforce": lambda at: _in_salesforce(stack, pair, at),
            "on both sides, of two fields": lambda at: _on_both(stack, app, pair, at),
        }
        rows = [_burst(stack, app, pair, (name, burst), edits) for name, burst in bursts.items()]
    header = ["edits of one record", "edits", "in s", "last one visible after ms", "settle steps", "Salesforce calls"]
    return table("Bursts on one record", header, rows)


def _in_postgres(app: psycopg.Connection[tuple[Any, ...]], pair: Pair, at: int) -> None:
    app.execute("UPDATE public.contact SET phone = %s WHERE id = %s", (f"burst {at}", pair.pk))


def _in_salesforce(stack: Stack, pair: Pair, at: int) -> None:
    stack.org.edit(pair.sfid, {"FirstName": f"Burst {at}"})


def _on_both(stack: Stack, app: psycopg.Connection[tuple[Any, ...]], pair: Pair, at: int) -> None:
    _in_postgres(app, pair, at)
    _in_salesforce(stack, pair, at)


def _burst(
    stack: Stack,
    app: psycopg.Connection[tuple[Any, ...]],
    pair: Pair,
    burst: tuple[str, Callable[[int], None]],
    edits: int,
) -> list[str]:
    name, edit = burst
    stack.calm()
    before, began = stack.org.calls(), time.time()
    number = time.time_ns() % 10**9  # no value comes twice
    for at in range(number, number + edits):
        edit(at)
    last = time.time()
    while not _equal(stack, app, pair):
        if time.time() - last > PATIENCE_SECONDS:
            raise TimeoutError(f"a burst {name} did not arrive in {PATIENCE_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    visible = time.time() - last
    stack.calm()
    after, logs = stack.org.calls(), stack.client("logs")
    steps = [one for each in SETTLING for one in invocations(logs, stack.function(each), began)]
    calls = calls_between(before, after, after.keys() - OWN_CALLS)
    return [name, str(edits), f"{last - began:.1f}", f"{visible * 1000:.0f}", str(len(steps)), str(calls)]


def _equal(stack: Stack, app: psycopg.Connection[tuple[Any, ...]], pair: Pair) -> bool:
    row = app.execute("SELECT phone, first_name FROM public.contact WHERE id = %s", (pair.pk,)).fetchone()
    return row == (stack.org.field(pair.sfid, "Phone"), stack.org.field(pair.sfid, "FirstName"))
