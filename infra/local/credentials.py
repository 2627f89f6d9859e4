"""Ports, passwords and tokens of one running stack, made up at its first start."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from infra.local.postgres import APPLICATION, OWNER, SUPERUSER

if TYPE_CHECKING:
    from pathlib import Path

INSTANCE_URL = "https://simulated.my.salesforce.com"
EDITOR = "alice"
"""The simulated org's user who edits records: an ordinary one, not the integration's."""

DEFAULT_PORTS = {"postgres": 55432, "emulator": 4566, "org": 8300}


def _token() -> str:
    return secrets.token_urlsafe(24)


@dataclass
class Credentials:
    """What the processes and their users need to find and to trust each other."""

    ports: dict[str, int] = field(default_factory=dict)
    postgres_folder: str = ""
    passwords: dict[str, str] = field(
        default_factory=lambda: {role: secrets.token_urlsafe(18) for role in (SUPERUSER, OWNER, APPLICATION)}
    )
    client_id: str = "twinledger-local"
    client_secret: str = field(default_factory=_token)
    salesforce_token: str = field(default_factory=_token)
    webhook_token: str = field(default_factory=_token)
    console_token: str = field(default_factory=_token)
    deployed: str = ""
    """The fingerprint of the application that was deployed last."""
    installed: str = ""
    """The fingerprint of the application whose triggers were installed last."""
    seeded: bool = False
    relinking: bool = False
    """Whether the ledger is a new one, and rows and records are still to be linked again."""

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The credentials in `path`, or `None` where there are none that can be read."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Write the credentials to `path`, for the owner's eyes only."""
        write_private(path, json.dumps(asdict(self), indent=2))


def write_private(path: Path, text: str) -> None:
    """Replace the file `path` by one that only its owner can read; it is never seen half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
