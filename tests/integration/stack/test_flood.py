"""The webhooks of the running stack under a short flood: `make up` first."""

import pytest

from infra.local.layout import Layout
from tests.bench.flood.__main__ import main

pytestmark = pytest.mark.stack


def test_a_flood_is_taken_and_refused_as_it_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    """Every answer is right, nothing is queued by half, and every edit arrives."""
    if not Layout().stack_file.exists():
        pytest.skip("the stack is not up")
    status = main(["--seconds", "2", "--records", "20", "--clients", "4"])
    assert status == 0, capsys.readouterr().out
