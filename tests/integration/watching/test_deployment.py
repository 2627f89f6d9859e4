"""A deployment brings the alarms along, with the stage's own thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.deployment import alarms
from infra.deployment.cloudformation import StackError
from infra.deployment.stages import Stage, StageError, read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.aws.stage import Stage as Aws

TOPIC = "arn:aws:sns:us-east-1:000000000000:twinledger-one-alarms"


def test_a_stage_has_its_own_thresholds(aws: Aws) -> None:
    """A second deployment changes those that were changed."""
    client, cloudwatch = aws.client("cloudformation"), aws.client("cloudwatch")
    for settings, expected in (({}, 50.0), ({"IssuesOpen": 7, "Runbook": "https://runbook.example/page"}, 7.0)):
        outputs = alarms.create(client, Stage("one", alarms=settings), {"AlarmTopicArn": TOPIC, "LedgerTable": "x"})
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=["twinledger-one-issues-open"])["MetricAlarms"]
        assert (alarm["Threshold"], alarm["AlarmActions"]) == (expected, [TOPIC])
    assert alarm["AlarmDescription"].endswith(" https://runbook.example/page#issues")
    assert outputs["DashboardUrl"].endswith("#dashboards/dashboard/twinledger-one")
    client.delete_stack(StackName=alarms.stack_name(Stage("one")))


def test_a_threshold_that_is_none_is_refused(aws: Aws) -> None:
    """With its name, and those that there are."""
    stage = Stage("two", alarms={"NoSuchThreshold": 1})
    with pytest.raises(StackError, match=r"no parameter NoSuchThreshold: .*IssuesOpen"):
        alarms.create(aws.client("cloudformation"), stage, {"AlarmTopicArn": TOPIC})


@pytest.mark.parametrize("text", ["alarms = 1", "[alarms]\nIssuesOpen = 0", "[alarms]\nIssuesOpen = true"])
def test_settings_of_the_alarms_are_checked_first(tmp_path: Path, text: str) -> None:
    """Before anything is deployed."""
    (tmp_path / "infra" / "stages").mkdir(parents=True)
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"stages": {}}', encoding="utf-8")
    (tmp_path / "infra" / "stages" / "one.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StageError, match=r"alarms: give a table of parameters of infra/alarms\.yaml"):
        read(tmp_path, "one")


def test_settings_of_the_alarms_are_read(tmp_path: Path) -> None:
    """By the names that the template has for them."""
    (tmp_path / "infra" / "stages").mkdir(parents=True)
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"stages": {}}', encoding="utf-8")
    (tmp_path / "infra" / "stages" / "one.toml").write_text("[alarms]\nIssuesOpen = 200\n", encoding="utf-8")
    assert read(tmp_path, "one") == Stage("one", alarms={"IssuesOpen": 200})
