"""A console for each test."""

import pytest

from tests.unit.console.bench import Bench


@pytest.fixture
def bench() -> Bench:
    """The console, with two people who have tokens: ann is an operator, vic a viewer."""
    return Bench()
