"""The AWS account that a stage is deployed into."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5})


@dataclass(frozen=True)
class Account:
    """Where a stage goes.

    Args:
        id: The account's number.
        region: Such as eu-central-1.
        endpoint_url: Of an emulator that stands for AWS; None for AWS.
        session: Makes clients.
    """

    id: str
    region: str
    endpoint_url: str | None
    session: boto3.Session

    def client(self, service: str) -> Any:
        """A boto3 client."""
        make: Any = self.session.client
        return make(service, config=CONFIG)


def connect(environment: Mapping[str, str] = os.environ) -> Account:
    """The account that the environment's credentials are of.

    Raises:
        DeploymentError: There are no credentials, they are refused, or no region is set.
    """
    try:
        session = boto3.Session()
        client: Any = session.client("sts", config=CONFIG)
        identity = client.get_caller_identity()
    except ProfileNotFound as error:
        raise DeploymentError(f"{error}: correct AWS_PROFILE, or run aws configure") from error
    except NoCredentialsError as error:
        raise DeploymentError("there are no AWS credentials: set AWS_PROFILE, or run aws configure") from error
    except NoRegionError as error:
        raise DeploymentError("no AWS region is set: set AWS_DEFAULT_REGION, or the profile's region") from error
    except ClientError as error:
        told, remedy = error.response["Error"]["Message"].rstrip("."), "sign in again, or set AWS_PROFILE"
        raise DeploymentError(f"AWS refused the credentials: {told}: {remedy}") from error
    except BotoCoreError as error:
        raise DeploymentError(f"AWS was not reached: {error}") from error
    endpoint = environment.get("AWS_ENDPOINT_URL") or None
    return Account(str(identity["Account"]), str(session.region_name), endpoint, session)
