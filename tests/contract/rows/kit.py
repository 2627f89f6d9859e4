"""Handles for the tests of the port ``Rows``."""

from uuid import uuid4

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields, Marker, PrimaryKey, Row, RowState
from chalicelib.core.ports import Failed, RowOutcome, RowQuery, RowWrite, RowWritten, WriteKind
from tests.contract.row_bench import Bench
from tests.fakes.statements import Cells
from tests.integration.postgres.sample import account

SFID = "001000000000001AAA"
OTHER_SFID = "001000000000002AAA"
PARENT_SFID = "001000000000003AAA"


def state(bench: Bench, mapping: ObjectMapping, pk: PrimaryKey, key: str | None = None) -> RowState:
    """What the port reads of one row."""
    return bench.rows.read([RowQuery(mapping, key, pk=pk)])[0]


def row(bench: Bench, mapping: ObjectMapping, pk: PrimaryKey) -> Row:
    """The same of a row that is there."""
    found = state(bench, mapping, pk).row
    assert found is not None
    return found


def add(bench: Bench, cells: Cells | None = None, mapping: ObjectMapping = account, sfid: str | None = None) -> Row:
    """A user's new row."""
    default: Cells = {"Name": f"Acme {uuid4()}"} if mapping is account else {}
    return row(bench, mapping, bench.insert(mapping, {**default, **(cells or {})}, sfid, None))


def update(seen: Row, values: Fields, mapping: ObjectMapping = account, **more: str | Marker | None) -> RowWrite:
    """An update of what was seen."""
    marker, sfid = more.get("marker"), more.get("sfid")
    assert not isinstance(marker, str)
    assert not isinstance(sfid, Marker)
    return RowWrite(
        mapping,
        WriteKind.UPDATE,
        str(more.get("key", uuid4())),
        str(more.get("operation", uuid4())),
        RowState(seen, marker),
        values,
        sfid,
    )


def create(
    values: Fields, mapping: ObjectMapping = account, sfid: str | None = SFID, pk: PrimaryKey | None = None
) -> RowWrite:
    """A create."""
    default: Fields = {"Name": f"Acme {uuid4()}", "Active": False} if mapping is account else {}
    return RowWrite(
        mapping,
        WriteKind.CREATE,
        str(uuid4()),
        str(uuid4()),
        RowState(None, None),
        {**default, **values},
        sfid,
        pk,
    )


def delete(seen: Row, mapping: ObjectMapping = account, marker: Marker | None = None) -> RowWrite:
    """A delete of what was seen."""
    return RowWrite(mapping, WriteKind.DELETE, str(uuid4()), str(uuid4()), RowState(seen, marker), {})


def write(bench: Bench, *writes: RowWrite) -> list[RowOutcome]:
    """Write, and give the outcomes as a list."""
    return list(bench.rows.write(writes))


def written(bench: Bench, one: RowWrite) -> RowState:
    """What is there after a write that has to pass."""
    [outcome] = bench.rows.write([one])
    assert isinstance(outcome, RowWritten), outcome
    return outcome.state


def failure(outcome: RowOutcome) -> tuple[type[Exception], str, tuple[str, ...]]:
    """Kind of error, code and blamed fields of a refused write."""
    assert isinstance(outcome, Failed), outcome
    error = outcome.error
    return type(error), getattr(error, "code", ""), getattr(error, "fields", ())
