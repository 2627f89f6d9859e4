"""The image of the relay, without Docker: what its Dockerfile copies, installs and runs, in a clean environment."""
# ruff: noqa: S603 -- our own programs

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from chalicelib.aws.state import Probe
from chalicelib.postgres.capture import LEADER_KEY
from tests.integration.application.conftest import ROOT, World, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / "infra" / "relay"
WAIT = 30.0  # seconds


@dataclass(frozen=True)
class Image:
    """A Dockerfile: its instructions in order, each with its arguments."""

    instructions: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls) -> Image:
        """The relay's."""
        text = re.sub(r"\\\n\s*", " ", (FOLDER / "Dockerfile").read_text(encoding="utf-8"))
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return cls(tuple((line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines))

    def all(self, name: str) -> list[str]:
        """The arguments of each instruction of that name."""
        return [arguments for each, arguments in self.instructions if each == name]

    @property
    def command(self) -> list[str]:
        """What the container runs."""
        return [*json.loads(self.all("ENTRYPOINT")[-1]), *json.loads(self.all("CMD")[-1])]

    @property
    def health(self) -> list[str]:
        """What says whether it is well."""
        command: list[str] = json.loads(self.all("HEALTHCHECK")[-1].split(" CMD ", 1)[1])
        return command


@pytest.fixture(scope="module")
def image() -> Image:
    """The relay's image."""
    return Image.read()


def test_the_base_is_pinned_and_the_functions_own(image: Image) -> None:
    """Python 3.12, to the patch, and of a named release of the distribution."""
    [base] = image.all("FROM")
    assert re.fullmatch(r"python:3\.12\.\d+-slim-[a-z]+", base)


def test_it_does_not_run_as_root(image: Image) -> None:
    """From the last step on; the user is a number, so that whoever runs it sees that."""
    names = [name for name, _ in image.instructions]
    assert image.all("USER") == ["10001"]
    assert "RUN" not in names[names.index("USER") :]


def test_only_what_it_copies_is_sent(image: Image) -> None:
    """The file of exceptions lets nothing else into the build, no secret of a work tree and no environment."""
    sources = {shlex.split(each)[0] for each in image.all("COPY")}
    assert sources == {"requirements.txt", "manage.py", "chalicelib"}
    assert [name for name in sources if not (ROOT / name).exists()] == []
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    assert {each.removeprefix("!") for each in ignored if each.startswith("!")} == sources


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's steps on this machine: an environment with nothing in it, and the files that are copied."""
    folder = tmp_path_factory.mktemp("image")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", folder / "venv"], check=True, timeout=120)
    for name, arguments in image.instructions:
        words = shlex.split(arguments)
        if name == "COPY":
            source, target = ROOT / words[0], folder / words[1]
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        if name == "RUN" and words[:4] == ["python", "-m", "pip", "install"]:
            install = [*uv, "pip", "install", "--quiet", "--python", folder / "venv"]
            subprocess.run([*install, *words[4:]], cwd=folder, check=True, timeout=300)
        elif name == "RUN" and words[0] == "python":
            subprocess.run([folder / "venv" / "bin" / "python", *words[1:]], cwd=folder, check=True, timeout=120)
    return folder


@dataclass
class Running:
    """The container's process."""

    process: subprocess.Popen[bytes]
    health: list[str]

    def healthy(self) -> bool:
        """What Docker would find."""
        return subprocess.run(self.health, check=False, timeout=10).returncode == 0


@pytest.fixture
def running(image: Image, container: Path, world: World) -> Iterator[Running]:
    """The relay, as the image runs it, for an installed stage."""
    world.wiring.state.save_probe(Probe(world.wiring.client.organization_id, passed=True, at=world.wiring.clock.now()))
    assert world.manage("install") == 0
    alive = str(container / "alive")
    variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    command = [str(container / "venv" / "bin" / "python"), *image.command[1:-1], alive]
    process = subprocess.Popen(
        command, cwd=container, env=variables | environment(world.stage) | {"PATH": os.environ["PATH"]}
    )
    health = [word.replace(image.command[-1], alive) for word in image.health]
    assert health != image.health
    yield Running(process, health)
    process.kill()
    process.wait(timeout=WAIT)


def leads(world: World) -> bool:
    """Whether a relay has the advisory lock."""
    found = world.database.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_KEY,)).fetchone()
    if found == (True,):
        world.database.execute("SELECT pg_advisory_unlock(%s)", (LEADER_KEY,))
    return found == (False,)


def until(running: Running, world: World, *, leading: bool) -> None:
    """Wait until a relay leads, or none does."""
    deadline = time.monotonic() + WAIT
    while leads(world) is not leading:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_relays_and_hands_over_when_it_is_told_to_end(running: Running, world: World) -> None:
    """With the files that are copied and the packages that are installed, and no others; SIGTERM ends it with 0."""
    assert not running.healthy()
    until(running, world, leading=True)
    deadline = time.monotonic() + WAIT
    while not running.healthy():  # it is touched with the first round, and again every few seconds
        assert time.monotonic() < deadline
        time.sleep(0.05)
    world.database.execute("INSERT INTO account (name) VALUES ('Contained')")
    deadline = time.monotonic() + WAIT
    while world.database.execute("SELECT FROM twinledger.outbox").fetchone() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=WAIT) == 0
    assert not leads(world)


def test_a_relay_that_is_stuck_is_not_healthy(running: Running, world: World, container: Path) -> None:
    """What it touches is older than a minute."""
    until(running, world, leading=True)
    running.process.send_signal(signal.SIGSTOP)
    old = time.time() - 200
    os.utime(container / "alive", (old, old))
    assert not running.healthy()
