"""Packages that Lambda would refuse are refused before they are sent."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from infra.deployment import packages
from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = f"cpython-{sys.version_info[0]}{sys.version_info[1]}-x86_64-linux-gnu.so"


def pack(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """An archive with these files."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)


def test_sizes_are_those_of_archive_and_files(tmp_path: Path) -> None:
    """Both packages are measured; what there is not is left out."""
    pack(tmp_path, "deployment.zip", {"app.py": b"x" * 2 * packages.MEGABYTE})
    (found,) = packages.check(tmp_path)
    assert (found.packed, found.unpacked) == ((tmp_path / "deployment.zip").stat().st_size, 2 * packages.MEGABYTE)
    assert str(found) == "functions 0.0 MB, 2.0 MB unpacked"


def test_too_much_unpacked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code and layer count together."""
    for name in ("deployment.zip", "layer-deployment.zip"):
        pack(tmp_path, name, {"file": b"x" * 600})
    monkeypatch.setattr(packages, "MOST_UNPACKED", 1200)
    assert len(packages.check(tmp_path)) == 2
    monkeypatch.setattr(packages, "MOST_UNPACKED", 1199)
    with pytest.raises(DeploymentError, match="that Lambda unpacks"):
        packages.check(tmp_path)


def test_too_large_an_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that could not be sent is told with its size."""
    pack(tmp_path, "layer-deployment.zip", {"file": b"x"})
    monkeypatch.setattr(packages, "MOST_UPLOADED", 10)
    with pytest.raises(DeploymentError, match=r"layer 0\.0 MB"):
        packages.check(tmp_path)


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        (f"_psycopg.{SUFFIX}", True),
        ("_psycopg.cpython-312-darwin.so", False),
        ("_psycopg.cpython-38-x86_64-linux-gnu.so", False),
        ("_psycopg.pyi", True),
    ],
)
def test_driver_of_another_platform_is_refused(tmp_path: Path, file: str, fits: bool) -> None:
    """The compiled Postgres driver is one for Lambda's Python and processor."""
    pack(tmp_path, "layer-deployment.zip", {f"python/lib/python3/site-packages/psycopg_binary/{file}": b""})
    if fits:
        assert len(packages.check(tmp_path)) == 1
        return
    with pytest.raises(DeploymentError, match="does not run on Lambda"):
        packages.check(tmp_path)
