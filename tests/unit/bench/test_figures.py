"""Percentiles, tables, hops and counts."""

import json
import math
from typing import Any

import pytest

from tests.bench.counting import exchanged
from tests.bench.figures import middle_and_most, milliseconds, percentile, table
from tests.bench.invocations import Invocation, parse
from tests.bench.roundtrips import Direction, Edit, hops_to_postgres, hops_to_salesforce


def test_percentiles() -> None:
    """The median lies between the two values in the middle; one value is all of them; none is none."""
    assert percentile([4.0, 1.0, 2.0, 3.0], 50) == 2.5
    assert percentile([7.0], 99) == 7.0
    assert math.isnan(percentile([], 50))
    assert milliseconds([0.001, 0.002, 0.003]) == ["2.0", "3.0"]
    assert milliseconds([]) == ["-", "-"]


def test_counts_show_where_one_was_more() -> None:
    """The median alone would hide it."""
    assert middle_and_most([2, 2, 2]) == "2"
    assert middle_and_most([2, 2, 9]) == "2 (most 9)"


def test_a_table_reads_as_markdown() -> None:
    """Every line has the same bars."""
    lines = table("Title", ["a", "b"], [["x", "1"], ["yyy", "22"]]).splitlines()
    assert lines[1] == "Title"
    assert lines[3:] == ["| a   |  b |", "|-----|---:|", "| x   |  1 |", "| yyy | 22 |"]


def events(request: str, at: int, duration: int, told: int, **metrics: float) -> list[dict[str, Any]]:
    """What CloudWatch Logs holds of an invocation."""
    declared = [{"Name": name, "Unit": "Milliseconds"} for name in metrics]
    line = {"_aws": {"Timestamp": told, "CloudWatchMetrics": [{"Metrics": declared}]}}
    line |= {name: [value] for name, value in metrics.items()}
    texts = [f"START RequestId: {request} Version: $LATEST", json.dumps(line, separators=(",", ":"))]
    texts.append(f"REPORT RequestId: {request}\tDuration: {duration} ms\tBilled Duration: {duration} ms")
    return [{"timestamp": at, "message": text} for text in texts]


def test_an_invocation_is_read_from_its_log() -> None:
    """Its beginning is its report's time less its duration, its settle step's the metrics' time less the step's."""
    [found] = parse(events("r1", 10_100, 100, 10_090, SettleTime=50, QueueTime=20))
    assert (found.began, found.ended) == (10.0, 10.1)
    assert found.settling_since == pytest.approx(10.04)
    assert found.sent_at == pytest.approx(10.02)


def test_an_invocation_without_metrics_has_none() -> None:
    """A function that ended early, or had nothing to tell."""
    texts = ["START RequestId: r2 Version: $LATEST", "REPORT RequestId: r2\tDuration: 5 ms"]
    [found] = parse([{"timestamp": 10_000, "message": text} for text in texts])
    assert (found.told, found.settling_since, found.sent_at) == (None, None, None)


def test_a_line_that_was_noted_with_the_next_invocation_is_not_that_one_s() -> None:
    """Its time says so."""
    late, own = events("r1", 10_100, 100, 10_090, SettleTime=50), events("r2", 10_900, 100, 10_890, SettleTime=70)
    first, second = parse([late[0], late[2], own[0], late[1], own[1], own[2]])
    assert first.told is None
    assert second.metrics == {"SettleTime": [0.07]}


def settle(sent: float, *, wrote: bool) -> Invocation:
    """A settle step of 50 ms that begins 20 ms after its message was sent."""
    metrics = {"SettleTime": [0.05], "QueueTime": [0.02], "Settled" if wrote else "Unchanged": [1.0]}
    return Invocation(sent + 0.015, sent + 0.08, sent + 0.07, metrics)


def test_hops_are_those_of_the_step_that_wrote() -> None:
    """An echo's step in between is passed over; the hops add up to the whole."""
    direction = Direction([Edit(100.0, 100.1)])
    hops_to_salesforce(direction, [settle(100.005, wrote=False), settle(100.01, wrote=True)])
    *hops, whole_step = [seconds for [seconds] in direction.hops.values()]
    assert hops == pytest.approx([0.01, 0.015, 0.005, 0.07])
    assert sum(hops) == pytest.approx(direction.whole[0])
    assert whole_step == 0.05


def test_an_edit_from_salesforce_is_followed_through_its_webhook() -> None:
    """The webhook whose call was under way when the queue took the message."""
    direction = Direction([Edit(100.0, 100.2)])
    webhooks = [Invocation(99.0, 99.1, None), Invocation(100.01, 100.05, 100.04)]
    assert hops_to_postgres(direction, [settle(100.03, wrote=True)], webhooks) == 1
    first, second, *_ = [seconds for [seconds] in direction.hops.values()]
    assert (first, second) == (pytest.approx(0.01), pytest.approx(0.02))
    assert hops_to_postgres(Direction([Edit(100.0, 100.2)]), [settle(100.03, wrote=True)], webhooks[:1]) == 0


def test_an_exchange_is_a_turn_of_the_conversation() -> None:
    """A pipeline of two statements is one exchange, a statement after its answer another."""
    sent = ["F\t10\tParse\t", "F\t10\tExecute\t", "F\t10\tExecute\t", "F\t4\tSync"]
    answered = ["B\t4\tBindComplete", "B\t5\tReadyForQuery\t I"]
    assert exchanged("\n".join([*sent, *answered])) == (1, 2)
    assert exchanged("\n".join([*sent, *answered, "F\t14\tQuery\t 'COMMIT'", *answered])) == (2, 3)
    assert exchanged("") == (0, 0)
