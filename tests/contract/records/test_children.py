"""Who refers to a record."""

import pytest

from chalicelib.core.mapping import Reference
from chalicelib.core.model import SalesforceId
from chalicelib.salesforce import reader, soql
from tests.contract.record_bench import CONTACT, Bench

REFERENCES = (Reference(CONTACT, CONTACT.by_name["AccountId"]),)


def families(bench: Bench, *sizes: int) -> dict[str, list[SalesforceId]]:
    """Accounts with so many contacts each."""
    found = {}
    for size in sizes:
        parent = bench.add("Account", {"Name": "Acme"})
        found[parent] = [
            SalesforceId("Contact", bench.add("Contact", {"LastName": "Lee", "AccountId": parent})) for _ in range(size)
        ]
    return found


def test_the_children_of_each_are_found(bench: Bench) -> None:
    """In the order asked; those in the recycle bin do not count."""
    found = families(bench, 2, 0, 3)
    gone = next(iter(found.values())).pop()
    bench.delete("Contact", gone.id)

    assert list(found.values()) == [sorted(each, key=lambda one: one.id) for each in ask(bench, *found)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_parent_with_many_children_hides_no_other(bench: Bench, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of its own are left out at most."""
    monkeypatch.setattr(soql, "CHILDREN_LIMIT", limit)
    monkeypatch.setattr(reader, "CHILDREN_LIMIT", limit)
    found = families(bench, 4, 1, 0)

    told = ask(bench, *found)

    assert [bool(each) for each in told] == [True, True, False]
    assert all(set(each) <= set(mine) for each, mine in zip(told, found.values(), strict=True))


def ask(bench: Bench, *parents: str) -> list[list[SalesforceId]]:
    """What the port says."""
    return [list(each) for each in bench.records.children(REFERENCES, parents)]
