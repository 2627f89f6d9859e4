"""What is told: in Powertools' formats, with ids and counts only."""

import json
import uuid
from typing import Any

import pytest

from chalicelib.aws.metrics import Metric
from chalicelib.aws.telemetry import Telemetry
from chalicelib.core.errors import Rejected, Unavailable
from chalicelib.core.model import Side


@pytest.fixture(autouse=True)
def fresh_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Powertools sets a logger of a name up once in a process, with the standard output of that moment."""
    monkeypatch.setattr("chalicelib.aws.telemetry.SERVICE", f"twinledger-{uuid.uuid4()}")


class Context:
    """Lambda's context."""

    aws_request_id = "request-1"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_counters_go_out_at_the_end_of_a_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the embedded metric format, in one namespace, by stage: whatever Lambda's environment says of a service."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "twinledger")
    telemetry = Telemetry("dev")
    with telemetry.invocation("settle", Context()):
        telemetry.count(Metric.MERGED)
        telemetry.count(Metric.MERGED, 2)
        telemetry.count(Metric.PARKED, 0)
        telemetry.measure(Metric.RELAY_LAG, 0.25)
        telemetry.gauge(Metric.OUTBOX_DEPTH, 0)
    [line] = lines(capsys)
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("Twinledger", [["stage"]])
    units = {metric["Name"]: metric["Unit"] for metric in metrics["Metrics"]}
    assert units == {"Merged": "Count", "RelayLag": "Milliseconds", "OutboxDepth": "Count"}
    assert (line["Merged"], line["RelayLag"], line["OutboxDepth"]) == ([1.0, 2.0], [250.0], [0.0])
    assert line["stage"] == "dev"


def test_what_is_told_by_direction_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """In the embedded metric format the dimensions are those of a whole line."""
    telemetry = Telemetry("dev")
    with telemetry.invocation("settle", Context()):
        telemetry.count(Metric.SETTLED, side=Side.SALESFORCE)
        telemetry.measure(Metric.LATENCY, 0.25, Side.POSTGRES)
        telemetry.count(Metric.MERGED)
    told = {line.get("direction"): line for line in lines(capsys)}
    assert {where: line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for where, line in told.items()} == {
        "salesforce-to-postgres": [["stage", "direction"]],
        "postgres-to-salesforce": [["stage", "direction"]],
        None: [["stage"]],
    }
    assert told["salesforce-to-postgres"]["Settled"] == [1.0]
    assert told["postgres-to-salesforce"]["Latency"] == [250.0]


def test_a_hundred_values_go_out_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """More do not fit into a line; at the end there is nothing left then, and nothing is told."""
    telemetry = Telemetry("dev")
    with telemetry.invocation("settle", Context()):
        for _ in range(100):
            telemetry.count(Metric.MERGED)
    [line] = lines(capsys)
    assert len(line["Merged"]) == 100


def test_a_process_lets_its_metrics_go_out_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no call at whose end they would."""
    telemetry = Telemetry("dev")
    telemetry.gauge(Metric.OUTBOX_DEPTH, 3)
    assert lines(capsys) == []
    telemetry.flush()
    [line] = lines(capsys)
    telemetry.flush()
    assert (line["OutboxDepth"], lines(capsys)) == ([3.0], [])


def test_a_call_that_counts_nothing_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No line for nothing; and nothing is carried over to the next call."""
    telemetry = Telemetry("")
    with telemetry.invocation("health", None):
        telemetry.count(Metric.MERGED)
    with telemetry.invocation("health", None):
        pass
    assert len(lines(capsys)) == 1


def test_counters_go_out_although_the_call_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A failed call is the one that is looked into."""
    telemetry = Telemetry("dev")

    def fail() -> None:
        with telemetry.invocation("settle", Context()):
            telemetry.count(Metric.RETRY)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert lines(capsys)[0]["Retry"] == [1.0]


def test_a_line_of_the_log_has_the_call_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """And loses it afterwards."""
    telemetry = Telemetry("dev")
    with telemetry.invocation("settle", Context()):
        telemetry.info("hello", object="Account")
    telemetry.info("after")
    first, second = lines(capsys)
    assert (first["message"], first["object"]) == ("hello", "Account")
    assert (first["function"], first["function_request_id"]) == ("settle", "request-1")
    assert "function" not in second


def test_a_failure_tells_its_decision(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own texts are told; a system that refused a write may quote its values, so that text stays in the issue."""
    telemetry = Telemetry("dev")
    telemetry.failure("why", Unavailable("no answer"), record="Account 001")
    telemetry.failure("why", Rejected("Name: 'Ann' is too long"))
    first, second = lines(capsys)
    assert (first["error"], first["decision"], first["reason"]) == ("Unavailable", "retry", "no answer")
    assert first["record"] == "Account 001"
    assert "Ann" not in json.dumps(second)


def test_a_traced_call_has_a_segment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Lambda traces; the work is the same."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    done = []
    with Telemetry("dev").invocation("settle", Context()):
        done.append(1)
    assert done == [1]
    assert lines(capsys) == []
