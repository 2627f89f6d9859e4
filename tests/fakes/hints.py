"""A queue that only remembers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.core.errors import RetryLater
from chalicelib.core.model import Hint


@dataclass
class MemoryHints:
    """Implements :class:`chalicelib.core.ports.Hints`.

    Attributes:
        sent: every accepted hint, in order of sending.
        room: hints that are still accepted; None: any number.
    """

    sent: list[Hint] = field(default_factory=list)
    room: int | None = None

    def send(self, hints: Sequence[Hint]) -> None:
        """Accept hints while there is room."""
        accepted = list(hints) if self.room is None else list(hints)[: self.room]
        self.sent.extend(accepted)
        if self.room is not None:
            self.room -= len(accepted)
        if len(accepted) < len(hints):
            raise RetryLater(f"{len(hints) - len(accepted)} of {len(hints)} messages were not accepted")

    def take(self) -> list[Hint]:
        """Everything that was sent since the last call."""
        taken, self.sent = self.sent, []
        return taken
