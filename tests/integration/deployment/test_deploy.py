"""`python -m infra.deployment deploy` from nothing, and again, into the emulator."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest
import requests

from infra.local.roundtrip import wait_until
from tests.integration.deployment.conftest import BUS, STAGE, Deployed, run

if TYPE_CHECKING:
    from pathlib import Path

STEPS = (
    "Check",
    "Stack twinledger-dev",
    "Queues",
    "Secrets",
    "Packages",
    "chalice deploy",
    "Event sources",
    "Stack twinledger-dev-alarms",
    "Smoke test",
)


def test_missing_secrets_stop_it_with_the_commands_that_set_them(deployed: Deployed) -> None:
    """The first run creates the stack, and says in one line which secrets it waits for and how they are set."""
    assert deployed.unfinished.returncode == 1
    (line,) = deployed.unfinished.stderr.splitlines()
    command = f"python -m infra.deployment secret --stage {STAGE}"
    assert line == (
        "deploy failed at 'Secrets': no value is set of database and salesforce: "
        f"run `{command} database < database.json` and `{command} salesforce < salesforce.json`, then deploy again"
    )


def test_every_step_is_told(deployed: Deployed) -> None:
    """Each step has its line, in order, and the end names the addresses without a secret."""
    lines = [line.split(" s  ", 1)[-1] for line in deployed.first.stdout.splitlines()]
    told = [line.split(":")[0] for line in lines if not line.startswith(" ")]
    assert list(dict.fromkeys(each for each in told if each in STEPS)) == list(STEPS)
    assert "GET /health 200, wrong credentials refused, nothing is installed yet" in deployed.first.stdout
    assert f"{deployed.application.api_url}/webhooks/outbound-messages/TOKEN" in deployed.first.stdout
    assert deployed.services.credentials.webhook_token not in deployed.first.stdout


def test_event_sources_are_as_chalice_cannot_set_them(deployed: Deployed) -> None:
    """Single messages of a batch may fail, and only so many batches run at once."""
    found = deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    seen = {
        (each["FunctionArn"].rsplit(":", 1)[-1], each["EventSourceArn"].rsplit(":", 1)[-1]): (
            each["FunctionResponseTypes"],
            each["ScalingConfig"]["MaximumConcurrency"],
        )
        for each in found
    }
    partial = ["ReportBatchItemFailures"]
    name = "twinledger-dev"
    assert seen == {
        (f"{name}-settle_salesforce_changes", f"{name}-salesforce-changes.fifo"): (partial, 10),
        (f"{name}-settle_postgres_changes", f"{name}-postgres-changes.fifo"): (partial, 10),
        (f"{name}-settle_bulk_changes", f"{name}-bulk-changes.fifo"): (partial, 2),
        (f"{name}-take_salesforce_dead_letters", f"{name}-salesforce-changes-dead-letter.fifo"): (partial, 2),
        (f"{name}-take_postgres_dead_letters", f"{name}-postgres-changes-dead-letter.fifo"): (partial, 2),
        (f"{name}-take_bulk_dead_letters", f"{name}-bulk-changes-dead-letter.fifo"): (partial, 2),
        (f"{name}-take_salesforce_dead_letters", f"{name}-failed-events"): (partial, 2),
    }


def test_the_api_s_own_stage_is_named_after_the_stage(deployed: Deployed) -> None:
    """The name of the API is the same for all stages: this is what tells the alarms of two of them apart."""
    gateway, api = deployed.client("apigateway"), deployed.application.deployment.rest_api_id
    assert [each["stageName"] for each in gateway.get_stages(restApiId=api)["item"]] == [STAGE]
    found = deployed.client("cloudwatch").describe_alarms(AlarmNames=["twinledger-dev-webhook-errors"])
    (alarm,) = found["MetricAlarms"]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert dimensions == {"ApiName": gateway.get_rest_api(restApiId=api)["name"], "Stage": STAGE}


def test_edits_go_both_ways_through_the_deployed_functions(deployed: Deployed) -> None:
    """A row that is created comes to Salesforce; then an edit of either side arrives at the other one."""
    with psycopg.connect(deployed.services.cluster.app_dsn) as connection:
        created = connection.execute(
            "INSERT INTO contact (last_name) VALUES ('Deployed') RETURNING id::text"
        ).fetchone()
    assert created is not None
    deployed.trip.wait_for_links({"contact": list(created)})
    contact = deployed.trip.contact()
    assert contact is not None
    assert deployed.trip.to_salesforce(contact) > 0
    assert deployed.trip.to_postgres(contact) > 0


def test_event_that_is_not_taken_becomes_an_issue(deployed: Deployed) -> None:
    """The function fails three times while Salesforce is away; what the event told is kept for a person."""
    control = f"{deployed.services.org_url}/__org__"
    organization = requests.get(f"{control}/health", timeout=10).json()["organizationId"]
    requests.post(f"{control}/faults", json={"errorCode": "SERVER_UNAVAILABLE", "times": 500}, timeout=10)
    try:
        header = {"entityName": "Contact", "changeType": "GAP_OVERFLOW", "recordIds": []}
        entry = {
            "Source": f"aws.partner/salesforce.com/{organization}/0YL",
            "DetailType": "ContactChangeEvent",
            "Detail": json.dumps({"payload": {"ChangeEventHeader": header}}),
            "EventBusName": BUS,
        }
        deployed.client("events").put_events(Entries=[entry])
        wait_until(lambda: "records of Contact changed" in deployed.manage("issues"), lambda: "no issue", 0.5)
    finally:
        requests.delete(f"{control}/faults", timeout=10)


def test_again_changes_nothing_but_acknowledges_an_event(deployed: Deployed) -> None:
    """The same command again keeps API, functions and event sources; a message goes through the installed stage."""
    before = deployed.application.deployment
    again = deployed.run("deploy")
    assert (again.returncode, again.stderr) == (0, "")
    deployed.read()
    after = deployed.application.deployment
    assert (after.rest_api_id, after.functions) == (before.rest_api_id, before.functions)
    assert after.queue_sources == before.queue_sources
    assert "wrong credentials refused, an event acknowledged" in again.stdout


def test_another_machine_goes_on_with_what_is_deployed(deployed: Deployed, tmp_path: Path) -> None:
    """Without the files of the first deployment the same API and event sources are updated, not others created."""
    build = "000000000000-us-east-1-dev/build/.chalice/deployments"
    shutil.copytree(deployed.work / build, tmp_path / build)  # the packages only, which take a while
    again = deployed.run("deploy", work=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert f"  API                 {deployed.application.api_url}\n" in again.stdout
    assert len(deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"]) == 7


def test_environment_is_that_of_the_functions(deployed: Deployed) -> None:
    """What manage.py needs is printed for eval, and holds no secret."""
    printed = deployed.run("environment").stdout.splitlines()
    function = deployed.client("lambda").get_function_configuration(FunctionName="twinledger-dev-sweep")
    own = {name: value for name, value in function["Environment"]["Variables"].items() if name.startswith("TWINLEDGER")}
    assert {line for line in printed if "TWINLEDGER" in line} == {
        f"export {name}={value}" for name, value in own.items()
    }


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("prod", "there is no stage prod: write infra/stages/prod.toml; there is dev"),
        ("local", "the stage local is that of the one-machine stack: run make up, or name another stage"),
        ("A b", "'A b' is no name of a stage: give a to z, 0 to 9 and -, beginning with a letter, 20 at most"),
    ],
)
def test_unknown_stage_is_one_line(deployed: Deployed, stage: str, told: str) -> None:
    """A stage that there is not, or may not be, is told before anything is done."""
    done = run(deployed.environment, "deploy", "--stage", stage)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"deploy failed at 'Check': {told}\n")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "there are no AWS credentials: set AWS_PROFILE, or run aws configure"),
        ({"AWS_DEFAULT_REGION": ""}, "no AWS region is set: set AWS_DEFAULT_REGION, or the profile's region"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            'AWS was not reached: Could not connect to the endpoint URL: "http://127.0.0.1:1/"',
        ),
    ],
)
def test_no_way_into_the_account_is_one_line(
    deployed: Deployed, tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    """Without credentials, region or connection nothing is done, and the remedy is told."""
    nowhere = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    environment = {name: value for name, value in (deployed.environment | nowhere | changed).items() if value}
    if "AWS_DEFAULT_REGION" not in environment:
        del environment["AWS_REGION"]
    done = run(environment, "deploy", "--stage", STAGE)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"deploy failed at 'Check': {told}\n")


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("database", "no json with a password", "the value of the secret twinledger/dev/database is no JSON"),
        ("database", "[1]", "the value of the secret twinledger/dev/database is no JSON object"),
        (
            "database",
            '{"password": "a-password"}',
            "the secret twinledger/dev/database: the member dsn is not set: give a libpq address, "
            "postgresql://USER:PASSWORD@HOST/DATABASE",
        ),
    ],
)
def test_secret_that_cannot_be_used_is_refused(deployed: Deployed, kind: str, value: str, told: str) -> None:
    """What the application could not read is not stored, and not quoted."""
    done = deployed.run("secret", kind, given=value)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"secret: {told}\n")
