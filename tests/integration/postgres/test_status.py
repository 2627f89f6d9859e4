"""What the database shows of capture and relay."""

import psycopg
import pytest

from chalicelib.core.errors import ConfigurationError
from chalicelib.postgres.capture import LEADER_KEY
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.identity import identity
from chalicelib.postgres.status import CaptureStatus, capture_status
from tests.integration.postgres.relay_kit import insert
from tests.integration.postgres.sample import open_database


def test_what_waits_is_counted_and_its_age_told(owner: Connection, app: Connection) -> None:
    """From the oldest on."""
    quiet = capture_status(owner)
    assert quiet == CaptureStatus(identity(owner), 0, 0.0, relayed=False)
    insert(app, 3)
    owner.execute("UPDATE twinledger.outbox SET edited_at = edited_at - interval '1 hour'")
    insert(app)
    found = capture_status(owner)
    assert (found.depth, int(found.age) // 3600) == (4, 1)


def test_a_relay_is_seen_by_its_lock(owner: Connection, dsn: str) -> None:
    """Whichever session has it; the same lock in another database is another one's."""
    with open_database(dsn) as relay:
        relay.execute("SELECT pg_advisory_lock(%s)", (LEADER_KEY,))
        assert capture_status(owner).relayed
        with psycopg.connect(dsn, dbname="postgres", autocommit=True) as other:
            relay.execute("SELECT pg_advisory_unlock(%s)", (LEADER_KEY,))
            other.execute("SELECT pg_advisory_lock(%s)", (LEADER_KEY,))
            assert not capture_status(owner).relayed


def test_a_database_without_an_outbox_says_so(owner: Connection) -> None:
    """It was taken away, perhaps by hand."""
    owner.execute("ALTER TABLE twinledger.outbox RENAME TO gone")
    try:
        with pytest.raises(ConfigurationError, match=r"manage\.py install"):
            capture_status(owner)
    finally:
        owner.execute("ALTER TABLE twinledger.gone RENAME TO outbox")
