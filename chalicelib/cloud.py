"""The AWS parts of one process, each made when it is first needed.

Lambda functions must not pay at a cold start for libraries that they never use: that is why adapters are imported
inside the functions that build them.
"""
# ruff: noqa: PLC0415

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.clock import SystemClock
from chalicelib.core.errors import ConfigurationError
from chalicelib.core.model import Side
from chalicelib.core.ports import Clock
from chalicelib.settings import MAPPINGS_FILE, PREFIX, Lane, Settings, dead_letter_queue

if TYPE_CHECKING:
    from chalicelib.aws.agenda import Agenda
    from chalicelib.aws.archive import Archive
    from chalicelib.aws.audit import TableAudit
    from chalicelib.aws.backfills import Backfills
    from chalicelib.aws.erasure import Erasure
    from chalicelib.aws.figures import Figures
    from chalicelib.aws.holds import Holds
    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.aws.pauses import Pauses
    from chalicelib.aws.queues import Receipts, SqsHints
    from chalicelib.aws.secrets import Secrets
    from chalicelib.aws.state import Installation, State
    from chalicelib.aws.sweeps import Sweeps
    from chalicelib.aws.table import Table
    from chalicelib.aws.telemetry import Telemetry
    from chalicelib.aws.tickets import Tickets

INSTALLATION_AGE = 60.0  # seconds for which a container works with the installation that it has read, unless it asks


class Cloud:
    """What one process needs of AWS.

    Args:
        environment: environment variables.
        clock: time and ids.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, clock: Clock | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self.clock: Clock = SystemClock() if clock is None else clock
        self._installed: tuple[float, Installation | None] | None = None

    @cached_property
    def settings(self) -> Settings:
        """What the environment says.

        Raises:
            ConfigurationError: something is missing.
        """
        return Settings.of(self._environment)

    @property
    def mapping_file(self) -> Path:
        """The mapping file, whatever else the environment says or lacks."""
        return Path(self._environment.get(f"{PREFIX}MAPPINGS") or MAPPINGS_FILE)

    @cached_property
    def telemetry(self) -> "Telemetry":
        """Logs, metrics, traces."""
        from chalicelib.aws.telemetry import Telemetry

        return Telemetry(self._environment.get("TWINLEDGER_STAGE", ""))

    @cached_property
    def _table(self) -> "Table":
        from chalicelib.aws import clients
        from chalicelib.aws.table import Table

        name = self.settings.ledger_table
        return Table(clients.dynamodb(), name, self.clock)

    @cached_property
    def archive(self) -> "Archive":
        """Issues and history."""
        from chalicelib.aws.archive import DAY, Archive

        return Archive(self._table, self.settings.retention * DAY)

    @cached_property
    def ledger(self) -> "DynamoLedger":
        """The ledger."""
        from chalicelib.aws.ledger import DynamoLedger

        return DynamoLedger(self._table, self.archive, self.clock)

    @cached_property
    def agenda(self) -> "Agenda":
        """Hints for later."""
        from chalicelib.aws.agenda import Agenda

        return Agenda(self._table)

    @cached_property
    def audit(self) -> "TableAudit":
        """What people did."""
        from chalicelib.aws.audit import TableAudit

        return TableAudit(self._table)

    @cached_property
    def pauses(self) -> "Pauses":
        """What is paused."""
        from chalicelib.aws.pauses import Pauses

        return Pauses(self._table)

    @cached_property
    def holds(self) -> "Holds":
        """Short leases on parents."""
        from chalicelib.aws.holds import Holds

        return Holds(self._table)

    @cached_property
    def tickets(self) -> "Tickets":
        """What expires by itself: sessions of the console."""
        from chalicelib.aws.tickets import Tickets

        return Tickets(self._table)

    @cached_property
    def figures(self) -> "Figures":
        """What was measured."""
        from chalicelib.aws import clients
        from chalicelib.aws.figures import Figures

        return Figures(clients.cloudwatch(), self.settings.stage)

    @cached_property
    def state(self) -> "State":
        """The installation's own items."""
        from chalicelib.aws.state import State

        return State(self._table)

    @cached_property
    def sweeps(self) -> "Sweeps":
        """How far the sweep has come."""
        from chalicelib.aws.sweeps import Sweeps

        return Sweeps(self._table)

    @cached_property
    def erasure(self) -> "Erasure":
        """Takes out what the ledger holds of a record."""
        from chalicelib.aws.erasure import Erasure

        return Erasure(self._table)

    @cached_property
    def backfills(self) -> "Backfills":
        """How far backfills have come."""
        from chalicelib.aws.backfills import Backfills

        return Backfills(self._table)

    @cached_property
    def secrets(self) -> "Secrets":
        """Secrets Manager."""
        from chalicelib.aws import clients
        from chalicelib.aws.secrets import Secrets

        return Secrets(clients.secretsmanager())

    @cached_property
    def hints(self) -> "SqsHints":
        """The queues, as the way to have a record settled."""
        from chalicelib.aws import clients
        from chalicelib.aws.queues import SqsHints

        settings = self.settings
        urls = {Side.SALESFORCE: settings.salesforce_queue_url, Side.POSTGRES: settings.postgres_queue_url}
        return SqsHints(clients.sqs(), urls, settings.bulk_queue_url)

    def waiting(self) -> int:
        """About how many messages wait to be settled, or are being settled.

        Raises:
            TwinledgerError: SQS refused.
        """
        return sum(self.receipts(lane).waiting() for lane in Lane)

    def receipts(self, lane: Lane, *, dead: bool = False) -> "Receipts":
        """The queue of one lane, or its dead-letter queue, as its consumer sees it."""
        from chalicelib.aws import clients
        from chalicelib.aws.queues import Receipts

        settings = self.settings
        urls = {
            Lane.SALESFORCE: settings.salesforce_queue_url,
            Lane.POSTGRES: settings.postgres_queue_url,
            Lane.BULK: settings.bulk_queue_url,
        }
        return Receipts(clients.sqs(), dead_letter_queue(urls[lane]) if dead else urls[lane])

    def installation(self, *, fresh: bool = False) -> "Installation | None":
        """What `manage.py install` agreed on; None where it has not run.

        Args:
            fresh: read it now; else it may be a minute old.
        """
        now = self.clock.now()
        known = None if self._installed is None or fresh else self._installed
        if known is None or known[1] is None or now - known[0] > INSTALLATION_AGE:
            known = self._installed = now, self.state.installation()
        return known[1]

    def installed(self, *, fresh: bool = False) -> "Installation":
        """The installation; see :meth:`installation`.

        Raises:
            ConfigurationError: there is none.
        """
        installation = self.installation(fresh=fresh)
        if installation is None:
            raise ConfigurationError("nothing is installed yet: run `python manage.py install`")
        return installation
