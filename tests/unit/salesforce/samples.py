"""Golden payloads of ``tests/events``."""

import json
from pathlib import Path
from typing import Any

from chalicelib.core.mapping import Kind
from tests.contract.record_bench import mapping

EVENTS = Path(__file__).parents[2] / "events"

CONTACT = mapping(
    "contact",
    "Contact",
    {
        "LastName": Kind.TEXT,
        "Email": Kind.TEXT,
        "Birthdate": Kind.DATE,
        "AccountId": Kind.REFERENCE,
        "Phone": Kind.TEXT,
    },
)


def payload(name: str) -> bytes:
    """A payload as it came."""
    return (EVENTS / name).read_bytes()


def event(name: str) -> Any:
    """A JSON payload."""
    return json.loads(payload(name))
