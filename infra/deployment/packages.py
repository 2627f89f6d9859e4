"""The packages that chalice made: their sizes, and whether Lambda can run them."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1024 * 1024
MOST_UNPACKED = 250 * MEGABYTE
"""Of a function's code and its layers together (Lambda developer guide, "Lambda quotas")."""
MOST_UPLOADED = 50 * MEGABYTE
"""Of a package that is sent with the request, which is how chalice does it; the same quotas."""
DRIVER = "psycopg_binary"


@dataclass(frozen=True)
class Package:
    """One archive.

    Args:
        name: What it is.
        packed: Bytes of the archive.
        unpacked: Bytes of its files.
    """

    name: str
    packed: int
    unpacked: int

    def __str__(self) -> str:
        return f"{self.name} {self.packed / MEGABYTE:.1f} MB, {self.unpacked / MEGABYTE:.1f} MB unpacked"


def check(folder: Path) -> list[Package]:
    """The packages in `folder`: of the functions, and of the layer with their dependencies.

    Raises:
        DeploymentError: They are larger than Lambda takes, or the Postgres driver is not one for Lambda.
    """
    archives = {"functions": folder / "deployment.zip", "layer": folder / "layer-deployment.zip"}
    packages = [measure(name, archive) for name, archive in archives.items() if archive.exists()]
    for each in packages:
        if each.packed > MOST_UPLOADED:
            raise DeploymentError(f"{each}: more than the {MOST_UPLOADED // MEGABYTE} MB that can be uploaded at once")
    if sum(each.unpacked for each in packages) > MOST_UNPACKED:
        told = ", ".join(map(str, packages))
        raise DeploymentError(f"{told}: more than the {MOST_UNPACKED // MEGABYTE} MB that Lambda unpacks")
    for archive in filter(lambda each: each.exists(), archives.values()):
        _check_driver(archive)
    return packages


def measure(name: str, archive: Path) -> Package:
    """The sizes of `archive`."""
    with zipfile.ZipFile(archive) as opened:
        return Package(name, archive.stat().st_size, sum(entry.file_size for entry in opened.infolist()))


def _check_driver(archive: Path) -> None:
    """Refuse a compiled Postgres driver of another platform or Python than the functions'."""
    wanted = f".cpython-{sys.version_info[0]}{sys.version_info[1]}-x86_64-linux-gnu.so"
    with zipfile.ZipFile(archive) as opened:
        compiled = [name for name in opened.namelist() if f"/{DRIVER}/" in name and name.endswith(".so")]
    if other := [name for name in compiled if not name.endswith(wanted)]:
        raise DeploymentError(f"the Postgres driver {other[0]} does not run on Lambda, which needs {wanted}")
