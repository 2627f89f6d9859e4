"""Contacts to measure with: every field filled, on both sides, linked, and used again by the next run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench.stack import Stack

PATIENCE_SECONDS = 300.0

INSERT = """
INSERT INTO public.contact
    (first_name, last_name, email, phone, title, birthdate, mailing_street, mailing_city, mailing_postal_code,
     mailing_country, account_id)
SELECT 'First ' || n, %(prefix)s || ' ' || n, lower(%(prefix)s) || n || '@example.com', '+44 20 ' || n, 'Title ' || n,
       DATE '1980-01-01' + n, n || ' Mill Lane', 'Leeds', 'LS' || n, 'United Kingdom',
       (SELECT min(id) FROM public.account WHERE sfid IS NOT NULL)
FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
LINKED = """
SELECT id::text, sfid FROM public.contact WHERE last_name ~ (%(prefix)s || ' \\d+$') AND sfid IS NOT NULL ORDER BY id
"""
EXISTING = "SELECT count(*) FROM public.contact WHERE last_name ~ (%(prefix)s || ' \\d+$')"


@dataclass(frozen=True, slots=True)
class Pair:
    """One record: the row's primary key and the id in Salesforce."""

    pk: str
    sfid: str


def pairs(stack: Stack, count: int, prefix: str = "Bench") -> Sequence[Pair]:
    """So many records, made where there are too few, once nothing is on its way.

    Raises:
        TimeoutError: they were not linked in time.
    """
    with stack.app() as app:
        (existing,) = app.execute(EXISTING, {"prefix": prefix}).fetchone() or (0,)
        if existing < count:
            app.execute(INSERT, {"prefix": prefix, "first": existing + 1, "last": count})
        found = _linked(app, prefix)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {count} records were linked in {PATIENCE_SECONDS:.0f} s")
            print(f"\rpreparing records: {len(found)} of {count} are on both sides", end="", flush=True)
            time.sleep(0.5)
            found = _linked(app, prefix)
    print(f"\r{count} records are on both sides{' ' * 30}", flush=True)
    stack.calm()
    return found[:count]


def _linked(app: psycopg.Connection[tuple[Any, ...]], prefix: str) -> list[Pair]:
    return [Pair(str(pk), str(sfid)) for pk, sfid in app.execute(LINKED, {"prefix": prefix})]
