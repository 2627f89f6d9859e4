"""What an error of AWS means for the work at hand.

Sources: "Error handling with DynamoDB" and "Common errors" (DynamoDB API Reference), "Common Errors" (SQS and Secrets
Manager API References), and the exceptions of botocore and boto3. Classes are told apart by name, because the Lambda
runtime brings a botocore of its own, whose newest classes come and go.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3.exceptions
import botocore.exceptions

from chalicelib.core.errors import (
    AccessDenied,
    ConfigurationError,
    ProtocolError,
    RecordLocked,
    Throttled,
    TwinledgerError,
    Unavailable,
)

CODES: dict[str, type[TwinledgerError]] = dict.fromkeys(
    (
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ReplicatedWriteConflictException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "SlowDown",
        "KmsThrottled",
        "KMS.ThrottlingException",
        "OverLimit",
        "LimitExceededException",
    ),
    Throttled,
)
CODES |= dict.fromkeys(
    (
        "InternalServerError",
        "InternalServiceError",
        "InternalError",
        "InternalFailure",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "RequestTimeout",
        "RequestTimeoutException",
        "RequestExpired",
        "ExpiredToken",
        "ExpiredTokenException",
    ),
    Unavailable,
)
CODES |= dict.fromkeys(
    ("TransactionConflict", "TransactionConflictException", "TransactionInProgressException"), RecordLocked
)
CODES |= dict.fromkeys(
    (
        "AccessDenied",
        "AccessDeniedException",
        "DecryptionFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "KmsAccessDenied",
        "KmsOptInRequired",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    AccessDenied,
)
CODES |= dict.fromkeys(
    (
        "AWS.SimpleQueueService.NonExistentQueue",
        "InvalidAddress",
        "InvalidRequestException",
        "KmsDisabled",
        "KmsInvalidKeyUsage",
        "KmsInvalidState",
        "KmsNotFound",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "UnsupportedOperation",
    ),
    ConfigurationError,
)
CODES |= dict.fromkeys(
    (
        "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong",
        "ConditionalCheckFailed",
        "ConditionalCheckFailedException",
        "EmptyBatchRequest",
        "IdempotentParameterMismatchException",
        "InvalidAction",
        "InvalidAttributeName",
        "InvalidBatchEntryId",
        "InvalidIdFormat",
        "InvalidMessageContents",
        "InvalidParameterException",
        "InvalidParameterValue",
        "ItemCollectionSizeLimitExceeded",
        "ItemCollectionSizeLimitExceededException",
        "MissingParameter",
        "ReceiptHandleIsInvalid",
        "SerializationException",
        "TooManyEntriesInBatchRequest",
        "TransactionCanceledException",
        "ValidationError",
        "ValidationException",
    ),
    ProtocolError,
)

CLASSES: dict[str, type[TwinledgerError]] = dict.fromkeys(
    (
        "CapacityNotAvailableError",
        "ChecksumError",
        "ConnectionError",
        "CredentialRetrievalError",
        "EventStreamError",
        "FlexibleChecksumError",
        "HTTPClientError",
        "IncompleteReadError",
        "MetadataRetrievalError",
        "RetriesExceededError",
        "TokenRetrievalError",
        "WaiterError",
    ),
    Unavailable,
)
CLASSES |= dict.fromkeys(
    (
        "LoginError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "RefreshWithMFAUnsupportedError",
        "SSOError",
        "UnknownCredentialError",
        "UnknownTokenProviderError",
    ),
    AccessDenied,
)
CLASSES |= dict.fromkeys(
    (
        "ApiVersionNotFoundError",
        "BaseEndpointResolverError",
        "ConfigNotFound",
        "ConfigParseError",
        "DataNotFoundError",
        "EndpointDiscoveryException",
        "EndpointProviderError",
        "InvalidChecksumConfigError",
        "InvalidConfigError",
        "InvalidDefaultsMode",
        "InvalidEndpointConfigurationError",
        "InvalidEndpointDiscoveryConfigurationError",
        "InvalidIMDSEndpointError",
        "InvalidIMDSEndpointModeError",
        "InvalidProxiesConfigError",
        "InvalidRegionError",
        "InvalidRetryConfigurationError",
        "InvalidSTSRegionalEndpointsConfigError",
        "MissingDependencyException",
        "ProfileNotFound",
        "ServiceNotInRegionError",
        "SSLError",
        "UnknownRegionError",
        "UnknownSignatureVersionError",
        "UnsupportedServiceProtocolsError",
        "UnsupportedSignatureVersionError",
    ),
    ConfigurationError,
)

ROOTS = (
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    boto3.exceptions.Boto3Error,
)


def of_code(code: str, status: int = 0) -> type[TwinledgerError]:
    """The class of an AWS error code; of an unknown one by its HTTP status."""
    known = CODES.get(code.rsplit("#", 1)[-1])
    if known is not None:
        return known
    if status >= 500:
        return Unavailable
    if status == 429:
        return Throttled
    return AccessDenied if status in {401, 403} else ProtocolError


def classify(error: Exception) -> TwinledgerError:
    """An exception of botocore or boto3 as an error of Twinledger. What is not known is a defect of ours."""
    if isinstance(error, botocore.exceptions.ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = details.get("Code", "")
        return of_code(code, status)(f"{error.operation_name}: {code}: {details.get('Message', '')}")
    for cls in type(error).__mro__:
        if cls.__name__ in CLASSES:
            return CLASSES[cls.__name__](f"{type(error).__name__}: {error}")
    return ProtocolError(f"{type(error).__name__}: {error}")


@contextmanager
def translated(*, but: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Raise what AWS raises inside as an error of Twinledger; the classes in ``but`` pass as they are.

    Raises:
        TwinledgerError: see :func:`classify`.
    """
    try:
        yield
    except but:
        raise
    except ROOTS as error:
        raise classify(error) from error
