"""The AWS emulator for the suites that a fake and a real adapter share."""

from collections.abc import Iterator

import pytest

from tests.integration.aws.stage import Stage, stage


@pytest.fixture(scope="session")
def aws() -> Iterator[Stage]:
    """A stage on the emulator."""
    with stage() as running:
        yield running
