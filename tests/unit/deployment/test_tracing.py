"""What is traced of a deployed stage: everything but the API, whose traces would hold its callers' token."""

import json
from pathlib import Path

import pytest
from chalice.config import Config

ROOT = Path(__file__).resolve().parents[3]
COMMITTED = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", [*COMMITTED["stages"], "any-other"])
def test_the_api_is_not_traced(stage: str) -> None:
    """API Gateway writes the whole address of each request into its segment ("AWS X-Ray traces for REST APIs")."""
    assert not Config(chalice_stage=stage, config_from_disk=COMMITTED).xray_enabled


@pytest.mark.parametrize("function", ["settle_salesforce_changes", "sweep", "relay_changes"])
def test_the_other_functions_are_traced(function: str) -> None:
    """By the stages that are deployed into an account."""
    assert Config(chalice_stage="dev", function_name=function, config_from_disk=COMMITTED).xray_enabled
