"""Bulk API 2.0 query: a job and its CSV pages by locator (Bulk API 2.0 Developer Guide: "Get Results")."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.org import ids
from infra.local.org.bulk_ingest import CSV, write_csv
from infra.local.org.calls import Answer, Call
from infra.local.org.errors import OrgError, fail, not_found
from infra.local.org.query import run
from infra.local.org.soql import parse

if TYPE_CHECKING:
    from infra.local.org.state import Org

_PAGE = 50_000


@dataclass
class QueryJob:
    """One job with its whole result, complete ``ready`` seconds after the epoch."""

    job_id: str
    operation: str
    object_name: str
    columns: list[str]
    rows: list[dict[str, str]]
    user_id: str
    version: str
    created: str
    ready: float
    state: str | None = None

    def state_at(self, now: float) -> str:
        """The state by time, unless the job was aborted."""
        return self.state or ("JobComplete" if now >= self.ready else "InProgress")

    def as_json(self, org: "Org") -> dict[str, Any]:
        """The job as the API shows it."""
        state = self.state_at(org.clock.now())
        return {
            "id": self.job_id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.user_id,
            "createdDate": self.created,
            "systemModstamp": org.clock.stamp(),
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version.removeprefix("v")),
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
            "jobType": "V2Query",
            "numberRecordsProcessed": len(self.rows) if state == "JobComplete" else 0,
            "retries": 0,
            "totalProcessingTime": 0,
        }


def answer(org: "Org", call: Call, path: tuple[str, ...]) -> Answer:
    """Answer a call below ``/jobs/query``.

    Raises:
        OrgError: the job is unknown, its query cannot be run, or its state does not allow the call.
    """
    if not path:
        if call.method == "POST":
            return Answer(200, _create(org, call).as_json(org))
        listed = [job.as_json(org) for job in org.jobs.values() if isinstance(job, QueryJob)]
        return Answer(200, {"done": True, "records": listed, "nextRecordsUrl": None})
    job = org.jobs.get(ids.to18(path[0])) if ids.is_id(path[0]) else None
    if not isinstance(job, QueryJob):
        raise not_found()
    match call.method, path[1:]:
        case "GET", ():
            return Answer(200, job.as_json(org))
        case "PATCH", ():
            return _abort(org, call, job)
        case "DELETE", ():
            del org.jobs[job.job_id]
            return Answer(204)
        case "GET", ("results",):
            return _results(org, call, job)
    raise not_found()


def _create(org: "Org", call: Call) -> QueryJob:
    body = call.record()
    operation, text = body.get("operation"), body.get("query")
    if operation not in {"query", "queryAll"} or not isinstance(text, str):
        raise fail("INVALIDJOB", "InvalidJob : operation is query or queryAll, and query is needed")
    select = parse(text)
    if not select.fields:
        raise fail("INVALIDJOB", "InvalidJob : COUNT() is not supported in a bulk query")
    records, _ = run(org, call, text, all_rows=operation == "queryAll")
    job = QueryJob(
        job_id=org.ids.next("750"),
        operation=operation,
        object_name=select.object_name,
        columns=list(select.fields),
        rows=[{path: _cell(record, path) for path in select.fields} for record in records],
        user_id=call.session.user.user_id,
        version=call.version,
        created=org.clock.stamp(),
        ready=org.clock.now() + org.settings.bulk_job_ms / 1000,
    )
    org.jobs[job.job_id] = job
    return job


def _abort(org: "Org", call: Call, job: QueryJob) -> Answer:
    if call.record().get("state") != "Aborted":
        raise fail("INVALIDJOB", "InvalidJob : a query job can only be aborted")
    job.state = "Aborted"
    return Answer(200, job.as_json(org))


def _cell(record: dict[str, Any], path: str) -> str:
    value: Any = record
    for step in path.split("."):
        if not isinstance(value, dict):
            return ""
        value = next((inner for name, inner in value.items() if name.lower() == step.lower()), None)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text.removesuffix("+0000") + "Z" if text.endswith(".000+0000") else text


def _results(org: "Org", call: Call, job: QueryJob) -> Answer:
    if job.state_at(org.clock.now()) != "JobComplete":
        raise fail("INVALIDJOBSTATE", "InvalidJobState : the job is not complete")
    start = _position(call.query.get("locator"))
    most = call.query.get("maxRecords", "")
    end = start + (int(most) if most.isdigit() and int(most) > 0 else _PAGE)
    page = job.rows[start:end]
    locator = base64.b64encode(str(end).encode()).decode() if end < len(job.rows) else "null"
    headers = {"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(page))}
    return Answer(200, write_csv(job.columns, page, ",", "LF"), headers, CSV)


def _position(locator: str | None) -> int:
    if not locator or locator == "null":
        return 0
    try:
        return int(base64.b64decode(locator, validate=True))
    except ValueError:
        raise _bad_locator() from None


def _bad_locator() -> OrgError:
    return fail("INVALID_QUERY_LOCATOR", "invalid query locator")
