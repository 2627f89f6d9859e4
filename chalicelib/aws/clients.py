"""boto3 clients with our time-outs. Made once per process; each may be shared by threads."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from chalicelib.aws.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# A settle Lambda has 30 s in all. A repeated call is harmless here: conditional writes know their own repetition,
# transactions and FIFO messages carry ids of their own.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=20,
    tcp_keepalive=True,
)


def dynamodb(**options: Any) -> "DynamoDBClient":
    """A client of DynamoDB; ``options`` are those of ``boto3.client``."""
    with translated():
        return boto3.client("dynamodb", config=CONFIG, **options)


def sqs(**options: Any) -> "SQSClient":
    """A client of SQS; ``options`` are those of ``boto3.client``."""
    with translated():
        return boto3.client("sqs", config=CONFIG, **options)


def secretsmanager(**options: Any) -> "SecretsManagerClient":
    """A client of Secrets Manager; ``options`` are those of ``boto3.client``."""
    with translated():
        return boto3.client("secretsmanager", config=CONFIG, **options)


def cloudwatch(**options: Any) -> Any:
    """A client of CloudWatch; ``options`` are those of ``boto3.client``."""
    with translated():
        return boto3.client("cloudwatch", config=CONFIG, **options)
