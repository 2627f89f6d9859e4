"""Every alarm goes off: ours by what the application tells, AWS' own by values that are put in their place."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from infra.local.alarms import state_of
from tests.integration.watching.conditions import CONDITIONS, late_relay, late_row, many_issues, running_out, swept
from tests.integration.watching.template import Template

if TYPE_CHECKING:
    from tests.integration.application.permissions import Permissions
    from tests.integration.watching.conftest import Watch

SILENT = {"relay-silent": late_relay, "sweep-silent": many_issues}
SYNTHETIC = [
    alarm["AlarmName"].removeprefix("twinledger-local-")
    for alarm in Template().alarms.values()
    if alarm["Namespace"].startswith("AWS/")
]


def earlier(text: str, seconds: float) -> str:
    """The same lines of the log, written so long before."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"_aws"')]
    for line in lines:
        line["_aws"]["Timestamp"] -= int(seconds * 1000)
    return "\n".join(json.dumps(line) for line in lines)


def written_at(text: str) -> datetime:
    """When the lines of the log were written."""
    told = [json.loads(line)["_aws"]["Timestamp"] for line in text.splitlines() if line.startswith('{"_aws"')]
    return datetime.fromtimestamp(max(told) / 1000, UTC)


def test_every_alarm_is_set_off_here(watch: Watch) -> None:
    """By its condition, by silence, or, where AWS itself tells the metric, by a value put in its place."""
    assert set(watch.alarms) == {*CONDITIONS, *SILENT, *SYNTHETIC}


@pytest.mark.parametrize("name", SILENT)
def test_silence_is_noticed_and_its_end_too(watch: Watch, name: str) -> None:
    """By what relay and sweep tell while they work."""
    alarm, now = watch.alarms[name], datetime.now(UTC)
    assert state_of(watch.cloudwatch, alarm, now) == "ALARM"
    text = SILENT[name](watch.world)
    watch.log(text)
    assert state_of(watch.cloudwatch, alarm, written_at(text)) == "OK"
    assert watch.state(name) == "OK"


@pytest.mark.parametrize("name", CONDITIONS)
def test_an_alarm_of_ours_goes_off(watch: Watch, name: str) -> None:
    """By the application's own lines, once for each period that the alarm looks at; with its own dimensions."""
    alarm = watch.alarms[name]
    text = CONDITIONS[name](watch.world)
    lines = "\n".join(earlier(text, number * alarm["Period"]) for number in range(alarm["EvaluationPeriods"]))
    watch.log(lines)
    assert state_of(watch.cloudwatch, alarm, written_at(text)) == "ALARM"
    assert watch.state(name) == "ALARM"


def test_the_sweep_slows_down_when_requests_run_out(watch: Watch) -> None:
    """The org says so in the header of its answers; an edit is settled all the same."""
    with running_out(watch.world):
        swept(watch.world)  # this is how it learns of it
        before = watch.world.org.calls
        text = swept(watch.world)
        assert watch.world.org.calls == before
        told = [json.loads(line) for line in text.splitlines() if '"SweepStretched"' in line]
        assert sum(sum(line["SweepStretched"]) for line in told) == len(
            watch.world.wiring.installed().mappings.mappings
        )
        assert '"Settled":[1.0]' in late_row(watch.world)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_an_alarm_of_aws_metrics_goes_off(watch: Watch, name: str) -> None:
    """Synthetic: the emulator tells no metric of AWS' own, so that values are put as the threshold has them."""
    alarm, now = watch.alarms[name], datetime.now(UTC)
    assert state_of(watch.cloudwatch, alarm, now) == "OK"
    data = [
        {
            "MetricName": alarm["MetricName"],
            "Dimensions": alarm["Dimensions"],
            "Timestamp": now - timedelta(seconds=number * alarm["Period"]),
            "Value": alarm["Threshold"],
        }
        for number in range(alarm["EvaluationPeriods"])
    ]
    watch.cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=data)
    assert state_of(watch.cloudwatch, alarm, now) == "ALARM"
    assert watch.state(name) == "ALARM"


def test_whoever_is_on_call_is_told(watch: Watch) -> None:
    """By the topic: which alarm it is, and where its section of the runbook is."""
    told = {each["AlarmName"]: each for each in watch.told() if each["NewStateValue"] == "ALARM"}
    letter = told["twinledger-test-dead-letters"]
    assert letter["AlarmDescription"].endswith("docs/operations.md#dead-letters")
    fired = {f"twinledger-test-{name}" for name in (*CONDITIONS, *SYNTHETIC)}
    assert fired <= set(told)


def test_the_dashboard_is_there(watch: Watch) -> None:
    """CloudWatch has taken its body, with the alarms' ARNs in it."""
    body = watch.cloudwatch.get_dashboard(DashboardName="twinledger-test")["DashboardBody"]
    (shown,) = (each["properties"]["alarms"] for each in json.loads(body)["widgets"] if each["type"] == "alarm")
    assert set(shown) == {alarm["AlarmArn"] for alarm in watch.alarms.values()}


def test_each_function_kept_to_its_role(watch: Watch, permissions: Permissions) -> None:
    """Also what it does for the metrics."""
    assert permissions.refused == []
