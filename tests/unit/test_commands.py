"""The command line by itself: what is asked for how, and how a command ends."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.commands import FAILED, main, parsed
from chalicelib.core.errors import MappingError
from chalicelib.wiring import Wiring

ROOT = Path(__file__).resolve().parents[2]
LONG = """
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from chalicelib.commands import main
installer = SimpleNamespace(plan=lambda: "CREATE TABLE x ();\\n" * 100_000)
sys.exit(main(["install", "--dry-run"], SimpleNamespace(installer=lambda: nullcontext(installer))))
"""


def test_who_reads_may_stop_at_any_line() -> None:
    """As `head` does: no traceback, no complaint, no failure."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", LONG], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"CREATE TABLE x ();\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


class Failing:
    """A wiring that cannot do anything."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def installer(self) -> Any:
        """Fail."""
        raise self._error


def test_an_error_is_a_line_for_each_of_its_problems(capsys: pytest.CaptureFixture[str]) -> None:
    """On the error stream; who interrupts a command knows it."""
    failing = cast("Wiring", Failing(MappingError(["one", "two"])))
    assert main(["check"], failing) == FAILED
    assert tuple(capsys.readouterr()) == ("", "MappingError: one\nMappingError: two\n")
    assert main(["check"], cast("Wiring", Failing(KeyboardInterrupt()))) == FAILED
    assert tuple(capsys.readouterr()) == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["issues", "--limit", "0"],
        ["issues", "--kind", "STRANGE"],
        ["issues", "--all", "--closed"],
        ["resolve", "i1"],
        ["resolve", "i1", "--take", "both"],
        ["resolve", "i1", "--take", "postgres", "--value", "Name=x"],
        ["show"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is done, with the usage."""
    with pytest.raises(SystemExit) as ended:
        parsed(arguments)
    assert ended.value.code == FAILED
    assert "usage: manage.py" in capsys.readouterr().err
