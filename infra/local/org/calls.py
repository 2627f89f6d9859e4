"""A request to the data API and its answer, apart from HTTP: Composite makes such requests too."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from infra.local.org.errors import bad_json, fail
from infra.local.org.faults import Effects
from infra.local.org.transactions import Transaction
from infra.local.org.users import Session


@dataclass(slots=True)
class Call:
    """One request below ``/services/data/vXX.0``; ``tx`` is set inside an all-or-none Composite."""

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    session: Session
    version: str
    raw_body: bytes = b""
    parsed: Any = None
    effects: Effects = field(default_factory=Effects)
    tx: Transaction | None = None
    nested: bool = False

    @property
    def base(self) -> str:
        """The versioned root, ``/services/data/v66.0``."""
        return f"/services/data/{self.version}"

    @property
    def origin(self) -> str:
        """The address under which the client reached the org."""
        host = self.headers.get("x-org-host") or self.headers.get("host", "127.0.0.1")
        return f"https://{host}" if host.endswith(".salesforce.com") else f"http://{host}"

    def json(self) -> Any:
        """The body.

        Raises:
            OrgError: JSON_PARSER_ERROR, or UNSUPPORTED_MEDIA_TYPE for a body that says to be something else.
        """
        if self.parsed is not None:
            return self.parsed
        media_type = self.headers.get("content-type", "application/json")
        if "json" not in media_type.lower():
            raise fail("UNSUPPORTED_MEDIA_TYPE", f"Content-Type {media_type} is not supported")
        return load_json(self.raw_body)

    def record(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            OrgError: JSON_PARSER_ERROR.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise bad_json("The HTTP entity body is required to be a JSON object")
        return value


@dataclass(slots=True)
class Answer:
    """Status, headers, and a body that is sent as JSON unless it is bytes; None is no body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json;charset=UTF-8"


def load_json(raw: bytes) -> Any:
    """Parse a body.

    Raises:
        OrgError: JSON_PARSER_ERROR.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_json(f"{error}") from None
