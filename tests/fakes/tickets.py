"""Things that expire by themselves, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class MemoryTickets:
    """Implements :class:`chalicelib.console.sessions.Tickets`.

    Attributes:
        kept: content and end, by kind and key.
        counts: by kind and key.
    """

    kept: dict[tuple[str, str], tuple[dict[str, str], float]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def put(self, kind: str, key: str, content: Mapping[str, str], expires_at: float) -> None:
        """Write one."""
        self.kept[kind, key] = dict(content), expires_at

    def get(self, kind: str, key: str, now: float) -> Mapping[str, str] | None:
        """Read one."""
        content, expires_at = self.kept.get((kind, key), ({}, float("-inf")))
        return content if expires_at > now else None

    def prolong(self, kind: str, key: str, content: Mapping[str, str], expires_at: float) -> bool:
        """Write one that is still there."""
        there = (kind, key) in self.kept
        if there:
            self.put(kind, key, content, expires_at)
        return there

    def take(self, kind: str, key: str, now: float) -> Mapping[str, str] | None:
        """Read one and delete it."""
        content = self.get(kind, key, now)
        self.kept.pop((kind, key), None)
        return content

    def drop(self, kind: str, key: str) -> None:
        """Delete one."""
        self.kept.pop((kind, key), None)

    def count(self, kind: str, key: str, expires_at: float) -> int:
        """Count one more."""
        self.counts[kind, key] = self.counts.get((kind, key), 0) + 1
        return self.counts[kind, key]
