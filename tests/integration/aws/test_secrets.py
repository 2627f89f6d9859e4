"""Secrets Manager: what is there, what is not, and when it is asked again."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.aws import clients
from chalicelib.aws.secrets import Secrets
from chalicelib.core.errors import ConfigurationError, Superseded, Unavailable
from tests.integration.aws.stage import Stage


def put(aws: Stage, text: str) -> str:
    """Give the webhooks' secret a value."""
    name = aws.outputs["WebhookSecretArn"]
    aws.client("secretsmanager").put_secret_value(SecretId=name, SecretString=text)
    return name


def test_a_secret_is_read_and_remembered(aws: Stage) -> None:
    """A changed one is seen after a few minutes, or at once where it was refused."""
    secrets = Secrets(clients.secretsmanager(**aws.options))
    name = put(aws, json.dumps({"a": 1}))
    assert secrets.read(name) == {"a": 1}
    put(aws, json.dumps({"a": 2}))
    assert secrets.read(name) == {"a": 1}
    assert secrets.read(name, fresh=True) == {"a": 2}


@pytest.mark.parametrize("text", ["no json", '["a list"]', '"a text"'])
def test_a_secret_that_is_no_object_is_named(aws: Stage, text: str) -> None:
    """Never with its content."""
    name = put(aws, text)
    with pytest.raises(ConfigurationError, match=name) as caught:
        Secrets(clients.secretsmanager(**aws.options)).read(name)
    assert text not in str(caught.value)


def test_a_secret_that_is_not_there_is_named(aws: Stage) -> None:
    """Secrets Manager's own code is kept."""
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        Secrets(clients.secretsmanager(**aws.options)).read("no-such-secret")


def test_an_unreachable_service_is_to_be_tried_later() -> None:
    """Nothing is known of the secret then."""
    client = clients.secretsmanager(
        endpoint_url="http://127.0.0.1:9", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with pytest.raises(Unavailable):
        Secrets(client).read("any")


class Odd:
    """A client that fails in a way that boto3 does not."""

    def get_secret_value(self, **_request: str) -> None:
        """Fail."""
        raise OSError


def test_any_other_failure_is_to_be_tried_later() -> None:
    """Powertools wraps whatever it meets."""
    with pytest.raises(Unavailable, match="any"):
        Secrets(Odd()).read("any")  # type: ignore[arg-type]


def test_a_secret_is_changed(aws: Stage) -> None:
    """Whoever reads it next has the new content; nothing but the change is lost."""
    secrets = Secrets(clients.secretsmanager(**aws.options))
    name = put(aws, json.dumps({"a": 1, "b": 2}))
    secrets.change(name, lambda content: {**content, "a": 3})
    assert secrets.read(name) == {"a": 3, "b": 2}


def test_a_change_does_not_go_over_another_s(aws: Stage) -> None:
    """Who comes second is told, and the secret holds the first one's."""
    secrets = Secrets(clients.secretsmanager(**aws.options))
    name = put(aws, json.dumps({"a": 1}))

    def slow(content: Mapping[str, Any]) -> Mapping[str, Any]:
        secrets.change(name, lambda now: {**now, "b": 2})
        return {**content, "a": 3}

    with pytest.raises(Superseded, match="try again"):
        secrets.change(name, slow)
    assert secrets.read(name) == {"a": 1, "b": 2}


@pytest.mark.parametrize("text", ["no json", '["a list"]'])
def test_a_secret_that_is_no_object_is_not_changed(aws: Stage, text: str) -> None:
    """Nobody knows what it is."""
    name = put(aws, text)
    with pytest.raises(ConfigurationError, match="holds no JSON"):
        Secrets(clients.secretsmanager(**aws.options)).change(name, dict)
    assert aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"] == text


def test_a_secret_that_is_not_there_is_not_changed(aws: Stage) -> None:
    """Secrets Manager's own code is kept."""
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        Secrets(clients.secretsmanager(**aws.options)).change("no-such-secret", dict)
