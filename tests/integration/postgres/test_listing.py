"""All rows of a table, page by page, within the mapping's filter."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from chalicelib.core.errors import TwinledgerError
from chalicelib.core.mapping import Field, Kind, ObjectMapping
from chalicelib.core.model import PrimaryKey
from chalicelib.postgres import listing
from chalicelib.postgres.connection import Connection
from chalicelib.postgres.listing import RowListing
from tests.integration.postgres.sample import account, mapping

PLACE = mapping(
    "place",
    "crm.place",
    [("n", "integer"), ("at", "timestamp with time zone")],
    [Field("Name", "name", Kind.TEXT, "text")],
)
SFID = "001000000000001AAA"


@pytest.fixture
def places(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Five rows whose key has two columns; pages of two."""
    owner.execute("CREATE TABLE crm.place (n int, at timestamptz, name text, sfid varchar(18), PRIMARY KEY (n, at))")
    rows = (
        (10, "2026-01-02", "50%", None),
        (9, "2026-01-03", "b", ""),
        (9, "2026-01-02", "c", SFID[:15]),
        (10, "2026-01-01", "d", SFID),
        (11, "2026-01-01", None, None),
    )
    for row in rows:
        owner.execute("INSERT INTO crm.place VALUES (%s, %s, %s, %s)", row)
    monkeypatch.setattr(listing, "PAGE", 2)
    yield owner
    owner.execute("DROP TABLE crm.place")


def all_of(found: RowListing, asked: ObjectMapping) -> list[tuple[PrimaryKey, str | None]]:
    """Every page."""
    rows: list[tuple[PrimaryKey, str | None]] = []
    while page := found.after(asked, rows[-1][0] if rows else ()):
        rows += page
    return rows


def test_every_row_is_listed_once(places: Connection) -> None:
    """By the key's own order, with its link in 18 characters; whatever the page."""
    found = RowListing(places)
    first, second, third = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
    assert all_of(found, PLACE) == [
        (("9", second), SFID),
        (("9", third), None),
        (("10", first), SFID),
        (("10", second), None),
        (("11", first), None),
    ]
    assert found.count(PLACE) == 5


def test_only_what_matches_is_listed(places: Connection) -> None:
    """A filter may name its table, and have a percent sign; null does not match."""
    filtered = replace(PLACE, sql="place.name LIKE '5%' OR name = 'd'")
    found = RowListing(places)
    assert ([pk[0] for pk, _ in all_of(found, filtered)], found.count(filtered)) == (["10", "10"], 2)


def test_what_the_database_refuses_is_ours(owner: Connection) -> None:
    """A table that is gone, for one."""
    gone = replace(account, table="crm.gone")
    with pytest.raises(TwinledgerError) as refused:
        RowListing(owner).count(gone)
    assert isinstance(refused.value.__cause__, psycopg.Error)
