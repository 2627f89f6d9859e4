"""A pytest plugin that runs the tests with one guard off: the one that the environment names."""

import os

import pytest

from tests.simulation.mutants import BY_GUARD, SWITCH


@pytest.fixture(autouse=True, scope="session")
def _guard_off() -> object:
    """The guard is off for every test of the run."""
    with BY_GUARD[os.environ[SWITCH]].off():
        yield
