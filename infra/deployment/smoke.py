"""Ask the deployed API what it answers: the last step of a deployment."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from chalicelib.webhook_secret import WebhookSecret

SECONDS = 60
UNMAPPED = "Twinledger_Smoke_Test__c"
"""An object that no mapping has: an event of it is read, counted and let go."""


@dataclass(frozen=True)
class SmokeTest:
    """The calls that are made, none of which changes anything.

    Args:
        api_url: The REST API.
        webhooks: What its callers present.
        installed: Whether `manage.py install` has run; without it no message is accepted.
    """

    api_url: str
    webhooks: WebhookSecret
    installed: bool

    def run(self) -> list[str]:
        """Call the API; what was seen.

        Raises:
            DeploymentError: An answer is not the one expected.
        """
        seen = [self._expect("GET", "health", 200)]
        wrong = secrets.token_urlsafe(24)
        self._expect("POST", "webhooks/events", 403, key=wrong)
        self._expect("POST", f"webhooks/outbound-messages/{wrong}", 403, media_type="text/xml")
        seen.append("wrong credentials refused")
        if self.installed:
            self._expect("POST", "webhooks/events", 202, key=self.webhooks.api_keys[-1].text)
            seen.append("an event acknowledged")
        return seen

    def _expect(
        self, method: str, path: str, status: int, *, key: str = "", media_type: str = "application/json"
    ) -> str:
        event = {
            "object": UNMAPPED,
            "record_id": "001000000000000AAA",
            "change": "updated",
            "event_id": secrets.token_urlsafe(12),
        }
        arguments: dict[str, Any] = {} if method == "GET" else {"json": event}
        answer = requests.request(
            method,
            f"{self.api_url}/{path}",
            headers={"x-api-key": key, "Content-Type": media_type},
            timeout=SECONDS,
            **arguments,
        )
        page = path.split("/", maxsplit=2)[:2]  # without a token
        if answer.status_code != status:
            told = f"{method} /{'/'.join(page)} answered {answer.status_code} instead of {status}"
            raise DeploymentError(f"{told}: {answer.text[:300]}; look at the functions' logs in CloudWatch")
        return f"{method} /{'/'.join(page)} {status}"
