"""The processes of the one-machine stack: Postgres, the AWS emulator, the simulated org and the relay."""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import requests

from infra.deployment.progress import log_end
from infra.local.credentials import DEFAULT_PORTS, EDITOR, Credentials, write_private
from infra.local.emulator import Emulator
from infra.local.layout import ROOT, Layout
from infra.local.ports import HOST, free_port, is_free
from infra.local.postgres import Cluster
from infra.local.processes import MARKER, PidFile, detach, end, marked, plain_environment, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping

START_SECONDS = 30.0
PORT_SECONDS = 3.0
NAMES = ("postgres", "emulator", "org", "relay")


class ServiceError(RuntimeError):
    """A process of the stack did not start; the message holds the end of its log."""


@dataclass
class Services:
    """Starts what is not running, and stops what is.

    Args:
        layout: Where the stack lives.
        credentials: Its ports, passwords and tokens; a started process adds its port.
    """

    layout: Layout
    credentials: Credentials

    @property
    def marker(self) -> dict[str, str]:
        """The environment variable that every process of this stack carries."""
        return {MARKER: str(self.layout.home)}

    @property
    def cluster(self) -> Cluster:
        """The Postgres server."""
        return Cluster(
            folder=Path(self.credentials.postgres_folder or self.layout.state / "postgres"),
            port=self.credentials.ports.get("postgres"),
            log_file=self.layout.log("postgres"),
            durable=True,
            passwords=self.credentials.passwords,
            environment=self.marker,
        )

    @property
    def emulator(self) -> Emulator:
        """The AWS emulator."""
        return Emulator(
            folder=self.layout.state / "emulator",
            port=self.credentials.ports.get("emulator"),
            log_file=self.layout.log("emulator"),
            code_cache=self.layout.code_cache,
            environment=self.marker,
        )

    @property
    def org_url(self) -> str:
        """The address of the simulated org."""
        return f"http://{HOST}:{self.credentials.ports.get('org')}"

    def running(self, name: str) -> bool:
        """Whether the process `name` runs and answers."""
        if name == "postgres":
            return bool(self.credentials.postgres_folder) and self.cluster.pid is not None
        if PidFile(self.layout.pid(name)).process() is None:
            return False
        if name == "emulator":
            return self.emulator.healthy
        return name != "org" or self._org_answers()

    @property
    def journal(self) -> Path:
        """What a killed org goes on with."""
        return self.layout.state / "org" / "journal"

    def left(self, name: str) -> bool:
        """Whether the process `name` has anything to go on with when it is started again."""
        if name == "postgres":
            return bool(self.credentials.postgres_folder) and self.cluster.has_data
        return name == "relay" or (name == "org" and self.journal.exists())

    def silent(self, name: str) -> int | None:
        """The id of the process `name` where it is there, but does not answer in half a minute."""
        process = PidFile(self.layout.pid(name)).process() if name in ("emulator", "org") else None
        deadline = time.monotonic() + START_SECONDS
        while process is not None and process.is_running():
            if self.running(name):
                return None
            if time.monotonic() > deadline:
                return process.pid
            time.sleep(0.2)
        return None

    def end_strays(self) -> None:
        """End what a killed process of the stack has left running: execution environments, a relay."""
        roots = [PidFile(self.layout.pid(name)).process() for name in NAMES if name != "postgres"]
        if self.credentials.postgres_folder and (pid := self.cluster.pid) is not None:
            roots.append(psutil.Process(pid))
        kept = {process.pid for root in roots if root is not None for process in (root, *root.children(recursive=True))}
        end([process for process in marked(str(self.layout.home)) if process.pid not in kept])

    def start_postgres(self) -> None:
        """Start Postgres, on the data that it has.

        Raises:
            ClusterError: It did not start.
            ServiceError: Its port is taken.
        """
        cluster = self.cluster
        cluster.port = self._port("postgres")
        cluster.start()
        cluster.detach()
        self.credentials.postgres_folder = str(cluster.folder)
        self._save()

    def start_emulator(self) -> None:
        """Start the AWS emulator.

        Raises:
            EmulatorError: It did not start.
            ServiceError: Its port is taken.
        """
        emulator = self.emulator
        emulator.port = self._port("emulator")
        emulator.start()
        if emulator.pid is not None:
            PidFile(self.layout.pid("emulator")).write(emulator.pid)
        emulator.detach()
        self._save()

    def start_org(self, event_bus: str) -> None:
        """Start the simulated org, on what it has; its change events go to the event bus of that name.

        Raises:
            ServiceError: It did not start, or its port is taken.
        """
        configuration = self.layout.state / "org.json"
        write_private(configuration, json.dumps(self._org_configuration(event_bus)))
        argv = ["--port", str(self._port("org")), "--config", str(configuration), "--journal", str(self.journal)]
        self._spawn("org", ["-m", "infra.local.org", *argv], {})
        deadline = time.monotonic() + START_SECONDS
        while not self._org_answers():
            if PidFile(self.layout.pid("org")).process() is None or time.monotonic() > deadline:
                raise ServiceError(f"the simulated org did not start:\n{log_end(self.layout.log('org'))}")
            time.sleep(0.05)
        self._save()

    def start_relay(self, environment: Mapping[str, str]) -> None:
        """Start the relay of captured changes, kept running by a supervisor; one that has lost its supervisor ends."""
        end([process for process in marked(str(self.layout.home)) if process.cmdline()[-1:] == ["relay"]])
        supervised = [sys.executable, str(self.layout.source / "manage.py"), "relay"]
        self._spawn("relay", ["-m", "infra.local.supervisor", "--", *supervised], environment)

    def stop(self, name: str) -> None:
        """Stop the process `name`; nothing to do when it does not run."""
        if name == "postgres":
            if self.credentials.postgres_folder:
                self.cluster.stop()
        else:
            PidFile(self.layout.pid(name)).stop()

    def stop_all(self) -> None:
        """Stop every process of this stack, also those of which no pid file tells."""
        for name in reversed(NAMES):
            self.stop(name)
        end(list(marked(str(self.layout.home))))

    def forget(self) -> None:
        """Delete the stack's state; logs, packages and caches stay."""
        folder = Path(self.credentials.postgres_folder)
        if self.credentials.postgres_folder and self.layout.state not in folder.parents:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.layout.state, ignore_errors=True)
        self.layout.stack_file.unlink(missing_ok=True)

    def _org_configuration(self, event_bus: str) -> dict[str, object]:
        emulator = self.emulator.client_arguments
        return {
            "users": {EDITOR: {"token": self.credentials.salesforce_token}},
            "apps": [
                {
                    "consumerKey": self.credentials.client_id,
                    "consumerSecret": self.credentials.client_secret,
                    "runAs": "integration",
                }
            ],
            "events": {
                "sink": {
                    "type": "eventbridge",
                    "busName": event_bus,
                    "endpointUrl": emulator["endpoint_url"],
                    "region": emulator["region_name"],
                    "accessKeyId": emulator["aws_access_key_id"],
                    "secretAccessKey": emulator["aws_secret_access_key"],
                }
            },
        }

    def _org_answers(self) -> bool:
        try:
            return requests.get(f"{self.org_url}/__org__/health", timeout=2).ok
        except requests.RequestException:
            return False

    def _spawn(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Start a Python process in the background."""
        env = plain_environment(**self.marker, **environment, PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1")
        process = spawn([sys.executable, *arguments], log=self.layout.log(name), env=env, cwd=self.layout.source)
        PidFile(self.layout.pid(name)).write(process.pid)
        detach(process)

    def _port(self, name: str) -> int:
        """The port for `name`: the one that it had, else the default one, or another where that is taken.

        Raises:
            ServiceError: The one that it had, which other parts of the stack know, is taken.
        """
        known = self.credentials.ports.get(name)
        deadline = time.monotonic() + PORT_SECONDS
        while known is not None and not is_free(known) and time.monotonic() < deadline:
            time.sleep(0.1)  # a killed process may leave the port to its children for a moment
        if known is not None and not is_free(known):
            raise ServiceError(f"port {known} of {name} is taken by another program: end that, and run make up again")
        self.credentials.ports[name] = known or free_port(DEFAULT_PORTS[name])
        return self.credentials.ports[name]

    def _save(self) -> None:
        self.credentials.save(self.layout.credentials)
