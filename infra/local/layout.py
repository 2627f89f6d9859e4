"""Where the one-machine stack keeps what it needs, below `.local/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The folders and files of one stack.

    Args:
        home: The folder of everything that the stack writes.
        source: The folder of `app.py`, `chalicelib` and `manage.py`.
    """

    home: Path = ROOT / ".local"
    source: Path = ROOT

    @property
    def state(self) -> Path:
        """What `down` deletes: pid files, data, credentials."""
        return self.home / "run"

    @property
    def credentials(self) -> Path:
        """Ports, passwords and tokens of the running stack, for the next `up`."""
        return self.state / "credentials.json"

    @property
    def stack_file(self) -> Path:
        """Every address and local credential, for people and tools."""
        return self.home / "stack.json"

    @property
    def failure(self) -> Path:
        """Where and why the last `make up` failed; there is no such file after one that did not."""
        return self.state / "failure.txt"

    @property
    def logs(self) -> Path:
        """One log file for each process and step."""
        return self.home / "logs"

    @property
    def build(self) -> Path:
        """The copy of the application from which chalice deploys; its packages outlive the stack."""
        return self.home / "build"

    @property
    def code_cache(self) -> Path:
        """Unpacked Lambda code, which outlives the stack."""
        return self.home / "cache" / "code"

    def log(self, name: str) -> Path:
        """The log of the process or step `name`."""
        return self.logs / f"{name}.log"

    def pid(self, name: str) -> Path:
        """The pid file of the process `name`."""
        return self.state / f"{name}.pid"
