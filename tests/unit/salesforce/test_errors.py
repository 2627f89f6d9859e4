"""Every error that Salesforce, simple-salesforce or requests can give has a place in the core's tree."""

import json
from collections.abc import Iterator

import pytest
import requests
from simple_salesforce import exceptions as simple

from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    Decision,
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
from chalicelib.salesforce.errors import (
    ApexFailed,
    Problem,
    classify,
    classify_problems,
    names_field,
    problems_in,
    translate,
)

CODES: list[tuple[int, str, str, type[TwinledgerError]]] = [
    (401, "INVALID_SESSION_ID", "Session expired or invalid", AccessDenied),
    (401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", AccessDenied),
    (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", QuotaExhausted),
    (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", Throttled),
    (403, "API_DISABLED_FOR_ORG", "API is not enabled", AccessDenied),
    (403, "INSUFFICIENT_ACCESS", "no access", Rejected),
    (403, "APEX_REST_SERVICES_DISABLED", "disabled", ConfigurationError),
    (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 001", RecordLocked),
    (503, "SERVER_UNAVAILABLE", "", Unavailable),
    (500, "UNKNOWN_EXCEPTION", "an unexpected error", Unavailable),
    (500, "APEX_ERROR", "System.LimitException: Apex CPU time limit exceeded", ApexFailed),
    (400, "QUERY_TIMEOUT", "Your query request was running for too long.", Unavailable),
    (404, "ENTITY_IS_DELETED", "entity is deleted", ParentMissing),
    (404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ParentMissing),
    (404, "NOT_FOUND", "The requested resource does not exist", Rejected),
    (400, "DUPLICATE_VALUE", "duplicate value found: X__c duplicates value on record with id: 00Q580", Rejected),
    (400, "DUPLICATES_DETECTED", "Use one of these records?", Rejected),
    (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", Rejected),
    (400, "STRING_TOO_LONG", "Name: data value too large", Rejected),
    (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value for restricted picklist field", Rejected),
    (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", Rejected),
    (400, "MALFORMED_ID", "id value of incorrect type", Rejected),
    (400, "INVALID_FIELD", "No such column 'X' on entity 'Contact'", Rejected),
    (400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name", Rejected),
    (400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", Rejected),
    (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: execution of AfterUpdate caused by: bad data", Rejected),
    (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: first error: UNABLE_TO_LOCK_ROW, unable to", RecordLocked),
    (400, "MALFORMED_QUERY", "unexpected token: FROM", ProtocolError),
    (400, "INVALID_TYPE", "sObject type 'X__c' is not supported.", ConfigurationError),
    (400, "TWINLEDGER_BAD_REQUEST", "this class speaks contract 2", ConfigurationError),
    (412, "PRECONDITION_FAILED", "one or more precondition", Superseded),
    (429, "TOO_MANY_REQUESTS", "slow down", Throttled),
    (400, "A_CODE_OF_NEXT_YEAR", "whatever it means", Rejected),
]


@pytest.mark.parametrize(("status", "code", "message", "expected"), CODES)
def test_codes(status: int, code: str, message: str, expected: type[TwinledgerError]) -> None:
    """Each code has its decision, and its own text reaches the person who reads the issue."""
    error = classify(status, [{"errorCode": code, "message": message, "fields": []}])
    assert expected is type(error)
    assert message in str(error)
    assert code in str(error)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, "<html><body>Down for maintenance</body></html>", Unavailable),
        (502, "", Unavailable),
        (503, None, Unavailable),
        (599, b"\xff\xfe", Unavailable),
        (401, "<html/>", AccessDenied),
        (403, "<html>blocked by a firewall</html>", AccessDenied),
        (404, "<html/>", Rejected),
        (408, "", Unavailable),
        (412, "", Superseded),
        (414, "URI Too Long", ProtocolError),
        (429, "", Throttled),
        (431, "", ProtocolError),
        (400, "not JSON", Rejected),
        (400, [], Rejected),
        (400, ["text"], Rejected),
        (400, [{"message": "no code"}], Rejected),
        (400, 17, Rejected),
    ],
)
def test_bodies_without_errors(status: int, body: object, expected: type[TwinledgerError]) -> None:
    """HTML, an empty body and a body of another form are judged by the status."""
    assert expected is type(classify(status, body))


def test_unknown_codes_are_never_retried() -> None:
    """An unknown 4xx parks with its code, its text and its fields."""
    error = classify(400, [{"errorCode": "NEW_ONE", "message": "text", "fields": ["Phone"]}])
    assert isinstance(error, Rejected)
    assert (error.decision, error.code, error.fields) == (Decision.PARK, "NEW_ONE", ("Phone",))


def test_several_refusals_are_one_with_all_fields() -> None:
    """The texts and the fields of all errors are kept, once each."""
    found = [Problem("A", "first", ("X", "Y")), Problem("B", "second", ("Y", "Z"))]
    error = classify_problems(found)
    assert isinstance(error, Rejected)
    assert (error.code, error.fields, str(error)) == ("A", ("X", "Y", "Z"), "A: first; B: second")


def test_a_reason_to_wait_comes_before_a_reason_to_give_up() -> None:
    """A lock among other errors is tried again: the rest may be its consequence."""
    error = classify_problems([Problem("STRING_TOO_LONG", "x"), Problem("UNABLE_TO_LOCK_ROW", "y")])
    assert isinstance(error, RecordLocked)


def test_collections_items_spell_the_code_otherwise() -> None:
    """``statusCode`` is read like ``errorCode``; missing fields are none."""
    assert (Problem("STRING_TOO_LONG", "m", ()),) == problems_in([{"statusCode": "STRING_TOO_LONG", "message": "m"}])


def test_a_duplicate_without_fields_keeps_salesforces_own_misspelling_out() -> None:
    """The body of a duplicate rule has further members, which change nothing."""
    body = [{"errorCode": "DUPLICATES_DETECTED", "message": "m", "duplicateResut": {"allowSave": True}}]
    assert (Problem("DUPLICATES_DETECTED", "m", ()),) == problems_in(body)


def test_a_single_object_is_read_like_a_list() -> None:
    """Some endpoints leave the brackets out."""
    assert problems_in({"errorCode": "X", "message": "m"}) == (Problem("X", "m"),)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}, AccessDenied),
        ({"error": "invalid_client_id", "error_description": "client identifier invalid"}, AccessDenied),
        ({"error": "inactive_user"}, AccessDenied),
        ({"error": "unknown_error", "error_description": "retry your request"}, Unavailable),
    ],
)
def test_oauth_errors(body: dict[str, str], expected: type[TwinledgerError]) -> None:
    """The token endpoint has a form of error of its own."""
    assert expected is type(classify(400, body))


@pytest.mark.parametrize(
    ("message", "fields", "expected"),
    [
        ("duplicate value found: Key__c duplicates value on record with id: 00Q58", [], True),
        ("duplicate value found: Email duplicates value on record with id: 00Q58", [], False),
        ("duplicate value found: <unknown> duplicates value on record with id: <unknown>", [], None),
        ("duplicate value found", ["Key__c"], True),
    ],
)
def test_which_field_is_duplicated(message: str, fields: list[str], expected: bool | None) -> None:
    """A duplicate of the user's own unique field is not a duplicate of our key."""
    found = problems_in([{"errorCode": "DUPLICATE_VALUE", "message": message, "fields": fields}])
    assert names_field(found, "DUPLICATE_VALUE", "Key__c") is expected
    assert names_field(found, "STRING_TOO_LONG", "Key__c") is False


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    """A class and everything below it."""
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


SIMPLE = sorted(
    {
        found
        for base in (simple.SalesforceError, simple.SalesforceOperationError)
        for found in subclasses(base)
        if found.__module__.startswith("simple_salesforce")
    },
    key=lambda kind: kind.__name__,
)
REQUESTS = sorted(
    {found for found in subclasses(requests.RequestException) if found.__module__.startswith("requests")},
    key=lambda kind: kind.__name__,
)


def test_all_exception_classes_are_enumerated() -> None:
    """The two lists below are those of the modules: none is forgotten when a library grows."""
    declared = {
        found
        for module in (simple, requests.exceptions)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, Warning)
        if found.__module__ in ("simple_salesforce.exceptions", "requests.exceptions")
    }
    assert declared == {*SIMPLE, *REQUESTS} & declared
    assert declared


@pytest.mark.parametrize("kind", SIMPLE)
def test_every_exception_of_simple_salesforce_has_a_decision(kind: type[Exception]) -> None:
    """Each class becomes an error of ours."""
    if issubclass(kind, simple.SalesforceAuthenticationFailed):
        error = translate(kind("invalid_grant", None))
        assert isinstance(error, AccessDenied)
    elif issubclass(kind, simple.SalesforceError):
        error = translate(kind("https://x", 503, "query", b"<html/>"))
        expected = Rejected if kind is simple.SalesforceMoreThanOneRecord else Unavailable
        assert isinstance(error, expected)
    else:
        assert isinstance(translate(kind("job failed")), Unavailable)


REQUESTS_MISUSE = {"InvalidHeader", "InvalidProxyURL", "InvalidSchema", "InvalidURL", "MissingSchema", "URLRequired"}


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_exception_of_requests_has_a_decision(kind: type[Exception]) -> None:
    """What the network did may pass; what we asked wrongly will not."""
    made = kind("text", "doc", 0) if issubclass(kind, json.JSONDecodeError) else kind("text")
    error = translate(made)
    if kind.__name__ in REQUESTS_MISUSE | {"TooManyRedirects"}:
        assert isinstance(error, ConfigurationError)
    elif kind.__name__ == "InvalidJSONError":
        assert isinstance(error, ProtocolError)
    else:
        assert isinstance(error, Unavailable)


def test_an_http_error_is_judged_by_its_answer() -> None:
    """A response that was raised as an exception has its status looked at."""
    response = requests.Response()
    response.status_code = 429
    assert isinstance(translate(requests.HTTPError("no", response=response)), Throttled)


def test_foreign_exceptions_are_not_taken() -> None:
    """A defect of ours is not hidden as an error of Salesforce's."""
    with pytest.raises(TypeError, match="not an error of Salesforce's"):
        translate(KeyError("x"))


def test_long_bodies_are_cut() -> None:
    """A page of HTML does not fill an issue."""
    assert len(str(classify(500, "x" * 10_000))) < 600
