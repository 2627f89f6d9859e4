"""The alarms and the dashboard: valid, of metrics that the code tells, each with its section of the runbook."""

from __future__ import annotations

import re

import pytest
from cfnlint.api import lint_all

from app import app
from chalicelib.aws.metrics import DIRECTION, NAMESPACE, STAGE, Metric, direction_from
from chalicelib.core.model import Side
from chalicelib.settings import Lane, dead_letter_queue, queue_name
from tests.integration.watching import template as stage
from tests.integration.watching.template import ROOT, TEMPLATE, TOPIC, Series, Template

LARGEST = 51_200  # bytes of a template that CloudFormation takes with the call (its "quotas")


@pytest.fixture(scope="module")
def template() -> Template:
    """The template of the stage."""
    return Template()


def test_linter_has_no_complaint() -> None:
    """cfn-lint knows every property and sees no dangling reference: no error, no warning."""
    matches = lint_all(TEMPLATE.read_text(encoding="utf-8"))
    assert [str(match) for match in matches if match.rule.severity != "informational"] == []


def test_the_template_goes_with_the_call() -> None:
    """It needs no bucket."""
    assert TEMPLATE.stat().st_size < LARGEST


def own(metric: Metric) -> set[Series]:
    """A metric of ours, in all directions that it has."""
    dimensions: list[tuple[tuple[str, str], ...]] = [((STAGE, stage.STAGE),)]
    if metric.directed:
        dimensions = [(*dimensions[0], (DIRECTION, direction_from(side))) for side in Side]
    return {Series(NAMESPACE, metric, each) for each in dimensions}


def test_what_is_watched_is_told_by_the_code(template: Template) -> None:
    """Under exactly that name and those dimensions; tests/unit/aws/test_metrics.py says that the code tells it."""
    known = {series for metric in Metric for series in own(metric)}
    assert {series for series in template.watched if series.namespace == NAMESPACE} - known == set()


def test_every_metric_has_its_place_on_the_dashboard(template: Template) -> None:
    """What nobody sees need not be told."""
    watched = template.watched
    assert [metric for metric in Metric if not own(metric) <= watched and metric not in UNSEEN] == []


UNSEEN = {Metric.CALLS_USED, Metric.REMAPPED, Metric.UNREADABLE}  # for whoever asks: their consequences are seen


def test_what_is_watched_of_aws_is_of_this_application(template: Template) -> None:
    """Each queue, each function and the API by the names that stack and chalice give them."""
    names = [each.name for each in (*app.event_sources, *app.pure_lambda_functions)]
    functions = {"twinledger-local", *(f"twinledger-local-{name}" for name in names)}
    queues = {queue_name({"TWINLEDGER_STAGE": "local"}, lane) for lane in Lane}
    alarms = [stage.series_of(alarm) for alarm in template.alarms.values()]
    for name in ("Errors", "Throttles"):
        assert {each.dimensions for each in alarms if each.name == name} == {(("FunctionName", f),) for f in functions}
    aged = {each.dimensions for each in alarms if each.name == "ApproximateAgeOfOldestMessage"}
    failed = "twinledger-local-failed-events"
    all_queues = {*queues, *map(dead_letter_queue, queues), failed}
    assert aged == {(("QueueName", name),) for name in all_queues}
    visible = {each.dimensions for each in alarms if each.name == "ApproximateNumberOfMessagesVisible"}
    assert visible == {(("QueueName", failed),)}
    api = {each.dimensions for each in alarms if each.namespace == "AWS/ApiGateway"}
    assert api == {(("ApiName", app.app_name), ("Stage", stage.STAGE))}
    values = {value for series in template.watched if series.namespace != NAMESPACE for _, value in series.dimensions}
    assert values == functions | all_queues | {app.app_name, stage.STAGE}


def test_an_alarm_is_told_and_named(template: Template) -> None:
    """When it goes off and when it is over; with the stage in its name."""
    for alarm in template.alarms.values():
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([TOPIC], [TOPIC])
        assert alarm["AlarmName"].startswith("twinledger-local-")
    assert len({alarm["AlarmName"] for alarm in template.alarms.values()}) == len(template.alarms)


def test_every_alarm_has_its_section_of_the_runbook(template: Template) -> None:
    """Which names it; and no section is of an alarm that is no more."""
    pages = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## The alarms")[1].split("\n## ")[0]
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", pages, re.MULTILINE | re.DOTALL))
    named = {}
    for alarm in template.alarms.values():
        page, section = re.fullmatch(r".+\. (\S+)#([a-z-]+)", alarm["AlarmDescription"]).groups()  # type: ignore[union-attr]
        assert page == "docs/operations.md"
        named[alarm["AlarmName"].removeprefix("twinledger-local-")] = section
    assert set(named.values()) == set(sections)
    told = {name: section for name, section in named.items() if section not in {"functions", "throttles"}}
    assert [name for name, section in told.items() if f"-{name}`" not in sections[section]] == []


def test_the_runbook_names_metrics_and_widgets_that_there_are(template: Template) -> None:
    """In italics, but for a few places of Salesforce's setup."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = {" ".join(name.split()) for name in re.findall(r"(?<![*\w])\*([A-Z][^*]+)\*(?![*\w])", page)}
    titles = {each["properties"].get("title") for each in template.widgets}
    elsewhere = {"Outbound Messages", "Delivery status", "System Overview", "API Usage Last 7 Days", "Alarms"}
    assert named - set(Metric) - titles - elsewhere == set()
    assert {"OutboxDepth", "Messages in the queues"} <= named


def test_silence_is_an_alarm_where_it_means_something(template: Template) -> None:
    """Relay and sweep tell of themselves all the time; whatever counts failures is silent while all is well."""
    silent = {name for name, alarm in template.alarms.items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == {"RelaySilent", "SweepSilent"}


def test_the_dashboard_shows_every_alarm(template: Template) -> None:
    """And its widgets lie beside each other, not upon."""
    (shown,) = (each["properties"]["alarms"] for each in template.widgets if each["type"] == "alarm")
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in template.alarms)
    cells = [
        (x, y)
        for each in template.widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_a_widget_s_metrics_have_a_statistic(template: Template) -> None:
    """And a region, without which CloudWatch shows nothing."""
    for each in template.widgets:
        if each["type"] == "metric":
            properties = each["properties"]
            assert properties["region"] == "us-east-1"
            assert re.fullmatch(r"Sum|Minimum|Maximum|p95", properties["stat"])
