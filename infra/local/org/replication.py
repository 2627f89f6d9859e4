"""getUpdated and getDeleted (REST API Developer Guide: "sObject Get Updated", "sObject Get Deleted")."""

from collections.abc import Sized
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


def updated(org: "Org", call: Call, kind: ObjectType) -> Answer:
    """Ids of live records whose SystemModstamp lies in the span; seconds are ignored."""
    start, end = _span(org, call, _UPDATED_DAYS)
    ids = [
        row["Id"]
        for row in org.store.rows(kind.name)
        if not row["IsDeleted"] and start <= from_stamp(row["SystemModstamp"]) < end
    ]
    _check_count(org, ids)
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
    _check_count(org, records)
    return Answer(
        200,
        {
            "deletedRecords": records,
            "earliestDateAvailable": to_stamp(org.clock.now() - BIN_SECONDS),
            "latestDateCovered": to_stamp(_covered(org, end)),
        },
    )


def _check_count(org: "Org", found: Sized) -> None:
    if len(found) > org.settings.replication_id_limit:
        raise fail("EXCEEDED_ID_LIMIT", f"The number of ids exceeds {org.settings.replication_id_limit}")


def _span(org: "Org", call: Call, days: int) -> tuple[float, float]:
    edges = []
    for name in ("start", "end"):
        try:
            # an unescaped plus sign of the zone arrives as a space
            edges.append(parse_datetime(call.query.get(name, "").replace(" ", "+")).timestamp())
        except ValueError:
            raise fail("INVALID_REPLICATION_DATE", f"{name} is no datetime") from None
    if edges[1] - edges[0] <= 60:
        raise _bad_span("end date must be more than a minute after the start date")
    start, end = (edge // 60 * 60 for edge in edges)
    if start < org.clock.now() - timedelta(days=days).total_seconds() - 60:
        raise _bad_span(f"start date before {days} days ago")
    return start, end


def _bad_span(text: str) -> OrgError:
    return fail("INVALID_REPLICATION_DATE", text)


def _covered(org: "Org", end: float) -> float:
    """The end, or the start of the oldest save that is not committed yet, when that is earlier."""
    open_since = [from_stamp(stamp) for stamp in org.open_stamps.values()]
    return min([end, org.clock.now(), *open_since])
