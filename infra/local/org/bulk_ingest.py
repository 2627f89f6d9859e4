"""Bulk API 2.0 ingest: a job, its CSV, and the results (Bulk API 2.0 Developer Guide)."""

import asyncio
import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.org import ids
from infra.local.org.calls import Answer, Call
from infra.local.org.dml import Operation, Outcome, save
from infra.local.org.errors import OrgError, fail, not_found
from infra.local.org.inputs import path_id
from infra.local.org.rows import external_field, object_of, upsert_one
from infra.local.org.schema import ObjectType
from infra.local.org.transactions import Transaction
from infra.local.org.users import Session

if TYPE_CHECKING:
    from infra.local.org.state import Org

_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
_CHUNK = 200
_MOST_BYTES = 150_000_000
CSV = "text/csv"


@dataclass
class IngestJob:
    """One job; ``data`` is the uploaded CSV until it is processed."""

    job_id: str
    kind: ObjectType
    operation: str
    key: str | None
    delimiter: str
    line_ending: str
    session: Session
    version: str
    created: str
    state: str = "Open"
    data: bytes = b""
    error: str | None = None
    columns: list[str] = field(default_factory=list)
    succeeded: list[tuple[str, bool, dict[str, str]]] = field(default_factory=list)
    failed: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    unprocessed: list[dict[str, str]] = field(default_factory=list)

    def as_json(self, org: "Org") -> dict[str, Any]:
        """The job as the API shows it."""
        info: dict[str, Any] = {
            "id": self.job_id,
            "operation": self.operation,
            "object": self.kind.name,
            "createdById": self.session.user.user_id,
            "createdDate": self.created,
            "systemModstamp": org.clock.stamp(),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version.removeprefix("v")),
            "contentUrl": f"services/data/{self.version}/jobs/ingest/{self.job_id}/batches",
            "lineEnding": self.line_ending,
            "columnDelimiter": next(name for name, sign in _DELIMITERS.items() if sign == self.delimiter),
            "jobType": "V2Ingest",
            "numberRecordsProcessed": len(self.succeeded) + len(self.failed),
            "numberRecordsFailed": len(self.failed),
            "retries": 0,
            "totalProcessingTime": 0,
        }
        if self.key:
            info["externalIdFieldName"] = self.key
        if self.error:
            info["errorMessage"] = self.error
        return info


async def answer(org: "Org", call: Call, path: tuple[str, ...]) -> Answer:  # noqa: C901, PLR0911 - one case a resource
    """Answer a call below ``/jobs/ingest``.

    Raises:
        OrgError: the job is unknown, or its state does not allow the call.
    """
    if not path:
        if call.method == "POST":
            return Answer(200, _create(org, call).as_json(org))
        listed = [job.as_json(org) for job in org.jobs.values() if isinstance(job, IngestJob)]
        return Answer(200, {"done": True, "records": listed, "nextRecordsUrl": None})
    job = org.jobs.get(ids.to18(path[0])) if ids.is_id(path[0]) else None
    if not isinstance(job, IngestJob):
        raise not_found()
    match call.method, path[1:]:
        case "GET", ():
            return Answer(200, job.as_json(org))
        case "PATCH", ():
            return _change_state(org, call, job)
        case "DELETE", ():
            del org.jobs[job.job_id]
            return Answer(204)
        case "PUT", ("batches",):
            return _upload(job, call)
        case "GET", ("successfulResults",):
            lists = [{"sf__Id": i, "sf__Created": str(created).lower()} | row for i, created, row in job.succeeded]
            return _csv(job, ["sf__Id", "sf__Created", *job.columns], lists)
        case "GET", ("failedResults",):
            lists = [{"sf__Id": i, "sf__Error": error} | row for i, error, row in job.failed]
            return _csv(job, ["sf__Id", "sf__Error", *job.columns], lists)
        case "GET", ("unprocessedrecords",):
            return _csv(job, job.columns, job.unprocessed)
    raise not_found()


