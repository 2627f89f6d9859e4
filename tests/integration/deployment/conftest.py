"""The stage dev, deployed once by the literal command into an emulator, with a database and an org behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infra.deployment import chalice, cloudformation
from infra.deployment.stages import Stage
from infra.local.application import Application
from infra.local.credentials import INSTANCE_URL, Credentials
from infra.local.layout import ROOT, Layout
from infra.local.processes import plain_environment
from infra.local.roundtrip import RoundTrip
from infra.local.services import Services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STAGE = "dev"
BUS = "salesforce"
SECONDS = 240
TICK = dict.fromkeys(("version", "account", "region", "source", "id", "time", "detail-type"), "") | {
    "resources": [],
    "detail": {},
}
"""What a schedule sends; the real one is up to a minute later."""


def run(environment: Mapping[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m infra.deployment`."""
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "infra.deployment", *arguments],
        cwd=ROOT,
        env=dict(environment),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@dataclass
class Deployed:
    """A stage that is deployed, and what its first two runs printed.

    Attributes:
        services: Emulator, Postgres and org.
        work: Where the command keeps its copies and logs.
        unfinished: The first run, without secrets.
        first: The run that deployed everything.
        application: The application on these services.
    """

    services: Services
    work: Path
    unfinished: subprocess.CompletedProcess[str]
    first: subprocess.CompletedProcess[str]
    application: Application

    @property
    def stages(self) -> Path:
        """The folder of the stage's settings: with an event bus, which the project's file has not."""
        return self.work / "stages"

    @property
    def environment(self) -> dict[str, str]:
        """With which a command reaches the emulator."""
        return plain_environment(**self.services.emulator.client_environment)

    @property
    def trip(self) -> RoundTrip:
        """A user of both sides."""
        services = self.services
        return RoundTrip(services.cluster.app_dsn, services.org_url, services.credentials.salesforce_token)

    def run(self, *arguments: str, given: str = "", work: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `python -m infra.deployment` on this stage."""
        options = ("--stage", STAGE, "--stages", str(self.stages), "--work", str(work or self.work))
        return run(self.environment, arguments[0], *options, *arguments[1:], given=given)

    def manage(self, *arguments: str) -> str:
        """What a command of manage.py prints."""
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=plain_environment(**self.application.environment),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        return done.stdout

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        make: Any = boto3.client
        return make(service, **self.services.emulator.client_arguments)

    def read(self) -> None:
        """Read what is deployed now."""
        self.application.outputs = cloudformation.outputs(self.client("cloudformation"), f"twinledger-{STAGE}")
        build = self.work / "000000000000-us-east-1-dev" / "build"
        self.application.deployment = chalice.deployed(build, STAGE)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy the stage from nothing, install, and connect both systems."""
    folder = tmp_path_factory.mktemp("deployment")
    services = Services(Layout(home=folder / "local", source=ROOT), Credentials())
    try:
        services.start_postgres()
        services.start_emulator()
        application = Application(services, stage=Stage(STAGE))
        stage = Deployed(services, folder / "work", _nothing(), _nothing(), application)
        stage.stages.mkdir(parents=True)
        (stage.stages / f"{STAGE}.toml").write_text(f'event_bus = "{BUS}"', encoding="ascii")
        stage.unfinished = stage.run("deploy")
        _put_secrets(stage)
        stage.first = stage.run("deploy")
        assert stage.first.returncode == 0, stage.first
        stage.read()
        _connect(stage)
        yield stage
    finally:
        services.stop_all()
        services.forget()


def _nothing() -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 0, "", "")


def _put_secrets(stage: Deployed) -> None:
    credentials = stage.services.credentials
    stage.client("events").create_event_bus(Name=BUS)
    stage.services.start_org(BUS)
    salesforce = {
        "login_url": INSTANCE_URL,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "local_url": stage.services.org_url,
    }
    for kind, value in (("database", {"dsn": stage.services.cluster.dsn}), ("salesforce", salesforce)):
        put = stage.run("secret", kind, given=json.dumps(value))
        assert put.returncode == 0, put


def _connect(stage: Deployed) -> None:
    """What a person does after the first deployment: install, and tell Salesforce where its messages go."""
    application, credentials = stage.application, stage.services.credentials
    shown = dict(line.split(maxsplit=1) for line in stage.run("addresses", "--show-secrets").stdout.splitlines())
    credentials.webhook_token = shown["Outbound"].rsplit("/", 1)[-1]
    application.create_tables()
    application.manage("probe")
    application.manage("install")
    application.tell_org()
    relay = application.deployment.functions["relay_changes"]
    stage.client("lambda").invoke(FunctionName=relay, InvocationType="Event", Payload=json.dumps(TICK))
