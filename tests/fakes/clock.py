"""A clock that stands still unless it is told to move."""

from dataclasses import dataclass


@dataclass
class FakeClock:
    """Implements :class:`chalicelib.core.ports.Clock`.

    Attributes:
        time: seconds since the epoch.
        slept: seconds slept in all.
        ids: ids handed out so far.
    """

    time: float = 1_790_000_000.0
    slept: float = 0.0
    ids: int = 0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass, from outside."""
        self.time += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and remember how much."""
        self.slept += seconds
        self.time += seconds

    def new_id(self) -> str:
        """Ids that sort by time of making, the same in every run."""
        self.ids += 1
        return f"{int(self.time * 1000):012x}-{self.ids:06d}"
