"""What is told: in Powertools' formats, with ids and counts only."""

import json
import uuid
from typing import Any

import pytest

from chalicelib.aws.telemetry import Telemetry
from chalicelib.core.errors import Rejected, Unavailable


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


def test_counters_go_out_at_the_end_of_a_call(capsys: pytest.CaptureFixture[str]) -> None:
    """In the embedded metric format, in one namespace, by stage and service."""
    telemetry = Telemetry("dev")
    with telemetry.invocation("settle", Context()):
        telemetry.count("Settled")
        telemetry.count("Settled", 2)
        telemetry.count("Parked", 0)
        telemetry.measure("Latency", 0.25)
        telemetry.gauge("OutboxDepth", 0)
    [line] = lines(capsys)
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Twinledger"
    assert sorted(metrics["Dimensions"][0]) == ["service", "stage"]
    assert {metric["Name"] for metric in metrics["Metrics"]} == {"Settled", "Latency", "OutboxDepth"}
    assert (line["Settled"], line["Latency"], line["OutboxDepth"]) == ([1.0, 2.0], [250.0], [0.0])
    assert line["stage"] == "dev"


def test_a_call_that_counts_nothing_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No line for nothing; and nothing is carried over to the next call."""
    telemetry = Telemetry("")
    with telemetry.invocation("health", None):
        telemetry.count("Settled")
    with telemetry.invocation("health", None):
        pass
    assert len(lines(capsys)) == 1


def test_counters_go_out_although_the_call_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A failed call is the one that is looked into."""
    telemetry = Telemetry("dev")

    def fail() -> None:
        with telemetry.invocation("settle", Context()):
            telemetry.count("Retry")
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
