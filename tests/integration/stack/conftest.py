"""A stack of a test's own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from infra.deployment.progress import Progress
from infra.local import stack
from infra.local.emulator import server
from infra.local.layout import ROOT, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """A stack of its own, that is down again after the test."""
    own = Layout(home=tmp_path / "local", source=ROOT)
    monkeypatch.setattr(stack, "Layout", lambda: own)
    yield own
    stack.down(own, Progress(out=io.StringIO()))


@pytest.fixture
def no_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator cannot start, so that a start of the stack stops half-way."""
    python = tmp_path / "broken" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho the reason\nexit 1\n", encoding="ascii")
    python.chmod(0o755)
    monkeypatch.setattr(server, "ENVIRONMENT", tmp_path / "broken")
