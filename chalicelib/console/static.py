"""Files that browsers keep: each has a digest of its content in its name, so that a new one has another address."""

import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path

from chalicelib.console.call import Call
from chalicelib.console.web import Response

FOLDER = Path(__file__).with_name("static")
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"


@cache
def names() -> Mapping[str, str]:
    """Under which name each file is served."""
    files = (path for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES)
    return {path.name: f"{path.stem}.{_digest(path)}{path.suffix}" for path in files}


@cache
def _files() -> Mapping[str, Path]:
    return {served: FOLDER / name for name, served in names().items()}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def serve(call: Call) -> Response:
    """A file."""
    path = _files().get(call.request.arguments["name"])
    if path is None:
        return Response("There is no such file", HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8")
    content = path.read_text(encoding="utf-8")
    return Response(content, content_type=TYPES[path.suffix], headers={"Cache-Control": FOREVER})
