"""getUpdated and getDeleted (REST API Developer Guide: "sObject Get Updated", "sObject Get Deleted")."""

from datetime import timedelta
from typing import TYPE_CHECKING

from infra.local.org.calls import Answer, Call
from infra.local.org.clock import from_stamp, parse_datetime, to_stamp
from infra.local.org.errors import OrgError, fail
from infra.local.org.schema import ObjectType
from infra.local.org.store import BIN_SECONDS

if TYPE_CHECKING:
    from infra.local.org.state import Org

_UPDATED_DAYS = 30
_MOST_IDS = 600_000


def updated(org: "Org", call: Call, kind: ObjectType) -> Answer:
    """Ids of live records whose SystemModstamp lies in the span; seconds are ignored."""
    start, end = _span(org, call, _UPDATED_DAYS)
    ids = [
        row["Id"]
        for row in org.store.rows(kind.name)
        if not row["IsDeleted"] and start <= from_stamp(row["SystemModstamp"]) < end
    ]
    if len(ids) > _MOST_IDS:
        raise fail("EXCEEDED_ID_LIMIT", f"The number of ids exceeds {_MOST_IDS}")
    return Answer(200, {"ids": ids, "latestDateCovered": to_stamp(_covered(org, end))})


def deleted(org: "Org", call: Call, kind: ObjectType) -> Answer:
    """Ids and times of the records that went to the recycle bin in the span; seconds are ignored."""
    org.store.expire_bin(org.clock.now())
    start, end = _span(org, call, BIN_SECONDS // 86_400)
    records = [
        {"id": i, "deletedDate": to_stamp(entry.deleted_at)}
        for i, entry in org.store.bin.items()
        if entry.object_name == kind.name and start <= entry.deleted_at < end
    ]
    return Answer(
        200,
        {
            "deletedRecords": records,
            "earliestDateAvailable": to_stamp(org.clock.now() - BIN_SECONDS),
            "latestDateCovered": to_stamp(_covered(org, end)),
        },
    )


def _span(org: "Org", call: Call, days: int) -> tuple[float, float]:
    edges = []
    for name in ("start", "end"):
        try:
            # an unescaped plus sign of the zone arrives as a space
            edges.append(parse_datetime(call.query.get(name, "").replace(" ", "+")).timestamp() // 60 * 60)
        except ValueError:
            raise fail("INVALID_REPLICATION_DATE", f"{name} is no datetime") from None
    start, end = edges
    if end <= start:
        raise _bad_span("end date must be at least a minute after the start date")
    if start < org.clock.now() - timedelta(days=days).total_seconds() - 60:
        raise _bad_span(f"start date before {days} days ago")
    return start, end


def _bad_span(text: str) -> OrgError:
    return fail("INVALID_REPLICATION_DATE", text)


def _covered(org: "Org", end: float) -> float:
    """The end, or the start of the oldest save that is not committed yet, when that is earlier."""
    open_since = [from_stamp(stamp) for stamp in org.open_stamps.values()]
    return min([end, org.clock.now(), *open_since])
