"""Hints on their way: a FIFO queue for each side, a message group for each record; and a lane beside them for many.

The group is the Salesforce id where it is known, else the row: two groups of one record are harmless, because the
lease sits on the record. Order within a group is not needed either: a hint only says that the record may differ.

What is one of many goes by the bulk lane, one FIFO queue for both sides, with many hints in a message and a group for
each message: whoever edits meanwhile has a queue of his own (docs/decisions/0023-a-lane-for-bulk.md).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.aws import codec
from chalicelib.aws.errors import of_code, translated
from chalicelib.core.errors import RetryLater, TwinledgerError
from chalicelib.core.model import Hint, SalesforceId, Side

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")

AT_ONCE = 10  # messages of a batch ("Amazon SQS message quotas")
TOGETHER = 20  # hints of a bulk message: a batch of ten messages fills one call of the Apex class
MESSAGE_BYTES = 200_000  # of a message; a hint with more content goes without it, and the record is read
BATCH_BYTES = 250_000  # of a batch; the quota was 262,144 for long, and is for emulators and older regions
LONGEST_VISIBILITY = 43_200  # seconds

# "MessageGroupId" and "MessageDeduplicationId" (SQS API Reference, SendMessage): at most 128 of these.
_PLAIN = re.compile(r"[a-zA-Z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
# XML characters that a message may not hold, which JSON would leave as they are.
_FORBIDDEN = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}


def group_of(hint: Hint) -> str:
    """The message group: the record, as well as the hint knows it."""
    if isinstance(hint.identity, SalesforceId):
        return _plain(hint.identity.id)
    return _plain(hint.sfid or codec.spell(hint.identity))


def deduplication_of(hint: Hint) -> str:
    """The deduplication id. Never the content: of A, B, A within five minutes the last would be lost."""
    return _plain(f"{hint.side}-{hint.hint_id}")


def message_of(hint: Hint) -> str:
    """The message of a hint; without the record's content where that makes it too large."""
    return _text(_fitting(hint))


def hints_of(message: str) -> tuple[Hint, ...]:
    """The hints of a message: one, or of a bulk message many.

    Raises:
        ProtocolError: it is of a newer format, or none of ours.
    """
    return codec.decode_hints(message.encode(errors="replace"))


def _fitting(hint: Hint) -> Hint:
    large = hint.record is not None and len(_text(hint).encode()) > MESSAGE_BYTES
    return replace(hint, record=None) if large else hint


def _text(*hints: Hint) -> str:
    return codec.encode_hints(hints).decode().translate(_FORBIDDEN)


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f"sha256-{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Message:
    """What is sent: its text, its group, and the id by which SQS knows it again within five minutes."""

    body: str
    group: str
    deduplication: str


class SqsHints:
    """Implements :class:`chalicelib.core.ports.Hints`.

    Args:
        client: a boto3 client; shared by threads.
        urls: the queue of each side.
        bulk: the queue of the bulk lane.
    """

    def __init__(self, client: "SQSClient", urls: Mapping[Side, str], bulk: str) -> None:
        self._client = client
        self._urls = urls
        self._bulk = bulk

    def send(self, hints: Sequence[Hint]) -> None:
        """Send hints, all of them.

        Raises:
            RetryLater: at least one was not accepted.
            TwinledgerError: SQS refused the call; see :mod:`chalicelib.aws.errors`.
        """
        for side in Side:
            live = (_message(hint) for hint in hints if hint.side is side and not hint.bulk)
            for batch in _batches(live):
                self._send(self._urls[side], batch)
        for batch in _batches(_bulk_messages([hint for hint in hints if hint.bulk])):
            self._send(self._bulk, batch)

    def _send(self, url: str, batch: list[dict[str, str]]) -> None:
        failed: list[Any] = []
        left = batch
        for _ in range(2):
            with translated():
                answer = self._client.send_message_batch(QueueUrl=url, Entries=left)  # type: ignore[arg-type]
            failed = list(answer.get("Failed", []))
            if not failed:
                return
            names = {entry["Id"] for entry in failed}
            left = [entry for entry in left if entry["Id"] in names]
        raise _not_accepted(failed, len(batch))


class Receipts:
    """Received messages of one queue, by their receipt handles.

    Args:
        client: a boto3 client.
        url: of the queue.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages for good.

        Raises:
            TwinledgerError: SQS refused; those that are still there will come again.
        """
        for some in _tens(receipts):
            with translated():
                answer = self._client.delete_message_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(some)],
                )
            if answer.get("Failed"):
                raise _not_accepted(list(answer["Failed"]), len(some))

    def hide(self, receipts: Mapping[str, float]) -> None:
        """Have messages come again after a number of seconds each.

        Raises:
            TwinledgerError: SQS refused; they will come when their visibility ends.
        """
        for some in _tens(list(receipts.items())):
            with translated():
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {
                            "Id": str(place),
                            "ReceiptHandle": receipt,
                            "VisibilityTimeout": min(LONGEST_VISIBILITY, max(0, round(seconds))),
                        }
                        for place, (receipt, seconds) in enumerate(some)
                    ],
                )
            if answer.get("Failed"):
                raise _not_accepted(list(answer["Failed"]), len(some))

    def waiting(self) -> int:
        """About how many messages are in the queue, those under way included.

        Raises:
            TwinledgerError: SQS refused.
        """
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with translated():
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())


def _not_accepted(failed: Sequence[Any], asked: int) -> TwinledgerError:
    """Of what could not be done even the second time, what is SQS's fault may pass later; ours never does."""
    text = f"SQS did not accept {len(failed)} of {asked} messages: {', '.join(sorted({one['Code'] for one in failed}))}"
    ours = next((one for one in failed if one.get("SenderFault")), None)
    return RetryLater(text) if ours is None else of_code(ours["Code"])(text)


def _tens(many: Sequence[T]) -> Iterator[Sequence[T]]:
    return (many[start : start + AT_ONCE] for start in range(0, len(many), AT_ONCE))


def _message(hint: Hint) -> _Message:
    return _Message(message_of(hint), group_of(hint), deduplication_of(hint))


def _bulk_messages(hints: Sequence[Hint]) -> Iterator[_Message]:
    """Messages of many hints each; none waits for another, so each is a group of its own."""
    together: list[Hint] = []
    size = 0
    for hint in map(_fitting, hints):
        length = len(_text(hint).encode())
        if together and (len(together) == TOGETHER or size + length > MESSAGE_BYTES):
            yield _bulk_message(together)
            together, size = [], 0
        together.append(hint)
        size += length
    if together:
        yield _bulk_message(together)


def _bulk_message(hints: Sequence[Hint]) -> _Message:
    ids = "\n".join(deduplication_of(hint) for hint in hints)
    name = f"bulk-{hashlib.sha256(ids.encode()).hexdigest()}"
    return _Message(_text(*hints), name, name)


def _batches(messages: Iterable[_Message]) -> Iterator[list[dict[str, str]]]:
    batch: list[dict[str, str]] = []
    size = 0
    ids = count()
    for message in messages:
        length = len(message.body.encode())
        if batch and (len(batch) == AT_ONCE or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(
            {
                "Id": str(next(ids)),
                "MessageBody": message.body,
                "MessageGroupId": message.group,
                "MessageDeduplicationId": message.deduplication,
            }
        )
        size += length
    if batch:
        yield batch
