"""How people name a record on the command line, and how the commands name it back.

ISSUE            an issue's id: the record that it is about
KEY              a record key, which is a UUID
003...           a Salesforce id of 15 or 18 characters, provided that the ledger knows it
Contact:003...   the same, whether it knows it or not
public.contact:17            a row by its primary key, as Postgres writes it
public.line:17,3             of several columns, in the mapping's order
public.line:["a,b", "3"]     the same, where a part has a comma
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.core.errors import Rejected
from chalicelib.core.identity import parse_key, parse_primary_key, primary_key_text
from chalicelib.core.ledger import Entry, Issue
from chalicelib.core.mapping import Mappings, ObjectMapping
from chalicelib.core.model import Identity, PrimaryKey, RecordKey, RowId, SalesforceId
from chalicelib.core.problems import choose
from chalicelib.core.values import id18

FORMS = "an issue id, a record key, a Salesforce id, OBJECT:ID or TABLE:KEY"


class Ledger(Protocol):
    """The ledger, as far as names lead into it."""

    def find(self, identities: Collection[Identity]) -> Mapping[Identity, RecordKey]:
        """Look up record keys."""
        ...

    def read(self, keys: Collection[RecordKey]) -> Mapping[RecordKey, Entry]:
        """Read entries."""
        ...


class Issues(Protocol):
    """The issues."""

    def issue(self, issue_id: str) -> Issue | None:
        """An issue by its id."""
        ...


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for.

    Attributes:
        key: record key; None: the ledger does not know the record.
        identity: how its side names it; None where it was named by its key or by an issue.
        issue: the issue that was named; None: none was.
    """

    key: RecordKey | None
    identity: Identity | None = None
    issue: Issue | None = None


class Names:
    """Finds what people name.

    Args:
        mappings: what is kept the same.
        ledger: knows the records.
        issues: the issues.
    """

    def __init__(self, mappings: Mappings, ledger: Ledger, issues: Issues) -> None:
        self._mappings = mappings
        self._ledger = ledger
        self._issues = issues

    def find(self, text: str) -> Named:
        """What a name stands for.

        Raises:
            Rejected: nothing; the text says what could be meant.
        """
        issue = self._issues.issue(text)
        if issue is not None:
            return Named(issue.key, issue=issue)
        key = _key(text)
        if key is not None:
            if not self._ledger.read([key]):
                raise Rejected(f"there is neither an issue nor a record {text}: look at `issues`, or name it by its id")
            return Named(key)
        if ":" in text:
            return self._located(*text.split(":", 1))
        return self._by_id(text)

    def known(self, text: str) -> Named:
        """The same, of a record that the ledger knows.

        Raises:
            Rejected: there is none; the text says what to do.
        """
        named = self.find(text)
        if named.key is None:
            raise Rejected(f"the ledger does not know {text}: `settle {text}` has it compared and kept the same")
        return named

    def _located(self, where: str, text: str) -> Named:
        candidates = list(self._candidates(where, text))
        found = self._ledger.find(candidates)
        identity = next((one for one in candidates if one in found), candidates[0])
        return Named(found.get(identity), identity)

    def _candidates(self, where: str, text: str) -> Collection[Identity]:
        """What OBJECT:ID and TABLE:KEY may mean, or either of a mapping's or a table's bare name."""
        mappings = self._mappings
        if where in mappings.by_object:
            return [SalesforceId(where, id18(text))]
        if where in mappings.by_table:
            return [RowId(where, _primary_key(mappings.by_table[where], text))]
        named = [one for one in mappings.mappings if one.name == where]
        meant = named or [one for one in mappings.mappings if one.table.partition(".")[2] == where]
        if len(meant) > 1:
            raise Rejected(f"{where} is in several schemas: {', '.join(one.table for one in meant)}")
        if not meant:
            raise Rejected(f"no mapping has {where}: {choose(where, [*mappings.by_table, *mappings.by_object])}")
        link = _id18(text)
        linked = [] if link is None else [SalesforceId(meant[0].object, link)]
        return [RowId(meant[0].table, _primary_key(meant[0], text)), *linked]

    def _by_id(self, text: str) -> Named:
        sfid = _id18(text)
        if sfid is None:
            raise Rejected(f"{text} names nothing: give {FORMS}")
        found = self._ledger.find([SalesforceId(name, sfid) for name in self._mappings.by_object])
        for identity, key in found.items():
            return Named(key, identity)
        names = " or ".join(f"{name}:{sfid}" for name in self._mappings.by_object)
        raise Rejected(f"the ledger does not know {text}: name its object, {names}")


def name_of(mapping: ObjectMapping | None, sfid: str | None, pk: PrimaryKey | None) -> str:
    """A record as the commands name it, and take it back: its Salesforce id, else its row; empty where it has none."""
    return sfid or row_name(mapping, pk)


def row_name(mapping: ObjectMapping | None, pk: PrimaryKey | None) -> str:
    """A row as the commands name it, and take it back; empty where there is none."""
    if pk is None:
        return ""
    plain = len(pk) == 1 or not any("," in part for part in pk)
    text = ",".join(pk) if plain and not pk[0].startswith("[") else primary_key_text(pk)
    return text if mapping is None else f"{mapping.table}:{text}"


def _primary_key(mapping: ObjectMapping, text: str) -> PrimaryKey:
    """A primary key as people write it.

    Raises:
        Rejected: it has not as many parts as the key has columns.
    """
    columns = mapping.key
    if text.startswith("["):
        parts = parse_primary_key(text)
    else:
        parts = (text,) if len(columns) == 1 else tuple(part.strip() for part in text.split(","))
    if len(parts) != len(columns) or not all(parts):
        shape = ",".join(column.upper() for column in columns)
        raise Rejected(f"the key of {mapping.table} is {', '.join(columns)}: give {mapping.table}:{shape}")
    types = zip(parts, mapping.key_types, strict=True)
    return tuple(part.lower() if type_ == "uuid" else part for part, type_ in types)


def _key(text: str) -> RecordKey | None:
    try:
        return parse_key(text)
    except Rejected:
        return None


def _id18(text: str) -> str | None:
    try:
        return id18(text)
    except Rejected:
        return None
