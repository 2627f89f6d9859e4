"""Issues and history: what people see of the past, and how it is written in one go with an entry."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.aws import codec, items
from chalicelib.aws.bodies import MissingChunk, Spilled
from chalicelib.aws.issues import Issues
from chalicelib.aws.items import Attributes
from chalicelib.aws.table import Put, Table
from chalicelib.core.ledger import EntryChange, History, Issue
from chalicelib.core.listing import place, state_of
from chalicelib.core.model import RecordKey

DAY = 86_400.0  # seconds
RETENTION = 90 * DAY

_NEWER = "attribute_not_exists(pk) OR entry_version <= :version"


@dataclass(frozen=True, slots=True)
class Prepared:
    """One item that is ready to be written, its chunks being written already.

    Attributes:
        put: the item.
        spilled: its chunks; None where it holds its body itself.
    """

    put: Put
    spilled: Spilled | None = None


class Archive(Issues):
    """Issues and history in the table.

    Args:
        table: the table.
        retention: seconds for which history and closed issues are kept.
    """

    def __init__(self, table: Table, retention: float = RETENTION) -> None:
        super().__init__(table)
        self._retention = retention

    def history(self, key: RecordKey, limit: int | None = None) -> Sequence[History]:
        """Overwritten values of a record, the newest first."""
        found = self._table.query(items.entry_key(key)[0], ("history#", "history$"), newest_first=True, limit=limit)
        return [codec.decode_history(body) for item in found if (body := self._body(item)) is not None]

    # --- writes

    def prepare(self, change: EntryChange) -> list[Prepared]:
        """The items of a change's issues and history."""
        version = change.entry.version
        return [
            *(prepared for issue in change.issues for prepared in self._prepared_issue(issue, version)),
            *(self._prepared_history(one, version, place) for place, one in enumerate(change.history)),
        ]

    def report(self, issue: Issue) -> None:
        """Write an issue that no change of an entry carries: of a message that could not be worked off."""
        for prepared in self._prepared_issue(issue, 0):
            self._table.put(prepared.put)

    def clean(self, prepared: Sequence[Prepared]) -> None:
        """Remove the chunks that these writes have made useless."""
        for one in prepared:
            if one.spilled is not None:
                self._bodies.remove_before(one.spilled)

    def _prepared_issue(self, issue: Issue, version: int) -> tuple[Prepared, Prepared]:
        expires = None if issue.closed_at is None else issue.closed_at + self._retention
        key = items.issue_key(issue.key, issue.id)
        body, spilled = self._bodies.write(key, version, codec.encode_issue(issue), expires)
        item = items.item(
            key,
            entry_version=items.number(version),
            expires_at=items.seconds(expires),
            issue_shard=items.text(items.issue_shard(items.shard(issue.id), state_of(issue))),
            issue_group=items.text(items.group_of(issue)),
            issue_at=items.text(place(issue)),
        )
        pointer = items.item(
            (f"issue#{issue.id}", "issue"), record_key=items.text(issue.key), expires_at=items.seconds(expires)
        )
        return Prepared(Put(item | body), spilled), Prepared(Put(pointer))

    def _prepared_history(self, history: History, version: int, place: int) -> Prepared:
        expires = history.at + self._retention
        key = items.history_key(history, version, place)
        body, _ = self._bodies.write(key, version, codec.encode_history(history), expires)
        return Prepared(Put(items.item(key, expires_at=items.seconds(expires)) | body))

    # --- a change of more than one transaction

    def fold(self, change: EntryChange) -> Attributes:
        """Write the issues and history of a change as chunks; the attribute by which its entry points to them."""
        key = (items.entry_key(change.entry.key)[0], "overflow")
        text = codec.encode_overflow(codec.Overflow(change.issues, change.history))
        return {"overflow": self._bodies.spill(key, change.entry.version, text).pointer}

    def unfold(self, entry: Attributes) -> None:
        """Put in place what an entry's change was too large for. Safe to do twice, and by two at once.

        first worker        DynamoDB                        second worker (has read the entry meanwhile)
          |== entry, overflow ->|                                |
          |-- issues, history ->|<-- the same issues, history ---|   same keys and bodies, never over a newer one
          |== overflow gone ===>|                                |   if it is still this overflow
          |-- chunks removed -->|<== overflow gone: refused =====|
        """
        if "overflow" not in entry:
            return
        spilled = Spilled.at(entry["pk"]["S"], "overflow", entry["overflow"])
        try:
            overflow = codec.decode_overflow(self._bodies.join(spilled))
        except MissingChunk:
            return  # another worker has done it
        version = int(entry["version"]["N"])
        for issue in overflow.issues:
            full, pointer = self._prepared_issue(issue, version)
            self._table.put(Put(full.put.item, _NEWER, {":version": {"N": str(version)}}))
            self._table.put(pointer.put)
            self.clean([full])
        history = [self._prepared_history(one, version, place) for place, one in enumerate(overflow.history)]
        self._table.put_many([one.put.item for one in history])
        gone = {":overflow": entry["overflow"]}
        self._table.update(items.key_of(entry), "REMOVE overflow", "overflow = :overflow", gone)
        self._bodies.remove(spilled)
