"""A record that a user's slow transaction holds: it and what is written with it are put off, and none is lost."""

import threading

from chalicelib.settings import Lane
from tests.integration.application.conftest import World


def test_what_a_held_record_keeps_waiting_arrives(installed: World) -> None:
    """One call refuses all of its object's updates; both edits of each record are on both sides in the end."""
    names = ("Held", "Beside")
    for name in names:
        installed.database.execute("INSERT INTO account (name) VALUES (%s)", (name,))

    def linked() -> dict[str, str]:
        found = installed.database.execute("SELECT name, sfid FROM account WHERE sfid IS NOT NULL").fetchall()
        return {name: sfid for name, sfid in found if name in names}

    installed.until(lambda: len(linked()) == 2)
    installed.until(lambda: all(installed.wiring.receipts(lane).waiting() == 0 for lane in Lane))
    ids = linked()
    installed.org.control("POST", "settings", {"lockWaitSeconds": 0.05})
    held = {"operation": "update", "recordId": ids["Held"], "user": "alice", "commitMs": 1500}
    installed.org.control("POST", "faults", held)
    change = (f"sobjects/Account/{ids['Held']}", {"Website": "held.example"})
    holder = threading.Thread(target=installed.org.user, args=("PATCH", *change))
    holder.start()
    while not installed.org.control("GET", "stats")["openTransactions"]:
        pass
    installed.database.execute("UPDATE account SET phone = '1' WHERE name IN ('Held', 'Beside')")
    timeouts = installed.org.control("GET", "stats")["locks"]["timeouts"]
    installed.until(lambda: {installed.record(sfid)["Phone"] for sfid in ids.values()} == {"1"})
    holder.join()
    assert installed.org.control("GET", "stats")["locks"]["timeouts"] > timeouts
    installed.until(lambda: installed.column("website", ids["Held"]) == "held.example")
    assert installed.wiring.archive.open_issues() == []
