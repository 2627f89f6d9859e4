"""Compare and set by the Apex class TwinledgerRest: the default writer.

    worker                     TwinledgerRest (one transaction)               a user, or a late request of an old pass
      │ read R: values, marker, stamp
      │                                                                         │ edits R, commits
      ├── {expected, new, op} ───► SELECT R FOR UPDATE   (waits for whoever writes R now)
      │                            values, marker and stamp as expected?
      │                              no  ─► "changed", nothing written
      │                              yes ─► write values and op as the marker ─ triggers, flows ─ read R again
      │                            commit, locks go   ◄─────────────────────────┤ edits R: waits until here
      │◄── written, R as it now is

Nothing can come between the comparison and the write. A late request of an abandoned operation meets another marker,
even where the values have come back to what it expected. The contract is the page ``infra/salesforce/README.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from chalicelib.core.errors import ConfigurationError, ProtocolError, Rejected, TwinledgerError
from chalicelib.core.mapping import ObjectMapping, Reference
from chalicelib.core.model import Fields, Record, SalesforceId
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
from chalicelib.salesforce.client import Client, Reply
from chalicelib.salesforce.errors import ApexFailed, Problem, classify_problems, problems_in
from chalicelib.salesforce.reader import Reader
from chalicelib.salesforce.soql import KEY_FIELD
from chalicelib.salesforce.stamps import rest_stamp
from chalicelib.salesforce.writes import expected_record, expected_values, spelled

PATH = "twinledger/v1"
CONTRACT = 1
OPERATIONS_A_CALL = 200

_Operation: TypeAlias = dict[str, Any]

_REMEDY = (
    "deploy infra/salesforce to the org and give the integration user the permission set, "
    "or choose the conditional writer"
)


@dataclass
class ApexRecords(Records):
    """The port ``Records`` by the Apex class.

    Attributes:
        client: the org.
        reader: shared reader.
    """

    client: Client
    reader: Reader

    @property
    def needs_closed_second(self) -> bool:
        """Never: the class compares everything."""
        return False

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See the port."""
        return self.reader.read(wanted)

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See the port."""
        return self.reader.match(mapping, wanted)

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """See the port."""
        return self.reader.children(references, ids)

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port. Records that one call cannot carry go in the next."""
        outcomes: list[RecordOutcome] = []
        for start in range(0, len(writes), OPERATIONS_A_CALL):
            outcomes += self._send(writes[start : start + OPERATIONS_A_CALL])
        return outcomes

    def version(self) -> Mapping[str, Any]:
        """What the deployed class says of itself: ``contract``, ``version``, ``organizationId``, ``userId``.

        Raises:
            ConfigurationError: it is not there, or speaks another contract.
        """
        try:
            body = self.client.apex(PATH).body
        except Rejected as error:
            raise _absent(error) from error
        return _checked(body)

    def _send(self, writes: Sequence[RecordWrite]) -> list[RecordOutcome]:
        outcomes: dict[int, RecordOutcome] = {}
        operations: dict[int, _Operation] = {}
        for place, write in enumerate(writes):
            try:
                operations[place] = self._operation(write)
            except Rejected as error:  # Salesforce cannot hold the value: it is refused before it is sent
                outcomes[place] = Failed(error)
        if operations:
            sent = [(writes[place], operation) for place, operation in operations.items()]
            outcomes.update(zip(operations, self._call(sent), strict=True))
        return [outcomes[place] for place in range(len(writes))]

    def _call(self, sent: Sequence[tuple[RecordWrite, _Operation]]) -> list[RecordOutcome]:
        operations = [operation for _, operation in sent]
        try:
            reply = self.client.apex(PATH, method="POST", json={"contract": CONTRACT, "operations": operations})
        except Rejected as error:
            raise _absent(error) from error
        except ApexFailed as error:
            return self._apart(sent, error)
        results = _checked(reply.body)["results"]
        if len(results) != len(sent):
            raise ProtocolError(f"TwinledgerRest answered {len(results)} results to {len(sent)} operations")
        return [self._outcome(write, result, reply) for (write, _), result in zip(sent, results, strict=True)]

    def _apart(self, sent: Sequence[tuple[RecordWrite, _Operation]], error: ApexFailed) -> list[RecordOutcome]:
        """One record broke the call for all, as where a user's trigger goes over a limit: find it, write the others."""
        if len(sent) == 1:
            return [Failed(Rejected(str(error), code="APEX_ERROR"))]
        middle = len(sent) // 2
        return self._call(sent[:middle]) + self._call(sent[middle:])

    def _operation(self, write: RecordWrite) -> _Operation:
        operation: _Operation = {
            "kind": write.kind.value,
            "object": write.mapping.object,
            "operation": write.operation,
            "returning": list(self.reader.fields(write.mapping)),
        }
        if write.kind in (WriteKind.CREATE, WriteKind.UPDATE):
            operation["values"] = spelled(write)
        if write.kind is WriteKind.CREATE:
            return operation | {"key": write.key}
        seen = expected_record(write)
        if write.kind is WriteKind.UPDATE and seen.key is None:
            operation["values"][KEY_FIELD] = write.key
        expected = {"marker": seen.marker, "stamp": rest_stamp(seen.modified_at), "values": expected_values(write)}
        return operation | {"id": seen.id, "expected": expected}

    def _outcome(self, write: RecordWrite, result: Mapping[str, Any], reply: Reply) -> RecordOutcome:
        match result["status"]:
            case "written":
                return RecordWritten(self.reader.build(write.mapping, result["record"], reply.asked_at))
            case "changed" | "absent" | "duplicate":
                return Stale()
            case "refused":
                problems = problems_in(result["errors"]) or (Problem("UNKNOWN_EXCEPTION", "refused without a reason"),)
                return Failed(classify_problems(problems))
            case other:
                raise ProtocolError(f"TwinledgerRest answered the status {other!r}")


def _checked(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping) or body.get("contract") != CONTRACT:
        found = body.get("contract") if isinstance(body, Mapping) else "none"
        raise ConfigurationError(f"TwinledgerRest speaks contract {found}, this version needs {CONTRACT}: {_REMEDY}")
    return body


def _absent(error: TwinledgerError) -> ConfigurationError:
    return ConfigurationError(f"TwinledgerRest cannot be called ({error}): {_REMEDY}")
