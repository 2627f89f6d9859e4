"""Secrets Manager, asked at most every few minutes: a changed secret is seen within that time, without a deployment."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError

from chalicelib.aws.errors import ROOTS, classify, translated
from chalicelib.core.errors import ConfigurationError, Superseded, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE = 300  # seconds
CURRENT = "AWSCURRENT"
NEXT = "TWINLEDGERNEXT"  # the label of a version that is to become the current one


class Secrets:
    """Reads secrets, and changes them for an operator.

    Args:
        client: a boto3 client.
    """

    def __init__(self, client: "SecretsManagerClient") -> None:
        self._client = client
        self._provider = SecretsProvider(boto3_client=client)

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """A secret that holds a JSON object.

        Args:
            name: name or ARN.
            fresh: ask again even where the answer is known: what it said was refused.

        Raises:
            ConfigurationError: there is none, or it holds no JSON object.
            TwinledgerError: Secrets Manager refused; see :mod:`chalicelib.aws.errors`.
        """
        try:
            value: Any = self._provider.get(name, max_age=MAX_AGE, transform="json", force_fetch=fresh)
        except TransformParameterError as error:
            raise ConfigurationError(f"the secret {name} holds no JSON: put its value again") from error
        except GetParameterError as error:
            if isinstance(error.__cause__ or error.__context__, ROOTS):
                raise classify(_cause(error)) from error
            raise Unavailable(f"the secret {name} could not be read") from error
        return _object(value, name)

    def change(self, name: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Replace a secret that holds a JSON object by what a function makes of it, unless somebody else does.

            one           Secrets Manager             other
             | read: v1         |            read: v1 |
             | put v2 as NEXT   |                     |
             |=================>| CURRENT: v1 -> v2   |
             |                  |      put v3 as NEXT |
             |                  |<====================| CURRENT: v1 -> v3 is refused: it is at v2 by now

        Source: Secrets Manager API Reference, "UpdateSecretVersionStage" (RemoveFromVersionId).

        Args:
            name: name or ARN.
            change: what it is to hold, of what it holds.

        Raises:
            Superseded: somebody else has changed it meanwhile.
            ConfigurationError: there is none, or it holds no JSON object.
            TwinledgerError: Secrets Manager refused; see :mod:`chalicelib.aws.errors`.
        """
        with translated():
            found = self._client.get_secret_value(SecretId=name)
        try:
            content = json.loads(found["SecretString"])
        except (KeyError, ValueError) as error:
            raise ConfigurationError(f"the secret {name} holds no JSON: put its value again") from error
        text = json.dumps(change(_object(content, name)))
        with translated():
            put = self._client.put_secret_value(SecretId=name, SecretString=text, VersionStages=[NEXT])
        moved = self._client.exceptions.InvalidParameterException
        try:
            with translated(but=moved):
                self._client.update_secret_version_stage(
                    SecretId=name,
                    VersionStage=CURRENT,
                    MoveToVersionId=put["VersionId"],
                    RemoveFromVersionId=found["VersionId"],
                )
        except moved as error:
            raise Superseded(f"somebody else has changed the secret {name} meanwhile: try again") from error


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"the secret {name} holds no JSON object: put its value again")
    return value


def _cause(error: Exception) -> Exception:
    cause = error.__cause__ or error.__context__
    return cause if isinstance(cause, Exception) else error
