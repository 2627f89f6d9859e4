"""Whether every contact is on each side once, as a pure function of what is seen from outside."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.chaos.users import Made


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts as both sides show them.

    Attributes:
        rows: e-mail address and `sfid` of each row.
        records: e-mail address, id and Twinledger_Key__c of each live record.
    """

    rows: Sequence[tuple[str | None, str | None]]
    records: Sequence[tuple[str | None, str, str | None]]


def unpaired(contacts: Contacts, made: Sequence[Made]) -> Iterator[str]:
    """What does not hold, a line each."""
    ids = Counter(sfid for _, sfid in contacts.rows if sfid is not None)
    keys = Counter(key for _, _, key in contacts.records if key is not None)
    yield from (f"{count} rows have the sfid {sfid}" for sfid, count in ids.items() if count > 1)
    yield from (f"{count} records have the key {key}" for key, count in keys.items() if count > 1)
    known = {record_id for _, record_id, _ in contacts.records}
    yield from (f"a row has the sfid {sfid}, and there is no such record" for sfid in ids if sfid not in known)
    yield from (f"record {record_id} has no row" for record_id in sorted(known) if record_id not in ids)
    for one in made:
        rows = [sfid for email, sfid in contacts.rows if email == one.email]
        records = [record_id for email, record_id, _ in contacts.records if email == one.email]
        if rows == records and len(rows) == 1:
            continue
        if rows or records or one.answered:
            yield f"{one.email}, made in {one.side}, is {len(rows)} rows and {len(records)} records: {rows} {records}"
