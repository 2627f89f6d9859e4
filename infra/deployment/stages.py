"""What a stage is: its file `infra/stages/<stage>.toml` and its section of `.chalice/config.json`."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from infra.deployment.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ONE_MACHINE = "local"
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days for which CloudWatch Logs can keep a log group (CloudWatch Logs API Reference, PutRetentionPolicy)."""


LOGIN = r"arn:aws[a-z-]*:rds-db:[a-z0-9-]+:\d{12}:dbuser:[A-Za-z0-9-]+/\S+"
"""A database user in an IAM policy (Amazon RDS User Guide, "Creating and using an IAM policy")."""


class StageError(DeploymentError):
    """There is no such stage, or its settings are not valid."""


@dataclass(frozen=True)
class Stage:
    """The settings of one stage.

    Args:
        name: What every name in the account begins with, after `twinledger-`.
        event_bus: The partner event bus of Salesforce's Event Relay; empty for none.
        subnets: Where the functions run; none for outside a VPC.
        security_groups: Of the functions in these subnets.
        log_retention_days: How long CloudWatch Logs keeps the functions' logs.
        concurrency: Invocations of each settle function at once (Lambda API Reference, ScalingConfig).
        database_login: ARN of the database user that the functions are by IAM authentication; empty for a password.
        alarms: Thresholds and other parameters of infra/alarms.yaml by their names there.
    """

    name: str
    event_bus: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    log_retention_days: int = 30
    concurrency: int = 10
    database_login: str = ""
    alarms: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def stack(self) -> str:
        """The name of the stack with the ledger."""
        return f"twinledger-{self.name}"


def read(root: Path, name: str, folder: Path | None = None) -> Stage:
    """Read the settings of the stage `name`.

    Args:
        root: Of the project.
        name: Of the stage.
        folder: Of the stages' files; by default infra/stages.

    Raises:
        StageError: There is no such stage, or a setting is not valid.
    """
    if not NAME.fullmatch(name):
        raise StageError(
            f"{name!r} is no name of a stage: give a to z, 0 to 9 and -, beginning with a letter, 20 at most"
        )
    if name == ONE_MACHINE:
        raise StageError(f"the stage {name} is that of the one-machine stack: run make up, or name another stage")
    folder = folder or root / "infra" / "stages"
    file = folder / f"{name}.toml"
    known, shown = names(root, folder), file.relative_to(root) if file.is_relative_to(root) else file
    if name not in known:
        raise StageError(f"there is no stage {name}: write {shown}; there is {', '.join(known)}")
    if not file.exists():
        return Stage(name)
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StageError(f"{shown} is no TOML: {error}") from error
    problems = [*_problems(settings)]
    if problems:
        raise StageError(f"{shown}: {'; '.join(problems)}")
    values: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in settings.items()}
    return Stage(name, **values)


def names(root: Path, folder: Path) -> list[str]:
    """The stages that can be deployed."""
    configuration = json.loads((root / ".chalice" / "config.json").read_text(encoding="utf-8"))
    files = {path.stem for path in folder.glob("*.toml")}
    return sorted((files | set(configuration["stages"])) - {ONE_MACHINE})


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _parameters(value: Any) -> bool:
    return isinstance(value, dict) and all(
        (type(each) is int and each > 0) or (isinstance(each, str) and each) for each in value.values()
    )


_VALID: dict[str, tuple[Callable[[Any], bool], str]] = {
    "event_bus": (lambda value: isinstance(value, str), "the name of an event bus, or an empty text"),
    "subnets": (_texts, "a list of ids of subnets"),
    "security_groups": (_texts, "a list of ids of security groups"),
    "log_retention_days": (lambda value: value in RETENTIONS, f"one of {', '.join(map(str, RETENTIONS))}"),
    "database_login": (
        lambda value: value == "" or (isinstance(value, str) and re.fullmatch(LOGIN, value) is not None),
        "arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER, or an empty text",
    ),
    "alarms": (_parameters, "a table of parameters of infra/alarms.yaml, each a positive number or a text"),
    "concurrency": (lambda value: type(value) is int and 2 <= value <= 1000, "a whole number, 2 to 1000"),
}


def _problems(settings: dict[str, Any]) -> list[str]:
    known = [field.name for field in fields(Stage) if field.name != "name"]
    found = [f"{key} is not known: there is {', '.join(known)}" for key in settings if key not in known]
    found += [
        f"{key}: give {remedy}"
        for key, (valid, remedy) in _VALID.items()
        if key in settings and not valid(settings[key])
    ]
    if not found and bool(settings.get("subnets")) != bool(settings.get("security_groups")):
        found.append("subnets and security_groups: give both, or neither")
    return found
