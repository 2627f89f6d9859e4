"""A stage of its own on the AWS emulator: table and queues as infra/stack.yaml describes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from chalicelib.aws import clients
from infra.deployment import cloudformation
from infra.local.emulator import Emulator

STACK = Path(__file__).resolve().parents[3] / "infra" / "stack.yaml"


@dataclass(frozen=True)
class Stage:
    """Where everything is.

    Attributes:
        options: what a boto3 client of it needs.
        outputs: of the stack.
    """

    options: dict[str, Any]
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """A plain boto3 client."""
        make: Any = boto3.client
        return make(service, **self.options)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start an emulator with one stage in it, and stop it at the end."""
    with Emulator() as emulator:
        options: dict[str, Any] = {
            "endpoint_url": emulator.endpoint_url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        client = boto3.client("cloudformation", config=clients.CONFIG, **options)
        yield Stage(options, cloudformation.deploy(client, "test", STACK, {"Stage": "test", "VisibilityTimeout": "2"}))
