"""The command line by itself: what is asked for how, and how a command ends."""

import getpass
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.commands import FAILED, main, parsed
from chalicelib.core.errors import MappingError, Rejected
from chalicelib.jobs.auditing import Auditor
from chalicelib.wiring import Wiring
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock

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


class Audited:
    """A wiring that can write down what is done, and not much else."""

    def __init__(self) -> None:
        self.audit = MemoryAudit()
        self.clock = FakeClock()

    def auditor(self) -> Auditor:
        """Writes down what people do."""
        return Auditor(self.audit, self.clock)

    def acting(self) -> Any:
        """Fail."""
        raise Rejected("secret value")

    def pausing(self) -> Any:
        """Pauses nothing."""
        return SimpleNamespace(pause=lambda *_: None)

    def settler(self) -> Any:
        """A record cannot be settled yet."""
        outcome = SimpleNamespace(result="waiting", error=None, acknowledged=False)
        return SimpleNamespace(settle=lambda _: [outcome])

    def operators(self) -> Any:
        """Knows every record."""
        return SimpleNamespace(hint_of=lambda _: None)

    def names(self) -> Any:
        """Finds every record."""
        return SimpleNamespace(find=lambda _: None)


@pytest.mark.parametrize(
    ("arguments", "subject", "outcome"),
    [
        (["ignore", "i1", "--reason", "so", "--actor", "ann"], "i1", "not done: Rejected"),
        (["pause", "account", "--actor", "ann"], "account", "done"),
        (["settle", "public.account:1"], "public.account:1", "not done"),
    ],
)
def test_what_a_person_does_is_written_down(arguments: list[str], subject: str, outcome: str) -> None:
    """With who, on what and how it ended; no value of a record."""
    wiring = Audited()
    main(arguments, cast("Wiring", wiring))
    [act] = wiring.audit.acts.values()
    assert (act.role, act.verb, act.subjects, act.outcome) == ("terminal", arguments[0], (subject,), outcome)
    assert act.actor == ("ann" if "ann" in arguments else getpass.getuser())


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
