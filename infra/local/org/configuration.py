"""What the org is started with: users, connected apps, objects, deliveries and settings."""

from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from infra.local.org.ids import IdFactory
from infra.local.org.users import User

MARKERS = ("Twinledger_Key__c", "Twinledger_Op__c")
_DEFAULT_USERS: dict[str, dict[str, Any]] = {
    "integration": {"username": "integration@example.com", "readOnly": []},
    "alice": {"username": "alice@example.com"},
    "bob": {"username": "bob@example.com"},
    "automation": {"username": "automation@example.com", "readOnly": []},
}
_KEYS = frozenset(
    {"users", "apps", "objects", "outboundMessages", "events", "settings", "sandbox", "loginHosts", "instanceUrl"}
)


@dataclass(frozen=True)
class ConnectedApp:
    """An OAuth client; ``public_key`` verifies its JWTs, ``run_as`` is its client-credentials user."""

    consumer_key: str
    consumer_secret: str | None = None
    public_key: RSAPublicKey | None = None
    run_as: str = "integration"


@dataclass
class Configuration:
    """The state to which a reset returns."""

    apps: list[ConnectedApp] = field(default_factory=list)
    user_specs: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(_DEFAULT_USERS))
    tokens: dict[str, str] = field(default_factory=dict)
    objects: list[dict[str, Any]] = field(default_factory=list)
    outbound_messages: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    sandbox: bool = False
    instance_url: str = "https://simulated.my.salesforce.com"
    login_hosts: tuple[str, ...] = ("https://login.salesforce.com", "https://test.salesforce.com")

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Configuration":
        """Read a start-up file.

        Raises:
            ValueError: a key is unknown, or a certificate or public key cannot be read.
        """
        unknown = set(raw) - _KEYS
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(_KEYS)}")
        specs = dict(_DEFAULT_USERS)
        for name, spec in raw.get("users", {}).items():
            specs[name] = specs.get(name, {}) | spec
        configuration = cls(
            user_specs=specs,
            tokens={spec["token"]: name for name, spec in specs.items() if spec.get("token")},
            objects=list(raw.get("objects", [])),
            outbound_messages=list(raw.get("outboundMessages", [])),
            events=dict(raw.get("events", {})),
            settings=dict(raw.get("settings", {})),
            sandbox=bool(raw.get("sandbox", False)),
            instance_url=str(raw.get("instanceUrl", cls.instance_url)),
        )
        if raw.get("loginHosts"):
            configuration.login_hosts = tuple(raw["loginHosts"])
        for app in raw.get("apps", []):
            configuration.apps.append(parse_app(app))
        return configuration

    def users(self, ids: IdFactory) -> list[User]:
        """The users, with ids in the order of their definition."""
        return [parse_user(name, spec, ids.next("005")) for name, spec in self.user_specs.items()]


def parse_app(raw: dict[str, Any]) -> ConnectedApp:
    """Read a connected app ``{consumerKey, consumerSecret?, certificate?, runAs?}``; the certificate is PEM text.

    Raises:
        ValueError: the certificate holds no RSA key.
    """
    pem = raw.get("certificate")
    return ConnectedApp(
        raw["consumerKey"],
        raw.get("consumerSecret"),
        public_key(pem.encode()) if pem else None,
        raw.get("runAs", "integration"),
    )


def public_key(pem: bytes) -> RSAPublicKey:
    """The RSA key of a PEM certificate or a PEM public key.

    Raises:
        ValueError: the PEM holds no RSA key.
    """
    certificate = b"BEGIN CERTIFICATE" in pem
    key = load_pem_x509_certificate(pem).public_key() if certificate else load_pem_public_key(pem)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the certificate holds no RSA key")  # noqa: TRY004 - the file's content is wrong
    return key


def parse_user(name: str, raw: dict[str, Any], user_id: str) -> User:
    """Read a user ``{username, hidden?, readOnly?, readOnlyObjects?}``; fields are ``Object.Field`` or ``*.Field``.

    Without ``readOnly`` the two marker fields are read-only, as the deployed permission set has it.
    """
    read_only = raw.get("readOnly", [f"*.{marker}" for marker in MARKERS])
    return User(
        name,
        user_id,
        raw.get("username", f"{name}@example.com"),
        frozenset(_split(path) for path in raw.get("hidden", [])),
        frozenset(_split(path) for path in read_only),
        frozenset(raw.get("readOnlyObjects", [])),
    )


def _split(path: str) -> tuple[str, str]:
    object_name, _, field_name = path.partition(".")
    if not field_name:
        raise ValueError(f"a field permission is Object.Field or *.Field, not {path!r}")
    return object_name, field_name
