"""Ports that give the scheduler a say at every call: before it, after its effect, and in whether it fails.

nothing     no answer, and no effect
silence     no answer, and the effect is there
late        no answer, and the effect comes later: HTTP has no recall
slower      the system asks to slow down, without an effect
quota       Salesforce's daily allowance is gone, without an effect
locked      another transaction holds the records, without an effect
partly      a queue takes some of the messages, and refuses the others
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from chalicelib.core.errors import QuotaExhausted, RecordLocked, Throttled, TwinledgerError, Unavailable
from chalicelib.core.model import Hint
from chalicelib.core.ports import Failed

LATE = {"write"}  # calls whose effect may come later
FAULTS: dict[str, tuple[str, ...]] = {
    "ledger": ("nothing", "silence", "late", "slower", "busy"),
    "rows": ("nothing", "silence", "late", "locked"),
    "records": ("nothing", "silence", "late", "slower", "quota", "locked"),
    "hints": ("nothing", "silence", "partly"),
}


class Stage(Protocol):
    """What a port needs of the world."""

    def pause(self, call: str) -> None:
        """Called before and after the effect; may not come back, as when the worker dies."""
        ...

    def fault(self, port: str, method: str) -> str:
        """The fault of this call; empty: none."""
        ...

    def later(self, effect: Callable[[], object], args: tuple[Any, ...]) -> None:
        """Have an effect some time later."""
        ...

    def effect(self, port: str, method: str, call: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        """Have an effect now; the world notes what was read and written."""
        ...


class SwitchingPort:
    """Wraps a port; see the module.

    Args:
        name: of the port.
        port: what does the work.
        stage: the world, as this worker meets it.
    """

    def __init__(self, name: str, port: object, stage: Stage) -> None:
        self._name = name
        self._port = port
        self._stage = stage

    def __getattr__(self, method: str) -> Any:
        member = getattr(self._port, method)
        if not callable(member):
            return member

        def call(*args: Any) -> Any:
            self._stage.pause(f"{self._name}.{method}")
            answer = self._answer(method, member, args)
            self._stage.pause(f"{self._name}.{method}")
            return answer

        return call

    def _answer(self, method: str, member: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        def effect() -> Any:
            return self._stage.effect(self._name, method, lambda: member(*args), args)

        fault = self._stage.fault(self._name, method)
        if fault == "silence":
            effect()
        elif fault == "late" and method in LATE:
            self._stage.later(effect, args)
        elif fault == "partly":
            some: Sequence[Hint] = args[0]
            member(some[: len(some) // 2])
        error = _error(fault)
        if error is not None and fault in {"locked", "busy"} and method in LATE:
            return [Failed(error)] * len(args[0])  # each item for itself
        if error is not None:
            raise error
        return effect()


def _error(fault: str) -> TwinledgerError | None:
    match fault:
        case "":
            return None
        case "slower" | "busy":
            return Throttled("slower")
        case "quota":
            return QuotaExhausted("no calls left")
        case "locked":
            return RecordLocked("another transaction holds it")
        case _:
            return Unavailable("no answer")
