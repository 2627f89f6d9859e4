"""One stage in one account, and what is known of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from infra.deployment import build, stacks, stages
from infra.deployment.account import Account, connect
from infra.deployment.chalice import Chalice, Deployment
from infra.deployment.errors import DeploymentError
from infra.deployment.record import Record
from infra.deployment.secret_values import Secrets

if TYPE_CHECKING:
    from infra.deployment.progress import Progress
    from infra.deployment.stages import Stage

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("TWINLEDGER_", "CHALICE_", "PYTHON")
"""Variables that would change what chalice deploys."""


@dataclass
class Target:
    """One stage in one account.

    Args:
        stage: Its settings.
        account: Where it goes.
        work: The folder of copies and logs.
        progress: Where the steps are told.
    """

    stage: Stage
    account: Account
    work: Path
    progress: Progress
    outputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, folder: Path | None, work: Path, progress: Progress) -> Target:
        """The stage `name` in the account that the environment's credentials are of.

        Raises:
            DeploymentError: There is no such stage, or there is no way into the account.
        """
        stage = stages.read(ROOT, name, folder)
        account = connect()
        return cls(stage, account, work / f"{account.id}-{account.region}-{name}", progress)

    @cached_property
    def chalice(self) -> Chalice:
        """Chalice in this stage's build."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        environment |= {"AWS_DEFAULT_REGION": self.account.region}
        return Chalice(self.work / "build", self.stage.name, environment, self.work / "chalice.log")

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the functions."""
        return build.stage_environment(ROOT, self.stage, self.outputs)

    @property
    def secrets(self) -> Secrets:
        """The stage's secrets."""
        return Secrets(self.account.client("secretsmanager"), self.outputs, self.stage.name)

    @property
    def record(self) -> Record:
        """What chalice has deployed."""
        table = self.outputs["LedgerTable"]
        return Record(self.account.client("dynamodb"), table, self.chalice.build, self.stage.name)

    def read_outputs(self) -> None:
        """Read the outputs of the stacks that are there.

        Raises:
            DeploymentError: There is none.
        """
        self.outputs = stacks.outputs(self.account.client("cloudformation"), self.stage)
        if not self.outputs:
            name = self.stage.name
            raise DeploymentError(
                f"there is no stack {self.stage.stack} in {self.account.region}: make deploy STAGE={name}"
            )

    def deployed(self) -> Deployment:
        """What is deployed.

        Raises:
            DeploymentError: Nothing is.
        """
        self.read_outputs()
        found = self.record.restore()
        if found is None:
            raise DeploymentError(f"nothing is deployed on {self.stage.name} yet: make deploy STAGE={self.stage.name}")
        return found

    def addresses(self, deployment: Deployment, *, show_secrets: bool) -> dict[str, str]:
        """Where Salesforce's messages go, and what they present there, or placeholders for it."""
        webhooks, api = self.secrets.webhooks(), deployment.api_url(self.account.endpoint_url)
        token, key = (webhooks.tokens[-1].text, webhooks.api_keys[-1].text) if show_secrets else ("TOKEN", "API_KEY")
        return {
            "API": api,
            "Outbound messages": f"{api}/webhooks/outbound-messages/{token}",
            "Events of flows": f"{api}/webhooks/events (header x-api-key: {key})",
            "Alarms": self.outputs["AlarmTopicArn"],
        }
