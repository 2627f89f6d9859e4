"""The one-machine stack: `python -m infra.local.stack up | down | status`."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import sys
from typing import TYPE_CHECKING

import boto3.exceptions
import botocore.exceptions
import psycopg
import requests

from infra.deployment.errors import DeploymentError
from infra.deployment.progress import Progress, one_line
from infra.local.application import Application, ApplicationError
from infra.local.credentials import Credentials, write_private
from infra.local.emulator import EmulatorError
from infra.local.layout import Layout
from infra.local.postgres import ClusterError
from infra.local.recovery import prepare, remedy
from infra.local.roundtrip import RoundTrip, RoundTripError, wait_until
from infra.local.services import NAMES, ServiceError, Services
from infra.local.unprivileged import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURES = (
    ApplicationError,
    ClusterError,
    DeploymentError,
    EmulatorError,
    RoundTripError,
    ServiceError,
    UserError,
    OSError,
    psycopg.Error,
    requests.RequestException,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    boto3.exceptions.Boto3Error,
)
RELINK_SECONDS = 900.0


class BusyError(RuntimeError):
    """Another `up` or `down` of the same stack is at work."""


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the stack's lock.

    Raises:
        BusyError: Another process holds it.
    """
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another make up or make down is at work on this stack") from None
        yield


def up(layout: Layout, progress: Progress) -> None:
    """Bring the stack up, or what of it is missing, and prove it by an edit in each direction."""
    application = Application(prepare(layout, progress))
    services = application.services
    _start_servers(application, progress)
    _deploy(application, progress)
    addresses = _addresses(application)
    write_private(layout.stack_file, json.dumps(addresses, indent=2) + "\n")
    _connect(application, progress)

    trip = RoundTrip(services.cluster.app_dsn, services.org_url, services.credentials.salesforce_token)
    _fill(application, trip, progress)
    latencies = _prove(layout, trip, progress)
    layout.failure.unlink(missing_ok=True)
    _tell(layout, progress, addresses, latencies)


def down(layout: Layout, progress: Progress) -> None:
    """Stop every process of the stack and delete its state."""
    services = Services(layout, Credentials.load(layout.credentials) or Credentials())
    with progress.during("Stopping"):
        services.stop_all()
        services.forget()


def status(layout: Layout, progress: Progress) -> bool:
    """Print what runs, and what to do about what does not; whether all of it does."""
    services = Services(layout, Credentials.load(layout.credentials) or Credentials())
    states = {name: services.running(name) for name in NAMES}
    for name, running in states.items():
        port = services.credentials.ports.get(name)
        where = f" on port {port}" if port else ""
        print(f"{name:10}{'running' + where if running else 'stopped: ' + remedy(services, name)}", file=progress.out)
    if layout.failure.exists():
        print(f"The last {layout.failure.read_text(encoding='utf-8')}; run make up again", file=progress.out)
    return all(states.values())


def _start_servers(application: Application, progress: Progress) -> None:
    """Start Postgres, the emulator with its CloudFormation stack, and the org."""
    services, layout = application.services, application.services.layout
    ports = services.credentials.ports
    with progress.during("Postgres", log=layout.log("postgres")) as details:
        if not services.running("postgres"):
            services.start_postgres()
        details.append(f"port {ports['postgres']}")
    with progress.during("AWS emulator", log=layout.log("emulator")) as details:
        if not services.running("emulator"):
            services.start_emulator()
        details.append(f"port {ports['emulator']}")
    with progress.during("CloudFormation stack", log=layout.log("emulator")):
        application.create_stack()
    with progress.during("Simulated org", log=layout.log("org")) as details:
        if not services.running("org"):
            services.start_org(application.outputs["EventBusName"])
        details.append(f"port {ports['org']}")


def _deploy(application: Application, progress: Progress) -> None:
    """Deploy the application."""
    layout = application.services.layout
    application.put_secrets()
    packaged = any((layout.build / ".chalice" / "deployments").glob("*layer*"))
    note = "" if packaged else "packing the dependencies for the first time"
    with progress.during("chalice deploy", log=layout.log("deploy"), note=note) as details:
        if not application.deploy():
            details.append("nothing has changed")
    with progress.during("First call of the API", log=layout.log("emulator")):
        application.check_health()


