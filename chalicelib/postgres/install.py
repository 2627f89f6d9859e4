"""Installing in the user's database, and taking everything away again.

Needs no superuser: the role must be able to create a schema, and own the mapped tables (or, where ``sfid`` is there
already, have the TRIGGER right on them). Running it again does what is missing, and nothing else.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from chalicelib.core.errors import MappingError, RecordLocked, TwinledgerError
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.postgres.capture import TRIGGERS, CaptureSql, function_name, truncate_function
from chalicelib.postgres.catalog import Catalog, Relation, read_catalog
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.errors import translate_read
from chalicelib.postgres.rowsql import SFID
from chalicelib.postgres.statements import relation, statement

FILE = "install"
ATTEMPTS = 5
LOCK_TIMEOUT = "2s"
PAUSE = 0.5  # seconds between two attempts to get a lock

LANES = ("outbox_bulk", "outbox_live")
_SCHEMA = (
    "schema",
    "schema_comment",
    "installation",
    "installation_row",
    "link",
    "outbox",
    *LANES,
    "outbox_start",
    "marker",
    "edit",
)


@dataclass(frozen=True)
class Step:
    """Statements that take effect together.

    Attributes:
        statements: in order.
        transaction: whether they run in a transaction; an index that is built concurrently cannot.
    """

    statements: Sequence[sql.Composed]
    transaction: bool = True

    def text(self) -> str:
        """The step as a person can read it, or run it in psql."""
        lines = [f"{one.as_string().strip()};" for one in self.statements]
        if self.transaction:
            lines = ["BEGIN;", f"{_lock_timeout().as_string()};", *lines, "COMMIT;"]
        return "\n".join(lines) + "\n"


def _lock_timeout() -> sql.Composed:
    return statement(FILE, "lock_timeout", timeout=sql.Literal(LOCK_TIMEOUT))


def plan(mappings: Mappings, catalog: Catalog) -> str:
    """The SQL that :func:`install` would run; empty where everything is there.

    Raises:
        MappingError: a mapped table is not there.
    """
    return "\n".join(step.text() for step in steps(mappings, catalog))


def steps(mappings: Mappings, catalog: Catalog) -> list[Step]:
    """What is missing, in order.

    Raises:
        MappingError: a mapped table is not there.
    """
    absent = [mapping.table for mapping in mappings.mappings if mapping.table not in catalog.relations]
    if absent:
        raise MappingError([f"table {name} does not exist, or the role cannot see it" for name in absent])
    found = [] if catalog.schema else [Step([statement("schema", name) for name in _SCHEMA] + truncate_function())]
    if catalog.schema and not catalog.lanes:
        found.append(Step([statement("schema", name) for name in LANES]))
    for mapping in mappings.mappings:
        found += _link_steps(mapping, catalog.relations[mapping.table])
        found += _capture_steps(mapping, catalog.relations[mapping.table], catalog)
    return found + _stale_steps(mappings, catalog)


def _link_steps(mapping: ObjectMapping, found: Relation) -> list[Step]:
    """The column ``sfid`` and its index."""
    table, name = relation(mapping.table), sql.Literal(mapping.table)
    result = []
    if SFID not in found.table.columns:
        add = statement(FILE, "add_column", table=table)
        result.append(Step([add, statement(FILE, "note_column", table_name=name)]))
    if not found.link_indexed:
        index = f"{function_name(mapping.table)}_{SFID}".removeprefix("capture_")
        schema = mapping.table.partition(".")[0]
        qualified = sql.Identifier(schema, index)
        note = statement(FILE, "note_index", table_name=name, index=sql.Literal(qualified.as_string()))
        if found.partitioned:
            result.append(Step([statement(FILE, "add_index", name=sql.Identifier(index), table=table), note]))
        else:
            result += [  # an index that an earlier run left half built is dropped first
                Step([note]),
                Step([statement(FILE, "drop_index", index=qualified)], transaction=False),
                Step([statement(FILE, "add_unique_index", name=sql.Identifier(index), table=table)], transaction=False),
            ]
    return result


def _capture_steps(mapping: ObjectMapping, found: Relation, catalog: Catalog) -> list[Step]:
    capture = CaptureSql(mapping)
    complete = all(
        "twinledger_truncate" in catalog.triggers.get(name, ()) for name in (mapping.table, *found.partitions)
    )
    if complete and found.capture == (capture.digest,) * 2:
        return []
    check = capture.filter_check()
    # The function's own search_path, so that a filter which the trigger could not evaluate fails here
    pinned: list[sql.Composed] = [] if check is None else [statement(FILE, "pin_search_path"), check]
    return [Step([*pinned, *capture.function(), *capture.triggers(found.partitions)])]


def _stale_steps(mappings: Mappings, catalog: Catalog) -> list[Step]:
    """Take the triggers off tables that no mapping names any more."""
    mapped = set(mappings.by_table) | {
        name for mapping in mappings.mappings for name in catalog.relations[mapping.table].partitions
    }
    return [_drop_triggers(table) for table in catalog.triggers if table not in mapped]


def _drop_triggers(table: str) -> Step:
    return Step(
        [
            statement(FILE, "drop_trigger", trigger=sql.Identifier(trigger), table=relation(table))
            for trigger in TRIGGERS
        ]
    )


def install(connection: Connection, mappings: Mappings) -> list[str]:
    """Create what is missing; the SQL that was run is returned.

    Raises:
        MappingError: a mapped table is not there.
        RecordLocked: a table stayed locked for longer than the attempts lasted.
        TwinledgerError: see :mod:`chalicelib.postgres.errors`; what was done before stays, another run does the rest.
    """
    catalog = _catalog(connection, mappings)
    wanted = steps(mappings, catalog)
    for step in wanted:
        _run(connection, step)
    return [step.text() for step in wanted]


def uninstall(connection: Connection, *, keep_links: bool = False) -> None:
    """Take away triggers, functions and the schema, and what was added to the mapped tables.

    Args:
        connection: as the role that installed.
        keep_links: leave the columns ``sfid`` and their indexes.

    Raises:
        RecordLocked: a table stayed locked; another run does the rest.
        TwinledgerError: see :mod:`chalicelib.postgres.errors`.
    """
    try:
        catalog = read_catalog(connection, [])
        links = connection.execute(statement(FILE, "links")).fetchall() if catalog.schema else []
    except psycopg.Error as error:
        raise translate_read(error) from error
    for table in catalog.triggers:
        _run(connection, _drop_triggers(table))
    for table_name, added_column, added_index in [] if keep_links else links:
        dropped = []
        if added_index is not None:
            dropped.append(statement(FILE, "drop_added_index", index=sql.SQL(str(added_index))))
        if added_column is True:
            dropped.append(statement(FILE, "drop_column", table=relation(str(table_name))))
        _run(connection, Step(dropped))
    _run(connection, Step([statement(FILE, "drop_schema")]))


def _catalog(connection: Connection, mappings: Mappings) -> Catalog:
    try:
        return read_catalog(connection, list(mappings.by_table))
    except psycopg.Error as error:
        raise translate_read(error) from error


def _run(connection: Connection, step: Step) -> None:
    """Run a step; again after a pause where a lock could not be had."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _execute(connection, step)
        except psycopg.Error as error:
            found: TwinledgerError = translate_read(error)
            if not isinstance(found, RecordLocked) or attempt == ATTEMPTS:
                raise found from error
            time.sleep(PAUSE)
        else:
            return


def _execute(connection: Connection, step: Step) -> None:
    if not step.transaction:
        for one in step.statements:
            connection.execute(one)
        return
    with connection.transaction():
        connection.execute(_lock_timeout())
        for one in step.statements:
            connection.execute(one)
