"""The one table: how each thing is named in it, and how its body is kept small.

    pk                   sk                          what
    record#KEY           entry                       the ledger entry
    record#KEY           issue#ID                    an issue in full; in the indexes ``issues``, ``issues_by_kind``
    record#KEY           history#TIME#OPERATION#...  overwritten values; expires
    record#KEY           waits#PARENT                what a child waits for, seen from the child
    record#KEY           chunk#OWNER#VERSION#SHA#NN  a part of a body that is too large for its item
    link#IDENTITY        link                        which record a Salesforce id or a row belongs to
    issue#ID             issue                       which record an issue belongs to
    waiter#PARENT        KEY                         a child that waits for this parent
    due#GROUP            due                         a hint for later; in the index ``due``
    sweep#OBJECT         position                    how far the sweep of an object has come
    sweep#OBJECT         told#TIME#PART              changes that it has told of; expires
    installation         installation                what `manage.py install` found: mappings, org, database
    installation         rebase                      a rebase onto a restored database that is not finished
    probe#ORG            probe                       what `manage.py probe` found
    backfills            MAPPING                     how far the last backfill of a mapping has come
    pauses               pause#SCOPE                 a mapping, or everything, that is not to be settled
    pauses               lifted#MAPPING              until when a person lets mass changes pass
    audit#MONTH          TIME#ID                     what a person did, with its outcome once it is known
    hold#NAME            hold                        a parent whose children one call writes just now; expires
    count#MAPPING        SIDE#KIND#WINDOW            how many writes there were, for the brake; expires
    console#KIND#KEY     KIND                        a session, a sign-in under way, a count of attempts; expires

A body is JSON, compressed from about 1 KB on. DynamoDB's limits ("Quotas in Amazon DynamoDB"): 400 KB an item, 100
items and 4 MB a transaction, 2,048 bytes a partition key, 1,024 bytes a sort key.
"""

import hashlib
import zlib
from typing import Any, TypeAlias

from chalicelib.aws.codec import spell
from chalicelib.core.errors import ProtocolError
from chalicelib.core.ledger import FORMAT_VERSION, History, Issue, IssueKind
from chalicelib.core.listing import IssueState, at, state_of
from chalicelib.core.model import Identity, RecordKey

Attributes: TypeAlias = dict[str, Any]  # one item as the DynamoDB client takes and gives it
Key: TypeAlias = tuple[str, str]  # partition key and sort key

ISSUES_INDEX = "issues"
KINDS_INDEX = "issues_by_kind"
DUE_INDEX = "due"
SHARDS = 4  # partitions of each sparse index

COMPRESS_FROM = 1024  # bytes
CHUNK = 300_000  # bytes of a body that stay in one item
TRANSACTION_ITEMS = 100
TRANSACTION_BYTES = 3_500_000

_LONGEST_NAME = 700  # bytes of an identity in a key


def name(identity: Identity) -> str:
    """An identity as part of a key; a very long one by its digest."""
    text = spell(identity)
    raw = text.encode()
    return text if len(raw) <= _LONGEST_NAME else f"sha256#{hashlib.sha256(raw).hexdigest()}"


def shard(text: str) -> str:
    """The partition of a sparse index that an item stands in."""
    return str(zlib.crc32(text.encode()) % SHARDS)


def shards() -> tuple[str, ...]:
    """All partitions of a sparse index."""
    return tuple(str(number) for number in range(SHARDS))


def entry_key(key: RecordKey) -> Key:
    """Where a ledger entry stands."""
    return f"record#{key}", "entry"


def link_key(identity: Identity) -> Key:
    """Where a look-up stands."""
    return f"link#{name(identity)}", "link"


def issue_key(key: RecordKey, issue_id: str) -> Key:
    """Where an issue stands."""
    return entry_key(key)[0], f"issue#{issue_id}"


def issue_shard(shard: str, state: IssueState) -> str:
    """A partition of the index of all issues: those that are not open have their own."""
    return shard if state is IssueState.OPEN else f"{state}#{shard}"


def issue_group(state: IssueState, kind: IssueKind, mapping: str) -> str:
    """A partition of the index of issues by kind and mapping."""
    return f"{state}#{kind}#{mapping}"


def group_of(issue: Issue) -> str:
    """The one that an issue is in."""
    return issue_group(state_of(issue), issue.kind, issue.mapping)


def history_key(history: History, version: int, place: int) -> Key:
    """Where overwritten values stand: ``place`` is theirs in the change that made the entry's ``version``."""
    return entry_key(history.key)[0], f"history#{at(history.at)}#{history.operation}#{version:012d}#{place:04d}"


def key_of(item: Attributes) -> Key:
    """The key of an item that was read."""
    return item["pk"]["S"], item["sk"]["S"]


def item(key: Key, **attributes: Any) -> Attributes:
    """A new item with its key and the format version; attributes that are None are left out."""
    given = {name: value for name, value in attributes.items() if value is not None}
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}, "v": {"N": str(FORMAT_VERSION)}} | given


def text(value: str | None) -> Attributes | None:
    """A text attribute."""
    return None if value is None else {"S": value}


def number(value: float | None) -> Attributes | None:
    """A number attribute."""
    return None if value is None else {"N": repr(value)}


def seconds(value: float | None) -> Attributes | None:
    """A time to live: whole seconds ("Using time to live (TTL) in DynamoDB")."""
    return None if value is None else {"N": str(int(value))}


def packed(body: bytes) -> bytes | None:
    """The compressed form of a body; None where it is short enough to stay as it is."""
    return zlib.compress(body) if len(body) > COMPRESS_FROM else None


def body_attribute(body: bytes, compressed: bytes | None) -> Attributes:
    """A body that fits into its item."""
    return {"S": body.decode()} if compressed is None else {"B": compressed}


def body_of(item: Attributes) -> bytes:
    """The body of an item that holds it itself."""
    body = item["body"]
    return body["S"].encode() if "S" in body else unpacked(body["B"])


def unpacked(compressed: bytes) -> bytes:
    """The reverse of :func:`packed`.

    Raises:
        ProtocolError: the bytes are none of ours.
    """
    try:
        return zlib.decompress(compressed)
    except zlib.error as error:
        raise ProtocolError(f"a body that cannot be unpacked: {error}") from error


def size(item: Attributes) -> int:
    """About how many bytes an item takes; never fewer than DynamoDB counts for the attributes used here."""
    return sum(len(name) + 24 + len(next(iter(value.values()))) * 3 // 2 for name, value in item.items())
