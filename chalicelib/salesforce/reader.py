"""Reads many records in one call, those in the recycle bin included."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.errors import ConfigurationError, Rejected, TwinledgerError
from chalicelib.core.mapping import ObjectMapping
from chalicelib.core.model import Record, Value
from chalicelib.core.ports import RecordQuery
from chalicelib.core.values import from_salesforce, id18
from chalicelib.salesforce import composite
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.describe import describe
from chalicelib.salesforce.errors import classify
from chalicelib.salesforce.soql import KEY_FIELD, MARKER_FIELD, QUERY_BYTES, STATE_FIELDS, Wanted, encoded
from chalicelib.salesforce.stamps import seconds

QUERIES_A_CALL = 5  # Composite takes at most so many queries
NARROWED_SECONDS = 300.0  # for so long a field that cannot be read is not asked for again

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenRecord(Record):
    """A record as read, with the JSON that was read.

    Attributes:
        raw: mapped fields as REST spelled them. A condition compares these: a canonical value may stand for several
            spellings (line ends, the order of a multi-select picklist).
    """

    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass
class Reader:
    """Reads records for both writers.

    Attributes:
        client: the org.
    """

    client: Client
    _narrowed: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See :class:`chalicelib.core.ports.Records`."""
        if not wanted:
            return []
        try:
            found = self._find(wanted)
        except Rejected as error:
            if error.code != "INVALID_FIELD":
                raise
            self._narrow({query.mapping.object: query.mapping for query in wanted}.values(), error)
            found = self._find(wanted)
        return [found.pick(query) for query in wanted]

    def fields(self, mapping: ObjectMapping) -> tuple[str, ...]:
        """The mapped fields that can be read, as far as is known."""
        until, visible = self._narrowed.get(mapping.object, (0.0, frozenset()))
        if self.client.clock.now() >= until:
            return mapping.names
        return tuple(name for name in mapping.names if name in visible)

    def build(self, mapping: ObjectMapping, body: Mapping[str, Any], asked_at: float | None) -> SeenRecord:
        """A record from its JSON, be it of a query, of sObject Rows, or of the Apex class."""
        modified_at = seconds(str(body["LastModifiedDate"]))
        modified_by = id18(str(body["LastModifiedById"]))
        raw = {name: body[name] for name in mapping.names if name in body}
        return SeenRecord(
            id=id18(str(body["Id"])),
            key=body.get(KEY_FIELD),
            deleted=bool(body["IsDeleted"]),
            values=dict(_canonical(mapping, raw)),
            marker=body.get(MARKER_FIELD),
            modified_at=modified_at,
            modified_by=modified_by,
            ours=modified_by == self.client.user_id,
            second_open=asked_at is None or asked_at < modified_at + 1,
            raw=raw,
        )

    def _find(self, wanted: Sequence[RecordQuery]) -> "_Found":
        mappings = {query.mapping.object: query.mapping for query in wanted}
        parts = [part for group in self._grouped(wanted) for part in group.split()]
        found = _Found()
        for start in range(0, len(parts), QUERIES_A_CALL):
            for part, rows, asked_at in self._ask(parts[start : start + QUERIES_A_CALL]):
                mapping = mappings[part.object]
                found.add(part.object, (self.build(mapping, row, asked_at) for row in rows))
        return found

    def _grouped(self, wanted: Sequence[RecordQuery]) -> Iterator[Wanted]:
        groups: dict[str, list[RecordQuery]] = defaultdict(list)
        for query in wanted:
            groups[query.mapping.object].append(query)
        for name, queries in groups.items():
            ids = dict.fromkeys(query.id for query in queries if query.id)
            keys = dict.fromkeys(query.key for query in queries if query.key and not query.id)
            if ids or keys:
                yield Wanted(name, self.fields(queries[0].mapping), tuple(ids), tuple(keys))

    def _ask(self, parts: Sequence[Wanted]) -> Iterator[tuple[Wanted, list[Mapping[str, Any]], float | None]]:
        """One call for all parts; where it is one short query, the plainest one."""
        if len(parts) == 1 and len(encoded(parts[0].soql)) <= QUERY_BYTES:
            reply = self.client.rest("GET", "queryAll/", params={"q": parts[0].soql})
            yield parts[0], self._rows(reply.body), reply.asked_at
            return
        root = f"/services/data/v{self.client.connection.version}"
        reply = self.client.rest("POST", "composite", json={
            "allOrNone": False,
            "collateSubrequests": False,
            "compositeRequest": [
                {"method": "GET", "url": f"{root}/queryAll?q={encoded(part.soql)}", "referenceId": f"read{place}"}
                for place, part in enumerate(parts)
            ],
        })  # fmt: skip
        answers = composite.parts(reply, [f"read{place}" for place in range(len(parts))])
        for part, answer in zip(parts, answers.values(), strict=True):
            if answer["httpStatusCode"] >= 300:
                raise classify(answer["httpStatusCode"], answer["body"])
            yield part, self._rows(answer["body"]), reply.asked_at

    def _rows(self, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        rows = list(body["records"])
        while not body["done"]:
            body = self.client.page(body["nextRecordsUrl"]).body
            rows += body["records"]
        return rows

    def _narrow(self, mappings: Iterable[ObjectMapping], error: TwinledgerError) -> None:
        """A field is hidden or gone: leave it out of the next queries, for a missing field says nothing.

        Raises:
            ConfigurationError: the key or the marker is hidden; without them nothing can be synced.
        """
        until = self.client.clock.now() + NARROWED_SECONDS
        for mapping in mappings:
            visible = frozenset(describe(self.client, mapping.object).fields)
            missing = [name for name in STATE_FIELDS if name not in visible]
            if missing:
                raise ConfigurationError(
                    f"{mapping.object}: the integration user cannot read {', '.join(missing)}; deploy the fields and "
                    "assign the permission set Twinledger"
                ) from error
            hidden = [name for name in mapping.names if name not in visible]
            self._narrowed[mapping.object] = (until, visible)
            if hidden:
                _log.warning("fields cannot be read and are left alone: %s of %s", ", ".join(hidden), mapping.object)


class _Found:
    """Records by object and id, and by external id: alive before deleted, newer before older."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], Record] = {}
        self._by_key: dict[tuple[str, str], Record] = {}

    def add(self, object_name: str, records: Iterable[Record]) -> None:
        for record in records:
            self._by_id[object_name, record.id] = record
            if record.key is not None:
                place = object_name, record.key.lower()
                self._by_key[place] = min(
                    record, self._by_key.get(place, record), key=lambda one: (one.deleted, -one.modified_at)
                )

    def pick(self, query: RecordQuery) -> Record | None:
        if query.id:
            return self._by_id.get((query.mapping.object, id18(query.id)))
        return self._by_key.get((query.mapping.object, query.key.lower())) if query.key else None


def _canonical(mapping: ObjectMapping, raw: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, value in raw.items():
        try:
            yield name, from_salesforce(mapping.by_name[name], value)
        except Rejected as error:
            _log.warning("a value of %s cannot be read and is left alone: %s", mapping.object, error)
