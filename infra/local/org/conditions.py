"""Conditional requests (REST API Developer Guide: "Conditional Requests").

Dates go with every object and have whole seconds; entity tags go with Account only.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from infra.local.org.clock import from_stamp, parse_http_date
from infra.local.org.errors import fail
from infra.local.org.schema import ObjectType
from infra.local.org.store import Row

if TYPE_CHECKING:
    from infra.local.org.calls import Call

TAGGED_OBJECTS = frozenset({"Account"})


@dataclass(frozen=True, slots=True)
class Condition:
    """What a request demands of the record; dates in seconds since the epoch."""

    unmodified_since: float | None = None
    modified_since: float | None = None
    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    def check(self, row: Row) -> None:
        """Refuse a record that is not as demanded.

        Raises:
            OrgError: 412, PRECONDITION_FAILED.
        """
        since = self.unmodified_since
        if since is not None and from_stamp(row["LastModifiedDate"]) > since:
            raise fail("PRECONDITION_FAILED", "The record was modified after the date of If-Unmodified-Since")
        if self.match is not None and not self.match & {"*", entity_tag(row)}:
            raise fail("PRECONDITION_FAILED", "The record's entity tag is not one of If-Match")

    def not_modified(self, row: Row) -> bool:
        """Whether a read is answered with 304."""
        if self.none_match is not None:
            return bool(self.none_match & {"*", entity_tag(row)})
        return self.modified_since is not None and from_stamp(row["LastModifiedDate"]) <= self.modified_since


ALWAYS = Condition()


def read_condition(call: "Call", kind: ObjectType) -> Condition:
    """The condition in a request's headers.

    Raises:
        OrgError: a header holds no HTTP date.
    """
    tagged = kind.name in TAGGED_OBJECTS
    return Condition(
        _date(call, "if-unmodified-since"),
        _date(call, "if-modified-since"),
        _tags(call, "if-match") if tagged else None,
        _tags(call, "if-none-match") if tagged else None,
    )


def _date(call: "Call", name: str) -> float | None:
    text = call.headers.get(name)
    if not text:
        return None
    try:
        return parse_http_date(text)
    except ValueError:
        raise fail("INVALID_HEADER", f"no HTTP date in {name}: {text}") from None


def _tags(call: "Call", name: str) -> frozenset[str] | None:
    text = call.headers.get(name)
    return frozenset(tag.strip().removeprefix("W/") for tag in text.split(",")) if text else None


def entity_tag(row: Row) -> str:
    """The entity tag of a record's content."""
    return f'"{hashlib.sha256(orjson.dumps(row)).hexdigest()[:32]}"'
