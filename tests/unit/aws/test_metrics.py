"""The table of metrics, and the code that counts: nothing is counted that is not in it, nor the other way round."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.aws.metrics import Metric, Unit, direction_from
from chalicelib.core.model import Side
from chalicelib.core.work import Result

CODE = Path(__file__).resolve().parents[3] / "chalicelib"
UNITS = {
    "count": set(Unit) - {Unit.MILLISECONDS},
    "gauge": set(Unit) - {Unit.MILLISECONDS},
    "measure": {Unit.MILLISECONDS},
}


@dataclass(frozen=True)
class Told:
    """One call of telemetry in the code.

    Attributes:
        where: file and line.
        how: name of the method.
        metric: what is told; None where it is not written as one of the table's names.
        directed: whether a side is given.
    """

    where: str
    how: str
    metric: Metric | None
    directed: bool


def told() -> Iterator[Told]:
    """Every call of telemetry that counts, measures or gauges."""
    for path in sorted(CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            if node.func.attr not in UNITS or "telemetry" not in ast.unparse(node.func.value):
                continue
            name = ast.unparse(node.args[0])
            directed = len(node.args) == 3 or any(keyword.arg == "side" for keyword in node.keywords)
            for metric in RESULTS if name == "_METRICS[outcome.result]" else [member(name)]:
                yield Told(f"{path.name}:{node.lineno}", node.func.attr, metric, directed)


def member(name: str) -> Metric | None:
    """The member that a piece of code names."""
    found = re.fullmatch(r"Metric\.(\w+)", name)
    return Metric.__members__.get(found[1]) if found else None


RESULTS = [Metric(result.name.title().replace("_", "")) for result in Result if result is not Result.SETTLED]


def test_what_is_told_stands_in_the_table() -> None:
    """By its name there, with its dimensions and its unit."""
    calls = list(told())
    assert [call.where for call in calls if call.metric is None] == []
    assert [call for call in calls if call.metric is not None and call.directed is not call.metric.directed] == []
    assert [call for call in calls if call.metric is not None and call.metric.unit not in UNITS[call.how]] == []


def test_what_stands_in_the_table_is_told() -> None:
    """Somewhere in the code: nobody waits for a metric that never comes."""
    assert set(Metric) - {call.metric for call in told()} == set()


def test_a_metric_is_its_name() -> None:
    """As CloudWatch takes it: by ASCII letters only; and the table says what it is."""
    assert all(re.fullmatch("[A-Z][A-Za-z]+", metric) for metric in Metric)
    assert len({metric.meaning for metric in Metric}) == len(Metric)
    assert (Metric.LATENCY, Metric.LATENCY.dimensions) == ("Latency", ("stage", "direction"))
    assert (Metric.MERGED.unit, Metric.MERGED.dimensions) == (Unit.COUNT, ("stage",))


def test_a_direction_names_both_sides() -> None:
    """The one that an edit comes from is the first."""
    assert [direction_from(side) for side in Side] == ["salesforce-to-postgres", "postgres-to-salesforce"]
