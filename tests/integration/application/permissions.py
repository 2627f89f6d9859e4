"""What each function's role allows, and which of it the function's code uses."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws import clients
from chalicelib.aws.table import Table
from chalicelib.aws.telemetry import Telemetry
from chalicelib.console.asking import Asker, Source
from chalicelib.console.routes import ROUTES as CONSOLE
from infra.deployment import stacks
from infra.deployment.stages import Stage as Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tests.integration.aws.stage import Stage

API = "api_handler"
ROUTES = {"outbound_messages", "events", "health", "console", *(route.name for route in CONSOLE)}
BATCHES = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
"""A transaction needs the permissions of what is in it (DynamoDB developer guide, "IAM and transactions")."""


@dataclass
class Permissions:
    """The roles of one stage, and what was called under each.

    Attributes:
        allowed: Actions with their resources, by function.
        used: The same, as it was called.
        refused: What was called and is not allowed.
    """

    allowed: dict[str, set[tuple[str, str]]]
    queues: dict[str, str]
    table: str
    used: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    _here: threading.local = field(default_factory=threading.local)
    _anywhere: str | None = None

    @classmethod
    def of(cls, aws: Stage) -> Permissions:
        """Those of the test stage's roles, as CloudFormation made them."""
        made = stacks.create_functions(aws.client("cloudformation"), Settings("test"), aws.outputs)
        iam = aws.client("iam")
        allowed: dict[str, set[tuple[str, str]]] = {}
        for function, arn in stacks.roles(made).items():
            role = arn.rsplit("/", 1)[-1]
            (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            allowed[function] = {
                (action, resource)
                for statement in document["Statement"]
                for action in _list(statement["Action"])
                for resource in _list(statement["Resource"])
            }
        names = [name.removesuffix("Url") for name in aws.outputs if name.endswith("Url")]
        queues = {aws.outputs[f"{name}Url"]: aws.outputs[f"{name}Arn"] for name in names}
        return cls(allowed, queues, aws.outputs["LedgerTableArn"])

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Hear of every function that begins, and of every call of the clients that are made from now on."""
        invocation = Telemetry.invocation

        @contextmanager
        def told(telemetry: Telemetry, function: str, context: Any) -> Iterator[None]:
            with self._under(API if function in ROUTES else function), invocation(telemetry, function, context):
                yield

        patch.setattr(Telemetry, "invocation", told)
        patch.setattr(Table, "each", self._handed_on(Table.each))
        patch.setattr(Asker, "_begun", self._begun(Asker._begun))
        for service in ("dynamodb", "sqs", "secretsmanager"):
            patch.setattr(clients, service, self._watched(getattr(clients, service)))

    def _watched(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(**options: Any) -> Any:
            client = make(**options)
            client.meta.events.register("provide-client-params.*.*", self._note)
            return client

        return made

    def _handed_on(self, each: Callable[..., Any]) -> Callable[..., Any]:
        """What a table does side by side, it does for the function that asked for it."""

        def handed_on(table: Table, work: Callable[[Any], Any], wanted: Any) -> Any:
            function = getattr(self._here, "function", None)

            def told(one: Any) -> Any:
                self._here.function = function
                return work(one)

            return each(table, told, wanted)

        return handed_on

    def _begun(self, begun: Callable[..., Any]) -> Callable[..., Any]:
        """What the console asks side by side, it asks for the request that wanted it."""

        def told(asker: Asker, name: str, source: Source) -> Any:
            function = getattr(self._here, "function", None)

            def ask() -> object:
                self._here.function = function
                return source.ask()

            return begun(asker, name, replace(source, ask=ask))

        return told

    @contextmanager
    def _under(self, function: str) -> Iterator[None]:
        """A request of the API is in its thread alone, and comes while another function is at work."""
        self._here.function = function
        if function != API:
            self._anywhere = function
        try:
            yield
        finally:
            self._here.function = None
            if function != API:
                self._anywhere = None

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        function = getattr(self._here, "function", None) or self._anywhere
        if function is None:
            return  # a command of an operator's, or the relay as a process
        service = model.service_model.service_name
        for action, resource in self._actions(service, model.name, params):
            self.used[function].add((action, resource))
            if (action, resource) not in self.allowed[function]:
                self.refused.append((function, action, resource))

    def _actions(self, service: str, operation: str, params: dict[str, Any]) -> set[tuple[str, str]]:
        if service == "sqs":
            return {(f"sqs:{BATCHES.get(operation, operation)}", self.queues[params["QueueUrl"]])}
        if service == "secretsmanager":
            return {(f"secretsmanager:{operation}", params["SecretId"])}
        if operation == "TransactWriteItems":
            return {(f"dynamodb:{TRANSACTION[kind]}", self.table) for item in params["TransactItems"] for kind in item}
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        return {(f"dynamodb:{operation}", self.table + index)}


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
