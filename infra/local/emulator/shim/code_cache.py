"""One unpacked copy of a function's code or layer for all its execution environments.

ministack unpacks every archive anew for every cold start, and Python then compiles every module anew. With the
application's dependencies that takes seconds; Lambda does it in tenths.
"""

import hashlib
import os
import shutil
import threading
import zipfile
from pathlib import Path

from ministack.core import lambda_runtime

_KEPT = 12


class _Zipfile:
    """The module `zipfile` with a `ZipFile` that unpacks once."""

    def __init__(self, cache):
        class CachedZipFile(zipfile.ZipFile):
            def extractall(self, path):
                link_unpacked(self, Path(path), cache)

        self.ZipFile = CachedZipFile

    def __getattr__(self, name):
        return getattr(zipfile, name)


_lock = threading.Lock()


def install():
    """Let the workers share unpacked archives, in the folder that CODE_CACHE names; the oldest are dropped."""
    cache = Path(os.environ["CODE_CACHE"])
    cache.mkdir(parents=True, exist_ok=True)
    for old in sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]:
        shutil.rmtree(old)
    lambda_runtime.zipfile = _Zipfile(cache)


def link_unpacked(archive, target, cache):
    """Make the empty folder `target` a link to the unpacked `archive`."""
    content = _digest(archive)
    unpacked = cache / content
    with _lock:
        if unpacked.exists():
            unpacked.touch()
        else:
            partial = cache / f"{content}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            zipfile.ZipFile.extractall(archive, partial)
            partial.rename(unpacked)
    target.rmdir()
    target.symlink_to(unpacked)


def _digest(archive):
    """A hash of the archive's names and checksums: reading tens of megabytes would take as long as a cold start."""
    listing = "\n".join(f"{entry.filename} {entry.file_size} {entry.CRC}" for entry in archive.infolist())
    return hashlib.sha256(listing.encode()).hexdigest()
