"""What an org does with records: tried on two of the probe's own, which end in the recycle bin.

Some questions have two good answers (does a deletion move the stamp, are texts trimmed): the sync takes either, and the
finding says which it is, for that is not documented.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.mapping import Field, Kind, ObjectMapping, Unit
from chalicelib.core.model import Record, Value
from chalicelib.core.ports import (
    Failed,
    RecordOutcome,
    RecordQuery,
    Records,
    RecordWrite,
    RecordWritten,
    Stale,
    WriteKind,
)
from chalicelib.salesforce.apex_writer import ApexRecords
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.conditional_writer import ConditionalRecords
from chalicelib.salesforce.finding import Finding
from chalicelib.salesforce.reader import Reader
from chalicelib.salesforce.soql import KEY_FIELD, MARKER_FIELD

NAME = "Twinledger probe"
_PAUSE = 1.1  # seconds: the next stamp is another one
_LONG_AGO = 86_400  # seconds
_TEXTS = frozenset({"string", "textarea"})
_NUMBERS = frozenset({"currency", "double"})
_FEW_DIGITS = 2  # after the point
_PRECISE = "1.2345678"


def try_records(client: Client, objects: Sequence[str], *, apex: bool) -> Iterator[Finding]:
    """Try what the writers rely on, on the first object of which a record can be made.

    Args:
        client: the org.
        objects: candidates, the preferred first.
        apex: whether to try the Apex writer too.
    """
    mapping = next((found for name in objects if (found := _sample(client, name)) is not None), None)
    if mapping is None:
        yield Finding(
            "records",
            ok=False,
            detail=f"no record of {', '.join(objects)} can be made from a text alone",
            remedy=f"add {KEY_FIELD} and {MARKER_FIELD} to Account and let the integration user create accounts",
        )
        return
    attempt = _Attempt(client, mapping)
    try:
        yield from attempt.conditional()
        if apex:
            yield from attempt.apex()
    except _UnexpectedError as error:
        yield Finding(error.name, ok=False, detail=str(error), remedy="the sync must not write to this org: report it")
    finally:
        left = attempt.clean()
    yield Finding(
        "probe records",
        ok=not left,
        detail=f"could not delete {', '.join(left)}" if left else f"{mapping.object} {NAME}: in the recycle bin",
        remedy="delete them by hand" if left else "",
    )


class _UnexpectedError(Exception):
    """The org did something that the sync excludes."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name


def _sample(client: Client, name: str) -> ObjectMapping | None:
    """A mapping of one text (and a number) of an object of which a record can be made from that text alone."""
    try:
        body: Mapping[str, Any] = client.rest("GET", f"sobjects/{name}/describe").body
    except TwinledgerError:
        return None
    fields = {item["name"]: item for item in body["fields"]}
    own = [fields.pop(key) for key in (KEY_FIELD, MARKER_FIELD) if key in fields and fields[key]["updateable"]]
    free = [item for item in fields.values() if item["createable"] and item["updateable"]]
    needed = [item for item in free if not item["nillable"] and not item.get("defaultedOnCreate")]
    texts = [item for item in needed or free if item["type"] in _TEXTS]
    if not (body.get("createable") and body.get("deletable")) or len(own) < 2 or len(needed) > 1 or not texts:
        return None
    numbers = [item for item in free if item["type"] in _NUMBERS and item["nillable"] and item["scale"] <= _FEW_DIGITS]
    number = numbers[0]["name"] if numbers else None
    made = [Field(texts[0]["name"], "text", Kind.TEXT, "text")]
    if number:
        made.append(Field(number, "number", Kind.NUMBER, "numeric"))
    units = tuple(Unit(one.name, (one.name,)) for one in made)
    return ObjectMapping("probe", name, "probe", ("id",), ("text",), tuple(made), units)


