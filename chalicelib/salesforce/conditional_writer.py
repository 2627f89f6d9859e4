"""Compare and set by REST alone, for orgs without the Apex class: Composite with ``If-Unmodified-Since``.

A stamp has whole seconds and is taken when a transaction starts to write, so the condition has two holes. The first is
closed by waiting; the second stays (its rate stands in ``infra/salesforce/README.md``):

    second :00          :01                 second :00       :01  ...  :05
    ├── save A (:00) ───┤                   ├── save A (:00), committed
    │  read: stamp :00  │                   │  save B starts (:00) ........ commits
    │   save B (:00)    │                   │                   read: A, stamp :00
    │    PATCH "unmodified since :00" ✗     │                              PATCH "unmodified since :00" ✗
    a read in an open second sees A only:   B's stamp is not newer than the one that was read:
    the caller waits until it has closed    only long transactions can do this

(✗: the precondition holds although B was never seen.) Sources: REST API Developer Guide, "Conditional Request Headers"
and "Composite".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from chalicelib.core.errors import Rejected, TwinledgerError
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
from chalicelib.salesforce.client import WRITE_HEADERS, Client, Reply
from chalicelib.salesforce.composite import parts
from chalicelib.salesforce.errors import CROSS_REFERENCE, DELETED, DUPLICATE, classify, names_field, problems_in
from chalicelib.salesforce.reader import Reader
from chalicelib.salesforce.soql import KEY_FIELD, MARKER_FIELD, STATE_FIELDS, Wanted, encoded
from chalicelib.salesforce.writes import expected_record, spelled

WRITES_A_CALL = 12  # two subrequests each, of Composite's 25

_GONE = frozenset({DELETED, CROSS_REFERENCE, "NOT_FOUND"})
_FOLLOWED = frozenset({"PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK"})  # another subrequest is the cause
_NO_UNDELETE = "REST has no undelete: restore the record in Salesforce, or deploy the Apex class of infra/salesforce"


@dataclass
class ConditionalRecords(Records):
    """The port ``Records`` by conditional requests.

    Attributes:
        client: the org.
        reader: shared reader.
    """

    client: Client
    reader: Reader

    @property
    def needs_closed_second(self) -> bool:
        """Always: see the first hole above."""
        return True

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
        """See the port. A delete takes a call of its own, and an undelete is refused: REST has none."""
        outcomes: dict[int, RecordOutcome] = {}
        together: list[int] = []
        for place, write in enumerate(writes):
            if write.kind is WriteKind.UNDELETE:
                outcomes[place] = Failed(Rejected(_NO_UNDELETE, code="NO_UNDELETE"))
            elif write.kind is WriteKind.DELETE:
                outcomes[place] = self._delete(write)
            else:
                together.append(place)
        for start in range(0, len(together), WRITES_A_CALL):
            batch = together[start : start + WRITES_A_CALL]
            outcomes.update(zip(batch, self._save([writes[place] for place in batch]), strict=True))
        return [outcomes[place] for place in range(len(writes))]

    # --- create and update

    def _save(self, writes: Sequence[RecordWrite]) -> list[RecordOutcome]:
        """One Composite: each write, and right after it a look at the record as automation left it.

        PATCH R1  If-Unmodified-Since: the stamp seen   412 -> nothing written
        GET   R1                                        the state after triggers and flows
        POST  R2  with the key                          DUPLICATE_VALUE -> somebody created it
        GET   R2                                        halted where the POST failed
        """
        outcomes: dict[int, RecordOutcome] = {}
        requests: list[dict[str, Any]] = []
        for place, write in enumerate(writes):
            try:
                requests += self._requests(place, write)
            except Rejected as error:
                outcomes[place] = Failed(error)
        if requests:
            reply, answers = self._composite(requests, all_or_none=False)
            for place, write in enumerate(writes):
                if place not in outcomes:
                    written, seen = answers[f"write{place}"], answers[f"seen{place}"]
                    outcomes[place] = self._outcome(write, written, seen, reply)
        return [outcomes[place] for place in range(len(writes))]

    def _requests(self, place: int, write: RecordWrite) -> list[dict[str, Any]]:
        body = spelled(write) | {MARKER_FIELD: write.operation}
        path = self._path(f"sobjects/{write.mapping.object}")
        if write.kind is WriteKind.CREATE:
            saved = {"method": "POST", "url": path, "body": body | {KEY_FIELD: write.key}, "httpHeaders": WRITE_HEADERS}
            record_id = f"@{{write{place}.id}}"
        else:
            seen = expected_record(write)
            if seen.key is None:
                body[KEY_FIELD] = write.key
            record_id = seen.id
            saved = _patch(f"{path}/{record_id}", body, seen)
        fields = ",".join(dict.fromkeys((*STATE_FIELDS, *self.reader.fields(write.mapping))))
        return [
            saved | {"referenceId": f"write{place}"},
            {"method": "GET", "url": f"{path}/{record_id}?fields={fields}", "referenceId": f"seen{place}"},
        ]

    def _outcome(
        self, write: RecordWrite, written: Mapping[str, Any], seen: Mapping[str, Any], reply: Reply
    ) -> RecordOutcome:
        if written["httpStatusCode"] < 300:
            if seen["httpStatusCode"] < 300:
                return RecordWritten(self.reader.build(write.mapping, seen["body"], reply.asked_at))
            return Stale()  # written, and deleted by somebody before the look: start again
        if write.kind is WriteKind.CREATE:
            return self._not_created(write, written)
        return self._not_updated(written, seen)

    def _not_created(self, write: RecordWrite, written: Mapping[str, Any]) -> RecordOutcome:
        ours = names_field(problems_in(written["body"]), DUPLICATE, KEY_FIELD)
        if ours or (ours is None and self.reader.read([RecordQuery(write.mapping, None, write.key)])[0] is not None):
            return Stale()
        return Failed(_error(written))

    @staticmethod
    def _not_updated(written: Mapping[str, Any], seen: Mapping[str, Any]) -> RecordOutcome:
        if written["httpStatusCode"] == 412:
            return Stale()
        codes = {problem.code for problem in problems_in(written["body"])}
        if codes & _GONE and seen["httpStatusCode"] >= 300:
            return Stale()  # where the record is still there, the error is about a parent of it
        return Failed(_error(written))

    # --- delete

    def _delete(self, write: RecordWrite) -> RecordOutcome:
        """One Composite, all or none, so that nobody can edit between the condition and the deletion.

        PATCH   R marker, If-Unmodified-Since   takes R's lock; 412 -> nothing is deleted
        DELETE  R                               same transaction
        GET     queryAll R                      the record in the recycle bin
        """
        seen = expected_record(write)
        path = self._path(f"sobjects/{write.mapping.object}/{seen.id}")
        look = Wanted(write.mapping.object, self.reader.fields(write.mapping), (seen.id,), ())
        reply, answers = self._composite(
            [
                _patch(path, {MARKER_FIELD: write.operation}, seen) | {"referenceId": "marked"},
                {"method": "DELETE", "url": path, "referenceId": "deleted"},
                {"method": "GET", "url": self._path(f"queryAll?q={encoded(look.soql)}"), "referenceId": "seen"},
            ],
            all_or_none=True,
        )
        failed = [answer for answer in answers.values() if answer["httpStatusCode"] >= 300]
        if not failed:
            rows = answers["seen"]["body"]["records"]
            return RecordWritten(self.reader.build(write.mapping, rows[0], reply.asked_at)) if rows else Stale()
        cause = next((answer for answer in failed if not _halted(answer)), failed[0])
        if cause["httpStatusCode"] == 412 or {problem.code for problem in problems_in(cause["body"])} & _GONE:
            return Stale()
        return Failed(_error(cause))

    # --- the call

    def _composite(
        self, requests: Sequence[Mapping[str, Any]], *, all_or_none: bool
    ) -> tuple[Reply, Mapping[str, Mapping[str, Any]]]:
        body = {"allOrNone": all_or_none, "collateSubrequests": False, "compositeRequest": requests}
        reply = self.client.rest("POST", "composite", json=body, headers=WRITE_HEADERS)
        return reply, parts(reply, [str(request["referenceId"]) for request in requests])

    def _path(self, path: str) -> str:
        return f"/services/data/v{self.client.connection.version}/{path}"


def _patch(url: str, body: Mapping[str, Any], seen: Record) -> dict[str, Any]:
    unmodified = {"If-Unmodified-Since": formatdate(seen.modified_at, usegmt=True)}
    return {"method": "PATCH", "url": url, "body": body, "httpHeaders": {**WRITE_HEADERS, **unmodified}}


def _halted(answer: Mapping[str, Any]) -> bool:
    return any(problem.code in _FOLLOWED for problem in problems_in(answer["body"]))


def _error(answer: Mapping[str, Any]) -> TwinledgerError:
    return classify(answer["httpStatusCode"], answer["body"])
