"""Ports on a wire that can be watched and cut."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.errors import TwinledgerError, Unavailable


class WorkerDied(Exception):
    """The process that settles is gone: no handler of the core may catch this."""


Action = Callable[[], object]


@dataclass
class Wire:
    """What passes between the settle step and its ports.

    Attributes:
        calls: every call, as "port.method", in order.
        before: actions to take just before the next call of a name, once each.
        after: actions to take just after the effect of the next call of a name, once each.
        dies_at: number of the call, from one, at which the worker dies; 0: never.
        dies_late: whether it dies after the call's effect.
        fails_at: number of the call, from one, that is not answered; 0: each is.
        fails_late: whether that call has its effect.
    """

    calls: list[str] = field(default_factory=list)
    before: dict[str, list[Action]] = field(default_factory=dict)
    after: dict[str, list[Action]] = field(default_factory=dict)
    dies_at: int = 0
    dies_late: bool = False
    fails_at: int = 0
    fails_late: bool = False

    def port(self, name: str, port: object) -> Any:
        """A port on this wire."""
        return _Tap(self, name, port)

    def fail(self, call: str, error: TwinledgerError | None = None) -> None:
        """The next call does not reach the system."""
        self.before.setdefault(call, []).append(lambda: _throw(error or Unavailable("no connection")))

    def lose_answer(self, call: str, error: TwinledgerError | None = None) -> None:
        """The next call has its effect, and no answer."""
        self.after.setdefault(call, []).append(lambda: _throw(error or Unavailable("no answer")))

    def meanwhile(self, call: str, action: Action) -> None:
        """Something happens just before the next call."""
        self.before.setdefault(call, []).append(action)

    def then(self, call: str, action: Action) -> None:
        """Something happens just after the next call's effect."""
        self.after.setdefault(call, []).append(action)

    def count(self, *prefixes: str) -> int:
        """Calls whose name begins with one of these."""
        return sum(call.startswith(prefixes) for call in self.calls)

    def pass_on(self, name: str, member: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """One call."""
        self.calls.append(name)
        number = len(self.calls)  # what happens meanwhile makes calls of its own
        self._break(number, late=False)
        self._act(self.before, name)
        result = member(*args, **kwargs)
        self._act(self.after, name)
        self._break(number, late=True)
        return result

    @staticmethod
    def _act(actions: dict[str, list[Action]], name: str) -> None:
        if actions.get(name):
            actions[name].pop(0)()

    def _break(self, number: int, *, late: bool) -> None:
        where = f"{'after' if late else 'before'} call {number}: {self.calls[number - 1]}"
        if self.dies_at == number and self.dies_late is late:
            raise WorkerDied(where)
        if self.fails_at == number and self.fails_late is late:
            raise Unavailable(where)


class _Tap:
    """One port on the wire."""

    def __init__(self, wire: Wire, name: str, port: object) -> None:
        self._wire = wire
        self._name = name
        self._port = port

    def __getattr__(self, method: str) -> Any:
        member = getattr(self._port, method)
        if not callable(member):
            return member
        return lambda *args, **kwargs: self._wire.pass_on(f"{self._name}.{method}", member, args, kwargs)


def _throw(error: TwinledgerError) -> None:
    raise error
