"""Sign-in: JWT bearer and client credentials, opaque sessions that expire."""

import time
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from tests.integration.org.support import HOST, VERSION, OrgClient

CONSUMER = "3MVG9.simulated"


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """The app's private key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def app(org: OrgClient, key: rsa.RSAPrivateKey) -> OrgClient:
    """An org that knows the connected app."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    org.control("apps", {"consumerKey": CONSUMER, "consumerSecret": "right", "certificate": public})
    return org


def _token(org: OrgClient, form: dict[str, str], host: str = HOST) -> requests.Response:
    with org.session() as session:
        return session.post(f"https://{host}/services/oauth2/token", data=form)


def _assertion(key: rsa.RSAPrivateKey, **changes: Any) -> dict[str, str]:
    claims = {"iss": CONSUMER, "sub": "integration@example.com", "aud": "https://login.salesforce.com"}
    claims |= {"exp": int(time.time()) + 180} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return {"grant_type": grant, "assertion": jwt.encode(kept, key, algorithm="RS256")}


def test_simple_salesforce_signs_in_by_jwt(app: OrgClient, key: rsa.RSAPrivateKey) -> None:
    """Unmodified, but for the adapter of its session."""
    with app.session() as session:
        client = Salesforce(
            username="alice@example.com", consumer_key=CONSUMER, privatekey=_pem(key), version=VERSION, session=session
        )
        created = client.Account.create({"Name": "Acme"})
        owner = client.query("SELECT CreatedBy.Username FROM Account")["records"][0]["CreatedBy"]["Username"]
    assert (created["success"], owner, client.sf_instance) == (True, "alice@example.com", HOST)


def test_simple_salesforce_signs_in_by_client_credentials(app: OrgClient) -> None:
    """The app's own user is the integration user."""
    with app.session() as session:
        client = Salesforce(
            consumer_key=CONSUMER, consumer_secret="right", domain="simulated.my", version=VERSION, session=session
        )
        client.Account.create({"Name": "Acme"})
        owner = client.query("SELECT CreatedBy.Username FROM Account")["records"][0]["CreatedBy"]["Username"]
    assert owner == "integration@example.com"


def test_a_token_answer_has_no_expiry_and_no_refresh_token(app: OrgClient, key: rsa.RSAPrivateKey) -> None:
    """Access token, instance and identity; minted again when it has expired."""
    answer = _token(app, _assertion(key), "login.salesforce.com")
    assert set(answer.json()) == {"access_token", "scope", "instance_url", "id", "token_type"}
    assert answer.json()["instance_url"] == f"https://{HOST}"


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"iss": "another"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "nobody@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1}, "invalid_grant", "expired authorization code"),
        ({"exp": int(time.time()) + 7200}, "invalid_grant", "the assertion's exp is too far in the future"),
        ({"sub": None}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_wrong_claim_is_refused(
    app: OrgClient, key: rsa.RSAPrivateKey, changes: dict[str, Any], error: str, description: str
) -> None:
    """400 with Salesforce's form of an OAuth error."""
    answer = _token(app, _assertion(key, **changes))
    expected = {"error": error, "error_description": description}
    assert (answer.status_code, answer.json()) == (400, expected)


def test_a_foreign_signature_is_refused(app: OrgClient) -> None:
    """The right claims signed by another key."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert _token(app, _assertion(other)).json()["error_description"] == "invalid assertion"


@pytest.mark.parametrize(
    ("form", "host", "error"),
    [
        ({"client_id": CONSUMER, "client_secret": "wrong"}, HOST, "invalid_client"),
        ({"client_id": "another", "client_secret": "right"}, HOST, "invalid_client_id"),
        ({"client_id": CONSUMER, "client_secret": "right"}, "login.salesforce.com", "invalid_grant"),
    ],
)
def test_wrong_client_credentials_are_refused(app: OrgClient, form: dict[str, str], host: str, error: str) -> None:
    """A wrong secret, an unknown app, and a host that does not serve this flow."""
    answer = _token(app, {"grant_type": "client_credentials"} | form, host)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_simple_salesforce_reports_a_refused_sign_in(app: OrgClient) -> None:
    """Its own exception, with the error's code."""
    with app.session() as session, pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(consumer_key=CONSUMER, consumer_secret="wrong", domain="simulated.my", session=session)
    assert refused.value.code == "invalid_client"


def test_an_expired_session_is_a_401(app: OrgClient) -> None:
    """INVALID_SESSION_ID, as for a token that never was; the sessions of the start stay."""
    token = app.control("tokens", {"user": "bob"})["token"]
    with app.session() as session:
        client = Salesforce(session_id=token, instance_url=f"https://{HOST}", version=VERSION, session=session)
        client.Account.create({"Name": "a"})
        app.control("tokens/expire", {"user": "bob"})
        with pytest.raises(SalesforceExpiredSession) as expired:
            client.query("SELECT Id FROM Account")
    message = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert (expired.value.status, expired.value.content) == (401, message)
    app.control("tokens/expire", {"user": "alice"})
    fixed = {"Authorization": "Bearer fixed-session-of-alice"}
    assert app.http.get(f"{app.url}/services/data/v{VERSION}/limits", headers=fixed).status_code == 200
