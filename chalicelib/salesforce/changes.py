"""What changed since the last sweep: getUpdated and getDeleted (REST API Developer Guide).

Both ignore seconds, reach 30 and 15 days back, and may miss what a long transaction commits later under an earlier
stamp; so each sweep begins a little before the date that the last one covered. A hint too many costs little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.model import Change, Hint, SalesforceId
from chalicelib.core.values import id18
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.stamps import rest_stamp, seconds

OVERLAP_SECONDS = 600
_MINUTE = 60
_DELETED_REACH = 15 * 86_400 - 3_600  # an hour inside the limit
_UPDATED_REACH = 30 * 86_400 - 3_600


@dataclass(frozen=True, slots=True)
class Changes:
    """What one sweep of one object found.

    Attributes:
        hints: records that were changed or deleted.
        covered: where the next sweep begins (less the overlap), seconds since the epoch.
        complete: whether the span reached back to the date asked; if not, something may have been missed and the
            object is to be compared in full.
    """

    hints: tuple[Hint, ...]
    covered: int
    complete: bool


def changes_since(client: Client, object_name: str, since: int, now: float) -> Changes:
    """Ask for the changes of one object.

    Args:
        client: the org.
        object_name: API name.
        since: what the last sweep covered, seconds since the epoch.
        now: by our clock, seconds since the epoch.

    Raises:
        TwinledgerError: a call failed.
    """
    end = int(now) // _MINUTE * _MINUTE + _MINUTE
    start = since - OVERLAP_SECONDS
    updated = _ask(client, object_name, "updated", max(start, end - _UPDATED_REACH), end)
    deleted = _ask(client, object_name, "deleted", max(start, end - _DELETED_REACH), end)
    covered = min(seconds(updated["latestDateCovered"]), seconds(deleted["latestDateCovered"]))
    gone = {id18(item["id"]): seconds(item["deletedDate"]) for item in deleted["deletedRecords"]}
    hints = [
        *(_hint(object_name, Change.UPDATED, id18(item), end, None) for item in updated["ids"]),
        *(_hint(object_name, Change.DELETED, item, end, at) for item, at in gone.items()),
    ]
    return Changes(tuple(hints), max(since, covered), complete=start >= end - _DELETED_REACH)


def _ask(client: Client, object_name: str, what: str, start: int, end: int) -> Mapping[str, Any]:
    span = {"start": rest_stamp(start).replace(".000", ""), "end": rest_stamp(end).replace(".000", "")}
    body: Mapping[str, Any] = client.rest("GET", f"sobjects/{object_name}/{what}/", params=span).body
    return body


def _hint(object_name: str, change: Change, record_id: str, sweep: int, at: int | None) -> Hint:
    """The id names the sweep: a later one must get through although this one's hint was the same."""
    name = f"sweep-{sweep}-{record_id}"
    return Hint(SalesforceId(object_name, record_id), change, name, None if at is None else float(at), sfid=record_id)
