"""The Apex writer where a user's slow transaction holds a record."""

import threading

from chalicelib.core.errors import RecordLocked
from chalicelib.core.ports import Failed, RecordQuery, RecordWrite, RecordWritten, Stale, WriteKind
from tests.contract.live_bench import Org
from tests.contract.record_bench import CONTACT
from tests.integration.salesforce.writers_kit import apex_of


def test_one_held_row_holds_its_object_s_others_back_for_one_call(org: Org) -> None:
    """The class's query does not say which row was not free; creates go on, and the next call writes the rest."""
    org.control("POST", "settings", {"lockWaitSeconds": 0.05})
    ids = [org.user("POST", "sobjects/Contact", {"LastName": "Old"}).json()["id"] for _ in range(2)]
    records = apex_of(org.client())
    seen = records.read([RecordQuery(CONTACT, record_id) for record_id in ids])
    changes = [
        RecordWrite(CONTACT, WriteKind.UPDATE, f"key-{place}", f"op-{place}", record, {"LastName": "New"})
        for place, record in enumerate(seen)
    ]
    create = RecordWrite(CONTACT, WriteKind.CREATE, "key-9", "op-9", None, {"LastName": "Made"})
    org.control("POST", "faults", {"operation": "update", "recordId": ids[0], "user": "alice", "commitMs": 600})
    holder = threading.Thread(target=org.user, args=("PATCH", f"sobjects/Contact/{ids[0]}", {"LastName": "Hers"}))
    holder.start()
    while not org.control("GET", "stats")["openTransactions"]:
        pass
    held, other, made = records.write([*changes, create])
    assert [RecordLocked] * 2 == [type(one.error) for one in (held, other) if isinstance(one, Failed)]
    assert isinstance(made, RecordWritten)
    holder.join()
    assert [Stale, RecordWritten] == [type(outcome) for outcome in records.write(changes)]
