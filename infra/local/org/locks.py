"""Row locks: exclusive, first come first served, held until the transaction ends."""

import asyncio
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class _Lock:
    owner: object
    waiters: deque[tuple[object, asyncio.Future[None]]] = field(default_factory=deque)


class LockTable:
    """Every lock that is held, by key: a record id, or the value of a unique field."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, _Lock] = {}
        self.waits = 0
        self.timeouts = 0

    def owner(self, key: Hashable) -> Any:
        """Who holds the lock, or None."""
        lock = self._locks.get(key)
        return lock.owner if lock else None

    async def acquire(self, owner: object, key: Hashable, seconds: float) -> bool:
        """Take a lock, waiting up to ``seconds``; tell whether it was had."""
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = _Lock(owner)
            return True
        if lock.owner is owner:
            return True
        self.waits += 1
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lock.waiters.append((owner, turn))
        try:
            await asyncio.wait_for(turn, max(seconds, 0.0))
        except TimeoutError:
            if lock.owner is owner:
                return True
            lock.waiters = deque(entry for entry in lock.waiters if entry[1] is not turn)
            self.timeouts += 1
            return False
        return True

    def release(self, owner: object, key: Hashable) -> None:
        """Give a lock to the next waiter, or drop it."""
        lock = self._locks.get(key)
        if lock is None or lock.owner is not owner:
            return
        while lock.waiters:
            lock.owner, turn = lock.waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._locks[key]
