"""The database's address with a token for its password."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from chalicelib.core.errors import ConfigurationError
from chalicelib.postgres.address import with_token


def sign(host: str, port: int, user: str) -> str:
    """A token that says what it is for."""
    return f"token of {user} at {host}:{port}"


@pytest.mark.parametrize(
    ("dsn", "port"),
    [
        ("postgresql://app@db.example.com/crm?application_name=x", 5432),
        ("postgresql://app:old@db.example.com:6543/crm?application_name=x", 6543),
        ("host=db.example.com user=app dbname=crm application_name=x", 5432),
    ],
)
def test_a_token_takes_the_passwords_place(dsn: str, port: int) -> None:
    """Whatever else the address says stays."""
    found = conninfo_to_dict(with_token(dsn, sign))

    assert found["password"] == f"token of app at db.example.com:{port}"
    assert (found["host"], found["dbname"], found["application_name"]) == ("db.example.com", "crm", "x")


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("postgresql://", "names one host, a user"),
        ("postgresql://app@/crm", "names one host, a user"),
        ("postgresql://db.example.com/crm", "names one host, a user"),
        ("host=a,b port=1,2 user=app", "at most one port"),
        ("postgresql://app@[", "cannot be parsed"),
    ],
)
def test_an_address_that_a_token_cannot_be_signed_for(dsn: str, said: str) -> None:
    """With the form that it has to have, and without what stands in it."""
    with pytest.raises(ConfigurationError, match=said):
        with_token(dsn, sign)