def _create(org: "Org", call: Call) -> IngestJob:
    body = call.record()
    operation = body.get("operation")
    delimiter = _DELIMITERS.get(body.get("columnDelimiter", "COMMA"))
    if operation not in _OPERATIONS or delimiter is None or body.get("contentType", "CSV") != "CSV":
        raise fail("INVALIDJOB", "InvalidJob : unknown operation, column delimiter or content type")
    kind = object_of(org, str(body.get("object")))
    key = body.get("externalIdFieldName")
    if operation == "upsert":
        if not key:
            raise fail("INVALIDJOB", "InvalidJob : External ID was blank")
        if key.lower() != "id":
            key = external_field(kind, key, upsert=True).name
    job = IngestJob(
        org.ids.next("750"),
        kind,
        operation,
        key,
        delimiter,
        body.get("lineEnding", "LF"),
        call.session,
        call.version,
        org.clock.stamp(),
    )
    org.jobs[job.job_id] = job
    return job


def _upload(job: IngestJob, call: Call) -> Answer:
    if job.state != "Open" or job.data:
        raise fail("INVALIDJOBSTATE", f"Uploading data is not allowed in state {job.state}", status=409)
    if len(call.raw_body) > _MOST_BYTES:
        raise fail("INVALIDBATCH", "the data exceeds 150 MB", status=413)
    job.data = call.raw_body
    return Answer(201)


def _change_state(org: "Org", call: Call, job: IngestJob) -> Answer:
    wanted = call.record().get("state")
    if wanted not in {"UploadComplete", "Aborted"}:
        raise fail("INVALIDJOB", f"InvalidJob : unknown state {wanted}")
    if job.state != "Open":
        raise fail("INVALIDJOBSTATE", f"InvalidJobState : the job is {job.state}")
    job.state = wanted
    if wanted == "UploadComplete":
        org.spawn(_process(org, job))
    return Answer(200, job.as_json(org))


async def _process(org: "Org", job: IngestJob) -> None:
    job.state = "InProgress"
    await asyncio.sleep(org.settings.bulk_job_ms / 1000)
    try:
        rows = _read(job)
    except (UnicodeDecodeError, csv.Error, OrgError) as error:
        job.state, job.error, job.data = "Failed", f"{_kind_of(error)} : {error}", b""
        return
    job.data = b""
    job.unprocessed = list(rows)
    for start in range(0, len(rows), _CHUNK):
        if job.state != "InProgress":
            return
        await _chunk(org, job, rows[start : start + _CHUNK])
        job.unprocessed = rows[start + _CHUNK :]
    job.state = "JobComplete"


def _kind_of(error: Exception) -> str:
    of_client = isinstance(error, OrgError) and error.problems[0].code == "CLIENTINPUTERROR"
    return "ClientInputError" if of_client else "InvalidBatch"


def _check_line_ending(job: IngestJob) -> None:
    """The header tells: a job whose data end their lines otherwise than it says fails as a whole."""
    header = job.data.split(b"\n", 1)[0]
    if header and header.endswith(b"\r") is not (job.line_ending == "CRLF"):
        text = f"LineEnding is invalid on user data. Current LineEnding setting is {job.line_ending}"
        raise fail("CLIENTINPUTERROR", text)


def _read(job: IngestJob) -> list[dict[str, str]]:
    _check_line_ending(job)
    reader = csv.DictReader(io.StringIO(job.data.decode("utf-8-sig"), newline=""), delimiter=job.delimiter, strict=True)
    job.columns = list(reader.fieldnames or [])
    for column in job.columns:
        head = column.partition(".")[0]
        if job.kind.find(column) is None and head.lower() not in job.kind.relationships:
            raise fail("INVALIDBATCH", f"Field name not found : {column}")
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise fail("INVALIDBATCH", "a row has another number of columns than the header")
        rows.append(dict(row))
    return rows


