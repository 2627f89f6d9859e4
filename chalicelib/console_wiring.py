"""What the console has of the rest: real parts behind its ports."""
# ruff: noqa: PLC0415

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.ledger import IssueKind
from chalicelib.core.model import Side
from chalicelib.settings import Lane
from chalicelib.systems import Systems

if TYPE_CHECKING:
    from chalicelib.console.asking import Source
    from chalicelib.console.gate import Console
    from chalicelib.console.overview import Figures, Told
    from chalicelib.console.people import Person

MOST_ISSUES = 1000  # of one mapping and kind that are counted
MINUTES = 60  # that charts go back
SOON = 4.0  # seconds for which an answer of our own table and queues is good
LATER = 30.0  # seconds for which one is good that costs money, or a request of the org's allowance


def console(systems: Systems, failed: "Callable[[str, TwinledgerError], None]") -> "Console":
    """The console on these systems.

    Args:
        systems: its own, for it asks them from several threads.
        failed: is told what could not be answered.
    """
    from chalicelib.console.asking import Asker
    from chalicelib.console.gate import Console
    from chalicelib.console.overview import Board
    from chalicelib.console.parts import Parts
    from chalicelib.console.render import Pages
    from chalicelib.console.sessions import Sessions
    from chalicelib.console_desk import ConsoleDesk

    stage, clock = systems.settings.stage, systems.clock
    parts = Parts(
        stage=stage,
        clock=clock,
        pages=Pages(stage),
        tickets=systems.tickets,
        sessions=Sessions(systems.tickets, clock),
        people=_People(systems),
        board=Board(Asker(Look(systems).sources(), clock)),
        desk=ConsoleDesk(systems),
        audit=systems.audit,
    )
    return Console(parts, failed)


class _People:
    """Who has an operator token.

    Args:
        systems: whose secret says it.
    """

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    def __call__(self, *, fresh: bool = False) -> "Iterable[Person]":
        """See :class:`chalicelib.console.people.People`."""
        return self._systems.console_secret(fresh=fresh).people


