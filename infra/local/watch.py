"""The alarms of the running stack: `python -m infra.local.watch`, until it is interrupted.

It creates them in the emulator, forwards the metrics of the logs, and tells when an alarm goes off and when it is over.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from infra.deployment import cloudformation
from infra.deployment.stages import ONE_MACHINE
from infra.local.alarms import state_of
from infra.local.layout import ROOT, Layout
from infra.local.metrics import Forwarder
from infra.local.recovery import complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = ROOT / "infra" / "alarms.yaml"
PAUSE_SECONDS = 5.0


@dataclass
class Watch:
    """The alarms of one stage in the emulator.

    Args:
        environment: Environment variables of a client of the emulator.
        relay_log: What the relay writes, which is a process here, and no function.
        stage: The stage's name.
    """

    environment: dict[str, str]
    relay_log: Path
    stage: str = ONE_MACHINE
    _states: dict[str, str] = field(default_factory=dict)
    _read: int = 0

    def __post_init__(self) -> None:
        self._cloudwatch = self._client("cloudwatch")
        self._forwarder = Forwarder(self._client("logs"), self._cloudwatch, f"/aws/lambda/twinledger-{self.stage}")

    def create(self) -> int:
        """Create the alarms, and the topic that they tell; how many there are.

        Raises:
            StackError: The emulator refused them.
        """
        topic = self._client("sns").create_topic(Name=f"twinledger-{self.stage}-alarms")["TopicArn"]
        parameters = {"Stage": self.stage, "AlarmTopicArn": topic}
        cloudformation.deploy(self._client("cloudformation"), f"twinledger-{self.stage}-alarms", TEMPLATE, parameters)
        return len(list(self._alarms()))

    def look(self) -> list[str]:
        """Forward what is new; a line for each alarm that has changed."""
        self._forwarder.forward()
        self._forwarder.publish(self._relay_lines())
        now, told = datetime.now(UTC), []
        for alarm in self._alarms():
            name, state = alarm["AlarmName"], state_of(self._cloudwatch, alarm, now)
            before = self._states.get(name, "OK")
            self._states[name] = state
            if "ALARM" in {state, before} and state != before:
                told.append(f"{now:%H:%M:%S} {state:6}{name}: {alarm['AlarmDescription']}")
        return told

    def _alarms(self) -> Iterator[dict[str, Any]]:
        pages = self._cloudwatch.get_paginator("describe_alarms")
        for page in pages.paginate(AlarmNamePrefix=f"twinledger-{self.stage}-"):
            yield from page["MetricAlarms"]

    def _relay_lines(self) -> list[str]:
        """What the relay has written since the last time, whole lines only."""
        with self.relay_log.open("rb") as log:
            log.seek(self._read)
            lines = log.read().rpartition(b"\n")[0]
        self._read += len(lines) + bool(lines)
        return lines.decode(errors="replace").splitlines()

    def _client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=self.environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )


def main() -> int:
    """Watch the running stack."""
    layout = Layout()
    if wrong := complaint(layout):
        print(wrong, file=sys.stderr)
        return 2
    environment = json.loads(layout.stack_file.read_text(encoding="utf-8"))["environment"]
    watch = Watch(environment, layout.log("relay"))
    try:
        print(f"{watch.create()} alarms; Ctrl-C ends this", flush=True)
        while True:
            for line in watch.look():
                print(line, flush=True)
            time.sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
