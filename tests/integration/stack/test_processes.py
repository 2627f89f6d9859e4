"""Background processes: recorded, recognised, stopped with what they started."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from infra.local import supervisor
from infra.local.credentials import Credentials, write_private
from infra.local.ports import free_port, is_free
from infra.local.processes import MARKER, PidFile, end, guard, marked, plain_environment, release, stop_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = (
    "import subprocess, sys, time;"
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}]);"
    "print(child.pid, flush=True); time.sleep(60)"
)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python programs, and end them after the test."""
    started: list[subprocess.Popen[str]] = []

    def run(program: str, **environment: str) -> subprocess.Popen[str]:
        env = plain_environment(**environment)
        started.append(
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=env, start_new_session=True
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def gone(pid: int) -> bool:
    """Whether a process has ended, in a few seconds."""
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_pid_file_finds_its_process(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """A recorded process is found while it runs, and not after."""
    process, record = start(SLEEP), PidFile(tmp_path / "x.pid")
    record.write(process.pid)
    found = record.process()
    assert found is not None
    assert found.pid == process.pid
    record.stop()
    assert process.wait(5) == -signal.SIGTERM
    assert record.process() is None
    assert not record.path.exists()


def test_reused_pid_is_not_taken_for_the_process(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """A process of the same id that started at another time is a stranger, and is not stopped."""
    process, record = start(SLEEP), PidFile(tmp_path / "x.pid")
    record.path.write_text(json.dumps({"pid": process.pid, "started": 1.0}), encoding="ascii")
    record.stop()
    assert process.poll() is None


@pytest.mark.parametrize("content", ["", "{}", "rubbish", '{"pid": "x", "started": 1}'])
def test_damaged_pid_file_means_no_process(tmp_path: Path, content: str) -> None:
    """A pid file that was cut off counts as none."""
    record = PidFile(tmp_path / "x.pid")
    record.path.write_text(content, encoding="ascii")
    assert record.process() is None
    record.stop()


def test_children_end_with_their_parent(start: Callable[..., subprocess.Popen[str]]) -> None:
    """A stopped process takes along what it has started."""
    process = start(PARENT)
    child = int(first_line(process))
    stop_tree(psutil.Process(process.pid))
    assert gone(process.pid)
    assert gone(child)


def test_stubborn_process_is_killed(start: Callable[..., subprocess.Popen[str]]) -> None:
    """A process that ignores SIGTERM is ended by SIGKILL."""
    process = start(STUBBORN)
    assert first_line(process) == "up"
    end([psutil.Process(process.pid)], seconds=0.2)
    assert process.wait(5) == -signal.SIGKILL


def test_marker_finds_orphans_of_one_stack_only(start: Callable[..., subprocess.Popen[str]]) -> None:
    """A process whose pid file is lost, and what it started, is found by the stack's marker."""
    ours, theirs = start(PARENT, **{MARKER: "/this/stack"}), start(SLEEP, **{MARKER: "/that/stack"})
    child = int(first_line(ours))
    ours.kill()
    ours.wait(5)
    assert [process.pid for process in marked("/this/stack")] == [child]
    end(list(marked("/this/stack")))
    assert gone(child)
    assert theirs.poll() is None


def test_guard_can_be_dismissed(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """A dismissed guard leaves process and folder alone."""
    process = start(SLEEP)
    release(guard(process.pid, tmp_path))
    assert process.poll() is None
    assert tmp_path.is_dir()


def test_supervisor_starts_again_and_stops(tmp_path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """A command that dies is started again; the end of the supervisor ends it."""
    note = tmp_path / "starts"
    program = f"import os, time; open({str(note)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
    stop = threading.Event()
    thread = threading.Thread(target=supervisor.supervise, args=([sys.executable, "-c", program], stop))
    thread.start()

    def starts(count: int) -> list[int]:
        deadline = time.monotonic() + 10
        while not note.exists() or len(note.read_text(encoding="ascii").splitlines()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return [int(line) for line in note.read_text(encoding="ascii").splitlines()]

    try:
        os.kill(starts(1)[0], signal.SIGKILL)
        pids = starts(2)
    finally:
        stop.set()
        thread.join()
    assert len(set(pids)) == 2
    assert all(gone(pid) for pid in pids)


def test_supervisor_slows_down_and_recovers() -> None:
    """The pause doubles up to five seconds while the command keeps dying, and is short again after a steady run."""
    pauses = [0.1]
    for _ in range(8):
        pauses.append(supervisor.pause_after(pauses[-1], ran_seconds=0.5))
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == 5.0
    assert supervisor.pause_after(5.0, ran_seconds=60) == 0.1


def test_supervisor_wants_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command it says how it is used."""
    assert supervisor.main([]) == 2
    assert "infra.local.supervisor" in capsys.readouterr().err


def test_taken_port_is_replaced() -> None:
    """The preferred port is taken where it is free, else another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) != port
    assert free_port(port) == port


def test_environment_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process does not see the caller's AWS account, database or project settings."""
    for name in ("AWS_PROFILE", "PGHOST", "TWINLEDGER_STAGE", "PYTHONPATH"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("UNRELATED", "y")
    environment = plain_environment(AWS_REGION="r")
    assert (environment["UNRELATED"], environment["AWS_REGION"]) == ("y", "r")
    assert not {"AWS_PROFILE", "PGHOST", "TWINLEDGER_STAGE", "PYTHONPATH"} & set(environment)


def test_credentials_are_private_and_come_back(tmp_path: Path) -> None:
    """What is written for the next start is readable by its owner only, and the same when it is read."""
    made, path = Credentials(), tmp_path / "run" / "credentials.json"
    made.ports["postgres"] = 5
    made.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Credentials.load(path) == made
    assert Credentials().passwords != made.passwords


@pytest.mark.parametrize("content", ["", "[]", '{"of_another_version": 1}'])
def test_unreadable_credentials_count_as_none(tmp_path: Path, content: str) -> None:
    """A file that was cut off, or is of another version, means a fresh start."""
    write_private(tmp_path / "credentials.json", content)
    assert Credentials.load(tmp_path / "credentials.json") is None
    assert Credentials.load(tmp_path / "missing.json") is None
