"""Connection parameters: what the DSN says goes, and what it leaves open is safe."""

import ssl

import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.postgres.connection import connect, is_local, parameters


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", True),
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("/var/run/postgresql", True),
        ("@abstract", True),
        ("db.example.com", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("128.0.0.1", False),
    ],
)
def test_local(host: str, expected: bool) -> None:
    """This machine, or another."""
    assert is_local(host) is expected


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://db.example.com/x", "verify-full"),
        ("host=127.0.0.1,db.example.com dbname=x", "verify-full"),
        ("host=localhost hostaddr=10.0.0.1", "verify-full"),
        ("postgresql://db.example.com/x?sslmode=require", "require"),
        ("postgresql://127.0.0.1/x", None),
        ("dbname=x", None),
    ],
)
def test_encryption(dsn: str, expected: str | None) -> None:
    """Another machine is verified, unless the DSN says otherwise."""
    assert parameters(dsn, "tests").get("sslmode") == expected


def test_certificates_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's certificates count, unless the DSN names others."""
    paths = ssl.get_default_verify_paths()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(cafile=None))
    assert parameters("host=db.example.com", "tests")["sslrootcert"] == "system"
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(cafile="all.pem"))
    assert parameters("host=db.example.com", "tests")["sslrootcert"] == "all.pem"
    assert parameters("host=db.example.com sslrootcert=rds.pem", "tests")["sslrootcert"] == "rds.pem"


def test_the_dsn_goes_first() -> None:
    """Timeouts, name and options of the DSN are kept."""
    dsn = "host=127.0.0.1 connect_timeout=1 application_name=other options='-c work_mem=1MB' keepalives_idle=9"
    found = parameters(dsn, "tests", "-c x=1")
    names = ("connect_timeout", "application_name", "options", "keepalives_idle", "keepalives_count")
    assert [found[name] for name in names] == ["1", "other", "-c work_mem=1MB", "9", 3]
    assert parameters("", "tests", "-c x=1")["options"] == "-c x=1"


def test_dsn_that_cannot_be_parsed() -> None:
    """A DSN that makes no sense is a wrong setting."""
    with pytest.raises(ConfigurationError):
        connect("host", "tests")
