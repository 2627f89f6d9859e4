"""Access tokens: OAuth 2.0 JWT bearer and client credentials (Salesforce Help, "OAuth Authorization Flows")."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jwt
import requests
from cryptography import x509

from chalicelib.core.errors import AccessDenied, ConfigurationError, Unavailable
from chalicelib.core.ports import Clock
from chalicelib.core.values import id18
from chalicelib.salesforce.errors import classify, translate

_ASSERTION_SECONDS = 180  # the longest that Salesforce accepts
_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """Sign in as a user with the app's private key.

    Attributes:
        login_url: ``https://login.salesforce.com``, ``https://test.salesforce.com`` or the org's My Domain.
        consumer_key: of the External Client App.
        username: of the integration user.
        private_key: RSA key, PEM.
    """

    login_url: str
    consumer_key: str
    username: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Sign in as the user whom the app runs as.

    Attributes:
        login_url: the org's My Domain; ``login.salesforce.com`` does not serve this flow.
        consumer_key: of the External Client App.
        consumer_secret: of the External Client App.
    """

    login_url: str
    consumer_key: str
    consumer_secret: str = field(repr=False)


Credentials: TypeAlias = JwtBearer | ClientCredentials


@dataclass(frozen=True, slots=True)
class Token:
    """What a sign-in gave.

    Attributes:
        access_token: bearer token; it says nothing of its own end: it is good until a 401.
        instance_url: where the org's API is.
        organization_id: 18 characters.
        user_id: 18 characters, the integration user.
    """

    access_token: str = field(repr=False)
    instance_url: str
    organization_id: str
    user_id: str


def certificate_ends(pem: str) -> float:
    """When a certificate is good no longer, seconds since the epoch.

    Raises:
        ConfigurationError: it is no certificate.
    """
    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.timestamp()
    except ValueError as error:
        raise ConfigurationError("the certificate of the Salesforce app is no certificate in PEM") from error


def mint(session: requests.Session, credentials: Credentials, clock: Clock) -> Token:
    """Sign in.

    Raises:
        AccessDenied: Salesforce does not let this app or user in.
        ConfigurationError: the private key is no RSA key.
        Unavailable: Salesforce did not answer.
    """
    url = credentials.login_url.rstrip("/") + _TOKEN_PATH
    form = _assertion(credentials, clock) if isinstance(credentials, JwtBearer) else _secret(credentials)
    try:
        response = session.post(url, data=form)
    except requests.RequestException as error:
        raise translate(error) from error
    body = _json(response)
    if response.status_code >= 300 or not isinstance(body, dict):
        raise classify(response.status_code, body if body is not None else response.text)
    return _token(body)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError:
        if response.status_code < 300:
            raise Unavailable(f"the sign-in answered {response.status_code} without JSON") from None
        return None


def _assertion(credentials: JwtBearer, clock: Clock) -> dict[str, str]:
    claims = {
        "iss": credentials.consumer_key,
        "sub": credentials.username,
        "aud": credentials.login_url.rstrip("/"),
        "exp": int(clock.now()) + _ASSERTION_SECONDS,
    }
    try:
        assertion = jwt.encode(claims, credentials.private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise ConfigurationError(
            f"the private key of the Salesforce app is no RSA key in PEM ({type(error).__name__})"
        ) from error
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


def _secret(credentials: ClientCredentials) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": credentials.consumer_key,
        "client_secret": credentials.consumer_secret,
    }


def _token(body: dict[str, Any]) -> Token:
    """The answer names org and user in ``id``: ``https://login.salesforce.com/id/00D.../005...``."""
    parts = str(body.get("id", "")).rstrip("/").split("/")
    if len(parts) < 3 or not body.get("access_token") or not body.get("instance_url"):
        raise AccessDenied("the sign-in's answer lacks access_token, instance_url or id; give the app the scope 'id'")
    return Token(str(body["access_token"]), str(body["instance_url"]), id18(parts[-2]), id18(parts[-1]))