def _connect(application: Application, progress: Progress) -> None:
    """Capture changes on both sides."""
    services, layout = application.services, application.services.layout
    with progress.during("Sample tables", log=layout.log("postgres")):
        application.create_tables()
    if not application.installed:
        services.stop("relay")
        with progress.during("Probe of the org, capture triggers", log=layout.log("manage")):
            application.install()
    with progress.during("Relay", log=layout.log("relay")):
        if not services.running("relay"):
            services.start_relay(application.environment)
    with progress.during("Outbound messages and change events", log=layout.log("org")):
        application.tell_org()


def _fill(application: Application, trip: RoundTrip, progress: Progress) -> None:
    """Bring the sample to both sides, the first time; link both sides again, where the ledger was lost."""
    layout, credentials = application.services.layout, application.services.credentials
    if not credentials.seeded:
        with progress.during("Seed", log=layout.log("emulator")) as details:
            rows = application.seed()
            details.append(f"{sum(map(len, rows.values()))} rows in both systems")
            trip.wait_for_links(rows)
            wait_until(lambda: not application.busy(), application.busy, pause=0.1)
    if credentials.relinking:
        with progress.during("Linking rows and records again", log=layout.log("manage")):
            application.relink()
            wait_until(lambda: not application.busy(), application.busy, pause=0.1, patience=RELINK_SECONDS)
            credentials.relinking = False
            credentials.save(layout.credentials)


def _prove(layout: Layout, trip: RoundTrip, progress: Progress) -> tuple[float, float] | None:
    """Edit a contact on each side; the seconds to Salesforce and to Postgres, None: there is none to edit."""
    contact = trip.contact()
    if contact is None:
        progress.say("No contact is on both sides: the sync is not proven by an edit")
        return None
    with progress.during("First edit in each direction", log=layout.log("emulator")):
        trip.to_salesforce(contact)
        trip.to_postgres(contact)
    with progress.during("Round trip Postgres to Salesforce", log=layout.log("relay")):
        to_salesforce = trip.to_salesforce(contact)
    with progress.during("Round trip Salesforce to Postgres", log=layout.log("emulator")):
        to_postgres = trip.to_postgres(contact)
    return to_salesforce, to_postgres


def _addresses(application: Application) -> dict[str, object]:
    """What `.local/stack.json` holds."""
    services = application.services
    return {
        "postgres_dsn": services.cluster.dsn,
        "postgres_app_dsn": services.cluster.app_dsn,
        "salesforce_url": services.org_url,
        "salesforce_token": services.credentials.salesforce_token,
        "api_url": application.api_url,
        "webhook_token": services.credentials.webhook_token,
        "outbound_messages_url": application.outbound_messages_url,
        "record_events_url": application.record_events_url,
        "record_events_api_key": services.credentials.console_token,
        "console_url": f"{application.api_url}/console",
        "console_token": services.credentials.console_token,
        "aws_endpoint_url": services.emulator.endpoint_url,
        "environment": application.environment,
    }


def _tell(
    layout: Layout, progress: Progress, addresses: dict[str, object], latencies: tuple[float, float] | None
) -> None:
    """Print latencies and addresses."""
    progress.say("The stack is up")
    names = ("Postgres to Salesforce", "Salesforce to Postgres")
    lines = {name: f"{seconds * 1000:.0f} ms" for name, seconds in zip(names, latencies or (), strict=False)}
    lines |= {
        "API": f"{addresses['api_url']}",
        "Postgres": f"{addresses['postgres_app_dsn']}",
        "Salesforce": f"{addresses['salesforce_url']} (token {addresses['salesforce_token']})",
        "AWS": f"{addresses['aws_endpoint_url']}",
        "All of it": str(layout.stack_file),
        "Logs": str(layout.logs),
    }
    for name, value in lines.items():
        print(f"  {name:24}{value}", file=progress.out)


def main(arguments: list[str]) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status"))
    command = parser.parse_args(arguments).command
    layout, progress = Layout(), Progress()
    if command == "status":
        return 0 if status(layout, progress) else 1
    try:
        with alone(layout):
            (up if command == "up" else down)(layout, progress)
    except BusyError as error:
        print(f"make {command}: {error}", file=sys.stderr)
        return 1
    except FAILURES as error:
        log = f"; see {progress.log}" if progress.log and progress.log.exists() else ""
        failure = f"make {command} failed at '{progress.step}': {one_line(error)}{log}"
        print(failure, file=sys.stderr)
        if command == "up" and layout.state.exists():
            layout.failure.write_text(failure, encoding="utf-8")
        return 1
    except KeyboardInterrupt:
        print(f"make {command}: interrupted at '{progress.step}'; make up goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
