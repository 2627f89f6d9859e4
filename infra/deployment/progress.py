"""Progress on the terminal, one line for each step, with the elapsed time; the end of a log."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Progress:
    """Prints what is being done, and knows which step and which log a failure belongs to."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    step: str = ""
    log: Path | None = None
    _began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one line with the elapsed seconds."""
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", file=self.out, flush=True)

    @contextlib.contextmanager
    def during(self, step: str, *, log: Path | None = None, note: str = "") -> Iterator[list[str]]:
        """Announce `step` and print its end; the list that is handed out takes what to add to that line."""
        self.step, self.log = step, log
        if note:
            self.say(f"{step}: {note}")
        began = time.monotonic()
        details: list[str] = []
        yield details
        self.say(f"{step}: {', '.join([*details, f'{time.monotonic() - began:.1f} s'])}")


def log_end(log: Path, characters: int = 2000) -> str:
    """The end of a log file, for an error message."""
    with contextlib.suppress(FileNotFoundError):
        return log.read_text(encoding="utf-8", errors="replace")[-characters:]
    return ""


def one_line(error: Exception) -> str:
    """A failure in one line: what failed, and the last line of what it said."""
    first, *rest = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join([first, *rest[-1:]])
