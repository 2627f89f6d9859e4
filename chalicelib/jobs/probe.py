"""Try out on the user's own org what the conditional writes rest on.

One record of each mapped object is created, changed, deleted and taken away again, through the very port that the
settle step writes through. Two-way is refused for an org that has not passed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from chalicelib.aws.state import Probe
from chalicelib.core.catalog import SalesforceField, SalesforceObject
from chalicelib.core.errors import TwinledgerError
from chalicelib.core.mapping import Field, Kind, Mappings, ObjectMapping
from chalicelib.core.model import Record, Side, Value
from chalicelib.core.ports import (
    Clock,
    Failed,
    RecordOutcome,
    RecordQuery,
    Records,
    RecordWrite,
    RecordWritten,
    Stale,
    WriteKind,
)

NAME = "Twinledger probe"
SECOND = 1.1  # Salesforce's stamps have whole seconds: after this, two stamps differ

_SAMPLES: dict[Kind, Value] = {
    Kind.TEXT: NAME,
    Kind.NUMBER: "1",
    Kind.BOOLEAN: True,
    Kind.DATE: "2026-01-02",
    Kind.DATETIME: "2026-01-02T03:04:05Z",
    Kind.TIME: "01:02:03.000",
}


class AssumptionFailed(Exception):
    """Something that was expected of the org is not so."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One object's trial."""

    mapping: ObjectMapping
    field: Field
    key: str


