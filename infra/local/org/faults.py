"""Failures that a test orders: an error, latency, a lost answer, a hanging call, a slow commit."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from infra.local.org.errors import OrgError, fail

_KEYS = frozenset(
    {"errorCode", "message", "fields", "httpStatus", "html", "operation", "object", "user", "recordId", "times",
     "after", "latencyMs", "lostAnswer", "hang", "commitMs", "duplicate", "drop", "gap", "delayMs"}
)  # fmt: skip
RECORD_OPERATIONS = frozenset({"create", "update", "delete", "undelete"})
_STATUS = {"SERVER_UNAVAILABLE": 503, "REQUEST_LIMIT_EXCEEDED": 403, "INVALID_SESSION_ID": 401}


@dataclass
class Effects:
    """What faults do to the HTTP call as a whole, collected while it runs."""

    lost_answer: bool = False
    hang: bool = False
    commit_ms: float = 0.0
    latency_ms: float = 0.0
    html: bool = False
    duplicate: bool = False
    drop: bool = False
    gap: bool = False
    delay_ms: float = 0.0

    async def wait(self) -> None:
        """Let a request be late: it begins to take effect only after the ordered delay."""
        while self.delay_ms > 0:
            seconds, self.delay_ms = self.delay_ms / 1000, 0.0
            await asyncio.sleep(seconds)


@dataclass
class Fault:
    """One ordered failure and how often it still strikes; ``left`` None means for ever."""

    spec: dict[str, Any]
    skip: int = 0
    left: int | None = 1
    struck: int = 0

    def matches(self, operation: str, object_name: str | None, user: str, record_id: str | None) -> bool:
        """Whether the fault is about this operation."""
        spec = self.spec
        return (
            self.left != 0
            and _same(spec.get("operation"), operation)
            and _same(spec.get("object"), object_name)
            and _same(spec.get("user"), user)
            and _same(spec.get("recordId"), record_id)
        )

    def strike(self) -> bool:
        """Count a match; tell whether it strikes now."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        self.struck += 1
        return True


def _same(wanted: Any, actual: str | None) -> bool:
    return wanted is None or (actual is not None and str(wanted).lower() == actual.lower())


@dataclass
class Faults:
    """All ordered failures, in the order in which they were ordered."""

    faults: list[Fault] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, spec: dict[str, Any]) -> None:
        """Order a failure.

        Raises:
            ValueError: a key is unknown.
        """
        unknown = set(spec) - _KEYS
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(_KEYS)}")
        times = spec.get("times", 1)
        self.faults.append(Fault(spec, int(spec.get("after", 0)), None if times is None else int(times)))

    def clear(self) -> None:
        """Forget every failure and let hanging calls go."""
        self.faults.clear()
        self.released.set()
        self.released = asyncio.Event()

    def strike(
        self, effects: Effects, operation: str, object_name: str | None, user: str, record_id: str | None = None
    ) -> None:
        """Apply the faults that match, latency and the like to ``effects``.

        A fault without an operation strikes whole HTTP calls, not the records within one.

        Raises:
            OrgError: the fault says an error.
        """
        for fault in self.faults:
            if fault.spec.get("operation") is None and operation in RECORD_OPERATIONS:
                continue
            if fault.matches(operation, object_name, user, record_id) and fault.strike():
                self._apply(fault.spec, effects)

    @staticmethod
    def _apply(spec: dict[str, Any], effects: Effects) -> None:
        effects.delay_ms += float(spec.get("delayMs", 0))
        effects.latency_ms += float(spec.get("latencyMs", 0))
        effects.commit_ms = max(effects.commit_ms, float(spec.get("commitMs", 0)))
        effects.lost_answer |= bool(spec.get("lostAnswer"))
        for name in ("hang", "html", "duplicate", "drop", "gap"):
            setattr(effects, name, getattr(effects, name) or bool(spec.get(name)))
        code = spec.get("errorCode") or ("SERVER_UNAVAILABLE" if spec.get("httpStatus") or spec.get("html") else None)
        if code:
            raise _error(code, spec)


def _error(code: str, spec: dict[str, Any]) -> OrgError:
    default = {
        "UNABLE_TO_LOCK_ROW": f"unable to obtain exclusive access to this record or 1 records: "
        f"{spec.get('recordId', '001xx00000TSik0AAD')}",
        "REQUEST_LIMIT_EXCEEDED": "TotalRequests Limit exceeded.",
        "INVALID_SESSION_ID": "Session expired or invalid",
    }.get(code, f"ordered failure {code}")
    status = spec.get("httpStatus") or _STATUS.get(code)
    return fail(code, spec.get("message", default), spec.get("fields", ()), status=status)
