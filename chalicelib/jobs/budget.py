"""The budget of API requests: the bulk lane stops first, then all does, and each goes on by itself.

Salesforce says with every answer how much of the org's daily allowance is used (``Sforce-Limit-Info``), by whomever,
and refuses what goes beyond it (REQUEST_LIMIT_EXCEEDED). Each lane has a share of the allowance:

    used      0 ............... bulk share ............. share ....... 100 %
    bulk      works             waits                    waits         waits
    live      works             works                    waits         waits     what is left is other applications'

A call that is not made fails as one that was refused: the hint goes into the agenda with a time, and its message is
done with, so that none dies of waiting. After that time one call is made again, and its answer says how it is:

    container:  call: 96 % used -> waits for 15 min .......... call: 97 % -> waits ...... call: 12 % -> works on

The allowance is of the last 24 hours at any moment, so there is no hour at which all of it is back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from chalicelib.aws.metrics import Metric
from chalicelib.core.errors import QuotaExhausted
from chalicelib.core.mapping import ObjectMapping, Reference
from chalicelib.core.model import Fields, Record, SalesforceId
from chalicelib.core.ports import Clock, RecordOutcome, RecordQuery, Records, RecordWrite
from chalicelib.jobs.quota import Usage
from chalicelib.jobs.telling import Telemetry

WAIT_SECONDS = 900.0  # between two looks

T = TypeVar("T")


class Org(Protocol):
    """See :class:`chalicelib.salesforce.client.Client`."""

    @property
    def usage(self) -> Usage | None:
        """What the last answer said; None: nothing yet."""
        ...


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of the org's allowance may be used, by whomever, for a lane to make requests; in percent.

    Attributes:
        live: of people's edits.
        bulk: of what is one of many.
    """

    live: int = 98
    bulk: int = 80

    def spent(self, usage: Usage | None, *, bulk: bool) -> bool:
        """Whether a lane has to wait; an allowance that is not known is not spent."""
        share = self.bulk if bulk else self.live
        return usage is not None and usage.total > 0 and 100 * usage.used >= share * usage.total


@dataclass
class Budget:
    """The circuit breaker of one process.

    Attributes:
        org: asked for the usage anew with each call: it may be another one after new credentials.
        shares: of the lanes.
        clock: the time.
        telemetry: counts what is not called.
        bulk: whether the bulk lane is at work.
    """

    org: Callable[[], Org]
    shares: Shares
    clock: Clock
    telemetry: Telemetry
    bulk: bool = False
    _until: dict[bool, float] = field(default_factory=dict)  # by lane: when to look again

    def call(self, ask: Callable[[], T], *, begun: bool = False) -> T:
        """Make a call, where the lane has anything left.

        Args:
            ask: the call.
            begun: whether it ends what was begun: then only Salesforce itself refuses it.

        Raises:
            QuotaExhausted: it has not, or Salesforce says so; with the time after which to try again.
        """
        left = self._until.get(self.bulk, 0.0) - self.clock.now()
        if left > 0 and not begun:
            self.telemetry.count(Metric.CALLS_HELD)
            raise QuotaExhausted("the share of the API requests is used up: what waits goes on by itself", after=left)
        try:
            found = ask()
        except QuotaExhausted as error:
            for bulk in (True, False):
                self._wait(error.after or WAIT_SECONDS, bulk=bulk)
            raise
        for bulk in (True, False):
            if self.shares.spent(self.org().usage, bulk=bulk):
                self._wait(WAIT_SECONDS, bulk=bulk)
        return found

    def _wait(self, seconds: float, *, bulk: bool) -> None:
        self._until[bulk] = self.clock.now() + seconds


@dataclass
class BudgetedRecords(Records):
    """The Salesforce side within the budget; every call may raise a QuotaExhausted.

    What an operation began is not stopped half-way: its write follows its read, and is refused by the org alone.

    Attributes:
        port: the side.
        budget: what may be called.
    """

    port: Records
    budget: Budget

    @property
    def needs_closed_second(self) -> bool:
        """See the port."""
        return self.port.needs_closed_second

    def read(self, wanted: Sequence[RecordQuery]) -> Sequence[Record | None]:
        """See the port."""
        return self.budget.call(lambda: self.port.read(wanted)) if wanted else []

    def match(self, mapping: ObjectMapping, wanted: Sequence[Fields]) -> Sequence[Sequence[Record]]:
        """See the port."""
        return self.budget.call(lambda: self.port.match(mapping, wanted))

    def children(self, references: Sequence[Reference], ids: Sequence[str]) -> Sequence[Sequence[SalesforceId]]:
        """See the port."""
        return self.budget.call(lambda: self.port.children(references, ids))

    def write(self, writes: Sequence[RecordWrite]) -> Sequence[RecordOutcome]:
        """See the port."""
        return self.budget.call(lambda: self.port.write(writes), begun=True)
