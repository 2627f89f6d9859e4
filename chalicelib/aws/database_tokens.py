"""Tokens in place of the password of a database of RDS ("IAM database authentication", Amazon RDS User Guide)."""

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from chalicelib.core.errors import AccessDenied


def token(host: str, port: int, user: str, client: Any = None) -> str:
    """A token for one user of a database, an Aurora cluster or an RDS Proxy.

    It is good for a quarter of an hour, and only to connect: a connection that is open stays open. It is signed here,
    with the credentials of the function's role; nobody is asked for it.

    Args:
        host: as the address names it.
        port: likewise.
        user: a database user that was granted rds_iam.
        client: a boto3 client of RDS; None: one of the environment's region and credentials.

    Raises:
        AccessDenied: there are no AWS credentials, or no region.
    """
    try:
        signer = client or boto3.client("rds")
        return str(signer.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user))
    except BotoCoreError as error:
        raise AccessDenied(f"no token for the database could be signed: {type(error).__name__}") from error
