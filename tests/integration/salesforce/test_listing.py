"""All records of an object, page by page, within the mapping's filter."""

from dataclasses import replace

import pytest

from chalicelib.core.mapping import ObjectMapping
from chalicelib.salesforce import listing
from chalicelib.salesforce.listing import RecordListing
from chalicelib.salesforce.reader import Reader
from tests.contract.live_bench import Org
from tests.contract.record_bench import ACCOUNT

FILTERED = replace(ACCOUNT, soql="Name = 'A1' OR Name = 'A3'")


@pytest.fixture
def ids(org: Org, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five accounts, and one in the recycle bin; pages of two, which the org gives one by one."""
    made = [org.user("POST", "sobjects/Account", {"Name": f"A{number}"}).json()["id"] for number in range(6)]
    org.user("DELETE", f"sobjects/Account/{made[5]}")
    org.control("POST", "settings", {"queryPageSize": 1})
    monkeypatch.setattr(listing, "PAGE", 2)
    return made[:5]


def all_of(found: RecordListing, mapping: ObjectMapping) -> list[str]:
    """Every page."""
    ids: list[str] = []
    while page := found.after(mapping, ids[-1] if ids else ""):
        ids += page
    return ids


def test_every_record_is_listed_once(org: Org, ids: list[str]) -> None:
    """In the order of ids; the recycle bin is left out."""
    client = org.client()
    found = RecordListing(client, Reader(client))
    assert (all_of(found, ACCOUNT), found.count(ACCOUNT)) == (sorted(ids), 5)


def test_only_what_matches_is_listed(org: Org, ids: list[str]) -> None:
    """A filter of several parts holds as a whole."""
    client = org.client()
    found = RecordListing(client, Reader(client))
    assert (all_of(found, FILTERED), found.count(FILTERED)) == ([ids[1], ids[3]], 2)


@pytest.mark.parametrize("filtered", [False, True])
def test_which_of_many_are_there(org: Org, ids: list[str], filtered: bool) -> None:
    """Alive, and in the filter where there is one; nothing is asked about nothing."""
    client = org.client()
    found = RecordListing(client, Reader(client))
    asked = [*ids, "001000000000001AAA"]
    assert found.present(FILTERED if filtered else ACCOUNT, asked) == set([ids[1], ids[3]] if filtered else ids)
    assert found.present(ACCOUNT, []) == set()
