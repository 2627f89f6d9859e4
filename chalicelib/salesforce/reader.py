"""Reads many records in one call, those in the recycle bin included."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from chalicelib.core.errors import ConfigurationError, ProtocolError, Rejected, TwinledgerError
from chalicelib.core.mapping import ObjectMapping, Reference, Values
from chalicelib.core.model import Fields, Record, SalesforceId, Value
from chalicelib.core.ports import RecordQuery
from chalicelib.core.values import from_salesforce, id18
from chalicelib.salesforce import composite
from chalicelib.salesforce.client import Client
from chalicelib.salesforce.describe import describe
from chalicelib.salesforce.errors import classify
from chalicelib.salesforce.soql import (
    ALIKE_LIMIT,
    CHILDREN_LIMIT,
    KEY_FIELD,
    MARKER_FIELD,
    QUERY_BYTES,
    STATE_FIELDS,
    WINNER_FIELD,
    Alike,
    Referring,
    Wanted,
    encoded,
)
from chalicelib.salesforce.stamps import seconds

QUERIES_A_CALL = 5  # Composite takes at most so many queries
MALFORMED = "MALFORMED_QUERY"
ALIVE = "IsDeleted = false"
NARROWED_SECONDS = 300.0  # for so long a field that cannot be read is not asked for again

_T = TypeVar("_T")
_Query = TypeVar("_Query", Wanted, Alike, Referring)
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
        mappings = {query.mapping.object: query.mapping for query in wanted}
        found = self._narrowing(mappings.values(), lambda: self._find(wanted))
        return [found.pick(query) for query in wanted]

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See :class:`chalicelib.core.ports.Records`.

        Raises:
            ConfigurationError: Salesforce cannot search by the match fields, or with the mapping's filter.
        """
        values = [
            tuple(fields[name] for name in mapping.match) if mapping.alike(fields, fields) else None
            for fields in wanted
        ]
        asked = tuple(dict.fromkeys(each for each in values if each is not None))
        try:
            found = self._narrowing([mapping], lambda: self._alike(mapping, asked)) if asked else {}
        except (Rejected, ProtocolError) as error:
            code = error.code if isinstance(error, Rejected) else MALFORMED
            if code not in str(error):
                raise
            raise ConfigurationError(
                f"{mapping.object} cannot be searched by {', '.join(mapping.match)} (match) within the mapping's "
                f"filter: {code}"
            ) from None  # Salesforce's text quotes the query, and so the values
        return [found.get(each, []) if each is not None else [] for each in values]

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """See :class:`chalicelib.core.ports.Records`; parents whose children crowd the answer are asked about alone."""
        found: dict[str, list[SalesforceId]] = {parent: [] for parent in ids}
        parts = [Referring(one.mapping.object, one.field.name, tuple(found)) for one in references]
        while parts:
            now, parts = parts[:QUERIES_A_CALL], parts[QUERIES_A_CALL:]
            for part, rows, _ in self._ask(now, "query"):
                if len(rows) >= CHILDREN_LIMIT and len(part.ids) > 1:
                    parts += part.halves()
                    continue
                for row in rows:
                    found[id18(row[part.field])].append(SalesforceId(part.object, id18(row["Id"])))
        return [found[parent] for parent in ids]

    def present(self, mapping: ObjectMapping, ids: Collection[str]) -> frozenset[str]:
        """Those of these ids, of 18 characters, whose records are alive and match the mapping's filter.

        Raises:
            ConfigurationError: Salesforce does not take the mapping's filter.
            TwinledgerError: a call failed.
        """
        if not ids:
            return frozenset()
        asked = Wanted(mapping.object, (), tuple(ids), (), within=mapping.soql or ALIVE)
        parts = list(asked.split())
        found: set[str] = set()
        for start in range(0, len(parts), QUERIES_A_CALL):
            for _, rows, _ in self._ask(parts[start : start + QUERIES_A_CALL], "query"):
                found.update(id18(str(row["Id"])) for row in rows)
        return frozenset(found)

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
            merged_into=id18(body[WINNER_FIELD]) if body.get(WINNER_FIELD) else None,
            raw=raw,
        )

    def _narrowing(self, mappings: Iterable[ObjectMapping], ask: Callable[[], _T]) -> _T:
        """Ask, and once more without the fields that turn out to be hidden."""
        try:
            return ask()
        except Rejected as error:
            if error.code != "INVALID_FIELD":
                raise
            self._narrow(mappings, error)
            return ask()

    def _alike(self, mapping: ObjectMapping, wanted: tuple[Values, ...]) -> dict[Values, list[SeenRecord]]:
        """At most two records for each; values that crowd the answer out are asked for by themselves."""
        parts = list(Alike(mapping, self.fields(mapping), wanted).split())
        found: dict[Values, list[SeenRecord]] = {}
        while parts:
            now, parts = parts[:QUERIES_A_CALL], parts[QUERIES_A_CALL:]
            for part, rows, asked_at in self._ask(now, "query"):
                crowded = len(rows) >= ALIKE_LIMIT
                if crowded and len(part.wanted) > 1:
                    parts += part.halves()
                    continue
                records = [self.build(mapping, row, asked_at) for row in rows]
                for values in part.wanted:
                    fields = dict(zip(mapping.match, values, strict=True))
                    same = [record for record in records if mapping.alike(record.values, fields)]
                    found[values] = (records if crowded else same)[:2]  # so many that differ in case only: ambiguous
        return found

    def _find(self, wanted: Sequence[RecordQuery]) -> "_Found":
        mappings = {query.mapping.object: query.mapping for query in wanted}
        groups = list(self._grouped(wanted))
        filtered = [
            replace(group, within=mappings[group.object].soql)
            for group in groups
            if mappings[group.object].soql is not None
        ]
        parts = [part for group in (*groups, *filtered) for part in group.split()]
        records: list[tuple[str, SeenRecord]] = []
        inside: set[str] = set()
        for start in range(0, len(parts), QUERIES_A_CALL):
            for part, rows, asked_at in self._ask(parts[start : start + QUERIES_A_CALL], "queryAll"):
                if part.within is not None:
                    inside.update(id18(str(row["Id"])) for row in rows)
                else:
                    records += [(part.object, self.build(mappings[part.object], row, asked_at)) for row in rows]
        found = _Found()
        for name, record in records:
            outside = mappings[name].soql is not None and record.id not in inside
            found.add(name, [replace(record, outside=outside)])
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

    def _ask(
        self, parts: Sequence[_Query], resource: str
    ) -> Iterator[tuple[_Query, list[Mapping[str, Any]], float | None]]:
        """One call for all parts; where it is one short query, the plainest one."""
        if len(parts) == 1 and len(encoded(parts[0].soql)) <= QUERY_BYTES:
            reply = self.client.rest("GET", f"{resource}/", params={"q": parts[0].soql})
            yield parts[0], self._rows(reply.body), reply.asked_at
            return
        root = f"/services/data/v{self.client.connection.version}"
        reply = self.client.rest("POST", "composite", json={
            "allOrNone": False,
            "collateSubrequests": False,
            "compositeRequest": [
                {"method": "GET", "url": f"{root}/{resource}?q={encoded(part.soql)}", "referenceId": f"read{place}"}
                for place, part in enumerate(parts)
            ],
        })  # fmt: skip
        answers = composite.parts(reply, [f"read{place}" for place in range(len(parts))])
        for part, answer in zip(parts, answers.values(), strict=True):
            if answer["httpStatusCode"] >= 300:
                error = classify(answer["httpStatusCode"], answer["body"])
                raise _filter_refused(part, error) or error
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


def _filter_refused(part: Wanted | Alike | Referring, error: TwinledgerError) -> ConfigurationError | None:
    """What is to be said where Salesforce takes a mapping's filter no more; None: it is not to blame.

    Salesforce's text is left out, for it quotes the query.
    """
    if not isinstance(part, Wanted) or part.within is None or not isinstance(error, Rejected | ProtocolError):
        return None
    code = error.code if isinstance(error, Rejected) else MALFORMED
    return ConfigurationError(f"{part.object} cannot be read within the mapping's filter: {code}")


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
