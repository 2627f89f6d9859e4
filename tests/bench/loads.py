"""Loads: what a change costs in API requests, and what people who edit meanwhile feel of a load.

``calls`` settles in this process, while the stack's functions take no message: the count is that of full batches,
whatever the machine's speed. ``bulk`` has one statement change every record in Postgres while a data loader changes
every one in Salesforce, and two people go on editing, one on each side.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws.queues import AT_ONCE, TOGETHER
from chalicelib.core.model import Change, Hint, RowId
from chalicelib.core.work import Result
from chalicelib.settings import Writer
from chalicelib.wiring import Wiring
from tests.bench.figures import percentile, table
from tests.bench.records import Pair, pairs
from tests.bench.roundtrips import OWN_CALLS, calls_between
from tests.bench.stack import API, Stack

IN_A_BURST = 100
IN_A_BATCH = AT_ONCE * TOGETHER
LOADED = 200  # records of a data loader's call
LIVE_PAUSE = 0.2  # seconds between two edits of a person
LOOK = 0.02
CALLS_OF_AN_EDIT = 2  # in Postgres: a read and a write; one in Salesforce needs none
BASELINE = 40  # edits of each person before the load
PATIENCE_SECONDS = 1800.0
TOLD_EVERY = 10.0


class Unsettled(RuntimeError):
    """A record did not come to what was expected of it."""


# --- calls


def calls(stack: Stack, _edits: int) -> str:
    """API requests of a change in Postgres, by writer and by how many come at once; the table."""
    found = pairs(stack, IN_A_BATCH)
    rows = []
    with stack.paused():
        for writer in Writer:
            wiring = Wiring({**stack.content["environment"], "TWINLEDGER_SALESFORCE_WRITER": writer.value})
            for name, some, batch, bulk in (
                (f"{IN_A_BURST} edits, {AT_ONCE} in a batch", found[:IN_A_BURST], AT_ONCE, False),
                (f"{IN_A_BATCH} of a load, {IN_A_BATCH} in a batch", found, IN_A_BATCH, True),
            ):
                made, began = wiring.client.calls, time.monotonic()
                _edit(stack, wiring, some, batch, bulk=bulk)
                made = wiring.client.calls - made
                each = f"{made / len(some):.3f}"
                rows.append([f"{writer.value}: {name}", str(made), each, f"{time.monotonic() - began:.1f}"])
    stack.calm()
    return table("API requests of a change in Postgres", ["writer", "requests", "for each change", "s"], rows)


def _edit(stack: Stack, wiring: Wiring, some: Sequence[Pair], batch: int, *, bulk: bool) -> None:
    """Edit records, and settle them in batches."""
    wiring.settler().settle([])
    wiring.client.rest("GET", "limits")  # signs in, and lets the first call not count
    time.sleep(1.1)  # the conditional writer waits for the end of a second in which a record was written
    number = uuid.uuid4().hex[:8]
    with stack.app() as app:
        app.execute("UPDATE public.contact SET phone = %s WHERE id::text = ANY(%s)", (number, [one.pk for one in some]))
    hints = [_hint(one, number, bulk=bulk) for one in some]
    for start in range(0, len(hints), batch):
        outcomes = wiring.settler().settle(hints[start : start + batch])
        if unlike := [one for one in outcomes if one.result is not Result.SETTLED]:
            raise Unsettled(f"{len(unlike)} of {len(outcomes)} records: {unlike[0].result}, {unlike[0].error}")


def _hint(pair: Pair, number: str, *, bulk: bool) -> Hint:
    told = f"bench-{number}-{pair.pk}"
    return Hint(RowId("public.contact", (pair.pk,)), Change.UPDATED, told, sfid=pair.sfid, bulk=bulk)


# --- bulk


@dataclass
class Person:
    """Somebody who edits one record on one side, and looks at the other.

    Attributes:
        edit: makes an edit with a new value.
        seen: what the other side has.
        seconds: how long each edit took to be there.
    """

    edit: Callable[[str], None]
    seen: Callable[[], str | None]
    seconds: list[float] = field(default_factory=list)

    def work(self, stop: Callable[[], bool]) -> None:
        """Edit, wait until it is there, and so on."""
        while not stop():
            value = uuid.uuid4().hex[:8]
            began = time.monotonic()
            self.edit(value)
            while self.seen() != value:
                if time.monotonic() - began > PATIENCE_SECONDS:
                    raise Unsettled("a person's edit did not arrive")
                time.sleep(LOOK)
            self.seconds.append(time.monotonic() - began)
            time.sleep(LIVE_PAUSE)


def bulk(stack: Stack, records: int) -> str:
    """What two people feel of a load, and what became of it; the table."""
    loaded = pairs(stack, records, "Load")
    mine, theirs = pairs(stack, 2, "Person")
    before, baseline = _people(stack, (mine, theirs), lambda people: min(len(p.seconds) for p in people) >= BASELINE)
    began, counted = time.monotonic(), stack.org.calls()
    number = uuid.uuid4().hex[:8]
    over = threading.Event()
    threads = [
        threading.Thread(target=_statement, args=(stack, number)),
        threading.Thread(target=_loader, args=(stack, loaded, number)),
        threading.Thread(target=_wait, args=(stack, loaded, number, over)),
    ]
    for thread in threads:
        thread.start()
    during, _ = _people(stack, (mine, theirs), lambda _: over.is_set())
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    stack.calm()
    spent = -CALLS_OF_AN_EDIT * len(during[0]) + calls_between(
        counted, stack.org.calls(), stack.org.calls().keys() - OWN_CALLS - {"collections"}
    )
    rows = [
        [f"{name}, {when}", str(len(seconds)), *(f"{percentile(seconds, at) * 1000:.0f}" for at in (50, 95))]
        for when, found in (("before", before), ("during the load", during))
        for name, seconds in zip(("Postgres to Salesforce", "Salesforce to Postgres"), found, strict=True)
    ]
    unlike = _unlike(stack, loaded, number)
    told = (
        f"{records:,} rows changed by one statement and as many records by a loader: the same on both sides after"
        f" {took:.0f} s ({2 * records / took:.0f} changes a second), {spent} API requests"
        f" ({spent / 2 / records:.4f} for each change), {unlike} records unlike; the baseline took {baseline:.0f} s"
    )
    header = ["a person's edit, from commit to visible", "edits", "p50 ms", "p95 ms"]
    return f"{table('People beside a load', header, rows)}\n\n{told}"


def _people(
    stack: Stack, their: tuple[Pair, Pair], enough: Callable[[Sequence[Person]], bool]
) -> tuple[tuple[list[float], ...], float]:
    """Have both edit until it is enough: how long each edit took, and all."""
    one, other = their
    writer, looker = stack.new_org(), stack.new_org()
    with stack.app() as app, stack.app() as reader:

        def in_postgres(value: str) -> None:
            app.execute("UPDATE public.contact SET phone = %s WHERE id::text = %s", (value, one.pk))

        def row() -> str | None:
            found = reader.execute("SELECT title FROM public.contact WHERE id::text = %s", (other.pk,)).fetchone()
            return None if found is None else found[0]

        people = (
            Person(in_postgres, lambda: looker.field(one.sfid, "Phone")),
            Person(lambda value: writer.edit(other.sfid, {"Title": value}), row),
        )
        began = time.monotonic()
        threads = [threading.Thread(target=p.work, args=(lambda: enough(people),)) for p in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return tuple(p.seconds for p in people), time.monotonic() - began


def _statement(stack: Stack, number: str) -> None:
    with stack.app() as app:
        app.execute("UPDATE public.contact SET phone = %s WHERE last_name ~ '^Load \\d+$'", (number,))


def _loader(stack: Stack, loaded: Sequence[Pair], number: str) -> None:
    org = stack.new_org("loader")
    for start in range(0, len(loaded), LOADED):
        some = loaded[start : start + LOADED]
        records = [{"attributes": {"type": "Contact"}, "id": one.sfid, "Title": number} for one in some]
        answers = org.call("PATCH", f"{API}/composite/sobjects", {"allOrNone": False, "records": records})
        left = [record for record, answer in zip(records, answers, strict=True) if not answer["success"]]
        for record in left:  # a row that the sync holds just then
            org.edit(str(record["id"]), {"Title": number})


def _wait(stack: Stack, loaded: Sequence[Pair], number: str, over: threading.Event) -> None:
    """Wait until both changes of every record are on both sides; say now and then how far it is."""
    began = told = time.monotonic()
    try:
        while left := _unlike(stack, loaded, number):
            now = time.monotonic()
            if now - began > PATIENCE_SECONDS:
                raise Unsettled(f"{left} of {len(loaded)} records are not there after {PATIENCE_SECONDS:.0f} s")
            if now - told > TOLD_EVERY:
                told = now
                print(f"{now - began:6.0f} s: {left} of {len(loaded)} records are on their way", flush=True)
            time.sleep(2.0)
    finally:
        over.set()


def _unlike(stack: Stack, loaded: Sequence[Pair], number: str) -> int:
    """Records that do not have both changes on both sides."""
    with stack.app() as app:
        rows = app.execute("SELECT sfid FROM public.contact WHERE phone = %s AND title = %s", (number, number))
        there = {str(sfid) for (sfid,) in rows}
    left = {one.sfid for one in loaded}
    missing = left - there
    if missing:
        return len(missing)
    changed = _with(stack, number)
    return len(left - changed)


def _with(stack: Stack, number: str) -> set[str]:
    return set(_ids(stack.new_org(), f"SELECT+Id+FROM+Contact+WHERE+Phone='{number}'+AND+Title='{number}'"))


def _ids(org: Any, query: str) -> Iterator[str]:
    page = org.call("GET", f"{API}/query?q={query}")
    while True:
        yield from (record["Id"] for record in page["records"])
        if page["done"]:
            return
        page = org.call("GET", page["nextRecordsUrl"].lstrip("/"))
