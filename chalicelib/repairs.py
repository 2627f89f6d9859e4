"""What repairs and other work on many records need, put together: only commands do it, and no function loads this."""

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.core.model import Side
from chalicelib.jobs.backfilling import Backfilling
from chalicelib.jobs.erasing import Erasing
from chalicelib.jobs.guards import check_database
from chalicelib.jobs.rebasing import Means, Rebasing
from chalicelib.jobs.restoring import Restored, Restoring
from chalicelib.postgres.captured import Outbox
from chalicelib.postgres.connection import Connection, connect
from chalicelib.postgres.erasure import OwnTables
from chalicelib.postgres.identity import identity
from chalicelib.postgres.listing import RowListing
from chalicelib.postgres.rows import PostgresRows
from chalicelib.salesforce.listing import RecordListing
from chalicelib.salesforce.reader import Reader
from chalicelib.systems import Systems


@contextmanager
def restoring(systems: Systems) -> Iterator[Restoring]:
    """What begins and ends a rebase, with a connection to the restored database of its own.

    Raises:
        TwinledgerError: the database does not let us in.
    """
    with connect(systems.database_address(), "twinledger-rebase") as connection:
        yield Restoring(
            state=systems.state,
            pauses=systems.pauses,
            connection=connection,
            organization_id=lambda: systems.client.organization_id,
            clock=systems.clock,
        )


def rebasing(
    systems: Systems, restored: Restored, connection: Connection, *, take: Side, moment: float, actor: str
) -> Rebasing:
    """What rebases the records; with no actor it only looks."""

    def met(found: Connection) -> None:
        check_database(restored.database, identity(found))

    mappings = restored.installation.mappings
    means = Means(
        ledger=systems.ledger,
        rows=PostgresRows(systems.connection, mappings, met),
        outbox=Outbox(connection, mappings),
        records=systems.bare_records(),
        agenda=systems.agenda,
        clock=systems.clock,
    )
    return Rebasing(mappings, means, take=take, moment=moment, counted=restored.counted, actor=actor)


@contextmanager
def erasing(systems: Systems) -> Iterator[Erasing]:
    """What erases records, with a connection to the database of its own.

    Raises:
        TwinledgerError: the database does not let us in.
    """
    installation = systems.installed()
    with connect(systems.database_address(), "twinledger-erase") as connection:
        yield Erasing(
            mappings=installation.mappings,
            ledger=systems.ledger,
            rows=systems.rows(installation),
            records=systems.bare_records(),
            store=systems.erasure,
            database=OwnTables(connection),
        )


@contextmanager
def backfilling(systems: Systems) -> Iterator[Backfilling]:
    """What has everything settled, with a connection to the database of its own.

    Raises:
        TwinledgerError: the database does not let us in.
    """
    with connect(systems.database_address(), "twinledger-backfill") as connection:
        yield Backfilling(
            mappings=systems.installed().mappings,
            records=RecordListing(systems.client, Reader(systems.client)),
            rows=RowListing(connection),
            memory=systems.backfills,
            hints=systems.hints,
            clock=systems.clock,
            waiting=systems.waiting,
        )
