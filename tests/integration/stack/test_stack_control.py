"""make up, down and status where something is missing, half started or in the way."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from infra.local import services, stack
from infra.local.credentials import Credentials
from infra.local.emulator import server
from infra.local.layout import ROOT
from infra.local.processes import marked

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.layout import Layout


def test_down_of_nothing_is_quiet(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing runs, down has nothing to do and succeeds."""
    assert stack.main(["down"]) == 0
    assert capsys.readouterr().err == ""


def test_status_of_nothing(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Status names every process and fails when one is not there."""
    assert stack.main(["status"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        [name, "stopped: make up starts it"] for name in services.NAMES
    ]


@pytest.mark.usefixtures("no_emulator")
def test_failure_is_one_line_with_its_log(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """A start that fails says in one line at which step, why, and where to look."""
    assert stack.main(["up"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("make up failed at 'AWS emulator': the AWS emulator did not start on port")
    assert "the reason" in line
    assert line.endswith(f"see {layout.log('emulator')}")


def test_missing_environment_names_the_remedy(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the emulator is not installed, make setup is named."""
    monkeypatch.setattr(server, "ENVIRONMENT", tmp_path / "nothing")
    assert stack.main(["up"]) == 1
    assert "run make setup" in capsys.readouterr().err


@pytest.mark.usefixtures("no_emulator")
def test_half_started_stack_goes_on(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """What a failed start left running is used by the next one, and stopped by down."""
    stack.main(["up"])
    first = Credentials.load(layout.credentials)
    assert first is not None
    pid = services.Services(layout, first).cluster.pid
    assert pid is not None
    capsys.readouterr()

    stack.main(["up"])
    assert "lost" not in capsys.readouterr().out
    second = Credentials.load(layout.credentials)
    assert second == first
    assert services.Services(layout, second).cluster.pid == pid

    assert stack.main(["down"]) == 0
    assert list(marked(str(layout.home))) == []
    assert not layout.state.exists()


@pytest.mark.usefixtures("no_emulator")
def test_down_finds_processes_without_their_records(layout: Layout) -> None:
    """Where the records are lost, the processes are found by their marker."""
    stack.main(["up"])
    assert list(marked(str(layout.home)))
    for record in layout.state.iterdir():
        if record.is_file():
            record.unlink()
    stack.main(["down"])
    assert list(marked(str(layout.home))) == []


@pytest.mark.usefixtures("no_emulator")
def test_taken_port_is_avoided(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default port that another program holds is replaced, and the replacement is recorded."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setitem(services.DEFAULT_PORTS, "postgres", port)
        stack.main(["up"])
    made = Credentials.load(layout.credentials)
    assert made is not None
    assert made.ports["postgres"] != port
    assert services.Services(layout, made).running("postgres")


def test_two_at_once_are_refused(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """While one command is at work on a stack, another one is refused."""
    with stack.alone(layout):
        assert stack.main(["up"]) == 1
    assert "another make up or make down is at work" in capsys.readouterr().err


def test_python_of_the_environment_is_kept(tmp_path: Path) -> None:
    """The interpreter of an existing .venv is preferred, and one that is named is preferred to that."""
    finder = ROOT / "infra" / "local" / "find-python"
    local = tmp_path / ".venv" / "bin"
    local.mkdir(parents=True)
    (local / "python").symlink_to(sys.executable)

    def found(**environment: str) -> str:
        done = subprocess.run(  # noqa: S603
            [finder], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    kept = found(PATH="/usr/bin:/bin")
    assert (
        kept
        == subprocess.check_output(
            [".venv/bin/python", "-c", "import sys; print(sys.executable)"], cwd=tmp_path, text=True
        ).strip()
    )
    assert found(PATH="/usr/bin:/bin", PYTHON=sys.executable) == sys.executable


def test_missing_python_is_told(tmp_path: Path) -> None:
    """Without any usable Python the remedy is named."""
    finder = ROOT / "infra" / "local" / "find-python"
    done = subprocess.run(  # noqa: S603
        ["/bin/sh", finder], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "PYTHON=/path/to/python3.12" in done.stderr
