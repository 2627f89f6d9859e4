"""What callers of the webhooks have to know, and how it is changed without losing a message.

    {"tokens": [{"secret": "...", "created_at": "2026-11-24T05:06:07+00:00"}], "api_keys": [...], "hmac_keys": [...]}

The last of a list is the newest. A plain text in place of ``{"secret", "created_at"}`` is one of unknown age.
``hmac_keys`` may be left out: no request is taken for its signature then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from chalicelib.core.errors import ConfigurationError
from chalicelib.settings import Reading

SHORTEST = 16  # characters of a secret
_AT_ONCE = 2  # of a kind, while one is changed
_REMEDY = f'a list of random texts of at least {SHORTEST} characters, or of {{"secret", "created_at"}}'


class Kind(StrEnum):
    """Of secrets; see ``docs/security.md``."""

    TOKEN = "token"  # noqa: S105 - in the address of the outbound messages
    API_KEY = "api-key"  # of the event endpoint, in the header x-api-key
    HMAC = "hmac"  # of the event endpoint, for signatures

    @property
    def member(self) -> str:
        """Its list in the secret's JSON."""
        return "hmac_keys" if self is Kind.HMAC else f"{self.replace('-', '_')}s"


@dataclass(frozen=True, slots=True)
class Shared:
    """One text that a caller knows.

    Attributes:
        text: the secret itself.
        created_at: seconds since the epoch; None where the secret does not say.
    """

    text: str = field(repr=False)
    created_at: float | None = None


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """All that is good at the moment, of each kind the newest last.

    Attributes:
        tokens: in the address of the outbound messages.
        api_keys: of the event endpoint.
        hmac_keys: of the event endpoint, for signatures.
    """

    tokens: tuple[Shared, ...]
    api_keys: tuple[Shared, ...]
    hmac_keys: tuple[Shared, ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any], name: str) -> "WebhookSecret":
        """Read the secret's JSON.

        Raises:
            ConfigurationError: something is missing or malformed.
        """
        reading = Reading(f"the secret {name}: the member", content)
        found = {
            kind: tuple(map(_shared, reading.several(kind.member, _REMEDY, _valid, optional=kind is Kind.HMAC)))
            for kind in Kind
        }
        reading.check()
        return cls(found[Kind.TOKEN], found[Kind.API_KEY], found[Kind.HMAC])

    def all_of(self, kind: Kind) -> tuple[Shared, ...]:
        """Those of one kind, the newest last."""
        return {Kind.TOKEN: self.tokens, Kind.API_KEY: self.api_keys, Kind.HMAC: self.hmac_keys}[kind]


def begun(content: Mapping[str, Any], kind: Kind, text: str, now: float) -> dict[str, Any]:
    """The secret's JSON with a new text beside the one in use.

    Args:
        content: as it is.
        kind: of which there is to be a new one.
        text: the new one.
        now: seconds since the epoch.

    Raises:
        ConfigurationError: there are two already.
    """
    known = content.get(kind.member, [])
    if len(known) >= _AT_ONCE:
        raise ConfigurationError(f"a {kind} is being changed already: --finish drops the old one, --cancel the new one")
    new = {"secret": text, "created_at": datetime.fromtimestamp(int(now), UTC).isoformat()}
    return {**content, kind.member: [*known, new]}


def finished(content: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The secret's JSON with nothing but the newest.

    Raises:
        ConfigurationError: there is one only.
    """
    return {**content, kind.member: _several(content, kind)[-1:]}


def cancelled(content: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The secret's JSON without the newest.

    Raises:
        ConfigurationError: there is one only.
    """
    return {**content, kind.member: _several(content, kind)[:-1]}


def _several(content: Mapping[str, Any], kind: Kind) -> list[Any]:
    known: list[Any] = content.get(kind.member, [])
    if len(known) < _AT_ONCE:
        raise ConfigurationError(f"no {kind} is being changed: there is {len(known) or 'none'}, and nothing to drop")
    return known


def _valid(item: object) -> bool:
    if isinstance(item, str):
        return len(item) >= SHORTEST
    if not isinstance(item, Mapping) or not isinstance(item.get("secret"), str):
        return False
    try:
        _seconds(item)
    except (KeyError, TypeError, ValueError):
        return False
    return len(item["secret"]) >= SHORTEST


def _shared(item: str | Mapping[str, Any]) -> Shared:
    return Shared(item) if isinstance(item, str) else Shared(item["secret"], _seconds(item))


def _seconds(item: Mapping[str, Any]) -> float:
    found = datetime.fromisoformat(item["created_at"])
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found.timestamp()
