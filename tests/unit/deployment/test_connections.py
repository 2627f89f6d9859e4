"""How many connections to the database a stage may open: what the documentation says, the infrastructure allows."""

import json
import re
from pathlib import Path

from cfnlint.decode import cfn_yaml

from infra.deployment.sources import settings
from infra.deployment.stages import Stage

ROOT = Path(__file__).resolve().parents[3]
RELAYS = 3  # the leader's reader and deleter, and the one that stands by


def connecting() -> set[str]:
    """Functions whose role lets them know the database's address."""
    resources = cfn_yaml.load(str(ROOT / "infra" / "functions.yaml"))["Resources"].values()
    roles = [each["Properties"]["Policies"] for each in resources if each["Type"] == "AWS::IAM::Role"]
    return {str(policies[0]["PolicyName"]) for policies in roles if "DatabaseSecretArn" in json.dumps(policies)}


def most(stage: Stage) -> int:
    """Connections of all functions that are started by themselves: one for each that runs, and the relay's."""
    settling = connecting() - {"api_handler", "relay_changes"}
    running = [settings(stage, function)["ScalingConfig"]["MaximumConcurrency"] for function in settling]
    return sum(running) + RELAYS


def test_the_sum_of_the_documentation() -> None:
    """For the default, and by its formula for every other concurrency."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    found = re.search(r"2 x `concurrency` \+ (\d+), (\d+) by default", page)
    assert found is not None
    for concurrency in (2, 10, 500):
        assert most(Stage("dev", concurrency=concurrency)) == 2 * concurrency + int(found[1])
    assert most(Stage("dev")) == int(found[2])


def test_who_connects_is_named() -> None:
    """No other function can: its role does not let it read the address."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8").split("## Connections to the database")[1]
    named = set(re.findall(r"^\| `(\w+)`", page.split("\n## ")[0], re.MULTILINE))
    assert named == connecting()