@dataclass
class _Attempt:
    """A run on one org."""

    client: Client
    mapping: ObjectMapping
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        reader = Reader(self.client)
        self._rest = ConditionalRecords(self.client, reader)
        self._class = ApexRecords(self.client, reader)
        self._text = self.mapping.fields[0].name

    # --- the conditional writer

    def conditional(self) -> Iterator[Finding]:
        """Create, update, trim, round, delete, all by REST."""
        name = "create"
        record = self._create(self._rest, name)
        yield Finding(name, ok=True, detail="key, marker and author are as written")
        yield self._same_key(record)
        yield self._stale("precondition in Composite", self._rest, record, WriteKind.UPDATE)
        record, finding = self._look(record)
        yield finding
        record, finding = self._trimmed(record)
        yield finding
        record, finding = self._rounded(record)
        yield finding
        yield self._stale("precondition of a delete", self._rest, record, WriteKind.DELETE)
        self._pause()
        gone = self._written("delete", self._write(self._rest, WriteKind.DELETE, record), deleted=True)
        yield Finding("delete", ok=True, detail="in the recycle bin, with the marker")
        yield self._moved("stamp of a delete", record, gone)

    def _same_key(self, record: Record) -> Finding:
        outcome = self._write(self._rest, WriteKind.CREATE, None, {self._text: NAME}, key=record.key)
        self._remember(outcome)
        ok = isinstance(outcome, Stale)
        detail = "a second record with it is refused" if ok else f"a second record with it: {_told(outcome)}"
        return Finding("unique key", ok=ok, detail=detail, remedy="" if ok else f"make {KEY_FIELD} unique")

    def _stale(self, name: str, records: Records, record: Record, kind: WriteKind) -> Finding:
        old = replace(record, modified_at=record.modified_at - _LONG_AGO)
        values = {self._text: f"{NAME} overwritten"} if kind is WriteKind.UPDATE else {}
        outcome = self._write(records, kind, old, values)
        now = self._read(record.id, name)
        if not isinstance(outcome, Stale) or now.values != record.values or now.deleted:
            raise _UnexpectedError(name, f"a write that expects an older stamp was not refused: {_told(outcome)}")
        return Finding(name, ok=True, detail="a write that expects an older stamp is refused, and changes nothing")

    def _look(self, record: Record) -> tuple[Record, Finding]:
        name = "state after automation"
        after = self._update(name, record, {self._text: f"{NAME} 2"})
        again = self._read(record.id, name)
        if (again.values, again.modified_at) != (after.values, after.modified_at):
            detail, remedy = "a read after it saw another state", "find what changes the record after its save"
            return again, Finding(name, ok=False, detail=detail, remedy=remedy)
        changed = after.values[self._text] != f"{NAME} 2"
        detail = "automation changed the text, and that is seen" if changed else "seen in the call of the write"
        return again, Finding(name, ok=True, detail=detail)

    def _trimmed(self, record: Record) -> tuple[Record, Finding]:
        after = self._update("spaces around a text", record, {self._text: f"  {NAME}  "})
        kept = after.values[self._text]
        detail = {NAME: "are cut off", f"  {NAME}  ": "are kept"}.get(str(kept), "are changed otherwise")
        return after, Finding("spaces around a text", ok=True, detail=detail)

    def _rounded(self, record: Record) -> tuple[Record, Finding]:
        name = "digits beyond a number's scale"
        if len(self.mapping.fields) == 1:
            return record, Finding(name, ok=True, detail=f"not tried: {self.mapping.object} has no number to write")
        number = self.mapping.fields[1].name
        after = self._update(name, record, {number: _PRECISE})
        detail = "are kept" if after.values[number] == _PRECISE else f"become {after.values[number]}"
        return after, Finding(name, ok=True, detail=detail)

    # --- the Apex writer

    def apex(self) -> Iterator[Finding]:
        """Compare and set, delete and undelete by the class."""
        name = "Apex compare and set"
        record = self._create(self._class, name)
        yield self._stale(name, self._class, record, WriteKind.UPDATE)
        yield self._marker(record)
        self._pause()
        gone = self._written("Apex delete", self._write(self._class, WriteKind.DELETE, record), deleted=True)
        yield from self._key_in_bin(gone)
        self._pause()
        back = self._written("Apex undelete", self._write(self._class, WriteKind.UNDELETE, gone), deleted=False)
        yield Finding("Apex delete and undelete", ok=True, detail="the record comes back with the marker")
        yield self._moved("stamp of an undelete", gone, back)

    def _marker(self, record: Record) -> Finding:
        name = "Apex marker"
        outcome = self._write(self._class, WriteKind.UPDATE, replace(record, marker="another"), {self._text: "x"})
        if not isinstance(outcome, Stale):
            raise _UnexpectedError(name, f"a write that expects another marker was not refused: {_told(outcome)}")
        return Finding(name, ok=True, detail="a write that expects another marker is refused")

    def _key_in_bin(self, gone: Record) -> Iterator[Finding]:
        """Whether another record may take the key of one in the bin, and whether the undelete is then refused."""
        name = "key of a record in the bin"
        taken = self._write(self._rest, WriteKind.CREATE, None, {self._text: NAME}, key=gone.key)
        self._remember(taken)
        if not isinstance(taken, RecordWritten):
            yield Finding(name, ok=True, detail="is still taken")
            return
        twin = self._written(name, taken, deleted=False)
        outcome = self._write(self._class, WriteKind.UNDELETE, gone)
        if not isinstance(outcome, Failed):
            raise _UnexpectedError(name, f"two records with one key: the undelete was not refused: {_told(outcome)}")
        self._written("delete", self._write(self._rest, WriteKind.DELETE, twin), deleted=True)
        yield Finding(name, ok=True, detail="may be taken again; the undelete is then refused")

    # --- steps

    def _create(self, records: Records, name: str) -> Record:
        outcome = self._write(records, WriteKind.CREATE, None, {self._text: NAME})
        self._remember(outcome)
        return self._written(name, outcome, deleted=False)

    def _update(self, name: str, record: Record, values: Mapping[str, Value]) -> Record:
        self._pause()
        return self._written(name, self._write(self._rest, WriteKind.UPDATE, record, values), deleted=False)

    def _write(
        self,
        records: Records,
        kind: WriteKind,
        expected: Record | None,
        values: Mapping[str, Value] | None = None,
        key: str | None = None,
    ) -> RecordOutcome:
        self._operation = self.client.clock.new_id()[:36]
        known = key or (expected.key if expected else None) or self.client.clock.new_id()[:36]
        return records.write([RecordWrite(self.mapping, kind, known, self._operation, expected, values or {})])[0]

    def _written(self, name: str, outcome: RecordOutcome, *, deleted: bool) -> Record:
        if not isinstance(outcome, RecordWritten):
            raise _UnexpectedError(name, _told(outcome))
        record = outcome.record
        found = (record.marker, record.ours or deleted, record.deleted)
        if found != (self._operation, True, deleted):
            raise _UnexpectedError(name, "marker, author or deletion are not as written")
        return record

    def _read(self, record_id: str, name: str) -> Record:
        record = self._rest.read([RecordQuery(self.mapping, record_id)])[0]
        if record is None:
            raise _UnexpectedError(name, "the record is not found")
        return record

    def _moved(self, name: str, before: Record, after: Record) -> Finding:
        moved = after.modified_at != before.modified_at
        return Finding(name, ok=True, detail="moves" if moved else "stays")

    def _pause(self) -> None:
        self.client.clock.sleep(_PAUSE)

    def _remember(self, outcome: RecordOutcome) -> None:
        if isinstance(outcome, RecordWritten):
            self.made.append(outcome.record.id)

    def clean(self) -> list[str]:
        """Delete what was made and is still alive; gives back the ids for which that did not work."""
        left = []
        for record_id in self.made:
            try:
                record = self._rest.read([RecordQuery(self.mapping, record_id)])[0]
                if record is not None and not record.deleted:
                    self.client.rest("DELETE", f"sobjects/{self.mapping.object}/{record_id}")
            except TwinledgerError:
                left.append(record_id)
        return left


def _told(outcome: RecordOutcome) -> str:
    if isinstance(outcome, Failed):
        return str(outcome.error)
    return "it was written" if isinstance(outcome, RecordWritten) else "it was refused as changed"
