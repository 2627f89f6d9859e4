"""Tokens of RDS, as boto3 signs them without asking anybody."""

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from chalicelib.aws.database_tokens import token
from chalicelib.core.errors import AccessDenied

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "region_name": "eu-central-1"}


def test_a_token_is_signed_for_one_user_of_one_database() -> None:
    """Good for a quarter of an hour."""
    made = urlsplit(f"https://{token('db.example.com', 5433, 'app', boto3.client('rds', **KEYS))}")
    asked = parse_qs(made.query)

    assert made.netloc == "db.example.com:5433"
    assert (asked["Action"], asked["DBUser"], asked["X-Amz-Expires"]) == (["connect"], ["app"], ["900"])
    assert "eu-central-1/rds-db/aws4_request" in asked["X-Amz-Credential"][0]


def test_without_credentials_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person has to act; the message tells no more than the kind."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    client = boto3.session.Session().client("rds", region_name="eu-central-1")

    with pytest.raises(AccessDenied, match="no token for the database could be signed: NoCredentialsError"):
        token("db.example.com", 5432, "app", client)
