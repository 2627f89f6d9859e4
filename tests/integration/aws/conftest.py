"""The AWS emulator with one stage."""

from tests.contract.conftest import aws

__all__ = ["aws"]
