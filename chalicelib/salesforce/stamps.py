"""Salesforce's datetimes: whole seconds, in REST's spelling and SOAP's."""

from datetime import UTC, datetime


def seconds(stamp: str) -> int:
    """A datetime of REST's (``2026-11-24T01:02:03.000+0000``) or SOAP's (``...000Z``) as seconds since the epoch.

    Raises:
        ValueError: it is none.
    """
    found = datetime.fromisoformat(stamp)
    if found.tzinfo is None:
        raise ValueError("a datetime without a zone")
    return int(found.timestamp())


def rest_stamp(at: float) -> str:
    """Seconds since the epoch as REST spells them."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
