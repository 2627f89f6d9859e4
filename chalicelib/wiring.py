"""The one place where everything is put together, each part when it is first needed; see :mod:`chalicelib.cloud`."""
# ruff: noqa: PLC0415

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Hint
from chalicelib.core.ports import Clock
from chalicelib.settings import EventsTaken, Lane, RelayHost, Writer
from chalicelib.systems import Systems

if TYPE_CHECKING:
    from chalicelib.aws.state import Installation, Probe
    from chalicelib.aws.telemetry import Invocation
    from chalicelib.console.gate import Console
    from chalicelib.core.settle import Settler
    from chalicelib.jobs.acting import Acting
    from chalicelib.jobs.auditing import Auditor
    from chalicelib.jobs.bursts import Bursts
    from chalicelib.jobs.change_events import ChangeEvents
    from chalicelib.jobs.dead_letters import DeadLetters
    from chalicelib.jobs.health import Report
    from chalicelib.jobs.installing import Installer
    from chalicelib.jobs.names import Names
    from chalicelib.jobs.operators import Operators
    from chalicelib.jobs.pausing import Pausing
    from chalicelib.jobs.quota import Meter
    from chalicelib.jobs.reverting import Reverting
    from chalicelib.jobs.settling import Batch, Message
    from chalicelib.jobs.status import Finding
    from chalicelib.jobs.sweep import Sweep
    from chalicelib.postgres.connection import Connection as PlainConnection
    from chalicelib.postgres.relay import Relay
    from chalicelib.webhooks import Webhooks

MARGIN = 5.0  # seconds that a function keeps for its end


