"""Hints on their way: two FIFO queues, a message group for each record.

The group is the Salesforce id where it is known, else the row: two groups of one record are harmless, because the
lease sits on the record. Order within a group is not needed either: a hint only says that the record may differ.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
    text = _text(hint)
    if hint.record is not None and len(text.encode()) > MESSAGE_BYTES:
        text = _text(replace(hint, record=None))
    return text


def hint_of(message: str) -> Hint:
    """The hint of a message.

    Raises:
        ProtocolError: it is of a newer format, or none of ours.
    """
    return codec.decode_hint(message.encode(errors="replace"))


def _text(hint: Hint) -> str:
    return codec.encode_hint(hint).decode().translate(_FORBIDDEN)


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f"sha256-{hashlib.sha256(text.encode()).hexdigest()}"


class SqsHints:
    """Implements :class:`chalicelib.core.ports.Hints`.

    Args:
        client: a boto3 client; shared by threads.
        urls: the queue of each side.
    """

    def __init__(self, client: "SQSClient", urls: Mapping[Side, str]) -> None:
        self._client = client
        self._urls = urls

    def send(self, hints: Sequence[Hint]) -> None:
        """Send hints, all of them.

        Raises:
            RetryLater: at least one was not accepted.
            TwinledgerError: SQS refused the call; see :mod:`chalicelib.aws.errors`.
        """
        for side in Side:
            for batch in _batches([hint for hint in hints if hint.side is side]):
                self._send(self._urls[side], batch)

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


def _batches(hints: Sequence[Hint]) -> Iterator[list[dict[str, str]]]:
    batch: list[dict[str, str]] = []
    size = 0
    ids = count()
    for hint in hints:
        message = message_of(hint)
        length = len(message.encode())
        if batch and (len(batch) == AT_ONCE or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(
            {
                "Id": str(next(ids)),
                "MessageBody": message,
                "MessageGroupId": group_of(hint),
                "MessageDeduplicationId": deduplication_of(hint),
            }
        )
        size += length
    if batch:
        yield batch
