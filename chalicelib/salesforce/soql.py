"""SOQL text: quoting, and what the reader asks (SOQL and SOSL Reference)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from chalicelib.core.mapping import Kind, ObjectMapping, Values

KEY_FIELD = "Twinledger_Key__c"
MARKER_FIELD = "Twinledger_Op__c"
STATE_FIELDS = ("Id", "IsDeleted", "LastModifiedDate", "LastModifiedById", KEY_FIELD, MARKER_FIELD)

MERGED = frozenset({"Account", "Case", "Contact", "Lead"})  # Apex Developer Guide, "Merging Records"
WINNER_FIELD = "MasterRecordId"

QUERY_BYTES = 15_000  # of an encoded query: the whole URI may have 16,384 bytes
CHILDREN_LIMIT = 100  # records that refer to a parent
ALIKE_LIMIT = 200  # records of a query by values; more of them share one that identifies nothing
_UNQUOTED = frozenset({Kind.NUMBER, Kind.DATE})
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", '"': '\\"'})


def literal(text: str) -> str:
    """A text as a SOQL string literal."""
    return "'" + text.translate(_ESCAPES) + "'"


def encoded(text: str) -> str:
    """A text as a part of a URL's query."""
    return quote(text, safe="")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Records of one object, by id or by external id.

    Attributes:
        object: its API name.
        fields: what to select beside what is always selected.
        ids: 18-character ids.
        keys: external ids.
        within: a mapping's filter; only the ids of the records that match it are asked for then.
    """

    object: str
    fields: tuple[str, ...]
    ids: tuple[str, ...]
    keys: tuple[str, ...]
    within: str | None = None

    @property
    def soql(self) -> str:
        """The query; ``queryAll`` finds records of the recycle bin by it too."""
        winner = (WINNER_FIELD,) if self.object in MERGED else ()
        fields = ",".join(dict.fromkeys((*STATE_FIELDS, *winner, *self.fields)))
        by_id = f"Id IN ({','.join(map(literal, self.ids))})" if self.ids else ""
        by_key = f"{KEY_FIELD} IN ({','.join(map(literal, self.keys))})" if self.keys else ""
        where = " OR ".join(filter(None, (by_id, by_key)))
        if self.within is not None:
            return f"SELECT Id FROM {self.object} WHERE ({where}) AND ({self.within})"  # noqa: S608 - the mapping's own
        return f"SELECT {fields} FROM {self.object} WHERE {where}"  # noqa: S608 - names of a mapping checked by describe

    def split(self) -> "Iterator[Wanted]":
        """The same in parts whose encoded queries are short enough for a URL, where the fields leave room at all."""
        if len(encoded(self.soql)) <= QUERY_BYTES or len(self.ids) + len(self.keys) <= 1:
            yield self
            return
        for ids, keys in (_half(self.ids, self.keys, first=True), _half(self.ids, self.keys, first=False)):
            yield from replace(self, ids=ids, keys=keys).split()


@dataclass(frozen=True, slots=True)
class Alike:
    """Records of one object, alive, by the values of its mapping's match fields.

    Attributes:
        mapping: the object's mapping.
        fields: what to select.
        wanted: values in the order of ``mapping.match``, none of them null.
    """

    mapping: ObjectMapping
    fields: tuple[str, ...]
    wanted: tuple[Values, ...]

    @property
    def object(self) -> str:
        """The object's API name."""
        return self.mapping.object

    @property
    def soql(self) -> str:
        """The query, within the mapping's filter; SOQL compares texts whatever their case."""
        fields = ",".join(dict.fromkeys((*STATE_FIELDS, *self.fields)))
        alike = " OR ".join(f"({' AND '.join(self._equal(values))})" for values in self.wanted)
        where = f"({alike}) AND ({self.mapping.soql})" if self.mapping.soql else alike
        return f"SELECT {fields} FROM {self.object} WHERE {where} LIMIT {ALIKE_LIMIT}"  # noqa: S608 - as above

    def _equal(self, values: Values) -> Iterator[str]:
        for name, value in zip(self.mapping.match, values, strict=True):
            plain = self.mapping.by_name[name].kind in _UNQUOTED
            yield f"{name} = {str(value).lower() if plain else literal(str(value))}"

    def halves(self) -> "tuple[Alike, Alike]":
        """The same in two."""
        middle = len(self.wanted) // 2
        return replace(self, wanted=self.wanted[:middle]), replace(self, wanted=self.wanted[middle:])

    def split(self) -> "Iterator[Alike]":
        """The same in parts that a URL can hold, where the fields leave room at all."""
        if len(encoded(self.soql)) <= QUERY_BYTES or len(self.wanted) == 1:
            yield self
            return
        for half in self.halves():
            yield from half.split()


@dataclass(frozen=True, slots=True)
class Referring:
    """Live records of one object that refer to some parents.

    Attributes:
        object: API name.
        field: the reference field.
        ids: of the parents.
    """

    object: str
    field: str
    ids: tuple[str, ...]

    @property
    def soql(self) -> str:
        """The query, in an order that stays the same."""
        parents = ",".join(map(literal, self.ids))
        return (
            f"SELECT Id,{self.field} FROM {self.object} WHERE {self.field} IN ({parents}) "  # noqa: S608 - as above
            f"ORDER BY Id LIMIT {CHILDREN_LIMIT}"
        )

    def halves(self) -> "tuple[Referring, Referring]":
        """The same in two."""
        middle = len(self.ids) // 2
        return replace(self, ids=self.ids[:middle]), replace(self, ids=self.ids[middle:])


def _half(ids: Sequence[str], keys: Sequence[str], *, first: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    items = [(True, text) for text in ids] + [(False, text) for text in keys]
    middle = len(items) // 2
    part = items[:middle] if first else items[middle:]
    return _pick(part, by_id=True), _pick(part, by_id=False)


def _pick(items: Iterable[tuple[bool, str]], *, by_id: bool) -> tuple[str, ...]:
    return tuple(text for kind, text in items if kind is by_id)
