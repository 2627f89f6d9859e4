"""The emulator's metrics: made of the lines of the functions' logs, each once."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.metrics import AT_ONCE, LATE_SECONDS, Forwarder, metrics_of

if TYPE_CHECKING:
    from tests.integration.aws.stage import Stage


def line(at: float, **values: Any) -> str:
    """A line as Powertools writes it."""
    metrics = [{"Name": name, "Unit": "Count"} for name in values]
    directive = {"Namespace": "Some", "Dimensions": [["stage"]], "Metrics": metrics}
    return json.dumps({"_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive]}, "stage": "x", **values})


class Group:
    """A log group of its own, and what its metrics come to."""

    def __init__(self, stage: Stage) -> None:
        self.name = f"/aws/lambda/{uuid.uuid4()}"
        self.metric = f"Metric{uuid.uuid4().hex}"
        self.logs, self.cloudwatch = stage.client("logs"), stage.client("cloudwatch")
        self.logs.create_log_group(logGroupName=self.name)
        self.logs.create_log_stream(logGroupName=self.name, logStreamName="one")
        self.forwarder = Forwarder(self.logs, self.cloudwatch, self.name)

    def note(self, message: str, at: float) -> None:
        """Write a line of the log."""
        event = {"timestamp": int(at * 1000), "message": message}
        self.logs.put_log_events(logGroupName=self.name, logStreamName="one", logEvents=[event])

    @property
    def sums(self) -> list[tuple[float, float]]:
        """How many values there are, and their sum, minute by minute."""
        now = datetime.now(UTC)
        found = self.cloudwatch.get_metric_statistics(
            Namespace="Some",
            MetricName=self.metric,
            Dimensions=[{"Name": "stage", "Value": "x"}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["SampleCount", "Sum"],
        )
        return [(point["SampleCount"], point["Sum"]) for point in found["Datapoints"]]


@pytest.fixture
def group(aws: Stage) -> Group:
    """A log group of the test's own."""
    return Group(aws)


def test_a_line_is_forwarded_once(group: Group) -> None:
    """With all of its values, at its own time; other lines are none of its business."""
    now = time.time()
    group.note(line(now - 600.0, **{group.metric: [1.0, 2.0]}), now)
    group.note("START RequestId: 1", now)
    group.note('{"message": "no metric"}', now)
    assert [group.forwarder.forward(), group.forwarder.forward()] == [2, 0]
    assert group.sums == [(2.0, 3.0)]


def test_two_equal_lines_are_two(group: Group) -> None:
    """Two calls of a function may tell the same within one millisecond."""
    now = time.time()
    for expected in (1, 1, 0):
        if expected:
            group.note(line(now, **{group.metric: 1}), now)
        assert group.forwarder.forward() == expected
    assert group.sums == [(2.0, 2.0)]


def test_a_line_of_a_function_is_forwarded_once(aws: Stage) -> None:
    """The emulator notes it by itself, in another manner than what is put there."""
    clients = {name: aws.client(name) for name in ("lambda", "logs", "cloudwatch")}
    name, archive = f"teller-{uuid.uuid4()}", io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("app.py", f"def tell(event, context):\n    print({line(time.time(), Seen=1)!r})\n")
    clients["lambda"].create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="app.tell",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": archive.getvalue()},
    )
    clients["lambda"].get_waiter("function_active_v2").wait(FunctionName=name)
    clients["lambda"].invoke(FunctionName=name)
    forwarder, counts = Forwarder(clients["logs"], clients["cloudwatch"], f"/aws/lambda/{name}"), [0]
    deadline = time.monotonic() + 20
    while not counts[-1]:
        assert time.monotonic() < deadline, "the line was not noted"
        counts.append(forwarder.forward())
    assert [counts[-1], forwarder.forward()] == [1, 0]


def test_a_line_that_is_noted_late_is_forwarded(group: Group) -> None:
    """Lambda notes the lines of several environments side by side."""
    now = time.time()
    group.note(line(now, **{group.metric: 1}), now)
    assert group.forwarder.forward() == 1
    group.note(line(now, **{group.metric: 2}), now - LATE_SECONDS / 2)
    group.note(line(now, **{group.metric: 4}), now)
    assert [group.forwarder.forward(), group.forwarder.forward()] == [2, 0]
    assert group.sums == [(3.0, 7.0)]


def test_many_metrics_go_in_several_calls(group: Group) -> None:
    """CloudWatch takes a thousand at once."""
    now = time.time()
    message = line(now, **{group.metric: 1}, **{f"Other{number}": 1 for number in range(AT_ONCE)})
    assert group.forwarder.publish([message]) == AT_ONCE + 1
    assert group.sums == [(1.0, 1.0)]


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    """As AWS makes them."""
    message = json.loads(line(1.0, Seen=3))
    message["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = [["stage"], []]
    del message["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"]
    expected = {
        "MetricName": "Seen",
        "Timestamp": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        "Values": [3],
        "Unit": "None",
    }
    assert list(metrics_of(json.dumps(message))) == [
        ("Some", expected | {"Dimensions": [{"Name": "stage", "Value": "x"}]}),
        ("Some", expected | {"Dimensions": []}),
    ]
