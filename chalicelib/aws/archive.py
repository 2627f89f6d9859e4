"""Issues and history: what people see of the past, and how it is written in one go with an entry."""

import heapq
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.aws import codec, items
from chalicelib.aws.bodies import Bodies, MissingChunk, Spilled
from chalicelib.aws.items import Attributes
from chalicelib.aws.table import Put, Table
from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import EntryChange, History, Issue
from chalicelib.core.model import RecordKey

DAY = 86_400.0  # seconds
RETENTION = 90 * DAY
ROUNDS = 4  # reads of an issue that keeps being written
PAGE = 25  # issues of a list that are read at once

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


class Archive:
    """Issues and history in the table.

    Args:
        table: the table.
        retention: seconds for which history and closed issues are kept.
    """

    def __init__(self, table: Table, retention: float = RETENTION) -> None:
        self._table = table
        self._retention = retention
        self._bodies = Bodies(table)

    # --- reads

    def issue(self, issue_id: str) -> Issue | None:
        """An issue by its id, open or closed; None where there is none."""
        pointer = self._table.get((f"issue#{issue_id}", "issue"))
        return None if pointer is None else self._issue(items.issue_key(pointer["record_key"]["S"], issue_id))

    def issues_of(self, key: RecordKey) -> Sequence[Issue]:
        """All issues of a record, open and closed, in order of opening."""
        found = self._table.query(items.entry_key(key)[0], ("issue#", "issue$"))
        return [issue for item in found if (issue := self._issue(items.key_of(item), item)) is not None]

    def read_issues(self, key: RecordKey, ids: Collection[str]) -> Mapping[str, Issue]:
        """Issues of one record by their ids; ids that are not there are left out."""
        found = self._table.get_many([items.issue_key(key, issue_id) for issue_id in ids])
        issues = (self._issue(place, item) for place, item in found.items())
        return {issue.id: issue for issue in issues if issue is not None}

    def open_issues(self, limit: int = 100, after: str = "") -> Sequence[Issue]:
        """The first open issues of :meth:`listed`."""
        return list(itertools.islice(self.listed(after=after), limit))

    def listed(self, *, closed: bool = False, after: str = "") -> Iterator[Issue]:
        """Open issues in order of opening, or closed ones, the last closed first; read as far as they are asked for.

        The index may lag behind by a moment; what it lists is read again, so that no issue is shown as what it is no
        longer.

        Args:
            closed: which ones.
            after: only those that come after the issue with this id.
        """
        start = self.issue(after) if after else None
        shards = (self._indexed(shard, start, closed=closed) for shard in items.shards())
        listed = heapq.merge(*shards, key=lambda item: item["issue_at"]["S"], reverse=closed)
        while keys := [items.key_of(item) for item in itertools.islice(listed, PAGE)]:
            found = self._table.get_many(keys)
            read = (self._issue(key, found[key]) for key in keys if key in found)
            yield from (issue for issue in read if issue is not None and (issue.closed_at is not None) is closed)

    def count_open(self, most: int, since: float = 0.0) -> int:
        """How many issues are open that were opened since; by the index, which may lag behind by a moment.

        Args:
            most: up to which they are counted.
            since: seconds since the epoch.
        """
        shards = (self._indexed(shard, None, closed=False, since=since) for shard in items.shards())
        return sum(1 for _ in itertools.islice(itertools.chain.from_iterable(shards), most))

    def _indexed(self, shard: str, start: Issue | None, *, closed: bool, since: float = 0.0) -> Iterator[Attributes]:
        """One partition of the index, after ``start``."""
        low, high, known = items.at(since), "~", "" if start is None else items.issue_at(start)
        if known:
            low, high = (low, known) if closed else (known, high)
        found = self._table.index(
            items.ISSUES_INDEX,
            ("issue_shard", items.issue_shard(shard, closed=closed)),
            ("issue_at", {"S": low}, {"S": high}),
            page=PAGE,
            newest_first=closed,
        )
        return (item for item in found if item["issue_at"]["S"] != known)

    def history(self, key: RecordKey, limit: int | None = None) -> Sequence[History]:
        """Overwritten values of a record, the newest first."""
        found = self._table.query(items.entry_key(key)[0], ("history#", "history$"), newest_first=True, limit=limit)
        return [codec.decode_history(body) for item in found if (body := self._body(item)) is not None]

    def _body(self, item: Attributes) -> bytes | None:
        try:
            return self._bodies.read(item)
        except MissingChunk:
            return None  # it is expiring

    def _issue(self, key: items.Key, item: Attributes | None = None) -> Issue | None:
        for _ in range(ROUNDS):
            item = item or self._table.get(key)
            if item is None:
                return None
            body = self._body(item)
            if body is not None:
                return codec.decode_issue(body)
            item = None  # a newer version has taken its place meanwhile
        raise ProtocolError(f"{key[1]} points to chunks that are not there")

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
            issue_shard=items.text(items.issue_shard(items.shard(issue.id), closed=issue.closed_at is not None)),
            issue_at=items.text(items.issue_at(issue)),
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
