"""Salesforce's errors, sorted into the core's: what to retry, what to park, what to halt on.

Sources: REST API Developer Guide, "Status Codes and Error Responses"; SOAP API Developer Guide, "Core Data Types Used
in API Calls" (StatusCode). A code that is not known here parks with its own text: it is never retried without bound.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from simple_salesforce import exceptions as simple

from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    ParentMissing,
    ProtocolError,
    QuotaExhausted,
    RecordLocked,
    Rejected,
    Superseded,
    Throttled,
    TwinledgerError,
    Unavailable,
)

LOCKED = "UNABLE_TO_LOCK_ROW"
DUPLICATE = "DUPLICATE_VALUE"
DELETED = "ENTITY_IS_DELETED"
CROSS_REFERENCE = "INVALID_CROSS_REFERENCE_KEY"


class ApexFailed(Unavailable):
    """An uncaught exception in Apex rolled back the whole call."""


_QUOTA_SECONDS = 900.0  # the allowance is a rolling 24 hours: look again in a quarter of an hour
_CONCURRENCY_SECONDS = 5.0
_SHOWN = 500  # characters of a body that is not Salesforce's JSON


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of Salesforce's: its code, its text, and the fields it blames."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


def problems_in(body: object) -> tuple[Problem, ...]:
    """Read the errors in a body: REST's array, Collections' items (``statusCode``), or OAuth's object.

    Empty where the body holds none, as HTML or an empty body.
    """
    if isinstance(body, Mapping):
        if "error" in body:
            return (Problem(str(body["error"]), str(body.get("error_description") or body["error"])),)
        body = [body]
    if not isinstance(body, Sequence) or isinstance(body, str | bytes):
        return ()
    return tuple(_problem(item) for item in body if isinstance(item, Mapping) and _code(item))


def _code(item: Mapping[str, Any]) -> str:
    return str(item.get("errorCode") or item.get("statusCode") or "")


def _problem(item: Mapping[str, Any]) -> Problem:
    fields = item.get("fields") or ()
    return Problem(_code(item), str(item.get("message") or ""), tuple(str(name) for name in fields))


def classify(status: int, body: object) -> TwinledgerError:
    """The core's error for an answer with an HTTP status of 300 or more.

    Args:
        status: HTTP status.
        body: the body as parsed JSON, or as text where it is none.
    """
    problems = problems_in(body)
    if problems:
        return classify_problems(problems, status)
    text = f"HTTP {status}: {_shown(body)}"
    if status in _BARE:
        return _BARE[status](text)
    return Unavailable(text) if status >= 500 else Rejected(text, code=f"HTTP_{status}")


def classify_problems(problems: Sequence[Problem], status: int = 400) -> TwinledgerError:
    """The core's error for one record's errors: a reason to wait comes before a reason to give up."""
    found = [_one(problem, status) for problem in problems]
    for error in found:
        if not isinstance(error, Rejected):
            return error
    codes = dict.fromkeys(problem.code for problem in problems)
    fields = dict.fromkeys(name for problem in problems for name in problem.fields)
    text = "; ".join(f"{problem.code}: {problem.message}" for problem in problems)
    return Rejected(text, code=next(iter(codes), ""), fields=tuple(fields))


def _one(problem: Problem, status: int) -> TwinledgerError:
    text = f"{problem.code}: {problem.message}"
    if LOCKED in problem.code or LOCKED in problem.message:  # CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY hides it in its text
        return RecordLocked(text)
    if problem.code == "REQUEST_LIMIT_EXCEEDED":
        return _limited(problem, text)
    if problem.code in _PARENT:
        return ParentMissing(text, code=problem.code, fields=problem.fields)
    sort = _BY_CODE.get(problem.code) or _BY_STATUS.get(status) or (Unavailable if status >= 500 else None)
    return sort(text) if sort else Rejected(text, code=problem.code, fields=problem.fields)


def _limited(problem: Problem, text: str) -> TwinledgerError:
    if "concurrent" in problem.message.lower():
        return Throttled(text, after=_CONCURRENCY_SECONDS)
    return QuotaExhausted(text, after=_QUOTA_SECONDS)


_PARENT = frozenset({CROSS_REFERENCE, DELETED})
_BY_CODE: Mapping[str, Callable[[str], TwinledgerError]] = {
    "APEX_ERROR": ApexFailed,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Unavailable,
    "PROCESSING_HALTED": Unavailable,
    "QUERY_TIMEOUT": Unavailable,
    "REQUEST_RUNNING_TOO_LONG": Unavailable,
    "SERVER_UNAVAILABLE": Unavailable,
    "TRANSACTION_ROLLED_BACK": Unavailable,
    "temporarily_unavailable": Unavailable,
    "server_error": Unavailable,
    "unknown_error": Unavailable,
    "API_CURRENTLY_DISABLED": AccessDenied,
    "API_DISABLED_FOR_ORG": AccessDenied,
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": AccessDenied,
    "INVALID_AUTH_HEADER": AccessDenied,
    "INVALID_LOGIN": AccessDenied,
    "INVALID_SESSION_ID": AccessDenied,
    "MUTUAL_AUTHENTICATION_FAILED": AccessDenied,
    "ORG_LOCKED": AccessDenied,
    "inactive_org": AccessDenied,
    "inactive_user": AccessDenied,
    "invalid_app_access": AccessDenied,
    "invalid_assertion_type": AccessDenied,
    "invalid_client": AccessDenied,
    "invalid_client_credentials": AccessDenied,
    "invalid_client_id": AccessDenied,
    "invalid_grant": AccessDenied,
    "invalid_request": AccessDenied,
    "invalid_scope": AccessDenied,
    "unauthorized_client": AccessDenied,
    "unsupported_grant_type": AccessDenied,
    "APEX_REST_SERVICES_DISABLED": ConfigurationError,
    "INVALID_TYPE": ConfigurationError,
    "TWINLEDGER_BAD_REQUEST": ConfigurationError,
    "UNSUPPORTED_API_VERSION": ConfigurationError,
    "MALFORMED_QUERY": ProtocolError,
}
_BY_STATUS: Mapping[int, Callable[[str], TwinledgerError]] = {
    401: AccessDenied,
    408: Unavailable,
    412: Superseded,
    429: Throttled,
}
_BARE: Mapping[int, Callable[[str], TwinledgerError]] = {
    **_BY_STATUS,
    403: AccessDenied,
    414: ProtocolError,
    431: ProtocolError,
}


def translate(error: Exception) -> TwinledgerError:
    """The core's error for an exception of simple-salesforce or requests.

    Raises:
        TypeError: it is neither's.
    """
    if isinstance(error, simple.SalesforceAuthenticationFailed):
        return AccessDenied(str(error))
    if isinstance(error, simple.SalesforceMoreThanOneRecord):
        return Rejected(f"several records match {error.url}: {_shown(error.content)}", code="MULTIPLE_CHOICES")
    if isinstance(error, simple.SalesforceError):
        return classify(error.status, error.content)
    if isinstance(error, simple.SalesforceOperationError):
        return Unavailable(f"the bulk job did not end well: {error}")
    if isinstance(error, requests.RequestException):
        return _transport(error)
    raise TypeError(f"not an error of Salesforce's: {error!r}")


def _transport(error: requests.RequestException) -> TwinledgerError:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return classify(error.response.status_code, error.response.text)
    if isinstance(error, requests.exceptions.InvalidJSONError) and not isinstance(error, requests.JSONDecodeError):
        return ProtocolError(text)
    if isinstance(error, _OURS):
        return ConfigurationError(text)
    return Unavailable(text)


_OURS = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
    requests.exceptions.URLRequired,
)


def names_field(problems: Iterable[Problem], code: str, field: str) -> bool | None:
    """Whether an error of this code is about the field; None: there is one, but it names no field at all.

    A duplicate's text names the field ("X__c duplicates value on record with id: ...") or says ``<unknown>``.
    """
    answer: bool | None = False
    for problem in problems:
        if problem.code != code:
            continue
        if field in problem.fields or field in problem.message:
            return True
        if not problem.fields and "<unknown>" in problem.message:
            answer = None
    return answer


def _shown(body: object) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else "" if body is None else str(body)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