class Prober:
    """Tries an org out.

    Args:
        records: the Salesforce side by the chosen writer.
        describe: what the org says of an object.
        version: asks for what else has to be there (the Apex class), and raises where it is not; None: nothing.
        can_undelete: whether the writer can take a record out of the recycle bin.
        clock: time and ids.
    """

    def __init__(
        self,
        *,
        records: Records,
        describe: Callable[[str], SalesforceObject],
        version: Callable[[], object] | None,
        can_undelete: bool,
        clock: Clock,
    ) -> None:
        self._records = records
        self._describe = describe
        self._version = version
        self._can_undelete = can_undelete
        self._clock = clock

    def run(self, mappings: Mappings, organization_id: str) -> Probe:
        """Try every mapped object that is written in Salesforce. What failed is a finding; nothing is raised."""
        findings: list[str] = []
        passed = True
        for name, steps in self._trials(mappings):
            try:
                findings += [f"{name}: ok: {done}" for done in steps]
            except (AssumptionFailed, TwinledgerError) as error:
                passed = False
                findings.append(f"{name}: FAILED: {error}")
        return Probe(organization_id, passed, self._clock.now(), tuple(findings))

    def _trials(self, mappings: Mappings) -> Iterator[tuple[str, Iterator[str]]]:
        if self._version is not None:
            yield "TwinledgerRest", self._class(self._version)
        for mapping in mappings.mappings:
            if Side.SALESFORCE in mapping.creates:
                yield mapping.object, self._object(mapping)

    @staticmethod
    def _class(version: Callable[[], object]) -> Iterator[str]:
        version()
        yield "the Apex class is there and speaks this version's contract"

    def _object(self, mapping: ObjectMapping) -> Iterator[str]:
        described = self._describe(mapping.object).fields
        required = {name for name, field in described.items() if _required(field)}
        texts = [field for field in mapping.fields if _plain(field, described)]
        if not texts:
            raise AssumptionFailed("no text field of the mapping can be written in Salesforce: nothing can be tried")
        case = _Case(mapping, min(texts, key=lambda field: field.name not in required), self._clock.new_id())
        created = self._created(case, required)
        try:
            yield from self._changes(case, created)
            yield from self._deletions(case)
        finally:
            self._clean(case)

    def _created(self, case: _Case, required: Collection[str]) -> Record:
        values = {
            field.name: _SAMPLES[field.kind]
            for field in case.mapping.fields
            if field.name == case.field.name or (field.name in required and field.kind in _SAMPLES)
        }
        record = _record(self._write(case, WriteKind.CREATE, None, values), "a record can be created")
        _hold(record.values.get(case.field.name) == NAME, f"{case.field.name} is stored as it was written")
        _hold(record.key == case.key, "Twinledger_Key__c is stored")
        _hold(record.marker is not None, "Twinledger_Op__c is stored")
        _hold(record.ours, "a record that the sync wrote was last modified by the integration user")
        return record

    def _changes(self, case: _Case, created: Record) -> Iterator[str]:
        yield "a record can be created with its key and marker, and is read back in the same call"
        again = self._write(case, WriteKind.CREATE, None, {case.field.name: NAME})
        _hold(isinstance(again, Stale), "a second record with the same key is refused")
        yield "a second record with the same key is refused"
        seen = self._read(case)
        changed = _record(self._write(case, WriteKind.UPDATE, seen, {case.field.name: f"{NAME} again"}), "an update")
        _hold(changed.values.get(case.field.name) == f"{NAME} again", "an update is read back in the same call")
        yield "a record that is as it was seen can be changed, and is read back in the same call"
        self._clock.sleep(SECOND)
        late = self._write(case, WriteKind.UPDATE, created, {case.field.name: "late"})
        _hold(isinstance(late, Stale), "a record that was changed since it was seen is not written over")
        _hold(self._read(case).values == changed.values, "a refused write changes nothing")
        yield "a record that was changed since it was seen is not written over"
        padded = _record(self._write(case, WriteKind.UPDATE, self._read(case), {case.field.name: " x "}), "an update")
        yield f'" x " is stored as "{padded.values.get(case.field.name)}", and the form read back is what counts'

    def _deletions(self, case: _Case) -> Iterator[str]:
        seen = self._read(case)
        older = replace(seen, marker="other", modified_at=seen.modified_at - 60)
        late = self._write(case, WriteKind.DELETE, older, {})
        _hold(isinstance(late, Stale), "a record that was changed since it was seen is not deleted")
        yield "a record that was changed since it was seen is not deleted"
        gone = self._write(case, WriteKind.DELETE, self._read(case), {})
        _hold(isinstance(gone, RecordWritten), f"a record that is as it was seen can be deleted{_told(gone)}")
        binned = self._read(case)
        _hold(binned.deleted, "a deleted record is found in the recycle bin by its key")
        yield "a deleted record is found in the recycle bin with its key and marker"
        if self._can_undelete:
            back = _record(self._write(case, WriteKind.UNDELETE, binned, {}), "a record can be undeleted")
            _hold(not back.deleted, "an undeleted record is there again")
            yield "a record can be taken out of the recycle bin, provided that it is as it was seen"

    def _clean(self, case: _Case) -> None:
        left = self._records.read([RecordQuery(case.mapping, None, case.key)])[0]
        if left is not None and not left.deleted:
            self._clock.sleep(SECOND)
            left = self._records.read([RecordQuery(case.mapping, left.id)])[0]
            outcome = self._write(case, WriteKind.DELETE, left, {})
            _hold(isinstance(outcome, RecordWritten), f"the trial record is deleted{_told(outcome)}")

    def _read(self, case: _Case) -> Record:
        """The trial record, once the second of its stamp is over where the writer needs that."""
        if self._records.needs_closed_second:
            self._clock.sleep(SECOND)
        record = self._records.read([RecordQuery(case.mapping, None, case.key)])[0]
        if record is None:
            raise AssumptionFailed("a record can be read by its key")
        return record

    def _write(self, case: _Case, kind: WriteKind, seen: Record | None, values: dict[str, Value]) -> RecordOutcome:
        write = RecordWrite(case.mapping, kind, case.key, self._clock.new_id(), seen, values)
        return self._records.write([write])[0]


def _required(field: SalesforceField) -> bool:
    return field.createable and not field.nillable and not field.defaulted_on_create


def _plain(field: Field, described: Mapping[str, SalesforceField]) -> bool:
    """Whether any short text may be written: no picklist, no e-mail address."""
    found = described.get(field.name)
    plain = found is not None and found.type in {"string", "textarea"} and found.length >= len(f"{NAME} again")
    return plain and field.kind is Kind.TEXT and Side.SALESFORCE in field.writable


def _record(outcome: RecordOutcome, assumption: str) -> Record:
    if isinstance(outcome, RecordWritten):
        return outcome.record
    raise AssumptionFailed(f"{assumption}{_told(outcome)}")


def _told(outcome: RecordOutcome) -> str:
    return f": {outcome.error}" if isinstance(outcome, Failed) else ""


def _hold(holds: bool, assumption: str) -> None:
    if not holds:
        raise AssumptionFailed(f"it is not so that {assumption}")
