"""How many round trips a piece of work makes: to DynamoDB, to Postgres, to Salesforce."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
from psycopg import pq

from chalicelib.wiring import Wiring

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Trips:
    """Round trips of one piece of work.

    Attributes:
        dynamodb: calls by operation.
        exchanges: times that it waited for Postgres.
        statements: statements that Postgres ran.
        salesforce: API requests.
    """

    dynamodb: Counter[str] = field(default_factory=Counter)
    exchanges: int = 0
    statements: int = 0
    salesforce: int = 0


class Counting:
    """Counts what a process does through its wiring. To be made before the wiring makes its clients.

    DynamoDB's calls are counted by botocore's event "before-call", Postgres' by libpq's own trace of the protocol
    (PostgreSQL manual, "Control Functions", PQtrace), Salesforce's by the client itself.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._dynamodb: Counter[str] = Counter()
        self._trace = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as this object
        boto3.setup_default_session()
        session: Any = boto3.DEFAULT_SESSION
        session.events.register("before-call.dynamodb", self._called)

    def _called(self, model: Any, **_: Any) -> None:
        self._dynamodb[model.name] += 1

    def during(self, work: Callable[[], Result]) -> tuple[Result, Trips]:
        """Do work, and count its round trips."""
        connection = self._wiring.connection.get().pgconn
        self._trace.seek(0)
        self._trace.truncate()
        self._dynamodb.clear()
        calls = self._wiring.client.calls
        connection.trace(self._trace.fileno())
        connection.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        try:
            result = work()
        finally:
            connection.untrace()
        self._trace.seek(0)
        exchanges, statements = exchanged(self._trace.read())
        return result, Trips(Counter(self._dynamodb), exchanges, statements, self._wiring.client.calls - calls)


def exchanged(trace: str) -> tuple[int, int]:
    """Exchanges and statements of a protocol trace, whose lines are direction, length, message and its content.

    An exchange is a turn of the conversation: something sent after something was received.
    """
    exchanges = statements = 0
    answered = True
    for line in trace.splitlines():
        parts = line.split("\t")
        if len(parts) < 3 or parts[0] not in {"F", "B"}:
            continue
        if parts[0] == "F":
            exchanges += answered
            statements += parts[2] in {"Execute", "Query"}
        answered = parts[0] == "B"
    return exchanges, statements
