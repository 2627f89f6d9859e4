"""The parts that have to do well, and how each is asked. Nothing is loaded before it is."""
# ruff: noqa: PLC0415

from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.settings import Lane
from chalicelib.systems import Systems

if TYPE_CHECKING:
    from chalicelib.jobs.status import Part

MOST_ISSUES = 1000  # of one mapping and kind that are counted


def parts_of(systems: Systems) -> "tuple[Part, ...]":
    """The parts of one deployment."""
    from chalicelib.jobs import status
    from chalicelib.jobs.installing import fingerprint_of
    from chalicelib.jobs.quota import scarce
    from chalicelib.jobs.status import Part
    from chalicelib.postgres.status import capture_status

    settings, clock = systems.settings, systems.clock

    def ledger() -> str:
        return status.installed(systems.installation(fresh=True), fingerprint_of(Path(settings.mappings)))

    def paused() -> str:
        return status.running(systems.pauses.all().values())

    def queues() -> str:
        waiting = {lane: systems.receipts(lane).waiting() for lane in Lane}
        return status.queued(waiting, {lane: systems.receipts(lane, dead=True).waiting() for lane in Lane})

    def postgres() -> str:
        return status.captured(systems.installed(), systems.connection.first(capture_status))

    def salesforce() -> str:
        systems.client.rest("GET", "limits")
        usage = systems.client.usage
        found = status.connected(systems.installed(), systems.client.organization_id)
        return found if usage is None else f"{found}{status.allowed(usage, systems.shares)}"

    def probe() -> str:
        installation = systems.installed()
        return status.probed(installation, systems.state.probe(installation.organization_id))

    def sweep() -> str:
        installation = systems.installed()
        positions = systems.sweeps.positions(tuple(installation.mappings.by_object))
        turns = {name: at.turn for name, at in positions.items()}
        return status.swept(installation, turns, clock.now(), stretched=scarce(systems.usage))

    def backfill() -> str:
        return status.filled(systems.backfills.all().values(), clock.now())

    def issues() -> str:
        names = (*systems.installed().mappings.by_name, "")
        return status.opened(systems.archive.counts(names, MOST_ISSUES), MOST_ISSUES)

    return (
        Part("ledger", ledger, f"look at AWS, its credentials and region, and the table {settings.ledger_table}"),
        Part("paused", paused, "look at the table"),
        Part("queues", queues, "look at AWS, its credentials and region, and the queues' addresses"),
        Part("postgres", postgres, f"start it, or correct the secret {settings.database_secret}", ("ledger",)),
        Part(
            "salesforce",
            salesforce,
            f"look at the org, or correct the secret {settings.salesforce_secret}",
            ("ledger",),
        ),
        Part("probe", probe, "run it anew", ("ledger",)),
        Part("sweep", sweep, "look at the log of the function sweep", ("ledger",)),
        Part("backfill", backfill, "look at the table"),
        Part("issues", issues, "look at the table", ("ledger",)),
    )
