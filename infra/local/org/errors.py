"""Salesforce's errors (REST API Developer Guide: "Status Codes and Error Responses")."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "ENTITY_IS_DELETED": 404,
    "NOT_FOUND": 404,
    "INVALID_CROSS_REFERENCE_KEY": 404,
    "METHOD_NOT_ALLOWED": 405,
    "PRECONDITION_FAILED": 412,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "SERVER_UNAVAILABLE": 503,
    "UNKNOWN_EXCEPTION": 500,
    "APEX_ERROR": 500,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One error: its code, its text and the fields that it is about."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    details: dict[str, Any] | None = None  # keys that only some codes have


class OrgError(Exception):
    """A refused request or record, with one or more problems and the HTTP status of a single-record call."""

    def __init__(self, *problems: Problem, status: int | None = None) -> None:
        super().__init__(problems[0].message)
        self.problems = problems
        self.status = status if status is not None else _STATUS.get(problems[0].code, 400)

    def body(self) -> list[dict[str, Any]]:
        """The JSON array of a single call; ``fields`` stands only where Salesforce sends it."""
        return [
            {"message": p.message, "errorCode": p.code}
            | ({"fields": list(p.fields)} if _has_fields(p) else {})
            | (p.details or {})
            for p in self.problems
        ]

    def items(self) -> list[dict[str, Any]]:
        """The errors of one record in a Collections result, which says ``statusCode``."""
        return [
            {"statusCode": p.code, "message": p.message, "fields": list(p.fields)} | (p.details or {})
            for p in self.problems
        ]


_WITHOUT_FIELDS = frozenset(
    {
        "INVALID_SESSION_ID",
        "REQUEST_LIMIT_EXCEEDED",
        "NOT_FOUND",
        "MALFORMED_QUERY",
        "INVALID_FIELD",
        "INVALID_TYPE",
        "JSON_PARSER_ERROR",
        "METHOD_NOT_ALLOWED",
        "PRECONDITION_FAILED",
        "PROCESSING_HALTED",
        "UNSUPPORTED_MEDIA_TYPE",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "APEX_ERROR",
    }
)


def _has_fields(problem: Problem) -> bool:
    return bool(problem.fields) or problem.code not in _WITHOUT_FIELDS


def fail(code: str, message: str, fields: Iterable[str] = (), status: int | None = None) -> OrgError:
    """Build an error with one problem."""
    return OrgError(Problem(code, message, tuple(fields)), status=status)


def not_found(message: str = "The requested resource does not exist") -> OrgError:
    """The resource or record does not exist."""
    return fail("NOT_FOUND", message)


def deleted() -> OrgError:
    """The record is in the recycle bin."""
    return fail("ENTITY_IS_DELETED", "entity is deleted")


def unknown_field(name: str, object_name: str) -> OrgError:
    """A field that does not exist, or that the user may not see, in a record to be written."""
    return fail("INVALID_FIELD", f"No such column '{name}' on sobject of type {object_name}")


def row_locked(ids: Iterable[str]) -> OrgError:
    """Another transaction held one of the rows for longer than a writer waits."""
    listed = list(ids)
    others = f" or {len(listed)} records: {','.join(listed)}" if listed else ""
    return fail("UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record{others}")


def bad_json(message: str) -> OrgError:
    """The body, or a value in it, has a form that cannot be read."""
    return fail("JSON_PARSER_ERROR", message)
