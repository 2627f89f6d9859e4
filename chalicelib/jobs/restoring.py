"""The frame of a rebase: which database this is, who is kept away meanwhile, and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.aws.pauses import EVERYTHING, Pause
from chalicelib.aws.state import Installation, Rebase
from chalicelib.core.errors import ConfigurationError, Rejected, RetryLater
from chalicelib.core.mapping import Mappings
from chalicelib.core.model import Side
from chalicelib.core.ports import Clock
from chalicelib.jobs.pausing import Pauses
from chalicelib.jobs.rebasing import Ledger
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.identity import copied, identity
from chalicelib.postgres.restored import counted, lead

REASON = "Postgres was restored, and `rebase` is not finished"
LEADER_SECONDS = 10.0  # for which the relay's leadership is tried for
LEADER_PAUSE = 0.5  # seconds between two tries


class State(Protocol):
    """The installation's own items."""

    def installation(self) -> Installation | None:
        """What is installed."""
        ...

    def save_installation(self, installation: Installation) -> None:
        """Remember it."""
        ...

    def rebase(self) -> Rebase | None:
        """The rebase that is not finished."""
        ...

    def save_rebase(self, rebase: Rebase) -> None:
        """Remember that one was begun."""
        ...

    def forget_rebase(self) -> None:
        """It is finished."""
        ...


@dataclass(frozen=True, slots=True)
class Restored:
    """A database that took the place of the one installed.

    Attributes:
        installation: what is installed.
        database: its identity.
        counted: names of the mappings whose keys it counts up by itself.
    """

    installation: Installation
    database: str
    counted: frozenset[str]


class Restoring:
    """Begins and ends a rebase.

    Args:
        state: what is installed, and how far a rebase is.
        pauses: what is paused.
        connection: to the restored database, in autocommit mode; as long as it is open, no relay drains the outbox.
        organization_id: asks which org this is.
        clock: the time.
    """

    def __init__(
        self,
        *,
        state: State,
        pauses: Pauses,
        connection: Connection,
        organization_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._state = state
        self._pauses = pauses
        self.connection = connection
        self._organization_id = organization_id
        self._clock = clock

    def look(self) -> Restored:
        """Which database this is.

        Raises:
            Rejected: there is nothing to rebase.
            ConfigurationError: it has nothing to do with the one installed, or the org is another one.
            TwinledgerError: a system did not answer.
        """
        installation = self._state.installation()
        if installation is None:
            raise ConfigurationError("nothing is installed yet: run `python manage.py install`")
        if installation.changing:
            raise ConfigurationError("an installation was begun and not finished: run `python manage.py install`")
        found, known = identity(self.connection), installation.database
        if found == known:
            raise Rejected("this is the database that is installed: there is nothing to rebase")
        if not copied(known, found):
            raise ConfigurationError(
                f"database {found} was not made from database {known}, which is installed: connect the one that was "
                "meant, or run `python manage.py install` to begin anew with this one"
            )
        org = self._organization_id()
        if org != installation.organization_id:
            raise ConfigurationError(f"this is org {org}, the installation is of org {installation.organization_id}")
        return Restored(installation, found, counted(self.connection, installation.mappings))

    def begun(self, restored: Restored) -> Rebase | None:
        """The rebase onto this very database that is not finished; None: there is none."""
        known = self._state.rebase()
        return known if known is not None and known.database == restored.database else None

    def begin(self, restored: Restored, take: Side, moment: float, actor: str) -> Rebase:
        """Keep the relay away and pause everything; from here on only :meth:`finish` lets anybody in again.

        Raises:
            Rejected: one was begun that takes the other side's values.
            RetryLater: a relay is at work.
            TwinledgerError: a system did not answer.
        """
        known = self.begun(restored)
        if known is not None and known.take is not take:
            raise Rejected(f"a rebase that takes {known.take.title()} was begun: finish it with --take {known.take}")
        self._lead()
        if known is not None:
            return known
        ours = EVERYTHING not in self._pauses.all()
        rebase = Rebase(restored.database, take, moment, ours)
        self._state.save_rebase(rebase)
        if ours:
            self._pauses.pause(Pause(EVERYTHING, REASON, actor, self._clock.now()))
        return rebase

    def _lead(self) -> None:
        until = self._clock.now() + LEADER_SECONDS
        while not lead(self.connection):
            if self._clock.now() > until:
                raise RetryLater("a relay drains the outbox of this database: stop it first")
            self._clock.sleep(LEADER_PAUSE)

    def finish(self, restored: Restored, rebase: Rebase) -> None:
        """Let everybody in: this is the database that is installed.

        guard:   another database ............................. the one installed
        we:          all records are done | installation ==>  | rebase gone | resume
        crash:                            ^ rebase does nothing twice       ^ `resume` by a person

        Raises:
            TwinledgerError: the ledger refused.
        """
        self._state.save_installation(replace(restored.installation, database=restored.database))
        self._state.forget_rebase()
        if rebase.pauses:
            self._pauses.resume(EVERYTHING)


def last_settled(ledger: Ledger, mappings: Mappings) -> float:
    """When anything was last settled, seconds since the epoch: before the restore, for nothing is settled after it."""
    return max((entry.updated_at for one in mappings.mappings for entry in ledger.entries_of(one.name)), default=0.0)
