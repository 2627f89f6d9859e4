"""What the org counted since it started or was last reset."""

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass
class Stats:
    """Calls, deliveries and retries; API calls also with their times, for the rolling 24 hours."""

    api_calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    outbound: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    _day: deque[float] = field(default_factory=deque)

    def used(self, now: float) -> int:
        """API calls of the last 24 hours."""
        while self._day and self._day[0] <= now - 86_400:
            self._day.popleft()
        return len(self._day)

    def count_call(self, kind: str, now: float) -> None:
        """Count one API call."""
        self.api_calls[kind] += 1
        self._day.append(now)
