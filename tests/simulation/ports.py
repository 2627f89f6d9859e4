"""Ports that give the scheduler a say at every call: before it, and after its effect."""

from collections.abc import Callable
from typing import Any

from chalicelib.core.errors import Unavailable


class SwitchingPort:
    """Wraps a port; every call of one of its methods may be interleaved, lost before it or answered by silence.

    Args:
        port: what does the work.
        pause: called before and after the effect with the method's name; may raise, as a crash of the worker does.
        fault: told the method's name; True lets the call fail as if the system had not answered.
    """

    def __init__(self, port: object, pause: Callable[[str], None], fault: Callable[[str], bool]) -> None:
        self._port = port
        self._pause = pause
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            self._pause(name)
            if self._fault(name):
                raise Unavailable(f"{name}: no answer, nothing done")
            result = member(*args, **kwargs)
            self._pause(name)
            if self._fault(name):
                raise Unavailable(f"{name}: done, but no answer")
            return result

        return call
