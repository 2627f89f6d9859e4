"""Have every row and every record settled again, where the ledger was lost: `python -m infra.local.relink`.

A new ledger knows no record. What is linked by `sfid` is linked again; where the two sides differ, both keep their
value, and an issue shows them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from chalicelib.core.model import Change, Hint, RowId, SalesforceId
from chalicelib.postgres.keys import key_text
from chalicelib.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.mapping import ObjectMapping

AT_ONCE = 100


def row_hints(wiring: Wiring, mapping: ObjectMapping) -> Iterator[Hint]:
    """A hint for every row of a mapping's table."""
    schema, _, table = mapping.table.partition(".")
    keys = zip(mapping.key, mapping.key_types, strict=True)
    query = sql.SQL("SELECT ARRAY[{}], sfid FROM {}").format(
        sql.SQL(", ").join(key_text(sql.Identifier(column), type_name) for column, type_name in keys),
        sql.Identifier(schema, table),
    )
    with psycopg.connect(wiring.database_address()) as connection:
        for key, sfid in connection.execute(query):
            row = RowId(mapping.table, tuple(key))
            yield Hint(row, Change.UPDATED, wiring.clock.new_id(), sfid=sfid, bulk=True)


def record_hints(wiring: Wiring, mapping: ObjectMapping) -> Iterator[Hint]:
    """A hint for every record of a mapping's object."""
    soql = f"SELECT Id FROM {mapping.object}"  # noqa: S608 - SOQL, and the object's name is the mapping file's
    page = wiring.client.rest("GET", "query", params={"q": soql}).body
    while True:
        for record in page["records"]:
            yield Hint(SalesforceId(mapping.object, record["Id"]), Change.UPDATED, wiring.clock.new_id(), bulk=True)
        if page["done"]:
            return
        page = wiring.client.page(page["nextRecordsUrl"]).body


def main() -> int:
    """Send the hints; how many is printed."""
    wiring = Wiring()
    sent = 0
    for mapping in wiring.installed().mappings.mappings:
        for hints in (row_hints(wiring, mapping), record_hints(wiring, mapping)):
            waiting = list(hints)
            for start in range(0, len(waiting), AT_ONCE):
                wiring.hints.send(waiting[start : start + AT_ONCE])
            sent += len(waiting)
    print(f"{sent} rows and records are settled again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