class Wiring(Systems):
    """All parts of one process.

    Args:
        environment: environment variables.
        clock: time and ids.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, clock: Clock | None = None) -> None:
        super().__init__(environment, clock)
        self._settler: tuple[Installation, Settler] | None = None

    @contextmanager
    def observed(self, function: str, context: "Invocation | None") -> "Iterator[None]":
        """One call of a Lambda function: what is told of it goes out at its end, what it asked of the org included."""
        with self.telemetry.invocation(function, context):
            try:
                yield
            finally:
                if "client" in self.__dict__:
                    self._meter.read(self.client)

    @cached_property
    def _meter(self) -> "Meter":
        from chalicelib.jobs.quota import Meter

        return Meter(self.telemetry)

    def renew(self) -> None:
        """Read the credentials again before the next use: a system did not let us in with those that are known."""
        super().renew()
        self._settler = None
        if "_beside" in self.__dict__:
            self._beside.renew()

    def settler(self) -> "Settler":
        """The settle step of the installation as it is now.

        Raises:
            ConfigurationError: nothing is installed, or the org has not passed the probe.
        """
        installation = self.installed()
        if self._settler is None or self._settler[0] != installation:
            from chalicelib.core.settle import Settler
            from chalicelib.jobs.guards import check_probed

            organization_id = installation.organization_id
            check_probed(installation.mappings, organization_id, self.state.probe(organization_id))
            self._settler = (
                installation,
                Settler(
                    mappings=installation.mappings,
                    ledger=self.ledger,
                    rows=self.rows(installation),
                    records=self.records(installation),
                    hints=self.hints,
                    clock=self.clock,
                    organization_id=installation.organization_id,
                ),
            )
        return self._settler[1]

    def batch(self, lane: Lane) -> "Batch":
        """The consumer of one queue."""
        from chalicelib.aws.queues import hints_of
        from chalicelib.jobs.pausing import covers
        from chalicelib.jobs.settling import Batch

        used, settler, pauses = self.installed(), self.settler(), self.pauses.all()
        self.budget.bulk = lane is Lane.BULK

        def unchanged() -> bool:
            return self.installation(fresh=True) == used and not used.changing

        return Batch(
            settler=settler,
            receipts=self.receipts(lane),
            agenda=self.agenda,
            read=hints_of,
            clock=self.clock,
            telemetry=self.telemetry,
            denied=self.renew,
            unchanged=unchanged,
            paused=lambda hint: covers(pauses, used.mappings, hint) is not None,
        )

    def messages(self, event: Mapping[str, Any]) -> "list[Message]":
        """The messages of Lambda's SQS event."""
        from chalicelib.jobs.settling import Message

        return [Message.of(record) for record in event["Records"]]

    def dead_letters(self) -> "DeadLetters":
        """The consumer of the dead-letter queues."""
        from chalicelib.aws.queues import hints_of
        from chalicelib.jobs.dead_letters import DeadLetters
        from chalicelib.jobs.failed_events import GivenUp

        installation = self.installed()
        return DeadLetters(
            mappings=installation.mappings,
            organization_id=installation.organization_id,
            ledger=self.ledger,
            report=self.archive.report,
            read=GivenUp(installation.mappings, installation.organization_id, hints_of),
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def sweep(self) -> "Sweep":
        """The sweep of Salesforce."""
        from chalicelib.jobs.quota import scarce
        from chalicelib.jobs.rounds import Means
        from chalicelib.jobs.sweep import Sweep
        from chalicelib.salesforce.changes import Finder

        installation = self.installed()
        means = Means(Finder(self.client), self.sweeps, self.hints, self.clock, self.telemetry)
        return Sweep(installation.mappings, installation.installed_at, means, lambda: scarce(self.usage))

    def run_sweep(self, seconds: float) -> None:
        """Send hints for what no message told of and for what was put off, for a while; then tell how things are.

        Args:
            seconds: how long the function may run.

        Raises:
            TwinledgerError: something of it failed; the next sweep does it again.
        """
        from chalicelib.jobs.sweep import wake

        if self.installation() is None:
            return
        now = self.clock.now()
        until = now + seconds - MARGIN
        try:
            wake(self.agenda, self.hints, self.clock, self.telemetry, (now + until) / 2)
            self.send_back((now + until) / 2)
        finally:
            try:
                self.sweep().salesforce(until)
            finally:
                self._watch()

    def send_back(self, until: float) -> int:
        """Send the hints again that were put aside and that no pause covers any more; how many."""
        from chalicelib.aws.pauses import EVERYTHING
        from chalicelib.jobs.pausing import covers, send_back

        pauses, mappings = self.pauses.all(), self.installed().mappings
        if EVERYTHING in pauses:
            return 0

        def paused(hint: Hint) -> bool:
            return covers(pauses, mappings, hint) is not None

        return send_back(self.agenda, self.hints, self.clock, until, paused=paused)

    def pausing(self) -> "Pausing":
        """Pauses and resumes."""
        from chalicelib.jobs.pausing import Pausing

        return Pausing(self.installed().mappings, self.pauses, self.clock)

    def _watch(self) -> None:
        from chalicelib.jobs.watching import tell_certificate, tell_issues

        now = self.clock.now()
        tell_issues(self.telemetry, self.archive, now)
        tell_certificate(self.telemetry, now, self.certificate_ends())

    def run_relay(self, seconds: float) -> None:
        """Relay captured changes for a while, where no process of the user's does.

        Raises:
            Halted: the database does not let us in.
        """
        from chalicelib.jobs.relaying import run_for

        if self.settings.relay is RelayHost.LAMBDA and self.installation() is not None:
            run_for(self.relay(), seconds - MARGIN)

    def relay(self, alive: Path | None = None) -> "Relay":
        """The relay of captured changes.

        Args:
            alive: a file that is touched as long as the relay goes on; None: there is none.
        """
        from chalicelib.jobs.guards import check_database
        from chalicelib.jobs.relaying import Truncations, beating, tell_status
        from chalicelib.postgres.identity import identity
        from chalicelib.postgres.relay import Relay

        def met(connection: "PlainConnection") -> None:
            found = identity(connection)
            if found != self.installed().database:
                check_database(self.installed(fresh=True).database, found)

        self.installed()
        truncated = Truncations(lambda: self.installed(fresh=True), self.ledger, self.hints, self.clock)
        tell = tell_status(self.telemetry, self.clock)
        on_status = tell if alive is None else beating(tell, alive)
        return Relay(self.database_address, self.hints, on_truncate=truncated, met=met, on_status=on_status)

    def health(self, api_key: str | None) -> "Report":
        """How the deployment does: itself, or with an API key everything behind it."""
        from chalicelib.jobs import health

        if api_key is None:
            return health.alive(self._environment.get("TWINLEDGER_STAGE", ""))
        if not self.webhooks.authorized(api_key):
            return health.REFUSED
        return health.deep(self._environment.get("TWINLEDGER_STAGE", ""), self.status())

    @contextmanager
    def installer(self) -> "Iterator[Installer]":
        """What compares the mapping file with both systems, with a connection to the database of its own.

        Raises:
            TwinledgerError: the database does not let us in.
        """
        from chalicelib.jobs.installing import Installer
        from chalicelib.postgres.connection import connect

        with connect(self.database_address(), "twinledger-install") as connection:
            yield Installer(
                file=Path(self.settings.mappings),
                client=self.client,
                connection=connection,
                state=self.state,
                clock=self.clock,
            )

    def probe(self, mappings: Mappings) -> "Probe":
        """Try out on the org what the sync relies on, and remember what was found."""
        from chalicelib.aws.state import Probe
        from chalicelib.salesforce.probe import passed, probe

        findings = probe(self.client, mappings.mappings, apex=self.settings.writer is Writer.APEX)
        lines = tuple(
            f"ok: {one.name}: {one.detail}" if one.ok else f"FAILED: {one.name}: {one.detail}; {one.remedy}"
            for one in findings
        )
        found = Probe(self.client.organization_id, passed(findings), self.clock.now(), lines)
        self.state.save_probe(found)
        return found

    def operators(self) -> "Operators":
        """A person's actions."""
        from chalicelib.jobs.operators import Operators

        return Operators(
            mappings=self.installed().mappings,
            ledger=self.ledger,
            issues=self.archive,
            hints=self.hints,
            clock=self.clock,
        )

    def acting(self) -> "Acting":
        """What people do about issues."""
        from chalicelib.jobs.acting import Acting

        return Acting(
            mappings=self.installed().mappings, ledger=self.ledger, archive=self.archive, operators=self.operators()
        )

    def auditor(self) -> "Auditor":
        """Writes down what people do."""
        from chalicelib.jobs.auditing import Auditor

        return Auditor(self.audit, self.clock)

    def reverting(self) -> "Reverting":
        """Puts earlier values back."""
        from chalicelib.jobs.reverting import Reverting

        return Reverting(
            mappings=self.installed().mappings,
            ledger=self.ledger,
            archive=self.archive,
            clock=self.clock,
            wake=self.operators().wake,
        )

    def names(self) -> "Names":
        """Finds what people name."""
        from chalicelib.jobs.names import Names

        return Names(self.installed().mappings, self.ledger, self.archive)

    def status(self) -> "list[Finding]":
        """How everything does, part by part."""
        from chalicelib.jobs.status import look
        from chalicelib.parts import parts_of

        return look(parts_of(self))

    @cached_property
    def console(self) -> "Console":
        """The web console, with connections of its own: what it asks side by side disturbs nothing else."""
        from chalicelib.console_wiring import console

        return console(self._beside, self.telemetry.failure)

    @cached_property
    def _beside(self) -> Systems:
        return Systems(self._environment, self.clock)

    def change_events(self, seconds: float) -> "ChangeEvents":
        """The consumer of Salesforce's Event Relay, in a function that may run so long."""
        from chalicelib.jobs.change_events import ChangeEvents

        until = self.clock.now() + seconds - MARGIN

        def resync(objects: Iterable[str]) -> None:
            self.sweep().salesforce(until, objects)

        installation = self.installed()
        return ChangeEvents(
            mappings=installation.mappings,
            renewed=lambda: self.installed(fresh=True).mappings,
            organization_id=installation.organization_id,
            hints=self.hints,
            bursts=self._bursts,
            only_existence=self.settings.events is EventsTaken.EXISTENCE,
            resync=resync,
            telemetry=self.telemetry,
        )

    @cached_property
    def webhooks(self) -> "Webhooks":
        """What Salesforce calls."""
        from chalicelib.callers import Callers
        from chalicelib.webhooks import Webhooks

        callers = Callers(self.webhook_secret, self.clock, self.telemetry)
        return Webhooks(
            callers=callers,
            installed=self.installed,
            hints=self.hints,
            bursts=self._bursts,
            telemetry=self.telemetry,
        )

    @cached_property
    def _bursts(self) -> "Bursts":
        from chalicelib.jobs.bursts import Bursts

        return Bursts(self.clock)
