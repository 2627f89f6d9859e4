"""Start, reset and stop the AWS emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from infra.deployment.progress import log_end
from infra.local.ports import HOST, free_port
from infra.local.processes import detach, guard, plain_environment, release, spawn, stop_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = ROOT / ".local" / "emulator-venv"
REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 30.0
WARM_SECONDS = 3600
"""How long an idle execution environment is kept."""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
"""What a client of the emulator sets beside `AWS_ENDPOINT_URL`; the emulator gives its Lambdas all of it by itself."""


class EmulatorError(RuntimeError):
    """The emulator is not installed or did not start; the message holds the end of its log."""


@dataclass
class Emulator:
    """One emulator with empty state, which it keeps in memory only.

    As a context manager it is throw-away: stopped, with its folder removed, at the end or when its owner dies.

    Args:
        folder: Where its temporary files and its log go; `None` for a temporary folder that `remove` deletes.
        port: The TCP port on 127.0.0.1; `None` for a free one.
        log_file: Where its output goes; by default a file in `folder`.
        code_cache: Where unpacked Lambda code is kept for the next emulator; by default in `folder`.
        environment: Environment variables by which the caller recognises the process and its Lambdas.
    """

    folder: Path | None = None
    port: int | None = None
    log_file: Path | None = None
    code_cache: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        self.start(guarded=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @property
    def endpoint_url(self) -> str:
        """The value for `AWS_ENDPOINT_URL`."""
        return f"http://{HOST}:{self.port}"

    @property
    def client_environment(self) -> dict[str, str]:
        """Environment variables with which any AWS client talks to this emulator."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint_url}

    @property
    def client_arguments(self) -> dict[str, str]:
        """Arguments with which `boto3.client(service, **arguments)` talks to this emulator."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": REGION,
            "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }

    @property
    def pid(self) -> int | None:
        """The process id, while the emulator that this object started runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def healthy(self) -> bool:
        """Whether an emulator answers at the port, whoever started it."""
        try:
            with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    @property
    def log(self) -> Path:
        """The emulator's log, which also has what its Lambdas print."""
        if self.log_file is not None:
            return self.log_file
        if self.folder is None:
            raise EmulatorError("the emulator has no folder before it is started")
        return self.folder / "emulator.log"

    def start(self, *, guarded: bool = False) -> None:
        """Start the emulator and wait until it answers.

        Args:
            guarded: Stop it when the calling process ends, even by SIGKILL.

        Raises:
            EmulatorError: It is not installed, or did not answer in time.
        """
        python = ENVIRONMENT / "bin" / "python"
        if not python.exists():
            raise EmulatorError(f"the emulator is not installed in {ENVIRONMENT}: run make setup")
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="twinledger-emulator-"))
        self.port = self.port or free_port()
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        env = plain_environment(
            **self.environment,
            GATEWAY_PORT=str(self.port),
            BIND_HOST=HOST,
            MINISTACK_HOST=HOST,
            MINISTACK_REGION=REGION,
            MINISTACK_ACCOUNT_ID=ACCOUNT,
            STATE_DIR=str(self.folder / "state"),
            S3_DATA_DIR=str(self.folder / "s3"),
            TMPDIR=str(temporary),
            CODE_CACHE=str(self.code_cache or self.folder / "code"),
            LAMBDA_WARM_TTL_SECONDS=str(WARM_SECONDS),
            LOG_LEVEL=os.environ.get("EMULATOR_LOG_LEVEL", "INFO"),
        )
        self._process = spawn([python, Path(__file__).with_name("shim")], log=self.log, env=env, cwd=self.folder)
        if guarded:
            self._guard = guard(self._process.pid, self.folder)
        self._wait()

    def reset(self) -> None:
        """Empty the emulator: every queue, table, function and secret is gone."""
        request = urllib.request.Request(f"{self.endpoint_url}/_ministack/reset", method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310
            pass

    def stop(self) -> None:
        """Stop the emulator and its Lambdas; nothing to do when it does not run."""
        if self._guard is not None:
            release(self._guard)
            self._guard = None
        if self._process is not None:
            if self._process.poll() is None:
                stop_tree(psutil.Process(self._process.pid))
            self._process.wait()
            self._process = None

    def detach(self) -> None:
        """Let the emulator outlive this process."""
        if self._process is not None:
            detach(self._process)
            self._process = None

    def remove(self) -> None:
        """Stop the emulator and delete its folder."""
        self.stop()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=False)
            self.folder = None

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.healthy:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmulatorError(f"the AWS emulator did not start on port {self.port}:\n{log_end(self.log)}")
            time.sleep(0.05)
