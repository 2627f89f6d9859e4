"""The example of a policy for the API that lets Salesforce's addresses through."""

import fnmatch
import json
from pathlib import Path

import pytest

POLICY = Path(__file__).resolve().parents[3] / ".chalice" / "policy-webhooks.example.json"


@pytest.mark.parametrize(
    ("path", "denied"),
    [
        ("POST/webhooks/outbound-messages/token", True),
        ("POST/webhooks/events", False),
        ("GET/health", False),
    ],
)
def test_outbound_messages_only_are_bound_to_addresses(path: str, denied: bool) -> None:
    """Flows, Apex and monitors come from elsewhere; who is not denied is allowed."""
    allow, deny = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert "Condition" not in allow
    assert set(deny["Condition"]) == {"NotIpAddress"}
    assert fnmatch.fnmatchcase(f"execute-api:/api/{path}", allow["Resource"])
    assert fnmatch.fnmatchcase(f"execute-api:/api/{path}", deny["Resource"]) == denied
