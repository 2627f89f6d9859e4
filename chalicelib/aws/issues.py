"""Issues as people look for them: one of them, those of a record, and the lists, page by page, by the indexes alone.

    index            partition                 its items                     who reads it
    issues           STATE#SHARD               every issue, in four shards   lists of everything, the count of open ones
    issues_by_kind   STATE#KIND#MAPPING        keys only                     lists of some, counts by kind and mapping

A list of several partitions is merged, each read no further than the page needs. The indexes lag behind by a moment:
what they list is read again, consistently, so that no issue is shown as what it is no longer.
"""

import heapq
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from chalicelib.aws import codec, items
from chalicelib.aws.bodies import Bodies, MissingChunk
from chalicelib.aws.items import Attributes
from chalicelib.aws.table import Table
from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import Issue, IssueKind
from chalicelib.core.listing import Cursor, IssueState, Page, Wanted, at, bounds, part, place, state_of
from chalicelib.core.model import RecordKey

ROUNDS = 4  # reads of an issue that keeps being written
LEAST = 10  # keys of one partition that are read at once
BLOCK = 100  # issues that are looked at at once while older ones are brought into an index


class Issues:
    """Issues in the table.

    Args:
        table: the table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._bodies = Bodies(table)

    # --- one, and those of a record

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

    # --- lists

    def page(self, wanted: Wanted, limit: int, cursor: Cursor | None = None) -> Page:
        """A page of a list.

        Args:
            wanted: which issues, in which order.
            limit: how many at most.
            cursor: where it begins; None: with the first one.
        """
        low, high, descending = bounds(wanted, cursor)
        index, name, partitions = _partitions(wanted)
        size = limit + 2 if len(partitions) == 1 else max(LEAST, 2 * limit // len(partitions))

        def read(partition: str) -> Iterator[Attributes]:
            found = self._table.index(
                index,
                (name, partition),
                ("issue_at", {"S": low}, {"S": high}),
                page=size,
                newest_first=descending,
            )
            head = list(itertools.islice(found, min(size, limit + 2)))
            return itertools.chain(head, found)

        streams = self._table.each(read, partitions)
        merged = heapq.merge(*streams, key=lambda item: item["issue_at"]["S"], reverse=descending)
        start = None if cursor is None else cursor.place
        listed = ((item["issue_at"]["S"], items.key_of(item)) for item in merged if item["issue_at"]["S"] != start)
        keys, page = part(list(itertools.islice(listed, limit + 1)), limit, cursor)
        found = self._table.get_many(keys)
        issues = (self._issue(key, found[key]) for key in keys if key in found)
        shown = tuple(issue for issue in issues if issue is not None and state_of(issue) is wanted.state)
        return Page(shown, page.next, page.previous)

    def open_issues(self, limit: int = 100) -> Sequence[Issue]:
        """The first open issues, the oldest first."""
        return list(self.page(Wanted(), limit).issues)

    def count_open(self, most: int, since: float = 0.0) -> int:
        """How many issues are open that were opened since; by the index, which may lag behind by a moment.

        Args:
            most: up to which they are counted.
            since: seconds since the epoch.
        """
        shards = (self._indexed(IssueState.OPEN, shard, since) for shard in items.shards())
        return sum(1 for _ in itertools.islice(itertools.chain.from_iterable(shards), most))

    def counts(self, mappings: Collection[str], most: int) -> Mapping[tuple[str, IssueKind], int]:
        """How many issues are open, by mapping and kind; those of which there is none are left out.

        It costs the reading of the keys that are counted, 100 bytes each; nothing is written for it.

        Args:
            mappings: names; issues of no mapping stand under the empty one.
            most: up to which those of one mapping and kind are counted.
        """
        pairs = [(mapping, kind) for mapping in dict.fromkeys(mappings) for kind in IssueKind]

        def count(pair: tuple[str, IssueKind]) -> int:
            group = items.issue_group(IssueState.OPEN, pair[1], pair[0])
            return self._table.count(items.KINDS_INDEX, ("issue_group", group), most)

        counted = dict(zip(pairs, self._table.each(count, pairs), strict=True))
        return {pair: number for pair, number in counted.items() if number}

    # --- older items

    def index_older(self) -> int:
        """Bring issues into the index by kind that were written before there was one; how many there were.

        us                       DynamoDB                     settle step
          |-- issue, open at 5 ----|                             |
          |                        |<== closed at 9, group ======|
          |== group if still at 5: refused                       |   who writes an issue gives it its group
        """
        done = 0
        for state, shard in itertools.product(IssueState, items.shards()):
            listed = (item for item in self._indexed(state, shard) if "issue_group" not in item)
            while some := list(itertools.islice(listed, BLOCK)):
                done += sum(self._table.each(self._regroup, some))
        return done

    def _regroup(self, item: Attributes) -> bool:
        key, seen = items.key_of(item), item["issue_at"]["S"]
        issue = self._issue(key)
        if issue is None or place(issue) != seen:
            return False
        values = {":group": {"S": items.group_of(issue)}, ":at": {"S": seen}}
        condition = "issue_at = :at AND attribute_not_exists(issue_group)"
        return self._table.update(key, "SET issue_group = :group", condition, values) is None

    def _indexed(self, state: IssueState, shard: str, since: float = 0.0) -> Iterator[Attributes]:
        """One partition of the index of all issues, in its order."""
        return self._table.index(
            items.ISSUES_INDEX,
            ("issue_shard", items.issue_shard(shard, state)),
            ("issue_at", {"S": at(since)}, {"S": "~"}),
            page=BLOCK,
            also=("issue_group",),
        )

    # --- bodies

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


def _partitions(wanted: Wanted) -> tuple[str, str, list[str]]:
    """The index that has what is wanted, its partition key, and the partitions to merge.

    Raises:
        ProtocolError: kinds are wanted of mappings that are not named.
    """
    if wanted.mappings:
        pairs = itertools.product(wanted.mappings, wanted.kinds or tuple(IssueKind))
        groups = [items.issue_group(wanted.state, kind, mapping) for mapping, kind in pairs]
        return items.KINDS_INDEX, "issue_group", groups
    if wanted.kinds:
        raise ProtocolError("issues of some kinds are looked for in mappings that are named")
    return items.ISSUES_INDEX, "issue_shard", [items.issue_shard(shard, wanted.state) for shard in items.shards()]
