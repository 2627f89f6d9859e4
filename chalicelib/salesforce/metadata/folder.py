"""A package in its folder: written whole, written again at will, and nobody else's file is touched."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from chalicelib.core.errors import ConfigurationError

LIST = "twinledger-files.json"  # what was written: path and SHA-256


def write(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write a package's files, and remove those of an earlier one that are no longer part of it.

    A file is ours if it is as we wrote it before, or as we are about to write it.

    Args:
        folder: made where it is not there.
        files: text by path.

    Returns:
        The paths that changed.

    Raises:
        ConfigurationError: a file is not ours or was edited since, or the folder cannot be written.
    """
    try:
        return _write(folder, {path: text.encode() for path, text in files.items()})
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"{folder} cannot be written ({reason}): give another --output") from error


def _write(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    known = _known(folder)
    found = {path: _content(folder / path) for path in {*files, *known}}
    foreign = [
        f"{folder / path} is not as this command wrote it: move it away, or give another --output"
        for path, content in sorted(found.items())
        if content is not None and content != files.get(path) and _digest(content) != known.get(path)
    ]
    if foreign:
        raise ConfigurationError("\n".join(foreign))
    changed = sorted(path for path, content in found.items() if content != files.get(path))
    for path in changed:
        if path in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(files[path])
        else:
            (folder / path).unlink()
            _prune(folder, (folder / path).parent)
    folder.mkdir(parents=True, exist_ok=True)
    listed = json.dumps({path: _digest(content) for path, content in sorted(files.items())}, indent=2) + "\n"
    (folder / LIST).write_text(listed, encoding="utf-8")
    return changed


def _known(folder: Path) -> Mapping[str, str]:
    """The digests of what was written before, by path; a list that is not ours vouches for nothing."""
    content = _content(folder / LIST)
    if content is None:
        return {}
    try:
        known = json.loads(content)
    except ValueError:
        known = None
    if not isinstance(known, dict) or not all(isinstance(digest, str) for digest in known.values()):
        raise ConfigurationError(f"{folder / LIST} is not as this command wrote it: give another --output")
    return known


def _content(path: Path) -> bytes | None:
    if not path.exists():
        return None
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: move it away, or give another --output")
    return path.read_bytes()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _prune(folder: Path, emptied: Path) -> None:
    """Remove a folder that became empty, and those above it."""
    while emptied != folder and not any(emptied.iterdir()):
        emptied.rmdir()
        emptied = emptied.parent
