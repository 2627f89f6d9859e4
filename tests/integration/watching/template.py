"""infra/alarms.yaml as one stage has it: parameters in their places, the dashboard parsed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "infra" / "alarms.yaml"
STAGE = "local"
TOPIC = "arn:aws:sns:us-east-1:000000000000:twinledger-local-alarms"


@dataclass(frozen=True)
class Series:
    """One metric with its dimensions, as an alarm or the dashboard names it."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


class Template:
    """The template with the parameters of the stage ``local``."""

    def __init__(self) -> None:
        self._source = cfn_yaml.load(str(TEMPLATE))
        parameters = {name: each.get("Default") for name, each in self._source["Parameters"].items()}
        self.parameters = parameters | {"Stage": STAGE, "AlarmTopicArn": TOPIC}
        self._known = self.parameters | {"AWS::Region": "us-east-1"}

    @property
    def alarms(self) -> dict[str, dict[str, Any]]:
        """The properties of each alarm by its logical name."""
        resources = self._source["Resources"].items()
        return {
            name: self._filled(each["Properties"])
            for name, each in resources
            if each["Type"] == "AWS::CloudWatch::Alarm"
        }

    @property
    def widgets(self) -> list[dict[str, Any]]:
        """The dashboard's widgets."""
        body = self._filled(self._source["Resources"]["Dashboard"]["Properties"]["DashboardBody"])
        widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
        return widgets

    @property
    def watched(self) -> set[Series]:
        """What alarms and dashboard look at."""
        shown = (row for each in self.widgets for row in each["properties"].get("metrics", []))
        return {series_of(alarm) for alarm in self.alarms.values()} | {_series_of_row(row) for row in shown}

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"Ref"}:
            return self._known[value["Ref"]]
        if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._known.get(found[1], found[0])), value["Fn::Sub"])
        if isinstance(value, dict):
            return {name: self._filled(each) for name, each in value.items()}
        return [self._filled(each) for each in value] if isinstance(value, list) else value


def series_of(alarm: dict[str, Any]) -> Series:
    """What an alarm looks at."""
    dimensions = tuple((each["Name"], each["Value"]) for each in alarm["Dimensions"])
    return Series(alarm["Namespace"], alarm["MetricName"], dimensions)


def _series_of_row(row: list[Any]) -> Series:
    namespace, name, *rest = [each for each in row if isinstance(each, str)]
    return Series(namespace, name, tuple(zip(rest[::2], rest[1::2], strict=True)))
