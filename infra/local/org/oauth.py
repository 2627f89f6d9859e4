"""The token endpoint: JWT bearer and client credentials (Salesforce Help: "OAuth Authorization Flows")."""

import time
from typing import TYPE_CHECKING, Any

import jwt

from infra.local.org.calls import Answer
from infra.local.org.configuration import ConnectedApp
from infra.local.org.users import User

if TYPE_CHECKING:
    from infra.local.org.state import Org

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLIENT_CREDENTIALS = "client_credentials"
_SCOPE = "id api"


def refused(error: str, description: str, status: int = 400) -> Answer:
    """Salesforce's form of an OAuth error."""
    return Answer(status, {"error": error, "error_description": description}, {"Cache-Control": "no-store"})


def token(org: "Org", form: dict[str, str], basic: tuple[str, str] | None, host: str) -> Answer:
    """Answer ``POST /services/oauth2/token``."""
    grant = form.get("grant_type")
    if grant == JWT_BEARER:
        return _jwt_bearer(org, form.get("assertion", ""), host)
    if grant == _CLIENT_CREDENTIALS:
        consumer, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        return _client_credentials(org, consumer, secret, host)
    return refused("unsupported_grant_type", "grant type not supported")


def _app(org: "Org", consumer_key: str) -> ConnectedApp | None:
    return next((app for app in org.apps if app.consumer_key == consumer_key), None)


def _client_credentials(org: "Org", consumer: str, secret: str, host: str) -> Answer:
    if host in {"login.salesforce.com", "test.salesforce.com"}:
        return refused("invalid_grant", "request not supported on this domain")
    app = _app(org, consumer)
    if app is None:
        return refused("invalid_client_id", "client identifier invalid")
    if app.consumer_secret is None or app.consumer_secret != secret:
        return refused("invalid_client", "invalid client credentials")
    return _granted(org, org.users[app.run_as], host)


def _jwt_bearer(org: "Org", assertion: str, host: str) -> Answer:
    try:
        app, claims = _verified(org, assertion)
    except jwt.InvalidTokenError:
        return refused("invalid_grant", "invalid assertion")
    if app is None:
        return refused("invalid_client_id", "client identifier invalid")
    problem = _claims_problem(org, claims, host)
    if problem:
        return refused("invalid_grant", problem)
    user = next((u for u in org.users.values() if u.username.lower() == str(claims["sub"]).lower()), None)
    if user is None:
        return refused("invalid_grant", "user hasn't approved this consumer")
    return _granted(org, user, host)


def _verified(org: "Org", assertion: str) -> tuple[ConnectedApp | None, dict[str, Any]]:
    """The app that an assertion names and its claims, once the signature holds."""
    unverified: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    app = _app(org, str(unverified.get("iss", "")))
    if app is None or app.public_key is None:
        return None, {}
    options: Any = {"verify_aud": False, "verify_exp": False, "require": ["iss", "sub", "aud", "exp"]}
    return app, jwt.decode(assertion, app.public_key, algorithms=["RS256"], options=options)


def _claims_problem(org: "Org", claims: dict[str, Any], host: str) -> str | None:
    audience = str(claims["aud"]).rstrip("/")
    my_domain = audience.startswith("https://") and audience.endswith(".my.salesforce.com")
    if not my_domain and audience not in {*org.configuration.login_hosts, f"https://{host}"}:
        return "audience is invalid"
    expires, now = float(claims["exp"]), time.time()
    if expires < now:
        return "expired authorization code"
    return "the assertion's exp is too far in the future" if expires > now + 600 else None


def _granted(org: "Org", user: User, host: str) -> Answer:
    instance = f"https://{host}" if host.endswith(".my.salesforce.com") else org.configuration.instance_url
    body = {
        "access_token": org.tokens.issue(user.name, org.org_id),
        "scope": _SCOPE,
        "instance_url": instance,
        "id": f"https://login.salesforce.com/id/{org.org_id}/{user.user_id}",
        "token_type": "Bearer",
    }
    return Answer(200, body, {"Cache-Control": "no-store"})


def identity(org: "Org", user: User, base: str) -> dict[str, Any]:
    """The identity URL's answer and that of ``userinfo``."""
    return {
        "sub": f"{base}/id/{org.org_id}/{user.user_id}",
        "id": f"{base}/id/{org.org_id}/{user.user_id}",
        "user_id": user.user_id,
        "organization_id": org.org_id,
        "preferred_username": user.username,
        "username": user.username,
        "display_name": user.name.title(),
        "name": user.name.title(),
        "email": user.username,
        "user_type": "STANDARD",
        "active": True,
        "is_app_installed": True,
        "language": "en_US",
        "locale": "en_US",
        "urls": {
            "rest": f"{base}/services/data/v{{version}}/",
            "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
        },
    }
