"""Deploy the application with chalice, and set what chalice itself cannot."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.deployment import programs
from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = Path(sys.executable).with_name("chalice")
KEPT_PACKAGES = 6
LONGEST_SECONDS = 600


class DeployError(DeploymentError):
    """chalice did not deploy; the message holds the end of its output."""


@dataclass(frozen=True)
class Deployment:
    """What chalice says it has deployed: the resources of `.chalice/deployed/<stage>.json`."""

    resources: tuple[dict[str, str], ...]

    @property
    def rest_api_id(self) -> str:
        """The id of the REST API."""
        return next(each["rest_api_id"] for each in self.resources if each["resource_type"] == "rest_api")

    def api_url(self, endpoint_url: str | None) -> str:
        """The address of the REST API, on AWS or on the emulator at `endpoint_url`."""
        urls = (each["rest_api_url"] for each in self.resources if each["resource_type"] == "rest_api")
        url = next(urls).rstrip("/")
        stage = url.rsplit("/", 1)[-1]
        if endpoint_url:
            return f"{endpoint_url}/restapis/{self.rest_api_id}/{stage}/_user_request_"
        return url

    @property
    def functions(self) -> dict[str, str]:
        """The ARN of each function by its name in `app.py`."""
        return {
            each["name"]: each["lambda_arn"] for each in self.resources if each["resource_type"] == "lambda_function"
        }

    @property
    def queue_sources(self) -> dict[str, str]:
        """The id of the event source mapping of each function that a queue starts."""
        sources = [each for each in self.resources if each["resource_type"] == "sqs_event"]
        names = {arn: name for name, arn in self.functions.items()}
        return {names[each["lambda_arn"]]: each["event_uuid"] for each in sources}


@dataclass(frozen=True)
class Chalice:
    """The chalice command in a build.

    Args:
        build: The copy of the application; see :mod:`infra.deployment.build`.
        stage: The stage's name.
        environment: Of the command; who it talks to.
        log: Where its output goes.
    """

    build: Path
    stage: str
    environment: Mapping[str, str]
    log: Path

    def package(self) -> None:
        """Put the packages into the build, as :meth:`deploy` would; it then takes those.

        Raises:
            DeployError: chalice failed or took longer than ten minutes.
        """
        self._run("package", str(self.build / "package"))

    def deploy(self) -> Deployment:
        """Create or update the functions with all that starts them.

        Raises:
            DeployError: chalice failed or took longer than ten minutes.
        """
        self._run("deploy")
        _forget_old_packages(self.build / ".chalice" / "deployments")
        return deployed(self.build, self.stage)

    def delete(self) -> None:
        """Delete the functions with all that starts them.

        Raises:
            DeployError: chalice failed or took longer than ten minutes.
        """
        self._run("delete")

    def _run(self, command: str, *arguments: str) -> None:
        called = [COMMAND, command, "--stage", self.stage, *arguments]
        wrong = programs.run(
            called, folder=self.build, environment=self.environment, log=self.log, seconds=LONGEST_SECONDS
        )
        if wrong:
            raise DeployError(f"chalice {command} {wrong}")


def deployed(target: Path, stage: str) -> Deployment:
    """What was deployed last from `target`."""
    record = json.loads((target / ".chalice" / "deployed" / f"{stage}.json").read_text(encoding="utf-8"))
    return Deployment(tuple(record["resources"]))


def forget(target: Path) -> None:
    """Forget what was deployed, when the account is empty again."""
    shutil.rmtree(target / ".chalice" / "deployed", ignore_errors=True)


def _forget_old_packages(folder: Path) -> None:
    """Keep the newest packages: each change of the application makes one more."""
    packages = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime, reverse=True)
    layers = [package for package in packages if "layer" in package.name]
    others = [package for package in packages if package not in layers]
    for package in [*others[KEPT_PACKAGES:], *layers[2:]]:
        package.unlink()
