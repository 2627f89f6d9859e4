"""The org's clock: real time plus an offset that tests may set; stamps have whole seconds."""

import time
from datetime import UTC, date, datetime
from email.utils import formatdate, parsedate_to_datetime


class Clock:
    """Time as the org sees it."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._second = -1
        self._stamp = ""
        self._date = b""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset

    def stamp(self) -> str:
        """The current second in the form of REST answers, ``2026-11-24T01:02:03.000+0000``."""
        self._refresh()
        return self._stamp

    def today(self) -> date:
        """The current day in UTC."""
        return datetime.fromtimestamp(self.now(), UTC).date()

    def http_date(self) -> bytes:
        """The current second as an HTTP ``Date`` value."""
        self._refresh()
        return self._date

    def _refresh(self) -> None:
        second = int(self.now())
        if second != self._second:
            self._second = second
            self._stamp = to_stamp(second)
            self._date = formatdate(second, usegmt=True).encode()


def to_stamp(epoch: float) -> str:
    """Format seconds since the epoch as a REST datetime with whole seconds."""
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def from_stamp(stamp: str) -> float:
    """Parse a REST datetime into seconds since the epoch.

    Raises:
        ValueError: the text is no datetime.
    """
    return parse_datetime(stamp).timestamp()


def parse_datetime(text: str) -> datetime:
    """Parse an ISO 8601 datetime with a zone.

    Raises:
        ValueError: the text is no datetime, or it has no zone.
    """
    value = datetime.fromisoformat(text)
    if value.tzinfo is None or "T" not in text:
        raise ValueError(f"no datetime with a zone: {text!r}")
    return value.astimezone(UTC)


def parse_http_date(text: str) -> float:
    """Parse an HTTP date into seconds since the epoch.

    Raises:
        ValueError: the text is no HTTP date.
    """
    return parsedate_to_datetime(text).timestamp()
