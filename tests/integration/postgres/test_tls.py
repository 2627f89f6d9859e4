"""Connections to a server with TLS: its certificate is verified, and what is wrong with it is one clear line."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.core.errors import ConfigurationError
from chalicelib.postgres import connection
from chalicelib.postgres.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.local.postgres import Cluster

NAME = "db.twinledger.test"


@dataclass(frozen=True)
class Authority:
    """Who signs certificates."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls, name: str) -> Authority:
        """A new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key).add_extension(x509.BasicConstraints(True, None), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def server(self, name: str) -> tuple[bytes, bytes]:
        """Certificate and key of a server, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = _builder(subject, self.certificate.subject, key).add_extension(alternative, critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private

    def file(self, folder: Path) -> Path:
        """Its certificate in a file."""
        path = folder / "ca.pem"
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Who has signed the server's certificate."""
    return Authority.made("One")


class Front(socketserver.BaseRequestHandler):
    """TLS before the real server, whose own build has none (PostgreSQL manual, "SSL Session Encryption")."""

    server: Fronting

    def handle(self) -> None:
        """Take the client's wish for TLS, and pass on what comes after."""
        assert len(self.request.recv(8)) == 8
        self.request.sendall(b"S")
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self.server.behind)) as upstream,
        ):
            back = threading.Thread(target=_pass, args=(upstream, client), daemon=True)
            back.start()
            _pass(client, upstream)
            back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Fronting(socketserver.ThreadingTCPServer):
    """Listens before a server.

    Args:
        behind: the real server's port.
        context: with a certificate.
    """

    daemon_threads = True

    def __init__(self, behind: int, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Front)
        self.behind, self.context = behind, context


@pytest.fixture(scope="module")
def port(cluster: Cluster, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the server is reached with TLS."""
    folder = tmp_path_factory.mktemp("server")
    for name, content in zip(("crt", "key"), authority.server(NAME), strict=True):
        (folder / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    assert cluster.port is not None
    with Fronting(cluster.port, context) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield front.server_address[1]
        front.shutdown()


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on this machine, and is taken for one that is not."""
    monkeypatch.setattr(connection, "is_local", lambda _host: False)


def address(cluster: Cluster, authorities: Path | None, name: str = NAME, **more: str | int) -> str:
    """The server by a name."""
    parts = psycopg.conninfo.conninfo_to_dict(cluster.dsn)
    found = {**parts, "host": name, "hostaddr": "127.0.0.1", **more}
    return psycopg.conninfo.make_conninfo("", **found, **({"sslrootcert": str(authorities)} if authorities else {}))


def test_a_server_that_is_who_it_says_is_connected_to(
    cluster: Cluster, port: int, authority: Authority, tmp_path: Path
) -> None:
    """By the authority that the address names, and encrypted."""
    with connect(address(cluster, authority.file(tmp_path), port=port), "tests") as made:
        assert made.execute("SELECT 1").fetchone() == (1,)
        assert made.pgconn.ssl_in_use


REFUSALS = {
    "authority": "certificate verify failed",
    "system": "certificate verify failed",
    "name": f'server certificate for "{NAME}" does not match host name "other.twinledger.test"',
}


@pytest.mark.parametrize("wrong", REFUSALS)
def test_a_server_that_is_not_is_refused(
    cluster: Cluster, port: int, authority: Authority, tmp_path: Path, wrong: str
) -> None:
    """Another authority than the address names, one that nobody knows, or another name: one line with its remedy."""
    signer = Authority.made("Other") if wrong == "authority" else authority
    known = None if wrong == "system" else signer.file(tmp_path)
    name = "other.twinledger.test" if wrong == "name" else NAME
    with pytest.raises(ConfigurationError) as raised:
        connect(address(cluster, known, name, port=port), "tests")
    text = str(raised.value)
    assert REFUSALS[wrong] in text
    assert "\n" not in text
    assert "sslrootcert=FILE" in text
    assert cluster.passwords["twinledger"] not in text


def test_a_server_without_tls_is_refused(cluster: Cluster, authority: Authority, tmp_path: Path) -> None:
    """Unless the address says that it may do without: nothing is sent in the clear by mistake."""
    with pytest.raises(ConfigurationError, match=r"does not support SSL.*sslmode") as raised:
        connect(address(cluster, authority.file(tmp_path)), "tests")
    assert "\n" not in str(raised.value)
    connect(address(cluster, None, sslmode="disable"), "tests").close()
