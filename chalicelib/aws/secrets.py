"""Secrets Manager, asked at most every few minutes: a changed secret is seen within that time, without a deployment."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError

from chalicelib.aws.errors import ROOTS, classify
from chalicelib.core.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

MAX_AGE = 300  # seconds


class Secrets:
    """Reads secrets.

    Args:
        client: a boto3 client.
    """

    def __init__(self, client: "SecretsManagerClient") -> None:
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
        if not isinstance(value, dict):
            raise ConfigurationError(f"the secret {name} holds no JSON object: put its value again")
        return value


def _cause(error: Exception) -> Exception:
    cause = error.__cause__ or error.__context__
    return cause if isinstance(cause, Exception) else error