async def _chunk(org: "Org", job: IngestJob, rows: list[dict[str, str]]) -> None:
    tx = Transaction(org, job.session, seconds=org.settings.commit_ms / 1000)
    tx.silent = job.operation == "hardDelete"
    try:
        results = await _write(tx, job, rows)
        await tx.commit()
    finally:
        tx.end()
    for row, (outcome, created) in zip(rows, results, strict=True):
        if outcome.error is None and outcome.record_id:
            job.succeeded.append((outcome.record_id, created, row))
            if tx.silent:
                org.store.purge(outcome.record_id)
        else:
            problem = outcome.error.problems[0] if outcome.error else None
            text = f"{problem.code}:{problem.message}:{' '.join(problem.fields)} --" if problem else ""
            job.failed.append((row.get("Id", ""), text, row))
    org.keep()


async def _write(tx: Transaction, job: IngestJob, rows: list[dict[str, str]]) -> list[tuple[Outcome, bool]]:
    if job.operation == "upsert":
        return [await _upsert(tx, job, row) for row in rows]
    operations: list[Operation | OrgError] = []
    for row in rows:
        try:
            operations.append(_operation(job, row))
        except OrgError as error:
            operations.append(error)
    outcomes = iter(await save(tx, [o for o in operations if isinstance(o, Operation)]))
    results = [Outcome(None, o) if isinstance(o, OrgError) else next(outcomes) for o in operations]
    return [(outcome, job.operation == "insert") for outcome in results]


def _operation(job: IngestJob, row: dict[str, str]) -> Operation:
    if job.operation == "insert":
        return Operation("create", job.kind, values=_values(row))
    record_id = path_id(next((value for name, value in row.items() if name.lower() == "id"), ""))
    if job.operation == "update":
        return Operation("update", job.kind, record_id, _values(row))
    return Operation("delete", job.kind, record_id)


async def _upsert(tx: Transaction, job: IngestJob, row: dict[str, str]) -> tuple[Outcome, bool]:
    key_name = job.key or "Id"
    key = next((value for name, value in row.items() if name.lower() == key_name.lower()), "")
    values = {name: value for name, value in _values(row).items() if name.lower() != key_name.lower()}
    try:
        if key_name.lower() == "id":
            kind = "update" if key else "create"
            operation = Operation(kind, job.kind, path_id(key) if key else None, values)
            return (await save(tx, [operation]))[0], not key
        if not key:
            raise fail("MISSING_ARGUMENT", f"{key_name} not specified")
        record_id, created = await upsert_one(tx, job.kind, job.kind.fields[key_name], key, values)
    except OrgError as error:
        return Outcome(None, error), False
    return Outcome(record_id), created


def _values(row: dict[str, str]) -> dict[str, Any]:
    """The record of a CSV row: an empty value is ignored, ``#N/A`` is null, ``Account.Ext__c`` names a parent."""
    values: dict[str, Any] = {}
    for name, text in row.items():
        if text == "" or name.lower() == "id":
            continue
        value = None if text == "#N/A" else text
        relation, _, key = name.partition(".")
        if key:
            values[relation] = {key: value}
        else:
            values[name] = value
    return values


def _csv(job: IngestJob, columns: list[str], rows: list[dict[str, str]]) -> Answer:
    if job.state not in {"JobComplete", "Failed", "Aborted"}:
        raise fail("INVALIDJOBSTATE", f"InvalidJobState : the job is {job.state}")
    return Answer(200, write_csv(columns, rows, job.delimiter, job.line_ending), media_type=CSV)


def write_csv(columns: list[str], rows: list[dict[str, str]], delimiter: str, line_ending: str) -> bytes:
    """Write rows as CSV with every value quoted, as Salesforce does."""
    out = io.StringIO()
    ending = "\r\n" if line_ending == "CRLF" else "\n"
    writer = csv.DictWriter(out, columns, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
