"""What changed in a span: getUpdated, getDeleted and the stamps of the records (REST API Developer Guide).

Both calls ignore seconds, reach 30 and 15 days back, answer with at most 600,000 ids, and say in ``latestDateCovered``
until where their answer is complete: the start of the oldest transaction that has not ended ("GetUpdatedResult"). A
transaction's changes carry stamps from while it ran, but are found only after it was committed.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.core.errors import Rejected
from chalicelib.core.values import id18
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.soql import literal
from chalicelib.salesforce.stamps import rest_stamp, seconds

MINUTE = 60
BLOCK = 1000  # records of a block; Collections retrieves at most 2,000
LONGEST_TRANSACTION = 600  # "Execution Governors and Limits": an Apex transaction may take ten minutes
DELETED_REACH = 15 * 86_400 - 3_600  # an hour inside the limit
_REACH = {"updated": 30 * 86_400 - 3_600, "deleted": DELETED_REACH}
SKEW_SECONDS = 300  # by which our clock may be ahead of Salesforce's, where an answer does not tell its own

_TOO_MANY = "EXCEEDED_ID_LIMIT"


class SpanTooFull(Rejected):
    """More records changed in a span than Salesforce lists: ask for less at a time."""


@dataclass(frozen=True, slots=True)
class Found:
    """A change of one record.

    Attributes:
        id: 18 characters.
        stamp: SystemModstamp, or when it was deleted, seconds since the epoch; None: the record was there a moment ago.
        deleted: whether it was deleted.
    """

    id: str
    stamp: int | None
    deleted: bool = False


class Changes(Protocol):
    """The changes in one span.

    Attributes:
        covered: every commit with an earlier stamp was made before the changes were asked for.
    """

    @property
    def covered(self) -> int:
        """See the class."""
        ...

    def after(self, last: str) -> Sequence[Found]:
        """The next block in the order of ids, after this id; empty at the end.

        Raises:
            TwinledgerError: a call failed.
        """
        ...


class Finder:
    """Asks an org for changes.

    Args:
        client: the org.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def listed(self, object_name: str, start: int, end: int, now: float) -> "Listed":
        """The changes of one object from a minute on until before another one, and of the minute before.

        Args:
            object_name: API name.
            start: seconds since the epoch, a whole minute.
            end: likewise; it may lie ahead.
            now: by our clock, seconds since the epoch.

        Raises:
            SpanTooFull: ask for less at a time.
            TwinledgerError: a call failed.
        """
        start -= MINUTE  # "getDeleted()": a span has to be longer than a minute
        updated, covered = self._ask(object_name, "updated", start, end, now)
        deleted, until = self._ask(object_name, "deleted", start, end, now)
        gone = {id18(item["id"]): seconds(item["deletedDate"]) for item in deleted.get("deletedRecords", ())}
        there = frozenset(id18(item) for item in updated.get("ids", ()))
        return Listed(self._client, object_name, tuple(sorted(there | gone.keys())), there, gone, min(covered, until))

    def crowded(self, object_name: str, start: int, end: int, now: float) -> "Crowded":
        """The changes of a span that cannot be listed, by query.

        Nobody says which transactions have not ended: so the span is covered once the longest one would have.
        """
        return Crowded(self._client, object_name, start, end, end if end <= now - LONGEST_TRANSACTION else start)

    def _ask(self, object_name: str, what: str, start: int, end: int, now: float) -> tuple[Mapping[str, Any], int]:
        """The answer, and until where it is complete; nothing where the whole span is out of reach."""
        start = max(start, int(now - _REACH[what]) // MINUTE * MINUTE)
        if start >= end:
            return {}, end
        span = {"start": rest_stamp(start).replace(".000", ""), "end": rest_stamp(end).replace(".000", "")}
        try:
            reply = self._client.rest("GET", f"sobjects/{object_name}/{what}/", params=span)
        except Rejected as error:
            if error.code == _TOO_MANY:
                raise SpanTooFull(str(error), code=error.code) from error
            raise
        body: Mapping[str, Any] = reply.body
        stamp = body.get("latestDateCovered")
        asked_at = now - SKEW_SECONDS if reply.asked_at is None else reply.asked_at
        return body, min(end, int(asked_at), seconds(stamp) if stamp else start)


@dataclass(frozen=True, slots=True)
class Listed:
    """The changes in a span that Salesforce lists.

    Attributes:
        client: the org.
        object: API name.
        ids: of all changed records, in order.
        there: ids of those that were created or updated.
        gone: when the others were deleted, seconds since the epoch.
        covered: see :class:`Changes`.
    """

    client: Client
    object: str
    ids: tuple[str, ...]
    there: frozenset[str]
    gone: Mapping[str, int]
    covered: int

    def after(self, last: str) -> Sequence[Found]:
        """See :class:`Changes`."""
        place = bisect_right(self.ids, last)
        block = self.ids[place : place + BLOCK]
        stamps = self._stamps([one for one in block if one in self.there])
        return [
            Found(one, stamps[one]) if one in stamps else Found(one, self.gone.get(one), one in self.gone)
            for one in block
        ]

    def _stamps(self, ids: Sequence[str]) -> dict[str, int]:
        """SystemModstamp by id; of a record that is gone, or that we may not see, there is none."""
        if not ids:
            return {}
        body = {"ids": list(ids), "fields": ["Id", "SystemModstamp"]}
        reply = self.client.rest("POST", f"composite/sobjects/{self.object}", json=body)
        return {id18(row["Id"]): seconds(row["SystemModstamp"]) for row in reply.body if row}


@dataclass(frozen=True, slots=True)
class Crowded:
    """The changes in a span that holds more of them than Salesforce lists.

    Attributes:
        client: the org.
        object: API name.
        start: seconds since the epoch.
        end: likewise.
        covered: see :class:`Changes`.
    """

    client: Client
    object: str
    start: int
    end: int
    covered: int

    def after(self, last: str) -> Sequence[Found]:
        """See :class:`Changes`."""
        span = f"SystemModstamp >= {_date(self.start)} AND SystemModstamp < {_date(self.end)}"
        further = f" AND Id > {literal(last)}" if last else ""
        fields = "Id,IsDeleted,SystemModstamp"
        query = f"SELECT {fields} FROM {self.object} WHERE {span}{further} ORDER BY Id LIMIT {BLOCK}"  # noqa: S608 - an object of a mapping
        rows = self.client.rest("GET", "queryAll/", params={"q": query}).body["records"]
        return [Found(id18(row["Id"]), seconds(row["SystemModstamp"]), bool(row["IsDeleted"])) for row in rows]


def _date(at: int) -> str:
    """A datetime as SOQL spells it ("Date Formats and Date Literals"): unquoted, and in UTC without a plus sign."""
    return rest_stamp(at).replace(".000+0000", "Z")
