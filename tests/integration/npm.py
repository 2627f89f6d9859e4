"""Packages for Node that tests run, installed once below `.local/cache`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.local.layout import Layout

_QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000")


def installed(source: Path, name: str) -> tuple[str, Path]:
    """The command node, and the folder into which a package.json and what it asks for were installed.

    Where Node or npm is missing, or npm gets nothing, the test is skipped.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"node and npm are not installed: {name} cannot run")
    folder = Layout().home / "cache" / name
    wanted = (source / "package.json").read_bytes()
    done = folder / "node_modules" / "installed.json"
    if not done.exists() or done.read_bytes() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / "package.json", folder)
        try:
            subprocess.run([npm, "install", *_QUIET], cwd=folder, capture_output=True, check=True, timeout=120)  # noqa: S603
        except subprocess.SubprocessError as error:
            pytest.skip(f"npm cannot install {name} here: {type(error).__name__}")
        done.write_bytes(wanted)
    return node, folder
