"""The alarms of the one-machine stack: made, fed with the logs' metrics, and told when they change."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING

import boto3
import pytest

from chalicelib.aws.metrics import Metric
from infra.local.emulator import Emulator
from infra.local.watch import Watch
from tests.integration.watching.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def line(stage: str, metric: Metric, value: float) -> str:
    """What a function or the relay writes."""
    directive = {"Namespace": "Twinledger", "Dimensions": [["stage"]], "Metrics": [{"Name": metric, "Unit": "Count"}]}
    at = int(time.time() * 1000)
    return json.dumps({"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, "stage": stage, metric: [value]})


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """An emulator of its own: alarms look at the metrics of all stages there."""
    with Emulator() as running:
        yield running


@pytest.fixture
def watch(emulator: Emulator, tmp_path: Path) -> Watch:
    """The alarms of a stage of its own."""
    log = tmp_path / "relay.log"
    log.touch()
    return Watch(emulator.client_environment, log, f"s{uuid.uuid4().hex[:8]}")


def told(watch: Watch) -> set[tuple[str, str]]:
    """Which alarms have changed, and to what."""
    return {(parts[1], parts[2].split("-", 2)[2].rstrip(":")) for each in watch.look() if (parts := each.split())}


def test_alarms_are_told_once_when_they_go_off_and_once_when_they_are_over(watch: Watch) -> None:
    """The relay's numbers stand in its own log; a line that is not ended yet is read with its rest."""
    assert [watch.create(), watch.create()] == [len(Template().alarms)] * 2
    assert told(watch) == {("ALARM", "relay-silent"), ("ALARM", "sweep-silent")}
    assert told(watch) == set()
    text = line(watch.stage, Metric.OUTBOX_DEPTH, 3)
    with watch.relay_log.open("a") as log:
        log.write(f"2026-01-01 INFO relay\n{text[:50]}")
        log.flush()
        assert told(watch) == set()
        log.write(f"{text[50:]}\n")
    assert told(watch) == {("OK", "relay-silent")}
    assert told(watch) == set()


def test_a_function_s_log_is_forwarded(emulator: Emulator, watch: Watch) -> None:
    """Whatever group of the stage it is in; the line leads to the runbook."""
    watch.create()
    watch.look()
    logs = boto3.client("logs", **emulator.client_arguments)
    group = f"/aws/lambda/twinledger-{watch.stage}-any"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    event = {"timestamp": int(time.time() * 1000), "message": line(watch.stage, Metric.UNDELIVERABLE, 1)}
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=[event])
    (found,) = watch.look()
    assert f"ALARM twinledger-{watch.stage}-dead-letters: " in found
    assert found.endswith("docs/operations.md#dead-letters")
