"""The clock of the machine, and ids that sort by time."""

import secrets
import time
import uuid


class SystemClock:
    """Implements :class:`chalicelib.core.ports.Clock`."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def new_id(self) -> str:
        """A UUID of version 7 (RFC 9562, section 6.2, method 3: the 12 bits after the millisecond are its fraction)."""
        millisecond, rest = divmod(time.time_ns(), 1_000_000)
        fraction = rest * 4096 // 1_000_000
        value = millisecond << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62)
        return str(uuid.UUID(int=value))