class Look:
    """What the overview asks.

    Args:
        systems: what is asked; answers come from several threads at once.
    """

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    def sources(self) -> "Mapping[str, Source]":
        """Each part by its name, and the metrics."""
        from chalicelib.console.asking import Source

        settings = self._systems.settings
        table = f"look at the table {settings.ledger_table}"
        return {
            "ledger": Source(self._ledger, SOON, table),
            "paused": Source(self._paused, SOON, table),
            "queues": Source(self._queues, SOON, "look at the queues' addresses"),
            "postgres": Source(self._postgres, SOON, f"look at the secret {settings.database_secret}"),
            "salesforce": Source(self._salesforce, 2 * LATER, f"look at the secret {settings.salesforce_secret}"),
            "probe": Source(self._probe, LATER, "run `python manage.py probe`"),
            "sweep": Source(self._sweep, SOON, "look at the log of the function sweep"),
            "issues": Source(self._issues, SOON, table),
            "figures": Source(self._figures, LATER, "look at CloudWatch, and at the role of the function api_handler"),
        }

    # --- each part

    def _ledger(self) -> "Told":
        from chalicelib.jobs import status
        from chalicelib.jobs.installing import fingerprint_of

        file = fingerprint_of(Path(self._systems.settings.mappings))
        return _told(lambda: status.installed(self._systems.installation(fresh=True), file))

    def _paused(self) -> "Told":
        from chalicelib.jobs import status

        pauses = self._systems.pauses.all()
        return _told(lambda: status.running(pauses.values()), {"paused": len(pauses)})

    def _queues(self) -> "Told":
        from chalicelib.jobs import status

        waiting = {lane: self._systems.receipts(lane).waiting() for lane in Lane}
        dead = {lane: self._systems.receipts(lane, dead=True).waiting() for lane in Lane}
        numbers = {str(lane): count for lane, count in waiting.items()}
        sums = {"waiting": sum(waiting.values()), "dead": sum(dead.values())}
        return _told(lambda: status.queued(waiting, dead), numbers | sums)

    def _postgres(self) -> "Told":
        from chalicelib.jobs import status
        from chalicelib.postgres.status import capture_status

        found = self._systems.connection.first(capture_status)
        numbers = {"depth": found.depth, "age": found.age, "relayed": float(found.relayed)}
        return _told(lambda: status.captured(self._systems.installed(), found), numbers)

    def _salesforce(self) -> "Told":
        from chalicelib.jobs import status

        self._systems.client.rest("GET", "limits")
        usage = self._systems.client.usage
        numbers = {} if usage is None else {"used": usage.used, "left": usage.left, "total": usage.total}

        def ask() -> str:
            found = status.connected(self._systems.installed(), self._systems.client.organization_id)
            return found if usage is None else f"{found}{status.allowed(usage, self._systems.shares)}"

        return _told(ask, numbers)

    def _probe(self) -> "Told":
        from chalicelib.jobs import status

        installation = self._systems.installed()
        probe = self._systems.state.probe(installation.organization_id)
        return _told(lambda: status.probed(installation, probe))

    def _sweep(self) -> "Told":
        from chalicelib.jobs import status
        from chalicelib.jobs.quota import scarce

        installation, now = self._systems.installed(), self._systems.clock.now()
        positions = self._systems.sweeps.positions(tuple(installation.mappings.by_object))
        turns = {name: at.turn for name, at in positions.items()}
        numbers = {"age": now - min(turns.values())} if turns else {}
        stretched = scarce(self._systems.usage)
        return _told(lambda: status.swept(installation, turns, now, stretched=stretched), numbers)

    def _issues(self) -> "Told":
        from chalicelib.jobs import status

        counts = self._systems.archive.counts((*self._systems.installed().mappings.by_name, ""), MOST_ISSUES)
        kinds: dict[IssueKind, int] = {}
        for (_, kind), number in counts.items():
            kinds[kind] = kinds.get(kind, 0) + number
        numbers = {f"kind {kind}": number for kind, number in sorted(kinds.items())} | {"open": sum(kinds.values())}
        return _told(lambda: status.opened(counts, MOST_ISSUES), numbers)

    # --- what was measured

    def _figures(self) -> "Figures":
        from chalicelib.aws.figures import Query
        from chalicelib.aws.metrics import Metric
        from chalicelib.console.overview import Direction, Figures, Series

        directed = [
            Query(metric, statistic, side)
            for side in Side
            for metric, statistic in ((Metric.LATENCY, "p50"), (Metric.LATENCY, "p95"), (Metric.SETTLED, "Sum"))
        ]
        others = [
            Query(Metric.CONFLICTS, "Sum"),
            Query(Metric.MERGED, "Sum"),
            Query(Metric.CALLS_USED, "Maximum"),
            Query(Metric.CALLS_LEFT, "Minimum"),
        ]
        found = self._systems.figures.read([*directed, *others], MINUTES, self._systems.clock.now())

        def series(query: Query, scale: float = 1.0) -> Series:
            values = (None if value is None else value * scale for value in found[query])
            return Series(f"{query.metric} {query.statistic}", tuple(values))

        directions = tuple(
            Direction(
                f"{side.title()} to {side.other.title()}",
                series(Query(Metric.LATENCY, "p50", side), 0.001),
                series(Query(Metric.LATENCY, "p95", side), 0.001),
                series(Query(Metric.SETTLED, "Sum", side)),
            )
            for side in Side
        )
        return Figures(directions, *map(series, others))


def _told(ask: Callable[[], str], numbers: Mapping[str, float] | None = None) -> "Told":
    """How a part does that has answered."""
    from chalicelib.console.overview import Told
    from chalicelib.jobs.status import Unwell

    try:
        return Told(ok=True, text=ask(), numbers=numbers or {})
    except Unwell as error:
        return Told(ok=False, text=str(error), numbers=numbers or {})
