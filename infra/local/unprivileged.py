"""Run a server as a user without rights, where the caller is root and the server refuses that."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

UNPRIVILEGED_USERS = ("nobody", "daemon", "postgres")
"""Candidates to run the server when the caller is root; the first that exists is taken."""


class UserError(RuntimeError):
    """There is no user, or no folder of that user's, to run a server with."""


@dataclass(frozen=True)
class User:
    """Whom the server runs as; `None` ids mean the caller itself."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls) -> Self:
        """The caller, or an unprivileged user where the caller is root.

        Raises:
            UserError: The caller is root and the machine has none of the unprivileged users.
        """
        if os.geteuid() != 0:
            return cls()
        for name in UNPRIVILEGED_USERS:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(entry.pw_uid, entry.pw_gid)
        raise UserError(f"the server does not run as root, and there is no user {' or '.join(UNPRIVILEGED_USERS)}")

    def popen(
        self, argv: list[str], *, output: IO[bytes] | int, cwd: Path | str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `argv` as this user, in a session of its own, in an environment of `env` and no `PG*` variable."""
        drops = self.uid is not None
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | dict(env or {}),
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=[] if drops else None,
        )

    def can(self, argv: list[str]) -> bool:
        """Whether `argv` succeeds when this user runs it."""
        try:
            with self.popen(argv, output=subprocess.DEVNULL, cwd="/") as process:
                return process.wait() == 0
        except PermissionError:
            return False

    def reaches(self, folder: Path) -> bool:
        """Whether this user can enter `folder`."""
        return self.can(["/bin/sh", "-c", 'cd "$0"', str(folder)])

    def own(self, path: Path) -> None:
        """Give `path` and all below it to this user."""
        if self.uid is None or self.gid is None:
            return
        os.chown(path, self.uid, self.gid)
        for parent, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)

    def new_folder(self, prefix: str) -> Path:
        """A new temporary folder that this user can reach, outside a home folder when need be.

        Raises:
            UserError: There is no place for it.
        """
        for base in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")):  # noqa: S108
            if Path(base).is_dir() and self.reaches(Path(base)):
                folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
                self.own(folder)
                return folder
        raise UserError("no temporary folder can be reached by the user that runs the server")
