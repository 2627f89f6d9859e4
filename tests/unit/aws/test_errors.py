"""Every exception of the AWS libraries and every code of the calls that are made has a decision."""

import boto3.exceptions
import botocore.discovery
import botocore.exceptions
import botocore.session
import pytest
from botocore.exceptions import ClientError

from chalicelib.aws import errors
from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    ProtocolError,
    RecordLocked,
    Throttled,
    TwinledgerError,
    Unavailable,
)

CALLS = {
    "dynamodb": (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "sqs": (
        "ChangeMessageVisibilityBatch",
        "DeleteMessage",
        "DeleteMessageBatch",
        "GetQueueAttributes",
        "SendMessageBatch",
    ),
    "secretsmanager": ("GetSecretValue",),
}


def modelled() -> list[tuple[str, str]]:
    """The codes that AWS' own service models name for these calls."""
    session = botocore.session.get_session()
    return [
        (f"{service} {call}", shape.name)
        for service, calls in CALLS.items()
        for call in calls
        for shape in session.get_service_model(service).operation_model(call).error_shapes
    ]


def classes() -> list[type[Exception]]:
    """Every exception class of botocore and boto3."""
    found = {
        value
        for module in (botocore.exceptions, botocore.discovery, boto3.exceptions)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, errors.ROOTS)
    }
    return sorted(found, key=lambda cls: cls.__name__)


def client_error(code: str, status: int = 400) -> ClientError:
    """An error as botocore raises it."""
    response = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutItem")  # type: ignore[arg-type]


@pytest.mark.parametrize(("call", "code"), modelled())
def test_every_modelled_code_is_known(call: str, code: str) -> None:
    """A code of a call that is made is in the table, not guessed at by status."""
    assert code in errors.CODES, f"{call} may answer {code}"


# What is none of these is a defect of ours: a wrong parameter, a wrong type, a test's stub.
DEFECTS = {
    "AliasConflictParameterError",
    "AwsChunkedWrapperError",
    "Boto3Error",
    "BotoCoreError",
    "DynamoDBNeedsConditionError",
    "DynamoDBNeedsKeyConditionError",
    "DynamoDBOperationNotSupportedError",
    "InvalidCrtTransferConfigError",
    "InvalidDNSNameError",
    "InvalidExpressionError",
    "InvalidHostLabelError",
    "InvalidS3AddressingStyleError",
    "InvalidS3UsEast1RegionalEndpointConfigError",
    "MD5UnavailableError",
    "MissingParametersError",
    "NoVersionFound",
    "OperationNotPageableError",
    "PaginationError",
    "ParamValidationError",
    "RangeError",
    "ResourceLoadException",
    "S3TransferFailedError",
    "S3UploadFailedError",
    "StubAssertionError",
    "StubResponseError",
    "UnStubbedResponseError",
    "UndefinedModelAttributeError",
    "UnknownClientMethodError",
    "UnknownKeyError",
    "UnknownParameterError",
    "UnknownServiceStyle",
    "UnseekableStreamError",
    "UnsupportedOutpostResourceError",
    "UnsupportedS3AccesspointConfigurationError",
    "UnsupportedS3ArnError",
    "UnsupportedS3ConfigurationError",
    "UnsupportedS3ControlArnError",
    "UnsupportedS3ControlConfigurationError",
    "ValidationError",
    "WaiterConfigError",
}


@pytest.mark.parametrize("cls", classes())
def test_every_exception_class_is_decided(cls: type[Exception]) -> None:
    """Each class of the libraries is either in the table or named here as a defect; a new one has to be decided."""
    if issubclass(cls, ClientError):
        return
    names = [base.__name__ for base in cls.__mro__]
    known = next((errors.CLASSES[name] for name in names if name in errors.CLASSES), None)
    assert (known is None) == (cls.__name__ in DEFECTS)
    error = cls.__new__(cls)
    Exception.__init__(error, "why")
    assert isinstance(errors.classify(error), known or ProtocolError)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, Throttled),
        ("com.amazonaws.dynamodb.v20120810#ThrottlingException", 400, Throttled),
        ("InternalServerError", 500, Unavailable),
        ("TransactionConflictException", 400, RecordLocked),
        ("AccessDeniedException", 400, AccessDenied),
        ("ResourceNotFoundException", 400, ConfigurationError),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, ConfigurationError),
        ("ValidationException", 400, ProtocolError),
        ("SomethingNew", 500, Unavailable),
        ("SomethingNew", 503, Unavailable),
        ("SomethingNew", 429, Throttled),
        ("SomethingNew", 401, AccessDenied),
        ("SomethingNew", 403, AccessDenied),
        ("SomethingNew", 400, ProtocolError),
    ],
)
def test_a_code_decides(code: str, status: int, expected: type[TwinledgerError]) -> None:
    """Known codes by the table, new ones by their status; the text says what was asked and what AWS said."""
    error = errors.classify(client_error(code, status))
    assert type(error) is expected
    assert str(error) == f"PutItem: {code}: why"


def test_an_error_without_details_is_a_defect() -> None:
    """An answer that is not of AWS names nothing."""
    assert type(errors.classify(ClientError({}, "PutItem"))) is ProtocolError


def test_what_is_raised_inside_is_translated() -> None:
    """The original stays its cause; other exceptions and those excepted pass."""
    with pytest.raises(Throttled) as caught, errors.translated():
        raise client_error("ThrottlingException")
    assert isinstance(caught.value.__cause__, ClientError)
    with pytest.raises(KeyError), errors.translated():
        raise KeyError
    with pytest.raises(ClientError), errors.translated(but=ClientError):
        raise client_error("ThrottlingException")
