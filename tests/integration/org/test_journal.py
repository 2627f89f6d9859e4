"""The journal: what an org that was killed goes on with."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.org.support import OrgClient, eventually, start_org
from tests.integration.org.test_outbound import NS, Listener

Start = Callable[[], OrgClient]
NOWHERE = "http://127.0.0.1:9/hook"


class Killable:
    """Starts an org on one journal, again and again; a running one is killed first."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._process: subprocess.Popen[str] | None = None
        self._client: OrgClient | None = None

    def __call__(self) -> OrgClient:
        """The org, started anew."""
        self.kill()
        self._process, port = start_org("--journal", str(self.journal))
        self._client = OrgClient(port)
        return self._client

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._process is not None and self._client is not None:
            self._client.http.close()
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Killable]:
    """An org of this test's own."""
    found = Killable(tmp_path / "org" / "journal")
    yield found
    found.kill()


def _create(org: OrgClient, **values: Any) -> str:
    created: str = org.call("POST", "sobjects/Contact", {"LastName": "x"} | values).json()["id"]
    return created


def _name(org: OrgClient, record_id: str) -> Any:
    return org.call("GET", f"sobjects/Contact/{record_id}?fields=LastName,SystemModstamp").json()


def test_records_outlive_a_kill(start: Start) -> None:
    """Every answered write is there, with its stamp; ids go on; what was in the bin comes back from it."""
    org = start()
    account = org.call("POST", "sobjects/Account", {"Name": "A"}).json()["id"]
    kept, binned, purged = (_create(org, AccountId=account) for _ in range(3))
    org.call("PATCH", f"sobjects/Contact/{kept}", {"LastName": "later"})
    for record in (binned, purged):
        org.call("DELETE", f"sobjects/Contact/{record}")
    org.control("purge", {"ids": [purged]})
    org.control("touch", {"ids": [account], "values": {"Phone": "9"}, "stamp": False})
    before = _name(org, kept)
    again = start()
    assert _name(again, kept) == before
    assert again.call("GET", f"sobjects/Contact/{binned}").json()[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert again.call("GET", f"sobjects/Contact/{purged}").json()[0]["errorCode"] == "NOT_FOUND"
    assert again.control("undelete", {"ids": [binned]})["results"][0]["errors"] == []
    assert again.call("GET", f"sobjects/Account/{account}?fields=Phone").json()["Phone"] == "9"
    assert _create(again) not in {kept, binned, purged}
    # the index of parents was built again: an account's deletion takes its contacts with it
    assert again.call("DELETE", f"sobjects/Account/{account}").status_code == 204
    assert again.call("GET", f"sobjects/Contact/{kept}").json()[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_the_set_up_outlives_a_kill(start: Start) -> None:
    """Objects with their key prefix and rows, users with their ids, rules, settings, deliveries."""
    org = start()
    org.control("objects", {"name": "Invoice__c", "fields": {"Amount__c": {"type": "currency"}}})
    invoice = org.call("POST", "sobjects/Invoice__c", {"Name": "I", "Amount__c": 2}).json()["id"]
    _create(org)
    org.control("users", {"name": "carol"})
    org.control("automation", {"object": "Contact", "when": "both", "timing": "before", "set": "LastName",
                               "action": "upper"})  # fmt: skip
    org.control("settings", {"queryPageSize": 300})
    org.control("outbound-messages", {"object": "Contact", "url": NOWHERE})
    org.control("cdc", {"entities": ["Contact"]})
    users = org.control("users", method="GET")
    again = start()
    assert again.call("GET", f"sobjects/Invoice__c/{invoice}").json()["Amount__c"] == 2
    assert again.control("users", method="GET") == users
    assert _name(again, _create(again, LastName="small"))["LastName"] == "SMALL"
    assert again.control("settings", method="GET")["queryPageSize"] == 300
    assert [one["url"] for one in again.control("outbound-messages", method="GET")] == [NOWHERE]
    assert again.control("cdc", method="GET")["entities"] == ["Contact"]


def test_what_was_not_delivered_is_delivered(start: Start) -> None:
    """Once each: messages with the ids that they had, and events; nothing that was acknowledged comes again."""
    listener = Listener()
    org = start()
    wired = {"object": "Contact", "url": listener.url, "fields": ["LastName"]}
    org.control("outbound-messages", wired)
    org.control("cdc", {"entities": ["Contact"], "sink": {"type": "http", "url": NOWHERE}})
    _create(org, LastName="before")
    eventually(lambda: org.stats()["outbound"].get("delivered"))
    org.control("faults", {"operation": "outbound", "errorCode": "SERVER_UNAVAILABLE", "times": None})
    waiting = _create(org, LastName="waiting")
    eventually(lambda: org.stats()["outbound"].get("refused by fault"))
    again = start()
    told = eventually(lambda: listener.notifications()[1:])
    assert [one.findtext(".//sf:Id", None, NS) for one in told] == [waiting]
    _create(again)
    eventually(lambda: listener.notifications()[2:])
    ids = [one.findtext("o:Id", None, NS) for one in listener.notifications()]
    assert len(set(ids)) == len(ids) == 3
    events = Listener()
    again.control("cdc", {"sink": {"type": "http", "url": events.url}})
    eventually(lambda: len(events.bodies) == 3)
    third = start()
    assert eventually(lambda: third.control("health", method="GET"))["status"] == "ready"
    assert third.stats()["events"]["pending"] == sum(one["pending"] for one in third.stats()["outbound"]["queues"]) == 0
    for each in (listener, events):
        each.close()


def test_a_line_that_was_not_finished_is_cut_off(start: Killable) -> None:
    """The org goes on with what came before it, and writes after that."""
    org = start()
    first = _create(org, LastName="first")
    start.kill()
    with start.journal.open("ab") as file:
        file.write(b'{"rows": {"003')
    again = start()
    second = _create(again, LastName="second")
    third = start()
    assert [_name(third, record)["LastName"] for record in (first, second)] == ["first", "second"]


def test_a_reset_forgets_the_journal(start: Start) -> None:
    """It returns to the start, also after a kill."""
    org = start()
    record = _create(org)
    org.control("reset")
    assert start().call("GET", f"sobjects/Contact/{record}").status_code == 404


def test_without_a_journal_nothing_is_kept() -> None:
    """A test's org begins anew."""
    process, port = start_org()
    org = OrgClient(port)
    _create(org)
    assert org.stats()["records"] == {"create": 1}
    org.http.close()
    process.terminate()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()
