"""Handles for the tests of the port ``Records``."""

from uuid import uuid4

from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Fields, Record
from chalicelib.core.ports import (
    RecordOutcome,
    RecordQuery,
    RecordWrite,
    RecordWritten,
    WriteKind,
)
from tests.contract.record_bench import ACCOUNT, Bench


def read(
    bench: Bench, record_id: str | None, key: str | None = None, mapping: ObjectMapping = ACCOUNT
) -> Record | None:
    """What the port reads of one record."""
    return bench.records.read([RecordQuery(mapping, record_id, key)])[0]


def seen(bench: Bench, record_id: str, mapping: ObjectMapping = ACCOUNT) -> Record:
    """The same of a record that is there."""
    record = read(bench, record_id, mapping=mapping)
    assert record is not None
    return record


def account(bench: Bench, **values: str) -> Record:
    """A user's account, seen after its second has closed."""
    record_id = bench.add("Account", {"Name": "Acme", **values})
    bench.next_second()
    return seen(bench, record_id)


def update(expected: Record, values: Fields, mapping: ObjectMapping = ACCOUNT, **more: str) -> RecordWrite:
    """An update of what was seen."""
    key = more.get("key", expected.key or str(uuid4()))
    return RecordWrite(mapping, WriteKind.UPDATE, key, more.get("operation", str(uuid4())), expected, values)


def create(values: Fields, mapping: ObjectMapping = ACCOUNT, key: str | None = None) -> RecordWrite:
    """A create."""
    return RecordWrite(mapping, WriteKind.CREATE, key or str(uuid4()), str(uuid4()), None, values)


def other(expected: Record, kind: WriteKind) -> RecordWrite:
    """A delete or an undelete of what was seen."""
    return RecordWrite(ACCOUNT, kind, expected.key or str(uuid4()), str(uuid4()), expected, {})


def write(bench: Bench, *writes: RecordWrite) -> list[RecordOutcome]:
    """Write in one call."""
    return list(bench.records.write(list(writes)))


def written(outcome: RecordOutcome) -> Record:
    """The record of a write that must have succeeded."""
    assert isinstance(outcome, RecordWritten)
    return outcome.record
