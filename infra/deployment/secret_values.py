"""The values of a stage's secrets. None of them is ever printed, but the webhooks' where it is asked for."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.console_secret import ConsoleSecret
from chalicelib.core.errors import ConfigurationError
from chalicelib.settings import DatabaseSecret, SalesforceSecret
from chalicelib.webhook_secret import Kind, WebhookSecret, begun
from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WEBHOOKS = "webhooks"
CONSOLE = "console"
KINDS: dict[str, tuple[str, Callable[[Mapping[str, Any], str], object]]] = {
    "database": ("DatabaseSecretArn", DatabaseSecret.of),
    "salesforce": ("SalesforceSecretArn", SalesforceSecret.of),
    WEBHOOKS: ("WebhookSecretArn", WebhookSecret.of),
    CONSOLE: ("ConsoleSecretArn", ConsoleSecret.of),
}
"""The stack's output and the meaning of each secret."""
TOKEN_BYTES = 32


@dataclass(frozen=True)
class Secrets:
    """The secrets of one stage.

    Args:
        client: A boto3 client of Secrets Manager.
        outputs: The stack's outputs.
        stage: The stage's name.
    """

    client: Any
    outputs: Mapping[str, str]
    stage: str

    def put(self, kind: str, text: str) -> None:
        """Give the secret `kind` its value.

        Raises:
            DeploymentError: It is not what the application can use; the message does not quote it.
        """
        output, meaning = KINDS[kind]
        name = f"twinledger/{self.stage}/{kind}"
        try:
            value = json.loads(text)
        except ValueError:
            raise DeploymentError(f"the value of the secret {name} is no JSON") from None
        if not isinstance(value, dict):
            raise DeploymentError(f"the value of the secret {name} is no JSON object")
        try:
            meaning(value, name)
        except ConfigurationError as error:
            raise DeploymentError("; ".join(str(error).splitlines())) from error
        self.client.put_secret_value(SecretId=self.outputs[output], SecretString=json.dumps(value))

    def generate(self) -> bool:
        """Give the webhooks' secret random values where it has none; whether it had none.

        The console's has nobody in it then, so that nobody may use the console.
        """
        if not self.has_value(CONSOLE):
            self.put(CONSOLE, json.dumps({"operators": []}))
        if self.has_value(WEBHOOKS):
            return False
        made: dict[str, Any] = {}
        for kind in (Kind.TOKEN, Kind.API_KEY):
            made = begun(made, kind, secrets.token_urlsafe(TOKEN_BYTES), time.time())
        self.put(WEBHOOKS, json.dumps(made))
        return True

    def check(self) -> None:
        """See to it that every secret has a value.

        Raises:
            DeploymentError: One has none; the message has the command that sets it.
        """
        missing = [kind for kind in KINDS if not self.has_value(kind)]
        if missing:
            command = f"python -m infra.deployment secret --stage {self.stage}"
            wanted = " and ".join(f"`{command} {kind} < {kind}.json`" for kind in missing)
            told = f"no value is set of {' and '.join(missing)}"
            raise DeploymentError(f"{told}: run {wanted}, then deploy again")

    def has_value(self, kind: str) -> bool:
        """Whether the secret `kind` has a value."""
        return bool(self._value(kind))

    def webhooks(self) -> WebhookSecret:
        """What callers of the webhooks present."""
        return WebhookSecret.of(json.loads(self._value(WEBHOOKS)), f"twinledger/{self.stage}/{WEBHOOKS}")

    def _value(self, kind: str) -> str:
        """The value of the secret `kind`; an empty text where it has none yet."""
        try:
            found = self.client.get_secret_value(SecretId=self.outputs[KINDS[kind][0]])
        except self.client.exceptions.ResourceNotFoundException:  # of the value: the stack has created the secret
            return ""
        return str(found.get("SecretString", ""))
