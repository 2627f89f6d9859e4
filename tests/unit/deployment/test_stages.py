"""A stage's settings, and what is told of those that are not valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.deployment import stages
from infra.deployment.stages import Stage, StageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the stages local and dev."""
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "infra" / "stages").mkdir(parents=True)
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps({"stages": {"local": {}, "dev": {}}}))
    return tmp_path


def write(root: Path, text: str) -> None:
    """The file of the stage test."""
    (root / "infra" / "stages" / "test.toml").write_text(text, encoding="utf-8")


def test_section_of_chalice_is_enough(root: Path) -> None:
    """A stage without a file has every setting as it comes."""
    assert stages.read(root, "dev") == Stage("dev")


def test_file_is_enough(root: Path) -> None:
    """A stage with a file only is a stage."""
    write(
        root,
        'event_bus = "bus"\nsubnets = ["a", "b"]\nsecurity_groups = ["c"]\nlog_retention_days = 7\nconcurrency = 2',
    )
    assert stages.read(root, "test") == Stage("test", "bus", ("a", "b"), ("c",), 7, 2)
    assert stages.names(root, root / "infra" / "stages") == ["dev", "test"]


def test_the_functions_may_log_in_by_iam(root: Path) -> None:
    """As one user of one database."""
    login = "arn:aws:rds-db:eu-central-1:123456789012:dbuser:cluster-ABC123/app"
    write(root, f'database_login = "{login}"')
    assert stages.read(root, "test").database_login == login


def test_file_of_dev_shows_what_is_so_without_it() -> None:
    """The file that users copy holds every setting, as it is where it is left out."""
    assert stages.read(ROOT, "dev") == Stage("dev")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("event_bus", "is no TOML"),
        (
            "colour = 1",
            "colour is not known: there is event_bus, subnets, security_groups, log_retention_days, concurrency",
        ),
        (
            'database_login = "app"',
            "database_login: give arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER, or",
        ),
        ("event_bus = 1", "event_bus: give the name of an event bus, or an empty text"),
        ('subnets = "a"', "subnets: give a list of ids of subnets"),
        ('subnets = [""]', "subnets: give a list of ids of subnets"),
        ("security_groups = [1]", "security_groups: give a list of ids of security groups"),
        ("log_retention_days = 8", "log_retention_days: give one of 1, 3, 5"),
        ("concurrency = 1", "concurrency: give a whole number, 2 to 1000"),
        ("concurrency = true", "concurrency: give a whole number, 2 to 1000"),
        ("concurrency = 1001", "concurrency: give a whole number, 2 to 1000"),
        ('subnets = ["a"]', "subnets and security_groups: give both, or neither"),
        ('security_groups = ["a"]', "subnets and security_groups: give both, or neither"),
    ],
)
def test_invalid_setting_is_named(root: Path, text: str, told: str) -> None:
    """Every setting that cannot be used is told with what to give."""
    write(root, text)
    with pytest.raises(StageError) as error:
        stages.read(root, "test")
    assert str(error.value).startswith("infra/stages/test.toml")
    assert told in str(error.value)


@pytest.mark.parametrize("name", ["", "Dev", "1a", "a_b", "a" * 21, "../dev"])
def test_name_that_cannot_be_one_is_refused(root: Path, name: str) -> None:
    """A name that would not do in the account is told before a file is looked for."""
    with pytest.raises(StageError, match="is no name of a stage"):
        stages.read(root, name)
