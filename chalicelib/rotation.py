"""The command that gives callers of the webhooks a new secret, without refusing a message on the way."""

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from typing import Any

from chalicelib.aws.secrets import MAX_AGE
from chalicelib.desk import lines
from chalicelib.webhook_secret import Kind, WebhookSecret, begun, cancelled, finished
from chalicelib.wiring import Wiring

API_URL = "TWINLEDGER_API_URL"
BYTES = 32  # of randomness in a secret

_PLACES = {
    Kind.TOKEN: "the endpoint of every outbound message",
    Kind.API_KEY: "whatever sends the header x-api-key",
    Kind.HMAC: "whatever signs requests",
}


def rotate_webhook_secret(wiring: Wiring, options: argparse.Namespace) -> None:
    """Add a new secret for callers of the webhooks and print it, once; the old one stays good until --finish."""
    name, kind = wiring.settings.webhook_secret, options.kind
    text = secrets.token_urlsafe(BYTES)

    def change(content: Mapping[str, Any]) -> Mapping[str, Any]:
        WebhookSecret.of(content, name)
        if options.step == "begin":
            return begun(content, kind, text, wiring.clock.now())
        return finished(content, kind) if options.step == "finish" else cancelled(content, kind)

    wiring.secrets.change(name, change)
    if options.step != "begin":
        which = "old" if options.step == "finish" else "new"
        lines([f"the {which} {kind} is dropped: functions that remember it refuse it within {MAX_AGE // 60} minutes"])
        return
    lines([f"{options.api_url.rstrip('/')}/webhooks/outbound-messages/{text}" if kind is Kind.TOKEN else text])
    print(
        f"It is good at once and is not shown again: put it into {_PLACES[kind]}. The old one stays good: when the\n"
        f"metric OldSecret has stayed at nought, rotate-webhook-secret --kind {kind} --finish drops it.",
        file=sys.stderr,
    )


def rotation_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.TOKEN, help="of secret (token)")
    ending = parser.add_mutually_exclusive_group()
    ending.add_argument("--finish", dest="step", action="store_const", const="finish", help="drop the old one")
    ending.add_argument("--cancel", dest="step", action="store_const", const="cancel", help="drop the new one")
    parser.set_defaults(step="begin")
    parser.add_argument("--api-url", default=os.environ.get(API_URL, ""), metavar="URL", help=f"by default {API_URL}")
